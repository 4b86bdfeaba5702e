// diff: what differs between two moments; show: what one commit is.
#pragma once

#include "mount-tools/verbs/verb.h"

namespace mendfs {

Status RunDiff(const VerbRequest& request, const VerbHost& host, VerbIo& io);
Status RunShow(const VerbRequest& request, const VerbHost& host, VerbIo& io);

}  // namespace mendfs
