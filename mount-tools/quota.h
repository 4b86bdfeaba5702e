// `mendfs quota set DIR SIZE` and `quota clear DIR`: the extended attribute by which a mount takes
// quotas (docs/posix.md), spoken for people. `quota list` is a verb like others
// (verbs/quota_verb.h). `set` returns when what is below the directory is counted, which the mount
// does; whoever does not want to wait may interrupt it.
//
// Threads:  one
#pragma once

#include "mount-tools/command_line.h"

namespace mendfs {

int RunQuota(const Invocation& invocation);

}  // namespace mendfs
