// The reserve: space of the disk that a store holds for its own work, so that a full disk cannot
// wedge it. Given up when the disk is full, taken again when there is room.
//
// Shape:    STORE/reserve, a file of size 0 with its space allocated behind the end
// Threads:  one at a time
// Errors:   as Disk; kNoSpace, kQuota: the disk has not that much, and nothing was taken
// Source:   docs/formats/store.md
#pragma once

#include <cstdint>
#include <string>

#include "meta/base/status.h"
#include "meta/disk/disk.h"

namespace mendfs {

inline constexpr uint64_t kReserveBytesMin = 4 << 20;
inline constexpr uint64_t kReserveBytesMax = 64 << 20;

// A sixteenth of the disk, within the bounds above.
uint64_t ReserveBytes(uint64_t disk_bytes);

class Reserve {
 public:
  Reserve(Disk& disk, const std::string& store_path);

  // False where there is none, or it cannot be seen.
  bool IsThere() const;
  // Durable, and all of it allocated, when this returns ok; on error there is none.
  Status Take(uint64_t size_bytes);
  // The space is the disk's again, also after a power cut; ok when there is none.
  Status GiveUp();

 private:
  Status Allocate(uint64_t size_bytes);

  Disk& disk_;
  const std::string directory_;
  const std::string path_;
};

}  // namespace mendfs
