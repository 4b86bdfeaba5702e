// Attributes, symlink targets, extended attributes, statfs.
#include <sys/xattr.h>
#include <time.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "fs/kernel/errno_table.h"
#include "fs/kernel/request.h"

namespace mendfs {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

// A time is kept as 64 bits of nanoseconds: the years 1677 to 2262. What lies outside becomes the
// nearest that can be kept, as on every file system with a bound.
int64_t NsOf(const timespec& time) {
  constexpr int64_t kSecondsMax = INT64_MAX / kNsPerSecond - 1;
  if (time.tv_sec > kSecondsMax) return kSecondsMax * kNsPerSecond;
  if (time.tv_sec < -kSecondsMax) return -kSecondsMax * kNsPerSecond;
  return time.tv_sec * kNsPerSecond + time.tv_nsec;
}

int64_t WallNowNs() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return NsOf(now);
}

AttributeChange ChangeOf(const struct stat& wanted, int to_set) {
  AttributeChange change;
  if (to_set & FUSE_SET_ATTR_MODE) change.permissions = wanted.st_mode & 07777;
  if (to_set & FUSE_SET_ATTR_UID) change.uid = wanted.st_uid;
  if (to_set & FUSE_SET_ATTR_GID) change.gid = wanted.st_gid;
  if (to_set & FUSE_SET_ATTR_SIZE) change.size_bytes = static_cast<uint64_t>(wanted.st_size);
  if (to_set & FUSE_SET_ATTR_ATIME) change.atime_ns = NsOf(wanted.st_atim);
  if (to_set & FUSE_SET_ATTR_MTIME) change.mtime_ns = NsOf(wanted.st_mtim);
  if (to_set & FUSE_SET_ATTR_ATIME_NOW) change.atime_ns = WallNowNs();
  if (to_set & FUSE_SET_ATTR_MTIME_NOW) change.mtime_ns = WallNowNs();
  return change;
}

void DoGetAttributes(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  Guarded(request, "getattr", [&] {
    ReplyAttributes(
        request, FileSystemOf(request).nodes().GetAttributes(
                     CallerOf(request), InodeNumber{node}, info != nullptr ? info->fh : kNoHandle));
  });
}

void DoSetAttributes(fuse_req_t request, fuse_ino_t node, struct stat* wanted, int to_set,
                     fuse_file_info* info) {
  Guarded(request, "setattr", [&] {
    ReplyAttributes(request, FileSystemOf(request).nodes().SetAttributes(
                                 CallerOf(request), InodeNumber{node}, ChangeOf(*wanted, to_set),
                                 info != nullptr ? info->fh : kNoHandle));
  });
}

void DoReadLink(fuse_req_t request, fuse_ino_t node) {
  Guarded(request, "readlink", [&] {
    auto target = FileSystemOf(request).nodes().ReadLink(CallerOf(request), InodeNumber{node});
    if (!target.ok()) return ReplyStatus(request, target.status());
    fuse_reply_readlink(request, target->c_str());
  });
}

// Absent and too big have errnos of their own.
void ReplyXattrStatus(fuse_req_t request, const Status& status) {
  int error = ErrnoOf(status);
  if (status.code() == Code::kNotFound) error = ENODATA;
  if (status.code() == Code::kTooBig) error = E2BIG;
  fuse_reply_err(request, error);
}

// Supplementary groups of the caller; none when it is gone or not to be seen from here. libfuse has
// the same question, but searches a buffer that it does not end.
std::vector<uint32_t> GroupsOf(fuse_req_t request) {
  const std::string caller = std::to_string(fuse_req_ctx(request)->pid);
  std::ifstream status("/proc/" + caller + "/task/" + caller + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (!line.starts_with("Groups:")) continue;
    std::istringstream numbers(line.substr(line.find(':') + 1));
    return {std::istream_iterator<uint32_t>(numbers), std::istream_iterator<uint32_t>()};
  }
  return {};
}

// The caller asked for the size (0), or brings room for `room` bytes.
void ReplyXattrBytes(fuse_req_t request, const std::string& bytes, size_t room) {
  if (room == 0) {
    fuse_reply_xattr(request, bytes.size());
  } else if (bytes.size() > room) {
    fuse_reply_err(request, ERANGE);
  } else {
    fuse_reply_buf(request, bytes.data(), bytes.size());
  }
}

void DoGetXattr(fuse_req_t request, fuse_ino_t node, const char* name, size_t room) {
  Guarded(request, "getxattr", [&] {
    auto value = FileSystemOf(request).nodes().GetXattr(CallerOf(request), InodeNumber{node}, name);
    if (!value.ok()) return ReplyXattrStatus(request, value.status());
    ReplyXattrBytes(request, *value, room);
  });
}

void DoListXattrs(fuse_req_t request, fuse_ino_t node, size_t room) {
  Guarded(request, "listxattr", [&] {
    auto names = FileSystemOf(request).nodes().ListXattrs(CallerOf(request), InodeNumber{node});
    if (!names.ok()) return ReplyXattrStatus(request, names.status());
    std::string joined;
    for (const std::string& name : *names) joined += name + '\0';
    ReplyXattrBytes(request, joined, room);
  });
}

void DoSetXattr(fuse_req_t request, fuse_ino_t node, const char* name, const char* value,
                size_t size_bytes, int flags) {
  Guarded(request, "setxattr", [&] {
    XattrMode mode = flags == XATTR_CREATE    ? XattrMode::kCreate
                     : flags == XATTR_REPLACE ? XattrMode::kReplace
                                              : XattrMode::kSet;
    Caller caller = CallerOf(request);
    if (std::string_view(name).starts_with("system.")) caller.groups = GroupsOf(request);
    ReplyXattrStatus(
        request, FileSystemOf(request).nodes().SetXattr(caller, InodeNumber{node}, name,
                                                        std::string_view(value, size_bytes), mode));
  });
}

void DoRemoveXattr(fuse_req_t request, fuse_ino_t node, const char* name) {
  Guarded(request, "removexattr", [&] {
    ReplyXattrStatus(request, FileSystemOf(request).nodes().RemoveXattr(CallerOf(request),
                                                                        InodeNumber{node}, name));
  });
}

void DoStatFs(fuse_req_t request, fuse_ino_t node) {
  Guarded(request, "statfs", [&] {
    constexpr uint64_t kUnitBytes = 4096;
    StoreStatus status = FileSystemOf(request).nodes().Describe();
    SpaceInfo space = FileSystemOf(request).nodes().SpaceAt(InodeNumber{node});
    struct statvfs result = {};
    result.f_bsize = result.f_frsize = kUnitBytes;
    result.f_blocks = space.total_bytes / kUnitBytes;
    result.f_bfree = space.free_bytes / kUnitBytes;
    result.f_bavail = space.available_bytes / kUnitBytes;
    // Numbers never run out; what can be made is bounded by space.
    result.f_ffree = result.f_favail = result.f_bfree;
    result.f_files =
        status.counts.files + status.counts.nodes + status.counts.edges + result.f_ffree;
    result.f_namemax = 255;
    fuse_reply_statfs(request, &result);
  });
}

}  // namespace

void AddNodeOperations(fuse_lowlevel_ops& table) {
  table.getattr = DoGetAttributes;
  table.setattr = DoSetAttributes;
  table.readlink = DoReadLink;
  table.getxattr = DoGetXattr;
  table.listxattr = DoListXattrs;
  table.setxattr = DoSetXattr;
  table.removexattr = DoRemoveXattr;
  table.statfs = DoStatFs;
}

}  // namespace mendfs
