// What the parts of FileWriter share. See files.h.
//
// Threads:  safe from any thread
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/files.h"
#include "meta/tree/body.h"
#include "meta/tree/held_inodes.h"
#include "meta/tree/names.h"
#include "meta/tree/tree_plan.h"
#include "meta/tree/tree_read.h"

namespace mendfs {

// What EntityLocks::Held takes; those without a number are left out.
inline std::vector<uint64_t> Entities(std::initializer_list<InodeNumber> inodes) {
  std::vector<uint64_t> entities;
  for (const InodeNumber inode : inodes) {
    if (inode.value != 0) entities.push_back(inode.value);
  }
  return entities;
}

// Only regular files have bytes.
Status CheckWritable(const Attributes& attributes);

struct FileWriter::Core {
  Core(Door& open_door, BranchId open_branch) : door(open_door), branch(open_branch) {}

  // Made under the locks, so that times rise in the order of the changes.
  TreePlan Plan() { return TreePlan(door.reader(), branch, door.NowNs()); }
  Result<SeenName> See(InodeNumber parent, std::string_view name) const {
    return SeeName(door.reader(), View{branch, kHeadSeq}, parent, name);
  }

  Status Commit(TreePlan& plan, Room room = Room::kAdds);
  Status ClearRest(InodeNumber inode);
  void ClearRests(const TreePlan& plan);
  Status CutTail(InodeNumber inode);
  Result<Attributes> Make(InodeNumber parent, std::string_view name, const NewInode& inode);
  Result<Attributes> MakeUnnamed(InodeNumber directory, const NewInode& inode);
  Result<Attributes> Link(InodeNumber inode, InodeNumber parent, std::string_view name);
  Result<Attributes> Remove(const SeenName& name, bool directory);
  Status Rename(const RenameRequest& request);
  Result<Attributes> Write(InodeNumber inode, std::optional<uint64_t> offset,
                           std::string_view bytes);
  // Bytes for PlanBodyReplace, as pieces from 0 on: what is long is in a pack already.
  Result<std::vector<BodyPiece>> Stage(InodeNumber inode, std::optional<uint64_t> offset,
                                       std::string_view bytes);
  BodySource Source(const TreePlan& plan, InodeNumber inode) {
    return {plan.reader(), door.bodies(), plan.view(), inode};
  }
  Result<Attributes> ChangeSpace(InodeNumber inode, const SpaceChange& change);
  Result<uint64_t> CloneSome(const CloneRequest& request);
  Status Resize(TreePlan& plan, Attributes& attributes, uint64_t size_bytes);
  Status FreeUnheld(TreePlan& plan, InodeNumber inode);

  Door& door;
  const BranchId branch;
  HeldInodes held;
  Mutex quota_mutex{LockRank::kCatalog};
};

}  // namespace mendfs
