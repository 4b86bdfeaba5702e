#include "meta/base/status.h"

namespace mendfs {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kNotFound: return "not found";
    case Code::kExists: return "already exists";
    case Code::kInvalid: return "invalid";
    case Code::kNotPermitted: return "not permitted";
    case Code::kDenied: return "permission denied";
    case Code::kReadOnly: return "read-only";
    case Code::kCrossDevice: return "different device";
    case Code::kNotEmpty: return "not empty";
    case Code::kIsDirectory: return "is a directory";
    case Code::kNotDirectory: return "not a directory";
    case Code::kBusy: return "busy";
    case Code::kConditionLost: return "condition lost";
    case Code::kManyLinks: return "cardinality exceeded";
    case Code::kTooBig: return "too big";
    case Code::kNameTooLong: return "name too long";
    case Code::kOverflow: return "cannot be shown whole";
    case Code::kNoSpace: return "no space left";
    case Code::kQuota: return "quota exceeded";
    case Code::kIo: return "I/O error";
    case Code::kCorruption: return "corruption";
    case Code::kRecoveryNeeded: return "recovery needed";
    case Code::kStale: return "stale";
    case Code::kUnsupported: return "unsupported";
    case Code::kInterrupted: return "interrupted";
    case Code::kInternal: return "internal error";
  }
  return "unknown code";
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  std::string text(CodeName(code_));
  if (!message_.empty()) text.append(": ").append(message_);
  return text;
}

Status Status::Annotate(std::string_view context) const {
  if (ok()) return *this;
  std::string text(context);
  text.append(": ").append(message_);
  return Status(code_, std::move(text));
}

}  // namespace mendfs
