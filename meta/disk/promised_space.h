// Space of the disk that a store keeps for files that were promised it, so that nobody else, in the
// store or beside it, takes it meanwhile. What is written where it was promised takes its place.
//
// Shape:    STORE/set-aside, a file that has its space allocated and holds nothing; none while
// nothing
//           is promised. A sixteenth more than promised, in whole MiB: what is written takes more
//           than its bytes
// Threads:  one at a time
// Errors:   as Disk; kNoSpace, kQuota: the disk has not that much, and it is as it was
// Source:   docs/formats/store.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "meta/base/status.h"
#include "meta/disk/disk.h"

namespace mendfs {

class PromisedSpace {
 public:
  PromisedSpace(Disk& disk, const std::string& store_path);

  // What the file takes for so many promised bytes.
  static uint64_t FileBytes(uint64_t promised_bytes);
  // As it is now; 0 where there is none.
  Result<uint64_t> Size();
  // What it grows by is durable when this returns ok; a power cut may bring back what was given up.
  Status Resize(uint64_t file_bytes);

 private:
  Status Grow(uint64_t before_bytes, uint64_t file_bytes);

  Disk& disk_;
  const std::string directory_;
  const std::string path_;
  std::unique_ptr<File> file_;  // null: none is open
  std::optional<uint64_t> size_bytes_;
};

}  // namespace mendfs
