// `mendfs umount`: takes a mount away and waits until its store is closed.
//
// Threads:  one; may start fusermount3
#pragma once

#include "mount-tools/command_line.h"

namespace mendfs {

inline constexpr unsigned kCloseWaitMs = 30'000;

int RunUmount(const Invocation& invocation);

}  // namespace mendfs
