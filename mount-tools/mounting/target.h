// Which store a STORE|MOUNT argument means, and who has it open.
//
// Threads:  pure functions over the operating system's state of the moment
// Errors:   kNotFound: neither a store nor below a mount of one; the message says what was seen
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"

namespace mendfs {

struct Target {
  std::string store_path;   // absolute; symlinks followed where the path could be walked
  std::string mount_point;  // the argument was a mount point or lies below one; else empty
};

Result<Target> ResolveTarget(const std::string& path);

// Absolute and without symlinks; the text alone where the path cannot be walked (a dead mount).
std::string RealPath(const std::string& path);
// False also where it cannot be told; CheckStoreDirectory says which.
bool IsStoreDirectory(const std::string& path);
// kNotFound: no store; kDenied: not for this user to see.
Status CheckStoreDirectory(const std::string& path);
std::string ControlSocketPath(const std::string& store_path);

// Who has the store open for writing, as the lock file tells it ("pid 17 on host"); nothing while
// the lock is free. Takes no lock itself.
std::optional<std::string> StoreHolder(const std::string& store_path);
// The pid in a holder's text, 0 if there is none.
int HolderPid(std::string_view holder);
// The store at `path` is held; says by whom and what to do.
Status HeldBy(const std::string& path, std::string_view holder);

}  // namespace mendfs
