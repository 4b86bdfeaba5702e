// The Disk of the operating system. Paths are taken as given; a store hands in absolute ones.
//
// Files are made readable and writable for their owner only: what lies in them is reached through
// the mount, which checks who asks. The lock is an open-file-description lock, so it excludes a
// second opening in the same process too and goes with its holder however that dies.
//
// Threads:  safe from any thread; nothing is shared but the kernel
// Errors:   as Disk; and kInvalid for a symlink, a device or a path with a NUL, kCrossDevice,
//           kNameTooLong, kTooBig, kUnsupported (Allocate where the file system cannot)
#pragma once

#include <memory>

#include "meta/disk/disk.h"

namespace mendfs {

std::unique_ptr<Disk> MakePosixDisk();

}  // namespace mendfs
