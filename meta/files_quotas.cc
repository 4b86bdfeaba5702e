// Quotas of FileWriter, and how a tree is counted that was there before its quota. See files.h.
//
// SetQuota of a directory that is not empty is one change: the directory gets the id, its record is
// `counting`. From then on what is made in a directory with the id gets it too. A thread walks the
// tree: 1 a directory with the id is listed · 2 some of what is in it gets the id, which one change
// counts too, under the locks of the directory and of all of them · 3 so on with the directories
// among them · 4 when a whole pass met nothing to do that a move had hidden from it, the record is
// no longer counting. So use is right after each change, and a crash between any two leaves a
// record that is counting, for the next open to begin at 1 again.
//
// Nothing escapes: what is made in a directory before it has the id is there when it is listed;
// what is moved meanwhile takes the id of where it goes (meta/tree/names.cc), and a directory that
// is moved so, whose content may stand behind what was listed, makes another pass necessary. The
// top of another quota is left alone with all below it.
#include <sys/stat.h>

#include <utility>

#include "meta/base/log.h"
#include "meta/files_core.h"

namespace mendfs {
namespace {

// What is counted in one change.
constexpr size_t kCountedAtOnce = 128;
// The disk is full, or failing: tried again after this time.
constexpr unsigned kRetryMs = 5000;

}  // namespace

// ------------------------------------------------------------------------------ set, clear
Result<bool> FileWriter::Core::SetQuota(InodeNumber number, InodeNumber id, uint64_t limit_bytes) {
  const EntityLocks::Held lock(door.locks(), Entities({number}));
  TreePlan plan = Plan();
  MENDFS_ASSIGN_OR_RETURN(Attributes * directory, plan.UseDirectory(number));
  {
    const MutexLock quota_lock(quota_mutex);
    MENDFS_ASSIGN_OR_RETURN(std::optional<Quota> quota,
                            FindQuota(plan.reader(), plan.view(), directory->quota));
    if (quota && quota->directory == number) {
      quota->limit_bytes = limit_bytes;
      plan.change().Put(QuotaKey(quota->id), EncodeQuota(*quota));
      MENDFS_RETURN_IF_ERROR(door.Apply(plan.Finish()).status());
      return quota->counting;
    }
  }
  MENDFS_ASSIGN_OR_RETURN(const bool empty, IsEmptyDirectory(plan.reader(), plan.view(), number));
  directory->quota = id;
  directory->ctime_ns = plan.now_ns();
  plan.change().PutFresh(QuotaKey(id), EncodeQuota({.id = id,
                                                    .directory = number,
                                                    .limit_bytes = limit_bytes,
                                                    .used_bytes = TakenBytes(*directory),
                                                    .counting = !empty}));
  MENDFS_RETURN_IF_ERROR(Commit(plan));
  return !empty;
}

Status FileWriter::SetQuota(InodeNumber number, uint64_t limit_bytes) {
  MENDFS_ASSIGN_OR_RETURN(const InodeNumber id, core_->door.TakeInodes(1));
  MENDFS_ASSIGN_OR_RETURN(const bool counts, core_->SetQuota(number, id, limit_bytes));
  if (counts) core_->counting.Start();
  return Status::Ok();
}

Status FileWriter::ClearQuota(InodeNumber number) {
  const EntityLocks::Held lock(core_->door.locks(), Entities({number}));
  TreePlan plan = core_->Plan();
  MENDFS_ASSIGN_OR_RETURN(Attributes * directory, plan.UseDirectory(number));
  MENDFS_ASSIGN_OR_RETURN(const std::optional<Quota> quota,
                          FindQuota(plan.reader(), plan.view(), directory->quota));
  if (!quota || quota->directory != number) {
    return Status(Code::kNotFound, "no quota begins at " + InodeText(number));
  }
  plan.ClearQuota(quota->id);
  directory->quota = InodeNumber(0);
  directory->ctime_ns = plan.now_ns();
  // A writer below must not put the record again that it has read before.
  const MutexLock quota_lock(core_->quota_mutex);
  Change change = plan.Finish();
  change.room = Room::kFrees;
  return core_->door.Apply(change).status();
}

void FileWriter::ResumeCounting() {
  core_->counting.Start();
}

Status FileWriter::AwaitCounting() {
  return core_->counting.Await();
}

// ------------------------------------------------------------------------------- the thread
QuotaCounting::~QuotaCounting() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stop_.store(true);
    changed_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void QuotaCounting::Start() {
  MutexLock lock(mutex_);
  again_ = true;
  changed_.NotifyAll();
  if (running_ || stop_.load()) return;
  if (thread_.joinable()) thread_.join();  // it has ended
  running_ = true;
  thread_ = std::thread([this] { Run(); });
}

Status QuotaCounting::Await() {
  MutexLock lock(mutex_);
  while (running_) changed_.Wait(mutex_);
  return outcome_;
}

bool QuotaCounting::WaitToStop(unsigned wait_ms) {
  MutexLock lock(mutex_);
  if (!stop_.load() && !again_) changed_.WaitFor(mutex_, wait_ms);
  return stop_.load();
}

void QuotaCounting::Run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      again_ = false;
    }
    const Status counted = CountAll();
    const bool retry = MetNoSpace(counted);
    if (!counted.ok() && !stop_.load()) {
      LogLine(LogLevel::kWarning, "tree",
              retry ? "a quota is not counted yet, it is tried again"
                    : "a quota is not counted to its end, the next mount goes on",
              {{"reason", counted.ToString()}});
    }
    const bool stopped = retry && WaitToStop(kRetryMs);
    MutexLock lock(mutex_);
    if (stop_.load() || stopped || (!retry && !again_)) {
      outcome_ = counted;
      running_ = false;
      changed_.NotifyAll();
      return;
    }
  }
}

