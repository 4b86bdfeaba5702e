// The verbs that begin with a path: mkfs, fsck, and every verb that runs on an open store, wherever
// it is open.
//
// Threads:  one
#pragma once

#include "mount-tools/command_line.h"

namespace mendfs {

int RunMkfs(const Invocation& invocation);
int RunVersion(const Invocation& invocation);

// In the daemon that has the store open, or on the store itself when nobody has. Reading verbs open
// it read-only.
int RunStoreVerb(const Invocation& invocation);

}  // namespace mendfs
