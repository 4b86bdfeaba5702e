#include "meta/tree/names.h"

#include <sys/stat.h>

#include <utility>

#include "meta/tree/extent_format.h"
#include "meta/tree/quota.h"
#include "meta/tree/tree_read.h"
#include "meta/tree/xattrs.h"

namespace mendfs {
namespace {

constexpr uint32_t kPermissionBits = 07777;

Status BetweenQuotas() {
  return {Code::kCrossDevice, "trees with a quota count as devices: copy, then remove"};
}

// The quotas of two directories, or of an inode and a directory; nothing for those that count
// nowhere.
struct QuotaEdge {
  std::optional<Quota> source;
  std::optional<Quota> target;
  bool counting() const { return (source && source->counting) || (target && target->counting); }
};

Result<QuotaEdge> FindEdge(const TreePlan& plan, InodeNumber source, InodeNumber target) {
  QuotaEdge edge;
  MENDFS_ASSIGN_OR_RETURN(edge.source, FindQuota(plan.reader(), plan.view(), source));
  if (source == target) {
    edge.target = edge.source;
  } else {
    MENDFS_ASSIGN_OR_RETURN(edge.target, FindQuota(plan.reader(), plan.view(), target));
  }
  return edge;
}

// Something moves from a directory with the quota `source` to one with `target`. A quota counts as
// a device, so that what it counts is what lies below its directory. While a tree is counted some
// of it has the id and some not yet: what moves then takes the id of where it goes, and no second
// name nor what lies below it may be left with another.
Status PlanQuotaOfMoved(TreePlan& plan, Attributes& moved, InodeNumber source, InodeNumber target) {
  if (source == target && moved.quota == target) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const QuotaEdge edge, FindEdge(plan, source, target));
  const bool same = source == target || (!edge.source && !edge.target);
  const bool directory = S_ISDIR(moved.mode);
  if (!same && (!edge.counting() || directory || moved.links > 1)) return BetweenQuotas();
  if (!edge.counting() || moved.quota == target) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const std::optional<Quota> own,
                          FindQuota(plan.reader(), plan.view(), moved.quota));
  if (own && own->directory == moved.inode) return Status::Ok();  // the top of a tree of its own
  moved.quota = target;
  if (directory) plan.NoteUncounted(target);
  return Status::Ok();
}

// What never had a name counts where it gets its first.
Status PlanQuotaOfLinked(const TreePlan& plan, Attributes& linked, InodeNumber target) {
  if (linked.quota == target) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const QuotaEdge edge, FindEdge(plan, linked.quota, target));
  if (!edge.source && !edge.target) return Status::Ok();
  if (linked.links == 0 || (edge.target && edge.target->counting)) {
    linked.quota = target;
    return Status::Ok();
  }
  return edge.counting() ? Status::Ok() : BetweenQuotas();
}

void TouchNames(Attributes& directory, int64_t now_ns) {
  directory.mtime_ns = now_ns;
  directory.ctime_ns = now_ns;
}

Status AddDirectoryLink(Attributes& parent) {
  if (parent.links >= kLinksMax) {
    return Status(Code::kManyLinks, InodeText(parent.inode) + " holds too many directories");
  }
  ++parent.links;
  return Status::Ok();
}

Status AlreadyThere(InodeNumber parent, std::string_view name) {
  return Status(Code::kExists, NameText(parent, name) + " already exists");
}

// What the name stands for now; it must be what the caller has locked.
Result<Dentry> Verify(TreePlan& plan, const SeenName& name) {
  MENDFS_ASSIGN_OR_RETURN(const std::optional<Dentry> now,
                          FindName(plan.reader(), plan.view(), name.parent, name.name));
  const Dentry dentry = now.value_or(Dentry{});
  if (dentry == name.seen) return dentry;
  return Status(Code::kConditionLost, NameText(name.parent, name.name) + " changed meanwhile");
}

Result<Dentry> VerifyPresent(TreePlan& plan, const SeenName& name) {
  MENDFS_ASSIGN_OR_RETURN(const Dentry dentry, Verify(plan, name));
  if (dentry.inode.value != 0) return dentry;
  return Status(Code::kNotFound, NameText(name.parent, name.name) + " does not exist");
}

Status CheckEmpty(const TreePlan& plan, InodeNumber directory) {
  MENDFS_ASSIGN_OR_RETURN(const bool empty,
                          IsEmptyDirectory(plan.reader(), plan.view(), directory));
  if (empty) return Status::Ok();
  return Status(Code::kNotEmpty, "directory " + InodeText(directory) + " is not empty");
}

