#include "meta/codec/bytes.h"

#include <algorithm>
#include <cstddef>

namespace mendfs {

namespace {

constexpr unsigned kVarintBytesMax = 10;
constexpr char kKeyEscape = '\0';
constexpr char kKeyZero = '\xFF';
constexpr char kKeyEnd = '\x01';

template <typename Number>
void PutLittleEndian(std::string& out, Number value) {
  char buffer[sizeof(Number)];
  for (size_t index = 0; index < sizeof(Number); ++index) {
    buffer[index] = static_cast<char>(value >> (8 * index));
  }
  out.append(buffer, sizeof(Number));
}

template <typename Number>
void PutBigEndian(std::string& out, Number value) {
  char buffer[sizeof(Number)];
  for (size_t index = 0; index < sizeof(Number); ++index) {
    buffer[sizeof(Number) - 1 - index] = static_cast<char>(value >> (8 * index));
  }
  out.append(buffer, sizeof(Number));
}

// An empty `bytes`, as Take gives after a failure, decodes to 0.
template <typename Number>
Number LittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t index = bytes.size(); index > 0; --index) {
    value = value << 8 | static_cast<uint8_t>(bytes[index - 1]);
  }
  return static_cast<Number>(value);
}

template <typename Number>
Number BigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return static_cast<Number>(value);
}

template <size_t Size>
void PutArray(std::string& out, const std::array<uint8_t, Size>& bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), Size);
}

}  // namespace

void PutU8(std::string& out, uint8_t value) {
  out.push_back(static_cast<char>(value));
}
void PutU16(std::string& out, uint16_t value) {
  PutLittleEndian(out, value);
}
void PutU32(std::string& out, uint32_t value) {
  PutLittleEndian(out, value);
}
void PutU64(std::string& out, uint64_t value) {
  PutLittleEndian(out, value);
}
void PutI64(std::string& out, int64_t value) {
  PutLittleEndian(out, static_cast<uint64_t>(value));
}

void PutHash(std::string& out, const Hash128& hash) {
  PutU64(out, hash.low);
  PutU64(out, hash.high);
}

void PutVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void PutBytes(std::string& out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out.append(bytes);
}

void PutId(std::string& out, const Id128& id) {
  PutArray(out, id.bytes);
}
void PutCommitId(std::string& out, const CommitId& id) {
  PutArray(out, id.bytes);
}

void PutU32BigEndian(std::string& out, uint32_t value) {
  PutBigEndian(out, value);
}
void PutU64BigEndian(std::string& out, uint64_t value) {
  PutBigEndian(out, value);
}

void PutKeyBytes(std::string& out, std::string_view bytes) {
  while (true) {
    const size_t zero = bytes.find(kKeyEscape);
    out.append(bytes.substr(0, zero));
    out.push_back(kKeyEscape);
    if (zero == std::string_view::npos) break;
    out.push_back(kKeyZero);
    bytes.remove_prefix(zero + 1);
  }
  out.push_back(kKeyEnd);
}

std::string_view ByteReader::Take(size_t size) {
  if (!ok_ || size > rest_.size()) {
    ok_ = false;
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

uint8_t ByteReader::GetU8() {
  return LittleEndian<uint8_t>(Take(1));
}
uint16_t ByteReader::GetU16() {
  return LittleEndian<uint16_t>(Take(2));
}
uint32_t ByteReader::GetU32() {
  return LittleEndian<uint32_t>(Take(4));
}
uint64_t ByteReader::GetU64() {
  return LittleEndian<uint64_t>(Take(8));
}
int64_t ByteReader::GetI64() {
  return static_cast<int64_t>(GetU64());
}
uint32_t ByteReader::GetU32BigEndian() {
  return BigEndian<uint32_t>(Take(4));
}
uint64_t ByteReader::GetU64BigEndian() {
  return BigEndian<uint64_t>(Take(8));
}

// Only the shortest form is accepted, so that equal values have equal bytes wherever they are
// hashed.
uint64_t ByteReader::GetVarint() {
  uint64_t value = 0;
  for (unsigned index = 0; index < kVarintBytesMax; ++index) {
    const uint8_t byte = GetU8();
    if (!ok_) return 0;
    const bool overflows = index == kVarintBytesMax - 1 && byte > 1;
    const bool overlong = index > 0 && byte == 0;
    if (overflows || overlong) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * index);
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

std::string_view ByteReader::GetBytes() {
  const uint64_t size = GetVarint();
  if (size > rest_.size()) ok_ = false;
  return Take(ok_ ? static_cast<size_t>(size) : 0);
}

std::string_view ByteReader::GetRaw(size_t size) {
  return Take(size);
}

Hash128 ByteReader::GetHash() {
  Hash128 hash;
  hash.low = GetU64();
  hash.high = GetU64();
  return hash;
}

Id128 ByteReader::GetId() {
  Id128 id;
  const std::string_view bytes = Take(id.bytes.size());
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

CommitId ByteReader::GetCommitId() {
  CommitId id;
  const std::string_view bytes = Take(id.bytes.size());
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

std::string ByteReader::GetKeyBytes() {
  std::string bytes;
  while (ok_) {
    const size_t plain_size = rest_.find(kKeyEscape);
    if (plain_size == std::string_view::npos) break;
    bytes.append(Take(plain_size));
    const std::string_view escape = Take(2);
    if (!ok_) break;
    if (escape[1] == kKeyEnd) return bytes;
    if (escape[1] != kKeyZero) break;
    bytes.push_back('\0');
  }
  ok_ = false;
  return {};
}

}  // namespace mendfs
