// What is mounted where: /proc/self/mountinfo, read without touching any mount, so that a dead one
// cannot block or fail the reader.
//
// Threads:  pure functions over values
// Errors:   lines that do not parse are left out; kIo if the table cannot be read
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

inline constexpr std::string_view kMountType = "fuse.mendfs";

struct MountEntry {
  std::string mount_point;
  std::string type;    // "ext4", "fuse.mendfs"
  std::string source;  // of a mendfs mount: the store's path
  bool read_only = false;
  std::string device;  // "0:45": of this mount alone, wherever it shows
};

std::vector<MountEntry> ParseMountTable(std::string_view text);
Result<std::vector<MountEntry>> ReadMountTable();

// The mount that shows at the absolute `path`: longest mount point, the latest of equal ones.
// Lifetime: points into `table`
const MountEntry* FindMountOf(const std::vector<MountEntry>& table, std::string_view path);
// The mendfs mounts of the store at `store_path`, latest last.
std::vector<MountEntry> MountsOfStore(const std::vector<MountEntry>& table,
                                      std::string_view store_path);

// `path` is `directory` or lies below it. Both absolute and normal.
bool IsWithin(std::string_view path, std::string_view directory);
// Absolute, without ".", ".." and doubled slashes, by text alone: no symlink is followed.
std::string NormalPath(std::string_view path);

}  // namespace mendfs