Status CheckNewInode(const NewInode& inode) {
  if (!S_ISLNK(inode.mode)) return Status::Ok();
  if (inode.link_target.size() > kLinkTargetBytesMax) {
    return Status(Code::kNameTooLong, "symbolic link: the target is longer than " +
                                          std::to_string(kLinkTargetBytesMax) + " bytes");
  }
  if (inode.link_target.empty() || inode.link_target.find('\0') != std::string::npos) {
    return Status(Code::kInvalid, "symbolic link: the target is empty or holds a zero byte");
  }
  return Status::Ok();
}

Result<Attributes> NewAttributes(const Attributes& parent, const NewInode& inode,
                                 InodeNumber number, int64_t now_ns) {
  Attributes made{.inode = number};
  made.mode = inode.mode & (S_IFMT | kPermissionBits);
  made.uid = inode.uid;
  made.gid = inode.gid;
  made.quota = parent.quota;
  made.links = 1;
  made.atime_ns = made.mtime_ns = made.ctime_ns = made.btime_ns = now_ns;
  switch (inode.mode & S_IFMT) {
    case S_IFDIR:
      made.parent = parent.inode;
      made.links = 2;
      made.size_bytes = kDirectorySizeBytes;
      break;
    case S_IFLNK: made.size_bytes = inode.link_target.size(); break;
    case S_IFCHR:
    case S_IFBLK: made.device = inode.device; break;
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK: break;
    default: return Status(Code::kInvalid, "make an inode: mode has no known type");
  }
  if ((parent.mode & S_ISGID) != 0) {
    made.gid = parent.gid;
    if (S_ISDIR(made.mode)) made.mode |= S_ISGID;
  }
  return made;
}

// Puts the name in the place of `before`, which may be nothing.
void PutName(TreePlan& plan, const SeenName& name, const Dentry& dentry) {
  std::string key = DentryKey(name.parent, name.name);
  if (name.seen.inode.value == 0) {
    plan.change().PutFresh(std::move(key), EncodeDentry(dentry));
  } else {
    plan.change().Put(std::move(key), EncodeDentry(dentry));
  }
}

// A directory leaves `from` and enters `to`.
Status Reparent(Attributes& directory, Attributes& from, Attributes& to) {
  if (&from == &to) return Status::Ok();
  --from.links;
  directory.parent = to.inode;
  return AddDirectoryLink(to);
}

Status RefuseLoop(const TreePlan& plan, InodeNumber moved, InodeNumber into) {
  MENDFS_ASSIGN_OR_RETURN(const bool within, IsWithin(plan.reader(), plan.view(), into, moved));
  if (!within) return Status::Ok();
  return Status(Code::kInvalid, "directory " + InodeText(moved) + " cannot move below itself");
}

Status CheckReplaced(const TreePlan& plan, const Dentry& source, const Dentry& target) {
  const bool source_is_directory = S_ISDIR(source.mode_type);
  if (!S_ISDIR(target.mode_type)) {
    if (!source_is_directory) return Status::Ok();
    return Status(Code::kNotDirectory, InodeText(target.inode) + " is not a directory");
  }
  if (!source_is_directory) {
    return Status(Code::kIsDirectory, InodeText(target.inode) + " is a directory");
  }
  return CheckEmpty(plan, target.inode);
}

struct RenameInodes {
  Attributes* from;  // the directory that has the source name
  Attributes* to;    // the directory that has the target name
  Attributes* source;
  Attributes* target;  // null when the target name is free
};

Status PlanExchange(TreePlan& plan, const RenameRequest& request, const RenameInodes& inodes) {
  if (MovesDirectory(request)) {
    if (S_ISDIR(inodes.source->mode)) {
      MENDFS_RETURN_IF_ERROR(RefuseLoop(plan, inodes.source->inode, inodes.to->inode));
    }
    if (S_ISDIR(inodes.target->mode)) {
      MENDFS_RETURN_IF_ERROR(RefuseLoop(plan, inodes.target->inode, inodes.from->inode));
    }
  }
  PutName(plan, request.source, request.target.seen);
  PutName(plan, request.target, request.source.seen);
  if (S_ISDIR(inodes.source->mode)) {
    MENDFS_RETURN_IF_ERROR(Reparent(*inodes.source, *inodes.from, *inodes.to));
  }
  if (S_ISDIR(inodes.target->mode)) {
    MENDFS_RETURN_IF_ERROR(Reparent(*inodes.target, *inodes.to, *inodes.from));
  }
  inodes.target->ctime_ns = plan.now_ns();
  return Status::Ok();
}

