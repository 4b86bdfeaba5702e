// How far the kernel reads ahead on one mount. It takes 128 KiB at most for FUSE, whatever the
// connection agreed on, unless the mount's backing device is told otherwise; longer requests mean
// fewer round trips for sequential reads.
//
// Threads:  safe from any thread; sends no request to the mount
// Errors:   none: without the right to set it, or where the kernel has no such file, it stays
#pragma once

#include <string>

namespace mendfs {

// `mount_point` as the kernel shows it: absolute, without symlinks.
void SetReadAhead(const std::string& mount_point, unsigned size_bytes);

}  // namespace mendfs
