// POSIX access control lists as values: what an ACL and mode bits say of each other.
//
// An access ACL and the low nine mode bits tell the same: owner = owner entry, others = other
// entry, group = the mask, or the owning group's entry where there is no mask. An ACL without named
// users, named groups and a mask says no more than the mode, and is kept as nothing but the mode.
//
// Threads:  pure functions
// Errors:   kInvalid for bytes that are no ACL
// Source:   docs/formats/tree.md; the bytes are those of the kernel's system.posix_acl_* xattrs
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

inline constexpr std::string_view kAccessAclXattr = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclXattr = "system.posix_acl_default";

enum class AclTag : uint16_t {
  kOwner = 0x01,
  kUser = 0x02,
  kOwningGroup = 0x04,
  kGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20,
};

struct AclEntry {
  AclTag tag = AclTag::kOther;
  uint16_t permissions = 0;  // rwx
  uint32_t id = 0;           // of kUser and kGroup; else kNoAclId
  friend bool operator==(const AclEntry&, const AclEntry&) = default;
};
inline constexpr uint32_t kNoAclId = UINT32_MAX;

// Shape:    in the order of AclTag; owner, owning group and other once; a mask where there are
// named
//           entries
using Acl = std::vector<AclEntry>;

Result<Acl> DecodeAcl(std::string_view value);
std::string EncodeAcl(const Acl& acl);

bool SaysNoMoreThanMode(const Acl& acl);
// `mode` with the nine bits that the ACL says.
uint32_t ModeOfAcl(const Acl& acl, uint32_t mode);
// chmod(2): the ACL takes over the nine bits of `mode`.
void SetAclMode(Acl& acl, uint32_t mode);
// A directory's default ACL becomes the access ACL of what is made in it with `mode`: neither
// allows what the other does not. Answers `mode` as it is then.
uint32_t InheritAcl(Acl& acl, uint32_t mode);

}  // namespace mendfs