Status PlanReplace(TreePlan& plan, const RenameRequest& request, const RenameInodes& inodes,
                   const HeldInodes& held) {
  if (MovesDirectory(request)) {
    MENDFS_RETURN_IF_ERROR(RefuseLoop(plan, inodes.source->inode, inodes.to->inode));
  }
  if (inodes.target != nullptr) {
    MENDFS_RETURN_IF_ERROR(CheckReplaced(plan, request.source.seen, request.target.seen));
    if (S_ISDIR(inodes.target->mode)) --inodes.to->links;
    MENDFS_RETURN_IF_ERROR(plan.DropName(*inodes.target, held));
  }
  plan.change().Clear(DentryKey(request.source.parent, request.source.name));
  PutName(plan, request.target, request.source.seen);
  if (!S_ISDIR(inodes.source->mode)) return Status::Ok();
  return Reparent(*inodes.source, *inodes.from, *inodes.to);
}

}  // namespace

Result<SeenName> SeeName(const Reader& reader, const View& view, InodeNumber parent,
                         std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(const std::optional<Dentry> dentry, FindName(reader, view, parent, name));
  return SeenName{.parent = parent, .name = name, .seen = dentry.value_or(Dentry{})};
}

Result<Attributes*> PlanMake(TreePlan& plan, InodeNumber parent, std::string_view name,
                             const NewInode& inode, InodeNumber number) {
  MENDFS_RETURN_IF_ERROR(CheckNewInode(inode));
  MENDFS_ASSIGN_OR_RETURN(Attributes * directory, plan.UseDirectory(parent));
  MENDFS_ASSIGN_OR_RETURN(const SeenName seen, SeeName(plan.reader(), plan.view(), parent, name));
  if (seen.seen.inode.value != 0) return AlreadyThere(parent, name);
  MENDFS_ASSIGN_OR_RETURN(Attributes made, NewAttributes(*directory, inode, number, plan.now_ns()));
  MENDFS_RETURN_IF_ERROR(PlanNewPermissions(plan, *directory, inode.umask, made));
  if (S_ISDIR(made.mode)) MENDFS_RETURN_IF_ERROR(AddDirectoryLink(*directory));
  TouchNames(*directory, plan.now_ns());
  PutName(plan, seen, Dentry{number, made.mode & S_IFMT});
  if (S_ISLNK(made.mode)) {
    plan.change().PutFresh(ExtentKey(number, 0), EncodeExtent(inode.link_target));
  }
  return &plan.Add(made);
}

Result<Attributes*> PlanMakeUnnamed(TreePlan& plan, InodeNumber directory_number,
                                    const NewInode& inode, InodeNumber number,
                                    const HeldInodes& held) {
  MENDFS_ASSIGN_OR_RETURN(const Attributes* directory, plan.UseDirectory(directory_number));
  if (!S_ISREG(inode.mode)) {
    return Status(Code::kInvalid, "make a file without a name: not a regular file");
  }
  MENDFS_ASSIGN_OR_RETURN(Attributes attributes,
                          NewAttributes(*directory, inode, number, plan.now_ns()));
  MENDFS_RETURN_IF_ERROR(PlanNewPermissions(plan, *directory, inode.umask, attributes));
  Attributes& made = plan.Add(attributes);
  // As if its name had gone while somebody held it: a crash leaves what the next open frees.
  MENDFS_RETURN_IF_ERROR(plan.DropName(made, held));
  return &made;
}

Result<Attributes*> PlanLink(TreePlan& plan, InodeNumber inode, InodeNumber parent,
                             std::string_view name, const HeldInodes& held) {
  MENDFS_ASSIGN_OR_RETURN(Attributes * directory, plan.UseDirectory(parent));
  MENDFS_ASSIGN_OR_RETURN(const SeenName seen, SeeName(plan.reader(), plan.view(), parent, name));
  MENDFS_ASSIGN_OR_RETURN(Attributes * source, plan.Use(inode));
  if (S_ISDIR(source->mode)) {
    return Status(Code::kNotPermitted, "link: " + InodeText(inode) + " is a directory");
  }
  if (seen.seen.inode.value != 0) return AlreadyThere(parent, name);
  if (source->links == 0) {
    if (!held.IsUnnamed(inode)) {
      return Status(Code::kNotFound, "link: " + InodeText(inode) + " is removed");
    }
    if (!source->uncleared_tail) plan.change().Clear(OrphanMarkerKey(inode));
  }
  if (source->links >= kLinksMax) {
    return Status(Code::kManyLinks, "link: " + InodeText(inode) + " has too many names");
  }
  MENDFS_RETURN_IF_ERROR(PlanQuotaOfLinked(plan, *source, directory->quota));
  ++source->links;
  source->ctime_ns = plan.now_ns();
  TouchNames(*directory, plan.now_ns());
  PutName(plan, seen, Dentry{inode, source->mode & S_IFMT});
  return source;
}

