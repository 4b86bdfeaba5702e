#include "meta/tree/xattrs.h"

#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "meta/tree/acl.h"
#include "meta/tree/tree_read.h"

namespace mendfs {
namespace {

constexpr uint32_t kPermissionBits = 07777;

// Would one more name still fit into what listxattr(2) can answer?
Status CheckXattrList(const TreePlan& plan, const Attributes& inode, std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          ReadXattrNames(plan.reader(), plan.view(), inode));
  size_t size_bytes = name.size() + 1;
  for (const std::string& other : names) size_bytes += other.size() + 1;
  if (size_bytes <= kXattrListBytesMax) return Status::Ok();
  return Status(Code::kNoSpace, InodeText(inode.inode) + " has no room for another xattr name");
}

Result<std::optional<std::string>> FindXattr(const TreePlan& plan, const Attributes& inode,
                                             std::string_view name) {
  if (!inode.has_xattrs) return std::optional<std::string>();
  Result<Entry> entry = plan.reader().Get(plan.view(), XattrKey(inode.inode, name));
  if (entry.ok()) return std::optional(std::move(entry->value));
  if (entry.status().code() == Code::kNotFound) return std::optional<std::string>();
  return entry.status().Annotate("read an xattr of " + InodeText(inode.inode));
}

Result<std::optional<Acl>> FindAcl(const TreePlan& plan, const Attributes& inode,
                                   std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(const std::optional<std::string> value, FindXattr(plan, inode, name));
  if (!value) return std::optional<Acl>();
  Result<Acl> acl = DecodeAcl(*value);
  if (acl.ok()) return std::optional(*std::move(acl));
  return Status(Code::kCorruption, InodeText(inode.inode) + ": " + acl.status().message());
}

void Put(TreePlan& plan, Attributes& inode, std::string_view name, std::string value,
         bool present) {
  std::string key = XattrKey(inode.inode, name);
  if (present) {
    plan.change().Put(std::move(key), std::move(value));
  } else {
    plan.change().PutFresh(std::move(key), std::move(value));
  }
  inode.has_xattrs = true;
}

// The access ACL speaks through the mode; what it says beyond that is kept.
Status PlanAccessAcl(TreePlan& plan, Attributes& inode, const Acl& acl, bool present) {
  if (S_ISLNK(inode.mode)) {
    return Status(Code::kUnsupported,
                  "set an ACL of " + InodeText(inode.inode) + ": a symbolic link has none");
  }
  inode.mode = ModeOfAcl(acl, inode.mode);
  if (!SaysNoMoreThanMode(acl)) {
    Put(plan, inode, kAccessAclXattr, EncodeAcl(acl), present);
  } else if (present) {
    plan.change().Clear(XattrKey(inode.inode, kAccessAclXattr));
  }
  return Status::Ok();
}

Status PlanDefaultAcl(TreePlan& plan, Attributes& inode, const Acl& acl, bool present) {
  if (!S_ISDIR(inode.mode)) {
    return Status(Code::kDenied,
                  "set a default ACL of " + InodeText(inode.inode) + ": only a directory has one");
  }
  Put(plan, inode, kDefaultAclXattr, EncodeAcl(acl), present);
  return Status::Ok();
}

bool IsAcl(std::string_view name) {
  return name == kAccessAclXattr || name == kDefaultAclXattr;
}

}  // namespace

Status PlanSetXattr(TreePlan& plan, InodeNumber number, std::string_view name,
                    std::string_view value, const XattrWrite& write) {
  MENDFS_RETURN_IF_ERROR(CheckXattrName(name));
  if (value.size() > kXattrValueBytesMax) {
    return Status(Code::kTooBig, "xattr value of " + std::to_string(value.size()) + " bytes");
  }
  MENDFS_ASSIGN_OR_RETURN(Attributes * inode, plan.Use(number));
  MENDFS_ASSIGN_OR_RETURN(const std::optional<std::string> old, FindXattr(plan, *inode, name));
  const bool present = old.has_value();
  if (present && write.mode == XattrMode::kCreate) {
    return Status(Code::kExists, InodeText(number) + " has that xattr already");
  }
  if (!present && write.mode == XattrMode::kReplace) {
    return Status(Code::kNotFound, InodeText(number) + " has no such xattr");
  }
  if (!present) MENDFS_RETURN_IF_ERROR(CheckXattrList(plan, *inode, name));
  inode->ctime_ns = plan.now_ns();
  if (write.drop_set_group_id) inode->mode &= ~uint32_t{S_ISGID};
  if (!IsAcl(name)) {
    Put(plan, *inode, name, std::string(value), present);
    return Status::Ok();
  }
  MENDFS_ASSIGN_OR_RETURN(const Acl acl, DecodeAcl(value));
  if (name == kAccessAclXattr) return PlanAccessAcl(plan, *inode, acl, present);
  return PlanDefaultAcl(plan, *inode, acl, present);
}

Status PlanRemoveXattr(TreePlan& plan, InodeNumber number, std::string_view name) {
  MENDFS_RETURN_IF_ERROR(CheckXattrName(name));
  MENDFS_ASSIGN_OR_RETURN(Attributes * inode, plan.Use(number));
  MENDFS_ASSIGN_OR_RETURN(const std::optional<std::string> old, FindXattr(plan, *inode, name));
  if (!old) return Status(Code::kNotFound, InodeText(number) + " has no such xattr");
  plan.change().Clear(XattrKey(number, name));
  inode->ctime_ns = plan.now_ns();
  return Status::Ok();
}

Status PlanPermissions(TreePlan& plan, Attributes& inode, uint32_t permissions) {
  inode.mode = (inode.mode & S_IFMT) | (permissions & kPermissionBits);
  MENDFS_ASSIGN_OR_RETURN(std::optional<Acl> acl, FindAcl(plan, inode, kAccessAclXattr));
  if (!acl) return Status::Ok();
  SetAclMode(*acl, inode.mode);
  return PlanAccessAcl(plan, inode, *acl, true);
}

Status PlanNewPermissions(TreePlan& plan, const Attributes& directory, uint32_t umask,
                          Attributes& made) {
  if (S_ISLNK(made.mode)) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(std::optional<Acl> acl, FindAcl(plan, directory, kDefaultAclXattr));
  if (!acl) {
    made.mode &= ~(umask & 0777);
    return Status::Ok();
  }
  if (S_ISDIR(made.mode)) MENDFS_RETURN_IF_ERROR(PlanDefaultAcl(plan, made, *acl, false));
  made.mode = InheritAcl(*acl, made.mode);
  return PlanAccessAcl(plan, made, *acl, false);
}

}  // namespace mendfs
