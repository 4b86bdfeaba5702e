#include "mount-tools/quota.h"

#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "mount-tools/mounting/target.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr const char* kXattr = "trusted.mend.quota";

Status Refused(const std::string& path, int error) {
  const std::string at = Printable(path) + ": ";
  switch (error) {
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

// Bytes that are counted so far; nothing when all are.
Result<std::optional<uint64_t>> CountedSoFar(const std::string& path) {
  constexpr std::string_view kCounting = " counting";
  constexpr std::string_view kUsed = " used ";
  char text[128];
  const ssize_t size = getxattr(path.c_str(), kXattr, text, sizeof(text));
  if (size < 0 && errno == ENODATA) return std::optional<uint64_t>();  // taken away meanwhile
  if (size < 0) return Refused(path, errno);
  const std::string_view seen(text, static_cast<size_t>(size));
  const size_t used = seen.find(kUsed);
  if (!seen.ends_with(kCounting) || used == std::string_view::npos) {
    return std::optional<uint64_t>();
  }
  uint64_t bytes = 0;
  std::from_chars(seen.data() + used + kUsed.size(), seen.data() + seen.size(), bytes);
  return std::optional<uint64_t>(bytes);
}

// Shows how far it is where somebody looks at it.
Status AwaitCounted(const std::string& path) {
  constexpr auto kLookEvery = std::chrono::milliseconds(100);
  const bool terminal = isatty(STDERR_FILENO) != 0;
  bool shown = false;
  for (;;) {
    const auto counted = CountedSoFar(path);
    const bool done = !counted.ok() || !*counted;
    if (shown || (terminal && !done)) std::fprintf(stderr, "\r\x1b[K");
    if (done) return counted.status();
    if (terminal) {
      std::fprintf(stderr, "counting what is in %s: %s", Printable(path).c_str(),
                   HumanBytes(**counted).c_str());
      std::fflush(stderr);
      shown = true;
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

Status Act(const Invocation& invocation) {
  const std::string& path = invocation.target;
  MENDFS_RETURN_IF_ERROR(CheckMounted(path));
  const std::string& limit = invocation.quota_limit;
  const int result = limit.empty() ? removexattr(path.c_str(), kXattr)
                                   : setxattr(path.c_str(), kXattr, limit.data(), limit.size(), 0);
  if (result != 0) return Refused(path, errno);
  return limit.empty() ? Status::Ok() : AwaitCounted(path);
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
