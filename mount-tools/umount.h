// `mendfs umount`: takes a mount away and waits until its store is closed. With --force the kernel
// ends the connection first: whoever waits for the daemon gets an error, and the daemon ends as if
// it had been unmounted, so nothing that had reached it is lost.
//
// Threads:  one; may start fusermount3
#pragma once

#include "mount-tools/command_line.h"

namespace mendfs {

inline constexpr unsigned kCloseWaitMs = 30'000;

int RunUmount(const Invocation& invocation);

}  // namespace mendfs
