#include "meta/tree/acl.h"

#include <cassert>

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint32_t kVersion = 2;
constexpr uint32_t kModeBits = 0777;
constexpr uint16_t kPermissionBits = 07;

bool IsNamed(AclTag tag) {
  return tag == AclTag::kUser || tag == AclTag::kGroup;
}

Status Malformed(std::string_view seen) {
  return Status(Code::kInvalid, "read an ACL: " + std::string(seen));
}

// Where the mode bits of an entry stand; named entries have none.
int ShiftOf(AclTag tag, bool has_mask) {
  switch (tag) {
    case AclTag::kOwner: return 6;
    case AclTag::kOwningGroup: return has_mask ? -1 : 3;
    case AclTag::kMask: return 3;
    case AclTag::kOther: return 0;
    default: return -1;
  }
}

bool HasMask(const Acl& acl) {
  for (const AclEntry& entry : acl) {
    if (entry.tag == AclTag::kMask) return true;
  }
  return false;
}

Status CheckShape(const Acl& acl) {
  unsigned count[int(AclTag::kOther) + 1] = {};
  AclTag before = AclTag::kOwner;
  for (const AclEntry& entry : acl) {
    switch (entry.tag) {
      case AclTag::kOwner:
      case AclTag::kUser:
      case AclTag::kOwningGroup:
      case AclTag::kGroup:
      case AclTag::kMask:
      case AclTag::kOther: break;
      default: return Malformed("an entry has an unknown tag");
    }
    if (entry.tag < before) return Malformed("its entries are out of order");
    if ((entry.permissions & ~kPermissionBits) != 0) {
      return Malformed("an entry allows more than rwx");
    }
    before = entry.tag;
    ++count[size_t(entry.tag)];
  }
  const auto of = [&](AclTag tag) { return count[size_t(tag)]; };
  if (of(AclTag::kOwner) != 1 || of(AclTag::kOwningGroup) != 1 || of(AclTag::kOther) != 1) {
    return Malformed("owner, owning group and other stand in it once each");
  }
  const bool named = of(AclTag::kUser) + of(AclTag::kGroup) > 0;
  if (of(AclTag::kMask) > 1 || (named && of(AclTag::kMask) == 0)) {
    return Malformed("named entries need one mask");
  }
  return Status::Ok();
}

}  // namespace

Result<Acl> DecodeAcl(std::string_view value) {
  ByteReader in(value);
  if (in.GetU32() != kVersion || !in.ok()) return Malformed("its version is not 2");
  Acl acl;
  while (!in.AtEnd()) {
    AclEntry entry;
    entry.tag = AclTag(in.GetU16());
    entry.permissions = in.GetU16();
    entry.id = in.GetU32();
    if (!in.ok()) return Malformed("it ends inside an entry");
    if (!IsNamed(entry.tag)) entry.id = kNoAclId;
    acl.push_back(entry);
  }
  MENDFS_RETURN_IF_ERROR(CheckShape(acl));
  return acl;
}

std::string EncodeAcl(const Acl& acl) {
  assert(CheckShape(acl).ok());
  std::string out;
  PutU32(out, kVersion);
  for (const AclEntry& entry : acl) {
    PutU16(out, static_cast<uint16_t>(entry.tag));
    PutU16(out, entry.permissions);
    PutU32(out, entry.id);
  }
  return out;
}

bool SaysNoMoreThanMode(const Acl& acl) {
  for (const AclEntry& entry : acl) {
    if (IsNamed(entry.tag) || entry.tag == AclTag::kMask) return false;
  }
  return true;
}

uint32_t ModeOfAcl(const Acl& acl, uint32_t mode) {
  mode &= ~kModeBits;
  const bool has_mask = HasMask(acl);
  for (const AclEntry& entry : acl) {
    const int shift = ShiftOf(entry.tag, has_mask);
    if (shift >= 0) mode |= uint32_t{entry.permissions} << shift;
  }
  return mode;
}

void SetAclMode(Acl& acl, uint32_t mode) {
  const bool has_mask = HasMask(acl);
  for (AclEntry& entry : acl) {
    const int shift = ShiftOf(entry.tag, has_mask);
    if (shift >= 0) entry.permissions = static_cast<uint16_t>(mode >> shift & kPermissionBits);
  }
}

uint32_t InheritAcl(Acl& acl, uint32_t mode) {
  const uint32_t both = ModeOfAcl(acl, mode) & mode;
  SetAclMode(acl, both);
  return both;
}

}  // namespace mendfs
