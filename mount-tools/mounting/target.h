// Which store a STORE|MOUNT argument means.
//
// Threads:  pure functions over the operating system's state of the moment
// Errors:   kNotFound: neither a store nor below a mount of one; the message says what was seen
#pragma once

#include <string>
#include <vector>

#include "meta/base/status.h"
#include "mount-tools/mounting/mount_table.h"

namespace mendfs {

struct Target {
  std::string store_path;   // absolute; symlinks followed where the path could be walked
  std::string mount_point;  // the argument was a mount point or lies below one; else empty
};

Result<Target> ResolveTarget(const std::string& path);

// The mendfs mount at or above `path`, found without asking it anything.
// Lifetime: points into `table`
const MountEntry* FindStoreMount(const std::vector<MountEntry>& table, const std::string& path);
// Absolute and without symlinks; the text alone where the path cannot be walked (a dead mount).
std::string RealPath(const std::string& path);
// False also where it cannot be told; CheckStoreDirectory says which.
bool IsStoreDirectory(const std::string& path);
// kNotFound: no store; kDenied: not for this user to see.
Status CheckStoreDirectory(const std::string& path);
std::string ControlSocketPath(const std::string& store_path);

}  // namespace mendfs
