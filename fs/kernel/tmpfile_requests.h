// open(2) with O_TMPFILE, for a libfuse that does not know the request (before 3.17).
//
// The kernel asks with the message of CREATE under another number, and with the flag in it. So the
// number is changed to CREATE where messages are read; the flag tells the two apart.
//
// Threads:  called once, after the mount and before the loop
#pragma once

#include "fs/kernel/request.h"

namespace mendfs {

// Where libfuse knows the request itself, or cannot be reached there, nothing changes; in the
// second case O_TMPFILE answers EOPNOTSUPP.
void TakeTmpfileRequests(fuse_session* session);

}  // namespace mendfs