// --------------------------------------------------------------------------------- counting
Status QuotaCounting::CountAll() {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<Quota> quotas,
                          ListQuotas(core_.door.reader(), View{core_.branch, kHeadSeq}));
  for (const Quota& quota : quotas) {
    if (!quota.counting) continue;
    MENDFS_RETURN_IF_ERROR(Count(quota.id).Annotate("count what is below inode " +
                                                    std::to_string(quota.directory.value)));
  }
  return Status::Ok();
}

Status QuotaCounting::Count(InodeNumber id) {
  for (bool more = true; more;) {
    const uint64_t moves = moves_.load();
    MENDFS_ASSIGN_OR_RETURN(const std::optional<Quota> quota,
                            FindQuota(core_.door.reader(), View{core_.branch, kHeadSeq}, id));
    if (!quota || !quota->counting) return Status::Ok();
    MENDFS_RETURN_IF_ERROR(Pass(*quota));
    MENDFS_ASSIGN_OR_RETURN(more, Finish(id, moves));
  }
  return Status::Ok();
}

// Depth first: memory follows the depth, some directories at each.
Status QuotaCounting::Pass(const Quota& quota) {
  std::vector<Place> places;
  places.push_back({.directory = quota.directory, .below = {}});
  while (!places.empty()) {
    if (stop_.load()) return Status(Code::kInterrupted, "the store is closed");
    Place& place = places.back();
    if (!place.below.empty()) {
      const InodeNumber next = place.below.back();
      place.below.pop_back();
      places.push_back({.directory = next, .below = {}});
    } else if (place.listed) {
      places.pop_back();
    } else {
      MENDFS_RETURN_IF_ERROR(Step(quota.id, place));
    }
  }
  return Status::Ok();
}

Status QuotaCounting::Step(InodeNumber id, Place& place) {
  const FileReader files(core_.door);
  const auto cursor = files.List(View{core_.branch, kHeadSeq}, place.directory, place.after);
  if (cursor.status().code() == Code::kNotFound) {
    place.listed = true;  // removed meanwhile
    return Status::Ok();
  }
  MENDFS_RETURN_IF_ERROR(cursor.status());
  std::vector<FileEntry> entries;
  while (entries.size() < kCountedAtOnce) {
    MENDFS_ASSIGN_OR_RETURN(std::optional<FileEntry> entry, (*cursor)->Next());
    if (!entry) {
      place.listed = true;
      break;
    }
    place.after = entry->cookie;
    entries.push_back(*std::move(entry));
  }
  MENDFS_ASSIGN_OR_RETURN(place.below, Mark(id, place.directory, entries));
  return Status::Ok();
}

// Answers the directories among them that have the id now.
Result<std::vector<InodeNumber>> QuotaCounting::Mark(InodeNumber id, InodeNumber number,
                                                     const std::vector<FileEntry>& entries) {
  std::vector<InodeNumber> directories;
  std::vector<uint64_t> entities = {number.value};
  for (const FileEntry& entry : entries) entities.push_back(entry.inode.value);
  const EntityLocks::Held lock(core_.door.locks(), entities);
  TreePlan plan = core_.Plan();
  const auto directory = plan.UseDirectory(number);
  if (directory.status().code() == Code::kNotFound) return directories;
  MENDFS_RETURN_IF_ERROR(directory.status());
  if ((*directory)->quota != id) return directories;  // another quota begins above it by now
  for (const FileEntry& entry : entries) {
    MENDFS_ASSIGN_OR_RETURN(const std::optional<Dentry> dentry,
                            FindName(plan.reader(), plan.view(), number, entry.name));
    if (!dentry || dentry->inode != entry.inode) continue;  // moved, which was looked after there
    MENDFS_ASSIGN_OR_RETURN(Attributes * inode, plan.Use(entry.inode));
    if (inode->quota != id) {
      MENDFS_ASSIGN_OR_RETURN(const std::optional<Quota> own,
                              FindQuota(plan.reader(), plan.view(), inode->quota));
      if (own && own->directory == inode->inode) continue;
      inode->quota = id;
    }
    if (S_ISDIR(inode->mode)) directories.push_back(inode->inode);
  }
  MENDFS_RETURN_IF_ERROR(core_.Commit(plan, Room::kKeeps, QuotaLimit::kIgnored));
  return directories;
}

// True: another pass is needed.
Result<bool> QuotaCounting::Finish(InodeNumber id, uint64_t moves) {
  const View head{core_.branch, kHeadSeq};
  const MutexLock lock(core_.quota_mutex);
  if (moves_.load() != moves) return true;
  MENDFS_ASSIGN_OR_RETURN(std::optional<Quota> quota, FindQuota(core_.door.reader(), head, id));
  if (!quota || !quota->counting) return false;
  quota->counting = false;
  Change change;
  change.branch = core_.branch;
  change.Put(QuotaKey(id), EncodeQuota(*quota));
  change.room = Room::kKeeps;
  MENDFS_RETURN_IF_ERROR(core_.door.Apply(change).status());
  return false;
}

Status QuotaCounting::CheckMoved(const TreePlan& plan) {
  if (plan.uncounted_quota().value == 0) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const std::optional<Quota> quota,
                          FindQuota(plan.reader(), plan.view(), plan.uncounted_quota()));
  if (!quota || !quota->counting) {
    return Status(Code::kConditionLost, "the tree was counted meanwhile");
  }
  moves_.fetch_add(1);
  return Status::Ok();
}

}  // namespace mendfs
