// A change of a POSIX tree in the making: reads what it needs, keeps the new state of each inode it
// uses, and ends as one Change.
//
// Callers hold the entity locks of all inodes that they name, and of the inodes that the names
// stand for: those are looked up before locking, and Plan… functions answer kConditionLost when a
// name stands for something else by now.
//
// What lost its last name is freed in the same change, if nobody holds it and it is small. Else a
// marker under kOrphanRoot (docs/formats/tree.md) tells what is left to do, also after a crash.
//
// Lifetime: one operation; after an error it is thrown away
// Threads:  one
// Errors:   as meta/files.h
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/tree/body.h"
#include "meta/tree/held_inodes.h"
#include "meta/tree/inode_format.h"
#include "meta/tree/quota.h"

namespace mendfs {

std::string OrphanMarkerKey(InodeNumber inode);

class TreePlan {
 public:
  TreePlan(const Reader& reader, BranchId branch, int64_t now_ns);
  TreePlan(const TreePlan&) = delete;
  TreePlan& operator=(const TreePlan&) = delete;

  // The inode's new state: change it in place. Valid as long as the plan.
  Result<Attributes*> Use(InodeNumber inode);
  // A directory that names can be put into: kNotFound when it is removed but held.
  Result<Attributes*> UseDirectory(InodeNumber inode);
  Attributes& Add(const Attributes& attributes);
  // One name of the inode is gone; a directory has only one.
  Status DropName(Attributes& inode, const HeldInodes& held);
  // Its entry goes now, its body and xattrs as far as one change reaches.
  Status Free(Attributes& inode, bool has_marker);
  // Clears what a marker stands for, as far as one change reaches; then the marker.
  Status ClearRest(InodeNumber inode);
  // What lies behind the end of the body goes, as far as one change reaches.
  Status CutBody(const BodyStore& bodies, Attributes& inode, uint64_t size_bytes);

  // What PlanBodyReplace has answered; the size is set after it.
  static void CountBody(Attributes& inode, const BodyDelta& delta);
  // What the change adds to what is set aside.
  int64_t SetAsideDelta() const;
  // What the change adds to the use of quotas.
  QuotaDeltas Charges() const;
  bool TouchesQuotas() const { return cleared_quota_.value != 0 || !Charges().empty(); }
  // The quota's record goes with this change.
  void ClearQuota(InodeNumber id);
  // A directory takes the id of a quota that is being counted, what is below it does not yet.
  void NoteUncounted(InodeNumber id) { uncounted_quota_ = id; }
  InodeNumber uncounted_quota() const { return uncounted_quota_; }

  Change Finish();

  const Reader& reader() const { return reader_; }
  View view() const { return View{branch_, kHeadSeq}; }
  int64_t now_ns() const { return now_ns_; }
  Change& change() { return change_; }
  // Once the change is applied: inodes that became orphans though held; inodes to ClearRest.
  const std::vector<InodeNumber>& orphans() const { return orphans_; }
  const std::vector<InodeNumber>& unfinished() const { return unfinished_; }

 private:
  struct Slot {
    Attributes attributes;
    std::string before;  // as read; empty if new
    InodeNumber quota_before;
    uint64_t taken_before = 0;
    uint64_t set_aside_before = 0;
    bool gone = false;
  };
  void PutMarker(const Attributes& inode);

  const Reader& reader_;
  const BranchId branch_;
  const int64_t now_ns_;
  Change change_;
  std::deque<Slot> slots_;
  std::vector<InodeNumber> orphans_;
  std::vector<InodeNumber> unfinished_;
  InodeNumber cleared_quota_;
  InodeNumber uncounted_quota_;
};

}  // namespace mendfs
