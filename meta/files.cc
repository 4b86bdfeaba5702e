#include "meta/files.h"

#include <sys/stat.h>

#include <optional>
#include <utility>

#include "meta/base/log.h"
#include "meta/files_core.h"
#include "meta/tree/xattrs.h"

namespace mendfs {
namespace {

// How often a name may change between looking and locking; each time somebody else got on.
constexpr int kAttemptsMax = 100;
// How many orphans are read before they are freed.
constexpr size_t kOrphansAtOnce = 1000;
// Not an inode: whoever moves a directory to another one holds it.
constexpr uint64_t kDirectoryMoves = UINT64_MAX;

}  // namespace

// One change of quotas, and of what is set aside, at a time, from reading their records to the new
// ones being there.
Status FileWriter::Core::Commit(TreePlan& plan, Room room, QuotaLimit limit) {
  std::optional<MutexLock> lock;
  const int64_t set_aside_delta = plan.SetAsideDelta();
  if (plan.TouchesQuotas() || set_aside_delta != 0) lock.emplace(quota_mutex);
  if (plan.TouchesQuotas()) {
    MENDFS_RETURN_IF_ERROR(counting.CheckMoved(plan));
    MENDFS_RETURN_IF_ERROR(
        ChargeQuotas(plan.reader(), plan.view(), plan.Charges(), limit, plan.change()));
  }
  std::optional<uint64_t> set_aside_before;
  if (set_aside_delta != 0) {
    MENDFS_ASSIGN_OR_RETURN(set_aside_before, MoveSetAside(plan, set_aside_delta));
  }
  Change change = plan.Finish();
  if (change.empty()) return Status::Ok();
  change.room = room;
  const Status applied = door.Apply(change).status();
  if (!applied.ok() && set_aside_before) door.SetAside(*set_aside_before).IgnoreError();
  MENDFS_RETURN_IF_ERROR(applied);
  for (const InodeNumber inode : plan.orphans()) held.MarkOrphan(inode);
  return Status::Ok();
}

// The operation is done already. What is left to clear is marked: at the latest the next open does
// it.
void FileWriter::Core::ClearRests(const TreePlan& plan) {
  for (const InodeNumber inode : plan.unfinished()) {
    const Status status = ClearRest(inode);
    if (status.ok()) continue;
    LogLine(LogLevel::kWarning, "tree", "freed partly, the next open frees the rest",
            {{"inode", std::to_string(inode.value)}, {"reason", status.ToString()}});
  }
}

// The inode's entry is gone, so nobody else changes what is left of it: no lock is needed.
Status FileWriter::Core::ClearRest(InodeNumber inode) {
  for (bool more = true; more;) {
    TreePlan plan = Plan();
    MENDFS_RETURN_IF_ERROR(plan.ClearRest(inode));
    more = !plan.unfinished().empty();
    Change change = plan.Finish();
    change.room = Room::kFrees;
    MENDFS_RETURN_IF_ERROR(door.Apply(change).status());
  }
  return Status::Ok();
}

// Clears what a long truncate has left behind the end; the caller holds the inode's lock.
Status FileWriter::Core::CutTail(InodeNumber inode) {
  for (bool more = true; more;) {
    TreePlan plan = Plan();
    MENDFS_ASSIGN_OR_RETURN(Attributes * attributes, plan.Use(inode));
    if (attributes->uncleared_tail) {
      MENDFS_RETURN_IF_ERROR(plan.CutBody(door.bodies(), *attributes, attributes->size_bytes));
    }
    more = attributes->uncleared_tail;
    MENDFS_RETURN_IF_ERROR(Commit(plan, Room::kFrees));
  }
  return Status::Ok();
}

FileWriter::FileWriter(Door& door, BranchId branch) : core_(std::make_unique<Core>(door, branch)) {}
FileWriter::~FileWriter() = default;

// ------------------------------------------------------------------------------------- names
Result<Attributes> FileWriter::Core::Make(InodeNumber parent, std::string_view name,
                                          const NewInode& inode) {
  MENDFS_ASSIGN_OR_RETURN(const InodeNumber number, door.TakeInodes(1));
  const EntityLocks::Held lock(door.locks(), Entities({parent}));
  TreePlan plan = Plan();
  MENDFS_ASSIGN_OR_RETURN(const Attributes* made, PlanMake(plan, parent, name, inode, number));
  MENDFS_RETURN_IF_ERROR(Commit(plan));
  return *made;
}

Result<Attributes> FileWriter::Core::MakeUnnamed(InodeNumber directory, const NewInode& inode) {
  MENDFS_ASSIGN_OR_RETURN(const InodeNumber number, door.TakeInodes(1));
  const EntityLocks::Held lock(door.locks(), Entities({directory, number}));
  TreePlan plan = Plan();
  held.Add(number);
  const auto make = [&]() -> Result<Attributes> {
    MENDFS_ASSIGN_OR_RETURN(const Attributes* made,
                            PlanMakeUnnamed(plan, directory, inode, number, held));
    MENDFS_RETURN_IF_ERROR(Commit(plan));
    return *made;
  };
  Result<Attributes> made = make();
  if (made.ok()) {
    held.MarkUnnamed(number);
  } else {
    held.Release(number);
  }
  return made;
}

Result<Attributes> FileWriter::Core::Link(InodeNumber inode, InodeNumber parent,
                                          std::string_view name) {
  const EntityLocks::Held lock(door.locks(), Entities({inode, parent}));
  TreePlan plan = Plan();
  MENDFS_ASSIGN_OR_RETURN(const Attributes* linked, PlanLink(plan, inode, parent, name, held));
  MENDFS_RETURN_IF_ERROR(Commit(plan));
  held.MarkNamed(inode);
  return *linked;
}

Result<Attributes> FileWriter::Make(InodeNumber parent, std::string_view name,
                                    const NewInode& inode) {
  MENDFS_RETURN_IF_ERROR(CheckFileName(name));
  return AddWithRoom(core_->door, [&] { return core_->Make(parent, name, inode); });
}

Result<Attributes> FileWriter::MakeUnnamed(InodeNumber directory, const NewInode& inode) {
  return AddWithRoom(core_->door, [&] { return core_->MakeUnnamed(directory, inode); });
}

Result<Attributes> FileWriter::Link(InodeNumber inode, InodeNumber parent, std::string_view name) {
  return AddWithRoom(core_->door, [&] { return core_->Link(inode, parent, name); });
}

Result<Attributes> FileWriter::Core::Remove(const SeenName& name, bool directory) {
  std::optional<EntityLocks::Held> lock(std::in_place, door.locks(),
                                        Entities({name.parent, name.seen.inode}));
  TreePlan plan = Plan();
  MENDFS_ASSIGN_OR_RETURN(Attributes removed, PlanRemove(plan, name, directory, held));
  MENDFS_RETURN_IF_ERROR(Commit(plan, Room::kFrees));
  lock.reset();
  ClearRests(plan);
  return removed;
}

Result<Attributes> FileWriter::Remove(InodeNumber parent, std::string_view name, bool directory) {
  for (int attempt = 1;; ++attempt) {
    MENDFS_ASSIGN_OR_RETURN(const SeenName seen, core_->See(parent, name));
    Result<Attributes> removed = core_->Remove(seen, directory);
    if (removed.status().code() != Code::kConditionLost || attempt == kAttemptsMax) return removed;
  }
}

Status FileWriter::Core::Rename(const RenameRequest& request) {
  std::vector<uint64_t> entities = Entities({request.source.parent, request.source.seen.inode,
                                             request.target.parent, request.target.seen.inode});
  if (MovesDirectory(request)) entities.push_back(kDirectoryMoves);
  std::optional<EntityLocks::Held> lock(std::in_place, door.locks(), entities);
  TreePlan plan = Plan();
  MENDFS_RETURN_IF_ERROR(PlanRename(plan, request, held));
  MENDFS_RETURN_IF_ERROR(Commit(plan, Room::kKeeps));
  lock.reset();
  ClearRests(plan);
  return Status::Ok();
}

Status FileWriter::Rename(InodeNumber parent, std::string_view name, InodeNumber new_parent,
                          std::string_view new_name, RenameMode mode) {
  for (int attempt = 1;; ++attempt) {
    RenameRequest request{.source = {}, .target = {}, .mode = mode};
    MENDFS_ASSIGN_OR_RETURN(request.source, core_->See(parent, name));
    MENDFS_ASSIGN_OR_RETURN(request.target, core_->See(new_parent, new_name));
    Status status = core_->Rename(request);
    if (status.code() != Code::kConditionLost || attempt == kAttemptsMax) return status;
  }
}

// --------------------------------------------------------------------------------- attributes
Status FileWriter::Core::Resize(TreePlan& plan, Attributes& attributes, uint64_t size_bytes) {
  MENDFS_RETURN_IF_ERROR(CheckWritable(attributes));
  if (size_bytes > kFileBytesMax) {
    return Status(Code::kTooBig, "truncate " + InodeText(attributes.inode) + ": size " +
                                     std::to_string(size_bytes) + " is above the largest");
  }
  attributes.mtime_ns = plan.now_ns();
  if (size_bytes < attributes.size_bytes) {
    return plan.CutBody(door.bodies(), attributes, size_bytes);
  }
  Grow(attributes, size_bytes);
  return Status::Ok();
}

Result<Attributes> FileWriter::Set(InodeNumber inode, const AttributeChange& change) {
  const EntityLocks::Held lock(core_->door.locks(), Entities({inode}));
  if (change.size_bytes) MENDFS_RETURN_IF_ERROR(core_->CutTail(inode));
  TreePlan plan = core_->Plan();
  MENDFS_ASSIGN_OR_RETURN(Attributes * attributes, plan.Use(inode));
  const bool changes = change.permissions || change.uid || change.gid || change.size_bytes ||
                       change.atime_ns || change.mtime_ns;
  if (!changes && !change.read_ns) return *attributes;
  const bool cuts = change.size_bytes && *change.size_bytes < attributes->size_bytes;
  if (change.size_bytes) {
    MENDFS_RETURN_IF_ERROR(core_->Resize(plan, *attributes, *change.size_bytes));
  }
  if (change.permissions) {
    MENDFS_RETURN_IF_ERROR(PlanPermissions(plan, *attributes, *change.permissions));
  }
  attributes->uid = change.uid.value_or(attributes->uid);
  attributes->gid = change.gid.value_or(attributes->gid);
  if (change.read_ns) attributes->atime_ns = *change.read_ns;
  attributes->atime_ns = change.atime_ns.value_or(attributes->atime_ns);
  attributes->mtime_ns = change.mtime_ns.value_or(attributes->mtime_ns);
  if (changes) attributes->ctime_ns = plan.now_ns();
  MENDFS_RETURN_IF_ERROR(core_->Commit(plan, cuts ? Room::kFrees : Room::kKeeps));
  const Attributes set = *attributes;
  if (set.uncleared_tail) {
    // The size holds already; whoever makes the file longer again clears the rest before.
    const Status status = core_->CutTail(inode);
    if (!status.ok()) {
      LogLine(LogLevel::kWarning, "tree", "truncated, the bytes behind the end are freed later",
              {{"inode", std::to_string(inode.value)}, {"reason", status.ToString()}});
    }
  }
  return set;
}

// ------------------------------------------------------------------------------------ xattrs
Status FileWriter::SetXattr(InodeNumber inode, std::string_view name, std::string_view value,
                            const XattrWrite& write) {
  return AddWithRoom(core_->door, [&]() -> Status {
    const EntityLocks::Held lock(core_->door.locks(), Entities({inode}));
    TreePlan plan = core_->Plan();
    MENDFS_RETURN_IF_ERROR(PlanSetXattr(plan, inode, name, value, write));
    return core_->Commit(plan);
  });
}

Status FileWriter::RemoveXattr(InodeNumber inode, std::string_view name) {
  const EntityLocks::Held lock(core_->door.locks(), Entities({inode}));
  TreePlan plan = core_->Plan();
  MENDFS_RETURN_IF_ERROR(PlanRemoveXattr(plan, inode, name));
  return core_->Commit(plan, Room::kFrees);
}

// ------------------------------------------------------------------------------------- orphans
void FileWriter::Hold(InodeNumber inode) {
  const EntityLocks::Held lock(core_->door.locks(), Entities({inode}));
  core_->held.Add(inode);
}

void FileWriter::Unhold(InodeNumber inode) {
  std::optional<EntityLocks::Held> lock(std::in_place, core_->door.locks(), Entities({inode}));
  const bool orphan = core_->held.Release(inode);
  if (!core_->held.Contains(inode)) core_->Settle(inode);
  if (!orphan) return;
  TreePlan plan = core_->Plan();
  const Status status = core_->FreeUnheld(plan, inode);
  lock.reset();
  if (status.ok()) return core_->ClearRests(plan);
  LogLine(LogLevel::kWarning, "tree", "not freed, the next open does it",
          {{"inode", std::to_string(inode.value)}, {"reason", status.ToString()}});
}

// Does what the inode's marker stands for; the caller holds the inode's lock.
Status FileWriter::Core::FreeUnheld(TreePlan& plan, InodeNumber inode) {
  const Result<Attributes*> attributes = plan.Use(inode);
  if (attributes.status().code() == Code::kNotFound) {
    MENDFS_RETURN_IF_ERROR(plan.ClearRest(inode));
  } else if (!attributes.ok()) {
    return attributes.status();
  } else if ((*attributes)->links == 0) {
    MENDFS_RETURN_IF_ERROR(plan.Free(**attributes, true));
  } else {
    MENDFS_RETURN_IF_ERROR(CutTail(inode));
    plan.change().Clear(OrphanMarkerKey(inode));
  }
  return Commit(plan, Room::kFrees);
}

Status FileWriter::FreeOrphans() {
  FileReader files(core_->door);
  const View head{core_->branch, kHeadSeq};
  core_->RestoreSetAside();
  for (uint64_t after = 0;;) {
    std::vector<FileEntry> orphans;
    MENDFS_ASSIGN_OR_RETURN(const auto cursor, files.List(head, kOrphanRoot, after));
    while (orphans.size() < kOrphansAtOnce) {
      MENDFS_ASSIGN_OR_RETURN(std::optional<FileEntry> entry, cursor->Next());
      if (!entry) break;
      orphans.push_back(*std::move(entry));
    }
    if (orphans.empty()) return Status::Ok();
    for (const FileEntry& orphan : orphans) {
      const EntityLocks::Held lock(core_->door.locks(), Entities({orphan.inode}));
      if (core_->held.Contains(orphan.inode)) continue;
      TreePlan plan = core_->Plan();
      MENDFS_RETURN_IF_ERROR(core_->FreeUnheld(plan, orphan.inode));
      for (const InodeNumber inode : plan.unfinished()) {
        MENDFS_RETURN_IF_ERROR(core_->ClearRest(inode));
      }
    }
    after = orphans.back().cookie;
  }
}

}  // namespace mendfs
