// `mendfs mount` and mount.mendfs: what can be said before mounting, then the daemon.
//
// Threads:  the only one of its process; forks
#pragma once

#include "mount-tools/command_line.h"

namespace mendfs {

// Answers the exit code; 0 in the parent when the mount answers.
int RunMount(const Invocation& invocation);

}  // namespace mendfs
