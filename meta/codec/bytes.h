// Putting values into bytes and taking them out again, little-endian, bounded, without exceptions.
// Big-endian forms exist for keys only, where byte order must be number order.
//
// Shape:    a ByteReader walks once over bytes that it does not own; after the first failure every
//           later Get returns a zero value and ok() stays false, so that a decoder checks once
// Errors:   none thrown; ok() and AtEnd() tell
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/codec/hash.h"

namespace mendfs {

void PutU8(std::string& out, uint8_t value);
void PutU16(std::string& out, uint16_t value);
void PutU32(std::string& out, uint32_t value);
void PutU64(std::string& out, uint64_t value);
void PutI64(std::string& out, int64_t value);
void PutVarint(std::string& out, uint64_t value);         // LEB128, at most 10 bytes
void PutBytes(std::string& out, std::string_view bytes);  // varint length, then the bytes
void PutId(std::string& out, const Id128& id);
void PutCommitId(std::string& out, const CommitId& id);
void PutHash(std::string& out, const Hash128& hash);  // low half first

// For keys: byte order is number order.
void PutU32BigEndian(std::string& out, uint32_t value);
void PutU64BigEndian(std::string& out, uint64_t value);

// For keys with something behind them: 00 becomes 00 FF, the end is 00 01. Order is kept and no
// encoded string is a prefix of another.
void PutKeyBytes(std::string& out, std::string_view bytes);

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint8_t GetU8();
  uint16_t GetU16();
  uint32_t GetU32();
  uint64_t GetU64();
  int64_t GetI64();
  uint64_t GetVarint();
  std::string_view GetBytes();           // as PutBytes wrote it
  std::string_view GetRaw(size_t size);  // exactly `size` bytes
  Id128 GetId();
  CommitId GetCommitId();
  Hash128 GetHash();
  uint32_t GetU32BigEndian();
  uint64_t GetU64BigEndian();
  std::string GetKeyBytes();

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view Take(size_t size);

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace mendfs
