// snapshot create, list, delete.
#pragma once

#include "mount-tools/verbs/verb.h"

namespace mendfs {

Status RunSnapshotCreate(const VerbRequest& request, const VerbHost& host, VerbIo& io);
Status RunSnapshotList(const VerbRequest& request, const VerbHost& host, VerbIo& io);
Status RunSnapshotDelete(const VerbRequest& request, const VerbHost& host, VerbIo& io);

}  // namespace mendfs
