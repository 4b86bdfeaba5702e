// Sorting more records than fit into memory: a bounded buffer, sorted runs on disk, a merge.
//
// Records with equal keys keep the order in which they were added. What fits into the buffer never
// touches the disk. Runs are removed when the stream ends or the sorter is destroyed.
//
// Lifetime: the sorter outlives its stream; views are valid until the next Next
// Threads:  one
// Errors:   kNoSpace, kIo, kCorruption (a run's block fails its checksum)
// Cost:     memory: `memory_bytes`, or what two of the largest records need if that is more; disk:
//           the records once per merge level, of which there is one up to kFanInMax runs
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/commit/load/run_file.h"
#include "meta/disk/disk.h"

namespace mendfs {

class ExternalSorter {
 public:
  static constexpr size_t kFanInMax = 64;
  static constexpr size_t kMemoryBytesMin = size_t{16} << 10;
  static constexpr size_t kMemoryBytesMax = size_t{1} << 30;

  // Runs are `directory`/`name`-<number>; the directory exists.
  struct Place {
    std::string directory;
    std::string name;
  };
  ExternalSorter(Disk& disk, Place place, uint64_t memory_bytes);
  ~ExternalSorter();
  ExternalSorter(const ExternalSorter&) = delete;
  ExternalSorter& operator=(const ExternalSorter&) = delete;

  Status Add(std::string_view key, std::string_view payload);
  // Sorts; nothing is added after. Call once.
  Result<std::unique_ptr<RecordStream>> Finish();

  uint64_t records() const { return records_; }
  size_t runs_written() const { return next_run_; }
  // What buffers hold now, and held at most.
  uint64_t memory_bytes_peak() const { return memory_bytes_peak_; }

 private:
  // A record's place in the buffer, ordered by 16 bytes of its key where keys begin to differ.
  struct Slot {
    uint64_t prefix_high;
    uint64_t prefix_low;
    uint32_t offset;
    uint32_t reserved;
  };
  class MemoryStream;
  class MergeStream;

  std::string_view KeyAt(uint32_t offset) const;
  std::string_view PayloadAt(uint32_t offset) const;
  Slot* SlotsBegin() const;
  size_t FreeBytes() const;
  Status EnsureRoom(size_t record_bytes);
  void NotePrefix(std::string_view key);
  void SortSlots();
  Status Spill();
  Result<std::vector<RunInfo>> MergeLevel(const std::vector<RunInfo>& runs, size_t fan_in);
  Result<std::unique_ptr<MergeStream>> OpenMerge(std::vector<RunInfo> runs);
  std::string NextRunPath();
  size_t FanIn() const;

  Disk& disk_;
  const Place place_;
  size_t capacity_;
  // Records grow from the front, slots from the back, until they meet.
  std::unique_ptr<char[]> buffer_;
  size_t used_ = 0;
  size_t slot_count_ = 0;
  std::string first_key_;      // of those in the buffer
  size_t common_prefix_ = 0;   // bytes that all of them share
  std::vector<RunInfo> runs_;  // in the order of their records
  size_t next_run_ = 0;
  uint64_t records_ = 0;
  uint64_t memory_bytes_peak_ = 0;
};

}  // namespace mendfs
