#include "mount-tools/quota.h"

#include <sys/xattr.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "mount-tools/mounting/target.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr const char* kXattr = "trusted.mend.quota";

Status Refused(const std::string& path, int error) {
  const std::string at = Printable(path) + ": ";
  switch (error) {
    case ENOTEMPTY:
      return {Code::kNotEmpty, at + "not empty; set the quota at a new directory and move there "
                                    "what it is to count"};
    case ENODATA: return {Code::kNotFound, at + "no quota begins here; see `mendfs quota list`"};
    case EINVAL:
      return {Code::kInvalid, at + "want a size from 1 byte up, as in 10G, 500M or 1073741824"};
    case EPERM: return {Code::kDenied, at + "quotas are set by root"};
    case ENOTDIR: return {Code::kNotDirectory, at + "a quota begins at a directory"};
    case EOPNOTSUPP: return {Code::kUnsupported, at + "quotas are for directories below files/"};
    default: return {Code::kIo, at + std::strerror(error)};
  }
}

// The same attribute on another file system would be taken, and mean nothing.
Status CheckMounted(const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(const Target target, ResolveTarget(path));
  if (!target.mount_point.empty()) return Status::Ok();
  return {Code::kNotFound, Printable(path) + " is a store; mount it and name a directory in it"};
}

Status Act(const Invocation& invocation) {
  const std::string& path = invocation.target;
  MENDFS_RETURN_IF_ERROR(CheckMounted(path));
  const std::string& limit = invocation.quota_limit;
  const int result = limit.empty() ? removexattr(path.c_str(), kXattr)
                                   : setxattr(path.c_str(), kXattr, limit.data(), limit.size(), 0);
  return result == 0 ? Status::Ok() : Refused(path, errno);
}

}  // namespace

int RunQuota(const Invocation& invocation) {
  const Status status = Act(invocation);
  if (status.ok()) return kExitDone;
  std::fprintf(stderr, "mendfs %s: %s\n", invocation.verb.c_str(),
               Printable(status.message()).c_str());
  return ExitCodeOf(status);
}

}  // namespace mendfs
