#include "fs/kernel/request.h"

#include <sys/stat.h>

#include <string>

#include "fs/kernel/errno_table.h"
#include "meta/base/log.h"

namespace mendfs {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kBlockUnitBytes = 512;
constexpr blksize_t kPreferredIoBytes = 4096;

timespec TimeOf(int64_t ns) {
  int64_t seconds = ns / kNsPerSecond;
  int64_t rest = ns % kNsPerSecond;
  if (rest < 0) {  // before 1970
    rest += kNsPerSecond;
    --seconds;
  }
  return {.tv_sec = static_cast<time_t>(seconds), .tv_nsec = static_cast<long>(rest)};
}

}  // namespace

Connection& ConnectionOf(fuse_req_t request) {
  return *static_cast<Connection*>(fuse_req_userdata(request));
}

Caller CallerOf(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {.uid = context->uid,
          .gid = context->gid,
          .pid = context->pid,
          .umask = context->umask,
          .groups = {}};
}

struct stat StatOf(const Attributes& attributes) {
  struct stat result = {};
  result.st_ino = attributes.inode.value;
  result.st_mode = attributes.mode;
  result.st_nlink = attributes.links;
  result.st_uid = attributes.uid;
  result.st_gid = attributes.gid;
  result.st_rdev = attributes.device;
  result.st_size = static_cast<off_t>(attributes.size_bytes);
  result.st_blksize = kPreferredIoBytes;
  // What is stored or set aside: holes take none.
  const uint64_t stored = StoredBytes(attributes);
  result.st_blocks =
      static_cast<blkcnt_t>(stored / kBlockUnitBytes + (stored % kBlockUnitBytes != 0 ? 1 : 0));
  result.st_atim = TimeOf(attributes.atime_ns);
  result.st_mtim = TimeOf(attributes.mtime_ns);
  result.st_ctim = TimeOf(attributes.ctime_ns);
  return result;
}

double TimeoutOf(const Connection& connection, Freshness freshness) {
  switch (freshness) {
    case Freshness::kNone: return 0;
    case Freshness::kShort: return connection.options.short_timeout_s;
    case Freshness::kLong: return connection.options.long_timeout_s;
  }
  return 0;
}

// Nothing calls a name back once the kernel has it (decision 8). The names of rows and links change
// with other names, so they are asked for each time, which brings fresh attributes too.
static double NameTimeoutOf(const Connection& connection, const Found& found) {
  bool follows_others = found.freshness == Freshness::kShort && !S_ISDIR(found.attributes.mode);
  return follows_others ? 0 : TimeoutOf(connection, found.freshness);
}

fuse_entry_param EntryOf(const Connection& connection, const Found& found) {
  fuse_entry_param entry = {};
  entry.ino = found.attributes.inode.value;
  entry.generation = found.attributes.generation;
  entry.attr = StatOf(found.attributes);
  entry.attr_timeout = TimeoutOf(connection, found.freshness);
  entry.entry_timeout = NameTimeoutOf(connection, found);
  return entry;
}

void ReplyStatus(fuse_req_t request, const Status& status) {
  fuse_reply_err(request, ErrnoOf(status));
}

void ReplyEntry(fuse_req_t request, const Result<Found>& found) {
  if (!found.ok()) return ReplyStatus(request, found.status());
  Connection& connection = ConnectionOf(request);
  fuse_entry_param entry = EntryOf(connection, *found);
  // An interrupted caller does not take the answer, nor the lookup that it counts.
  if (fuse_reply_entry(request, &entry) != 0) {
    connection.file_system.names().Forget(found->attributes.inode, 1);
  }
}

void ReplyAttributes(fuse_req_t request, const Result<Found>& found) {
  if (!found.ok()) return ReplyStatus(request, found.status());
  struct stat attributes = StatOf(found->attributes);
  fuse_reply_attr(request, &attributes, TimeoutOf(ConnectionOf(request), found->freshness));
}

void ReplyException(fuse_req_t request, const char* operation, const std::exception* exception) {
  LogLine(LogLevel::kError, "mount", "an exception ended a request; it is answered with EIO",
          {{"operation", operation},
           {"what", exception != nullptr ? exception->what() : "not a standard exception"}});
  fuse_reply_err(request, EIO);
}

}  // namespace mendfs
