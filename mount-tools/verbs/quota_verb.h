// `mendfs quota list`: each quota with the directory at which it begins, its limit and use.
//
// Threads:  any
// Cost:     one listing of each directory above one that has a quota
#pragma once

#include "mount-tools/verbs/verb.h"

namespace mendfs {

Status RunQuotaList(const VerbRequest& request, const VerbHost& host, VerbIo& io);

}  // namespace mendfs
