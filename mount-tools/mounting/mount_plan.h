// Where a store is to be mounted, and everything that speaks against it and can be seen before.
//
// Threads:  values; looks at the file system of the moment
// Errors:   kNotFound, kNotDirectory, kNotEmpty, kInvalid (one lies in the other), kBusy (held,
//           mounted), kDenied, kUnsupported (no /dev/fuse): each a sentence that says what to do
#pragma once

#include <string>

#include "meta/base/status.h"
#include "mount-tools/mounting/mount_options.h"

namespace mendfs {

struct MountPlan {
  std::string store_path;  // both absolute, without symlinks
  std::string mount_point;
  MountSettings settings;
};

// A plan whose places fit: a store, an empty directory, neither inside the other, nobody in the
// way.
Result<MountPlan> PlanMount(const std::string& store, const std::string& directory,
                            const MountSettings& settings);

// Why the store cannot be opened: by whom it is held, where it is mounted. kBusy.
Status StoreInUse(const std::string& store, bool read_only);

}  // namespace mendfs
