// Any bytes as an ACL: what decodes goes out and in again the same, and so does its mode; what is
// inherited allows no more than ACL and mode do.
#include "meta/tree/acl.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {

std::vector<std::string> Seeds() {
  const Acl plain = {{AclTag::kOwner, 7, kNoAclId},
                     {AclTag::kOwningGroup, 5, kNoAclId},
                     {AclTag::kOther, 1, kNoAclId}};
  const Acl named = {{AclTag::kOwner, 7, kNoAclId},       {AclTag::kUser, 6, 1000},
                     {AclTag::kOwningGroup, 5, kNoAclId}, {AclTag::kGroup, 4, 77},
                     {AclTag::kMask, 6, kNoAclId},        {AclTag::kOther, 0, kNoAclId}};
  return {EncodeAcl(plain), EncodeAcl(named)};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const auto acl = DecodeAcl({reinterpret_cast<const char*>(data), size});
  if (!acl.ok()) return 0;
  const auto again = DecodeAcl(EncodeAcl(*acl));
  Require(again.ok() && *again == *acl);
  const uint32_t mode = ModeOfAcl(*acl, 07000);
  Acl set = *acl;
  SetAclMode(set, mode);
  Require(set == *acl);
  Acl inherited = *acl;
  const uint32_t both = InheritAcl(inherited, 0640);
  Require((both & ~(mode & 0640u)) == 0 && ModeOfAcl(inherited, 0) == both);
  return 0;
}
