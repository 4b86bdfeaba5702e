// What the parts of FileWriter share. See files.h.
//
// Threads:  safe from any thread
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <thread>
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
// Does the range end at or before the largest offset?
Status CheckRange(std::string_view what, InodeNumber inode, uint64_t offset, uint64_t size_bytes);
// What is stored stays the same.
void Grow(Attributes& attributes, uint64_t size_bytes);

// Gives what is below directories that were not empty the ids of their quotas. See files_quotas.cc.
class QuotaCounting {
 public:
  explicit QuotaCounting(FileWriter::Core& core) : core_(core) {}
  ~QuotaCounting();
  QuotaCounting(const QuotaCounting&) = delete;
  QuotaCounting& operator=(const QuotaCounting&) = delete;

  // In a thread of its own, unless it runs already.
  void Start();
  // Returns when no thread runs: ok when everything was counted.
  Status Await();
  // With the lock of quotas held: may the plan move what is not counted yet?
  Status CheckMoved(const TreePlan& plan);

 private:
  // What of a directory is to be looked at: names behind `after`, then these directories.
  struct Place {
    InodeNumber directory;
    uint64_t after = 0;
    bool listed = false;
    std::vector<InodeNumber> below;
  };

  void Run();
  Status CountAll();
  Status Count(InodeNumber id);
  Status Pass(const Quota& quota);
  Status Step(InodeNumber id, Place& place);
  Result<std::vector<InodeNumber>> Mark(InodeNumber id, InodeNumber directory,
                                        const std::vector<FileEntry>& entries);
  Result<bool> Finish(InodeNumber id, uint64_t moves);
  bool WaitToStop(unsigned wait_ms);

  FileWriter::Core& core_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> moves_{0};  // of directories that are not counted yet
  Mutex mutex_{LockRank::kDaemon};
  CondVar changed_;
  bool running_ GUARDED_BY(mutex_) = false;
  bool again_ GUARDED_BY(mutex_) = false;
  Status outcome_ GUARDED_BY(mutex_);
  std::thread thread_ GUARDED_BY(mutex_);
};

struct FileWriter::Core {
  Core(Door& open_door, BranchId open_branch) : door(open_door), branch(open_branch) {}

  // Made under the locks, so that times rise in the order of the changes.
  TreePlan Plan() { return TreePlan(door.reader(), branch, door.NowNs()); }
  Result<SeenName> See(InodeNumber parent, std::string_view name) const {
    return SeeName(door.reader(), View{branch, kHeadSeq}, parent, name);
  }

  Status Commit(TreePlan& plan, Room room = Room::kAdds, QuotaLimit limit = QuotaLimit::kKept);
  Status ClearRest(InodeNumber inode);
  void ClearRests(const TreePlan& plan);
  Status CutTail(InodeNumber inode);
  Result<Attributes> Make(InodeNumber parent, std::string_view name, const NewInode& inode);
  Result<Attributes> MakeUnnamed(InodeNumber directory, const NewInode& inode);
  Result<Attributes> Link(InodeNumber inode, InodeNumber parent, std::string_view name);
  Result<Attributes> Remove(const SeenName& name, bool directory);
  Status Rename(const RenameRequest& request);
  Result<Attributes> Write(InodeNumber inode, std::optional<uint64_t> offset,
                           std::string_view bytes, bool set_aside = false);
  // Before the lock; what is long is in a pack or blob already, but for what has to wait for it.
  Result<std::vector<BodyPiece>> Stage(InodeNumber inode, std::optional<uint64_t> offset,
                                       std::string_view bytes);
  BodySource Source(const TreePlan& plan, InodeNumber inode) {
    return {plan.reader(), door.bodies(), plan.view(), inode};
  }
  Result<Attributes> ChangeSpace(InodeNumber inode, const SpaceChange& change);
  void Settle(InodeNumber inode);
  Result<uint64_t> CloneSome(const CloneRequest& request);
  Status Resize(TreePlan& plan, Attributes& attributes, uint64_t size_bytes);
  Status FreeUnheld(TreePlan& plan, InodeNumber inode);
  // files_set_aside.cc
  // With the lock of quotas: puts the sum into the plan's change and asks the door for the room;
  // answers the sum before.
  Result<uint64_t> MoveSetAside(TreePlan& plan, int64_t delta);
  void RestoreSetAside();
  Result<Attributes> SetAside(InodeNumber inode, const SpaceChange& change);
  Status CheckRoomFor(const Attributes& inode, uint64_t size_bytes);
  // While the disk is full: into what was set aside. kNoSpace where the range is not.
  Result<Attributes> WriteSetAside(InodeNumber inode, std::optional<uint64_t> offset,
                                   std::string_view bytes);
  Result<Attributes> WriteWithRoom(InodeNumber inode, std::optional<uint64_t> offset,
                                   std::string_view bytes);
  // Answers whether there is something to count.
  Result<bool> SetQuota(InodeNumber directory, InodeNumber id, uint64_t limit_bytes);

  Door& door;
  const BranchId branch;
  HeldInodes held;
  Mutex quota_mutex{LockRank::kCatalog};
  QuotaCounting counting{*this};
};

}  // namespace mendfs
