#include "fs/kernel/errno_table.h"

#include <cerrno>

namespace mendfs {

int ErrnoOf(Code code) {
  switch (code) {
    case Code::kOk: return 0;
    case Code::kNotFound: return ENOENT;
    case Code::kExists: return EEXIST;
    case Code::kInvalid: return EINVAL;
    case Code::kNotPermitted: return EPERM;
    case Code::kDenied: return EACCES;
    case Code::kReadOnly: return EROFS;
    case Code::kCrossDevice: return EXDEV;
    case Code::kNotEmpty: return ENOTEMPTY;
    case Code::kIsDirectory: return EISDIR;
    case Code::kNotDirectory: return ENOTDIR;
    case Code::kBusy: return EBUSY;
    case Code::kConditionLost: return EAGAIN;
    case Code::kManyLinks: return EMLINK;
    case Code::kTooBig: return EFBIG;
    case Code::kNameTooLong: return ENAMETOOLONG;
    case Code::kOverflow: return EOVERFLOW;
    case Code::kNoSpace: return ENOSPC;
    case Code::kQuota: return EDQUOT;
    case Code::kIo: return EIO;
    case Code::kCorruption: return EIO;
    case Code::kRecoveryNeeded: return EUCLEAN;
    case Code::kStale: return ESTALE;
    case Code::kUnsupported: return EOPNOTSUPP;
    case Code::kInterrupted: return EINTR;
    case Code::kInternal: return EIO;
  }
  return EIO;
}

}  // namespace mendfs
