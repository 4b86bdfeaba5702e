#include "meta/tree/inode_format.h"

#include <sys/stat.h>

#include <cassert>

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint8_t kVersion = 1;

constexpr uint8_t kUnclearedTail = 1;
constexpr uint8_t kHasXattrs = 2;
constexpr uint8_t kHasQuota = 4;
constexpr uint8_t kSparse = 8;
constexpr uint8_t kSetAside = 16;
constexpr uint8_t kKnownFlags = kUnclearedTail | kHasXattrs | kHasQuota | kSparse | kSetAside;

bool IsKnownType(uint32_t mode_type) {
  switch (mode_type) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFCHR:
    case S_IFBLK: return true;
    default: return false;
  }
}

bool IsDevice(uint32_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode);
}

void PutSigned(std::string& out, uint64_t number) {
  const uint64_t sign = number >> 63;
  PutVarint(out, (number << 1) ^ (0 - sign));
}

uint64_t GetSigned(ByteReader& in) {
  const uint64_t folded = in.GetVarint();
  return (folded >> 1) ^ (0 - (folded & 1));
}

// Times lie close together: the difference to mtime, small whatever its sign.
void PutTime(std::string& out, int64_t time_ns, int64_t base_ns) {
  PutSigned(out, static_cast<uint64_t>(time_ns) - static_cast<uint64_t>(base_ns));
}

int64_t GetTime(ByteReader& in, int64_t base_ns) {
  return static_cast<int64_t>(static_cast<uint64_t>(base_ns) + GetSigned(in));
}

uint32_t GetNumber32(ByteReader& in, bool& valid) {
  const uint64_t number = in.GetVarint();
  if (number > UINT32_MAX) valid = false;
  return static_cast<uint32_t>(number);
}

Status CheckVersion(uint8_t version, std::string_view what) {
  if (version == kVersion) return Status::Ok();
  std::string message = "decode " + std::string(what) + ": version " + std::to_string(version);
  if (version > kVersion)
    return Status(Code::kUnsupported, message + " is newer than this program");
  return Status(Code::kCorruption, message + ", want " + std::to_string(kVersion));
}

// No less than nothing is stored, and more than the size only where it is set aside.
bool IsSaneSpace(const Attributes& attributes) {
  if (attributes.set_aside_end > kFileBytesMax) return false;
  if (attributes.set_aside_bytes > attributes.set_aside_end) return false;
  const int64_t more = attributes.more_stored_bytes;
  return more >= -static_cast<int64_t>(attributes.size_bytes) &&
         more <= static_cast<int64_t>(attributes.set_aside_bytes);
}

bool IsSane(const Attributes& attributes) {
  return attributes.size_bytes <= kFileBytesMax && IsSaneSpace(attributes) &&
         (attributes.mode & ~uint32_t{S_IFMT | 07777}) == 0 &&
         IsKnownType(attributes.mode & S_IFMT) && attributes.links <= kLinksMax;
}

}  // namespace

std::string EncodeAttributes(const Attributes& attributes) {
  assert(IsSane(attributes));
  std::string out;
  out.reserve(48);
  PutU8(out, kVersion);
  PutU8(out, static_cast<uint8_t>((attributes.uncleared_tail ? kUnclearedTail : 0) |
                                  (attributes.has_xattrs ? kHasXattrs : 0) |
                                  (attributes.quota.value != 0 ? kHasQuota : 0) |
                                  (attributes.more_stored_bytes != 0 ? kSparse : 0) |
                                  (attributes.set_aside_bytes != 0 ? kSetAside : 0)));
  PutVarint(out, attributes.mode);
  PutVarint(out, attributes.uid);
  PutVarint(out, attributes.gid);
  PutVarint(out, attributes.links);
  PutVarint(out, attributes.generation);
  PutVarint(out, attributes.size_bytes);
  PutI64(out, attributes.mtime_ns);
  PutTime(out, attributes.ctime_ns, attributes.mtime_ns);
  PutTime(out, attributes.atime_ns, attributes.mtime_ns);
  PutTime(out, attributes.btime_ns, attributes.mtime_ns);
  if (S_ISDIR(attributes.mode)) PutVarint(out, attributes.parent.value);
  if (IsDevice(attributes.mode)) PutVarint(out, attributes.device);
  if (attributes.quota.value != 0) PutVarint(out, attributes.quota.value);
  if (attributes.more_stored_bytes != 0) {
    PutSigned(out, static_cast<uint64_t>(attributes.more_stored_bytes));
  }
  if (attributes.set_aside_bytes != 0) {
    PutVarint(out, attributes.set_aside_bytes);
    PutVarint(out, attributes.set_aside_end);
  }
  return out;
}