Result<Attributes> PlanRemove(TreePlan& plan, const SeenName& name, bool directory,
                              const HeldInodes& held) {
  MENDFS_ASSIGN_OR_RETURN(Attributes * parent, plan.UseDirectory(name.parent));
  MENDFS_ASSIGN_OR_RETURN(const Dentry dentry, VerifyPresent(plan, name));
  if (directory && !S_ISDIR(dentry.mode_type)) {
    return Status(Code::kNotDirectory, NameText(name.parent, name.name) + " is not a directory");
  }
  if (!directory && S_ISDIR(dentry.mode_type)) {
    return Status(Code::kIsDirectory, NameText(name.parent, name.name) + " is a directory");
  }
  MENDFS_ASSIGN_OR_RETURN(Attributes * inode, plan.Use(dentry.inode));
  if (directory) {
    MENDFS_RETURN_IF_ERROR(CheckEmpty(plan, dentry.inode));
    --parent->links;
  }
  TouchNames(*parent, plan.now_ns());
  plan.change().Clear(DentryKey(name.parent, name.name));
  MENDFS_RETURN_IF_ERROR(plan.DropName(*inode, held));
  return *inode;
}

bool MovesDirectory(const RenameRequest& request) {
  if (request.source.parent == request.target.parent) return false;
  return S_ISDIR(request.source.seen.mode_type) ||
         (request.mode == RenameMode::kExchange && S_ISDIR(request.target.seen.mode_type));
}

Status PlanRename(TreePlan& plan, const RenameRequest& request, const HeldInodes& held) {
  RenameInodes inodes{};
  MENDFS_ASSIGN_OR_RETURN(inodes.from, plan.UseDirectory(request.source.parent));
  MENDFS_ASSIGN_OR_RETURN(inodes.to, plan.UseDirectory(request.target.parent));
  MENDFS_ASSIGN_OR_RETURN(const Dentry source, VerifyPresent(plan, request.source));
  const Result<Dentry> found = request.mode == RenameMode::kExchange
                                   ? VerifyPresent(plan, request.target)
                                   : Verify(plan, request.target);
  MENDFS_RETURN_IF_ERROR(found.status());
  const Dentry target = *found;
  if (target.inode.value != 0 && request.mode == RenameMode::kNoReplace) {
    return AlreadyThere(request.target.parent, request.target.name);
  }
  if (target.inode == source.inode) return Status::Ok();

  MENDFS_ASSIGN_OR_RETURN(inodes.source, plan.Use(source.inode));
  MENDFS_RETURN_IF_ERROR(
      PlanQuotaOfMoved(plan, *inodes.source, inodes.from->quota, inodes.to->quota));
  if (target.inode.value != 0) {
    MENDFS_ASSIGN_OR_RETURN(inodes.target, plan.Use(target.inode));
  }
  if (request.mode == RenameMode::kExchange) {
    MENDFS_RETURN_IF_ERROR(
        PlanQuotaOfMoved(plan, *inodes.target, inodes.to->quota, inodes.from->quota));
    MENDFS_RETURN_IF_ERROR(PlanExchange(plan, request, inodes));
  } else {
    MENDFS_RETURN_IF_ERROR(PlanReplace(plan, request, inodes, held));
  }
  inodes.source->ctime_ns = plan.now_ns();
  TouchNames(*inodes.from, plan.now_ns());
  TouchNames(*inodes.to, plan.now_ns());
  return Status::Ok();
}

Status MakeFilesRoot(Change& change, uint32_t uid, uint32_t gid, int64_t now_ns) {
  for (const InodeNumber root : {kFilesRoot, kScratchRoot, kOrphanRoot}) {
    Attributes attributes{.inode = root, .parent = root};
    attributes.mode = S_IFDIR | (root == kFilesRoot ? 0755 : 0700);
    attributes.uid = uid;
    attributes.gid = gid;
    attributes.links = 2;
    attributes.size_bytes = kDirectorySizeBytes;
    attributes.atime_ns = attributes.mtime_ns = attributes.ctime_ns = attributes.btime_ns = now_ns;
    change.PutFresh(InodeKey(root), EncodeAttributes(attributes));
  }
  return Status::Ok();
}

}  // namespace mendfs
