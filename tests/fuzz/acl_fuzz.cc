// Any bytes as an ACL: what decodes is what encodes to it, and its mode goes in and out unchanged.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "meta/tree/acl.h"

using namespace mendfs;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
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
  Require((both & ~(mode & 0640u)) == 0);
  Require(ModeOfAcl(inherited, 0) == both);
  return 0;
}