Result<Attributes> DecodeAttributes(InodeNumber inode, std::string_view value) {
  ByteReader in(value);
  MENDFS_RETURN_IF_ERROR(CheckVersion(in.GetU8(), "attributes"));
  bool valid = true;
  const uint8_t flags = in.GetU8();
  Attributes attributes{.inode = inode};
  attributes.uncleared_tail = (flags & kUnclearedTail) != 0;
  attributes.has_xattrs = (flags & kHasXattrs) != 0;
  attributes.mode = GetNumber32(in, valid);
  attributes.uid = GetNumber32(in, valid);
  attributes.gid = GetNumber32(in, valid);
  attributes.links = GetNumber32(in, valid);
  attributes.generation = GetNumber32(in, valid);
  attributes.size_bytes = in.GetVarint();
  attributes.mtime_ns = in.GetI64();
  attributes.ctime_ns = GetTime(in, attributes.mtime_ns);
  attributes.atime_ns = GetTime(in, attributes.mtime_ns);
  attributes.btime_ns = GetTime(in, attributes.mtime_ns);
  if (S_ISDIR(attributes.mode)) attributes.parent = InodeNumber(in.GetVarint());
  if (IsDevice(attributes.mode)) attributes.device = in.GetVarint();
  if ((flags & kHasQuota) != 0) {
    attributes.quota = InodeNumber(in.GetVarint());
    if (attributes.quota.value == 0) valid = false;
  }
  if ((flags & kSparse) != 0) {
    attributes.more_stored_bytes = static_cast<int64_t>(GetSigned(in));
    if (attributes.more_stored_bytes == 0) valid = false;
  }
  if ((flags & kSetAside) != 0) {
    attributes.set_aside_bytes = in.GetVarint();
    attributes.set_aside_end = in.GetVarint();
    if (attributes.set_aside_bytes == 0) valid = false;
  }
  if (!valid || !in.AtEnd() || (flags & ~kKnownFlags) != 0 || !IsSane(attributes)) {
    return Status(Code::kCorruption,
                  "decode attributes of inode " + std::to_string(inode.value) + ": malformed");
  }
  return attributes;
}

std::string EncodeDentry(const Dentry& dentry) {
  assert(IsKnownType(dentry.mode_type));
  std::string out;
  out.reserve(12);
  PutU8(out, kVersion);
  PutU8(out, static_cast<uint8_t>(dentry.mode_type >> 12));
  PutVarint(out, dentry.inode.value);
  return out;
}

Result<Dentry> DecodeDentry(std::string_view value) {
  ByteReader in(value);
  MENDFS_RETURN_IF_ERROR(CheckVersion(in.GetU8(), "directory entry"));
  Dentry dentry;
  dentry.mode_type = uint32_t{in.GetU8()} << 12;
  dentry.inode = InodeNumber(in.GetVarint());
  if (!in.AtEnd() || !IsKnownType(dentry.mode_type) || dentry.inode.value == 0 ||
      (dentry.inode.value & kDerivedInodeBit) != 0) {
    return Status(Code::kCorruption, "decode directory entry: malformed");
  }
  return dentry;
}

}  // namespace mendfs
