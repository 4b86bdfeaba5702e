// What happens to names: make, link, remove, rename, each filled into a TreePlan.
//
// Times follow POSIX: a directory whose names change gets mtime and ctime, an inode whose names
// change gets ctime. A directory has two links and one more for each directory in it.
//
// Errors:   kConditionLost when a name no longer stands for what the caller locked: look again;
//           else as meta/files.h
#pragma once

#include <string_view>

#include "meta/base/status.h"
#include "meta/tree/tree_plan.h"

namespace mendfs {

// A name, and what it stood for when the locks were chosen. Inode 0: there was none.
struct SeenName {
  InodeNumber parent;
  std::string_view name;
  Dentry seen;
};
// Looks now. A missing name is an answer here, a malformed one is kInvalid or kNameTooLong.
Result<SeenName> SeeName(const Reader& reader, const View& view, InodeNumber parent,
                         std::string_view name);

// `number` is one that Door::TakeInodes handed out.
Result<Attributes*> PlanMake(TreePlan& plan, InodeNumber parent, std::string_view name,
                             const NewInode& inode, InodeNumber number);
// The same without a name; `number` is held already.
Result<Attributes*> PlanMakeUnnamed(TreePlan& plan, InodeNumber directory, const NewInode& inode,
                                    InodeNumber number, const HeldInodes& held);
Result<Attributes*> PlanLink(TreePlan& plan, InodeNumber inode, InodeNumber parent,
                             std::string_view name, const HeldInodes& held);
Result<Attributes> PlanRemove(TreePlan& plan, const SeenName& name, bool directory,
                              const HeldInodes& held);

struct RenameRequest {
  SeenName source;
  SeenName target;
  RenameMode mode = RenameMode::kReplace;
};
// Does it move a directory to another one? Then no other such move may run: the way up from the
// target decides whether a directory would end up below itself.
bool MovesDirectory(const RenameRequest& request);
Status PlanRename(TreePlan& plan, const RenameRequest& request, const HeldInodes& held);

// The roots that every store has: files/, the tables' scratch files and the list of orphans.
Status MakeFilesRoot(Change& change, uint32_t uid, uint32_t gid, int64_t now_ns);

}  // namespace mendfs
