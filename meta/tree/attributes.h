// The values that a POSIX tree is made of and changed by.
//
// Units:    sizes in bytes, times in nanoseconds since 1970
// Threads:  values
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "meta/base/ids.h"

namespace mendfs {

inline constexpr uint64_t kFileBytesMax = INT64_MAX;
inline constexpr uint32_t kLinksMax = INT32_MAX;
inline constexpr size_t kTreeNameBytesMax = 255;
inline constexpr size_t kLinkTargetBytesMax = 4095;
inline constexpr size_t kXattrNameBytesMax = 255;
inline constexpr size_t kXattrValueBytesMax = 64 << 10;
inline constexpr size_t kXattrListBytesMax = 64 << 10;  // all names of an inode, each with a NUL
inline constexpr size_t kWriteBytesMax = 16 << 20;      // of one Write or Append
inline constexpr uint64_t kDirectorySizeBytes = 4096;   // what every directory shows

struct Attributes {
  InodeNumber inode;
  InodeNumber parent;  // directories only
  uint32_t generation = 0;
  uint32_t mode = 0;  // type and permission bits as in stat(2)
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t links = 0;   // 0: unlinked, and held by somebody
  uint64_t device = 0;  // device nodes only
  uint64_t size_bytes = 0;
  int64_t atime_ns = 0;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  int64_t btime_ns = 0;
  // Inner state: not part of stat(2).
  bool uncleared_tail = false;  // extents behind the end wait to be cleared
  bool has_xattrs = false;      // it had one at some time
  InodeNumber quota;            // what it takes counts there; 0: nowhere
  // What is stored or set aside, less the size: below 0 for holes, above 0 for what fallocate(2)
  // has set aside behind the end.
  int64_t more_stored_bytes = 0;
  uint64_t set_aside_bytes = 0;  // of what is stored: has room, and no bytes yet
  uint64_t set_aside_end = 0;    // none of it is behind this
};

// What the inode's body takes.
inline uint64_t StoredBytes(const Attributes& inode) {
  const auto size = static_cast<int64_t>(inode.size_bytes);
  return size + inode.more_stored_bytes < 0 ? 0
                                            : static_cast<uint64_t>(size + inode.more_stored_bytes);
}
// The size may have changed since.
inline void SetStoredBytes(Attributes& inode, uint64_t stored_bytes) {
  const uint64_t most = inode.size_bytes + inode.set_aside_bytes;
  const uint64_t stored = stored_bytes < most ? stored_bytes : most;
  inode.more_stored_bytes = static_cast<int64_t>(stored) - static_cast<int64_t>(inode.size_bytes);
}
// Behind it there is nothing of the body.
inline uint64_t BodyEnd(const Attributes& inode) {
  return inode.size_bytes > inode.set_aside_end ? inode.size_bytes : inode.set_aside_end;
}

struct NewInode {
  uint32_t mode = 0;   // type and permissions
  uint32_t umask = 0;  // permissions that are not given, unless the directory has a default ACL
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t device = 0;
  std::string link_target;  // symlinks only
};

struct AttributeChange {
  std::optional<uint32_t> permissions;  // the low twelve bits
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<uint64_t> size_bytes;
  std::optional<int64_t> atime_ns;
  std::optional<int64_t> mtime_ns;
  std::optional<int64_t> read_ns;  // atime, because somebody reads: ctime stays
};

// What of a file's space changes.
enum class SpaceMode {
  // Holes get room on the disk that nobody else can take: what is written there for the first time
  // meets no full disk and no quota. The file reaches at least to the end of the range.
  kAllocate,
  kPunch,  // the range becomes a hole; the size stays
  kZero,   // as both
};
struct SpaceChange {
  SpaceMode mode = SpaceMode::kAllocate;
  bool keep_size = false;
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

struct CloneRequest {
  InodeNumber source;
  uint64_t source_offset = 0;
  InodeNumber target;
  uint64_t target_offset = 0;
  uint64_t size_bytes = 0;
};

enum class BodySought { kData, kHole };
enum class RenameMode { kReplace, kNoReplace, kExchange };
enum class XattrMode { kSet, kCreate, kReplace };
struct XattrWrite {
  XattrWrite(XattrMode write_mode) : mode(write_mode) {}  // NOLINT: a mode is a whole request
  XattrMode mode;
  bool drop_set_group_id = false;  // an ACL set by somebody outside of the owning group
};

}  // namespace mendfs
