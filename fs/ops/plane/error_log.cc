#include "fs/ops/plane/error_log.h"

#include <utility>

#include "meta/base/printable.h"
#include "meta/describe.h"

namespace mendfs {

void ErrorLog::Add(Refusal refusal) {
  if (refusal.sentence.size() > kErrorSentenceBytesMax) {
    refusal.sentence.resize(kErrorSentenceBytesMax);
  }
  MutexLock lock(mutex_);
  entries_.push_back(std::move(refusal));
  if (entries_.size() > kErrorLogEntriesMax) entries_.pop_front();
  ++count_;
}

std::vector<Refusal> ErrorLog::Recent() const {
  MutexLock lock(mutex_);
  return {entries_.rbegin(), entries_.rend()};
}

uint64_t ErrorLog::count() const {
  MutexLock lock(mutex_);
  return count_;
}

bool NeedsSentence(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
    case Code::kNotFound:
    case Code::kExists:
    case Code::kNotEmpty:
    case Code::kIsDirectory:
    case Code::kNotDirectory:
    case Code::kCrossDevice:
    case Code::kUnsupported:
    case Code::kStale:  // the kernel asks again by name
    case Code::kInterrupted: return false;
    default: return true;
  }
}

std::string_view ErrnoName(Code code) {
  switch (code) {
    case Code::kOk: return "0";
    case Code::kNotFound: return "ENOENT";
    case Code::kExists: return "EEXIST";
    case Code::kInvalid: return "EINVAL";
    case Code::kNotPermitted: return "EPERM";
    case Code::kDenied: return "EACCES";
    case Code::kReadOnly: return "EROFS";
    case Code::kCrossDevice: return "EXDEV";
    case Code::kNotEmpty: return "ENOTEMPTY";
    case Code::kIsDirectory: return "EISDIR";
    case Code::kNotDirectory: return "ENOTDIR";
    case Code::kBusy: return "EBUSY";
    case Code::kConditionLost: return "EAGAIN";
    case Code::kManyLinks: return "EMLINK";
    case Code::kTooBig: return "EFBIG";
    case Code::kNameTooLong: return "ENAMETOOLONG";
    case Code::kOverflow: return "EOVERFLOW";
    case Code::kNoSpace: return "ENOSPC";
    case Code::kQuota: return "EDQUOT";
    case Code::kIo: return "EIO";
    case Code::kCorruption: return "EIO";
    case Code::kRecoveryNeeded: return "EUCLEAN";
    case Code::kStale: return "ESTALE";
    case Code::kUnsupported: return "EOPNOTSUPP";
    case Code::kInterrupted: return "EINTR";
    case Code::kInternal: return "EIO";
  }
  return "EIO";
}

// A name may hold anything but a slash: a newline in it must not look like another refusal, nor
// reach a terminal as a command.
std::string RefusalText(const Refusal& refusal) {
  std::string text = TimeText(refusal.time_ns) + " " + std::string(ErrnoName(refusal.code)) + " " +
                     refusal.operation + " " +
                     (refusal.path.empty() ? "/" : Printable(refusal.path)) + " (pid " +
                     std::to_string(refusal.pid) + ", uid " + std::to_string(refusal.uid) +
                     ")\n  " + Printable(refusal.sentence) + "\n";
  if (!refusal.rejected.empty()) text += "  the bytes: " + Printable(refusal.rejected) + "\n";
  return text;
}

}  // namespace mendfs
