// What the disks in memory share: the bytes of a file, bytes that a power cut can take, and paths.
//
// Shape:    pages of 4 KiB that are made when first written; a page that was never written reads as
//           the base at that place, or as zeros
// Threads:  none of it is safe by itself; the disks hold their mutex
// Cost:     a copy shares its pages with the original until either writes to them
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "meta/disk/disk.h"
#include "meta/disk/shared_copy.h"

namespace mendfs {

inline constexpr uint64_t kMemoryPageBytes = 4096;
inline constexpr uint64_t kSectorBytes = 512;
inline constexpr uint64_t kFileBytesMax = INT64_MAX;

// Sparse bytes, over the first bytes of a base file where there is one. The base is not kept: who
// holds it open hands it in, nullptr where there is none.
class MemoryBytes {
 public:
  MemoryBytes() = default;
  explicit MemoryBytes(uint64_t base_bytes) : size_(base_bytes), base_bytes_(base_bytes) {}

  uint64_t size() const { return size_; }
  Result<size_t> ReadAt(const File* base, uint64_t offset, size_t size, char* target) const;
  // What a write there would add in pages.
  uint64_t NewPageBytes(uint64_t offset, uint64_t size) const;
  // kTooBig beyond kFileBytesMax, else as the base's reads; unchanged on error.
  Status WriteAt(const File* base, uint64_t offset, std::string_view bytes);
  Status Truncate(const File* base, uint64_t size_bytes);

 private:
  Status FillPage(const File* base, uint64_t page, char* target) const;
  Result<std::string*> WritablePage(const File* base, uint64_t page);

  std::map<uint64_t, SharedCopy<std::string>> pages_;
  uint64_t size_ = 0;
  uint64_t base_bytes_ = 0;  // what of the base is still visible
};

// Bytes in two states: what a reader sees, and what a power cut leaves at least.
class CrashableBytes {
 public:
  uint64_t size() const { return current_->size(); }
  size_t ReadAt(uint64_t offset, size_t size, char* target) const;
  Status WriteAt(uint64_t offset, std::string_view bytes);
  Status Truncate(uint64_t size_bytes);
  void FlipBit(uint64_t offset, unsigned bit);  // in both states, as a failing medium does

  // All changes become durable.
  void Sync();
  // A failed fsync: readers still see the changes, but no later Sync makes them durable.
  void FailSync() {
    lost_sync_ = lost_sync_ || !unsynced_.empty();
    unsynced_.clear();
  }
  // Keeps what is durable and an arbitrary part of what is not; nothing of it without `random`.
  void PowerCut(std::mt19937_64* random);

 private:
  struct Change {
    bool truncates = false;
    uint64_t offset = 0;                       // the new size where it truncates
    std::shared_ptr<const std::string> bytes;  // shared with copies; null where it truncates
  };
  void MakeDurable(const Change& change);
  void KeepPrefix(std::mt19937_64& random);
  void KeepSectors(std::mt19937_64& random);

  SharedCopy<MemoryBytes> current_;
  SharedCopy<MemoryBytes> durable_;
  std::vector<Change> unsynced_;
  bool lost_sync_ = false;  // readers see what no Sync makes durable
};

// "/a//b/./c" -> {a, b, c}, views of `path`; kInvalid for ".." and NUL, kNameTooLong for a name
// over 255 bytes.
Result<std::vector<std::string_view>> SplitPath(std::string_view path);

}  // namespace mendfs
