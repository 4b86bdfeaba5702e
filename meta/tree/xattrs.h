// What happens to the extended attributes of an inode, the ACLs among them, filled into a TreePlan.
//
// An access ACL and the mode bits change together: whoever sets one gets the other in the same
// change. A default ACL is copied to what is made in its directory.
//
// Errors:   kNotFound, kExists, kInvalid, kTooBig, kNameTooLong, kUnsupported (a name outside of
//           user., trusted., security. and the two ACLs), kNoSpace (no room for another name)
#pragma once

#include <string_view>

#include "meta/base/status.h"
#include "meta/tree/tree_plan.h"

namespace mendfs {

Status PlanSetXattr(TreePlan& plan, InodeNumber inode, std::string_view name,
                    std::string_view value, const XattrWrite& write);
Status PlanRemoveXattr(TreePlan& plan, InodeNumber inode, std::string_view name);
// chmod(2): the twelve bits; an access ACL follows.
Status PlanPermissions(TreePlan& plan, Attributes& inode, uint32_t permissions);
// The permissions of what is made in `directory`: those asked for, less the umask or what the
// directory's default ACL forbids. With such an ACL, `made` gets ACLs of its own.
Status PlanNewPermissions(TreePlan& plan, const Attributes& directory, uint32_t umask,
                          Attributes& made);

}  // namespace mendfs
