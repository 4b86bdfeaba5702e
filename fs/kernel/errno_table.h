// Status codes as errno: the one place where the mount speaks errno.
//
// Source: docs/errors.md
#pragma once

#include "meta/base/status.h"

namespace mendfs {

// 0 for kOk.
int ErrnoOf(Code code);
inline int ErrnoOf(const Status& status) {
  return ErrnoOf(status.code());
}

}  // namespace mendfs
