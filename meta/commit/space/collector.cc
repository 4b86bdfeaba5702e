#include "meta/commit/space/collector.h"

#include <algorithm>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/commit/space/pack_emptying.h"

namespace mendfs {
namespace {

// How often packs are looked at again that something came to refer to meanwhile.
constexpr int kRoundsMax = 4;
// Blocks that are live in the packs that are emptied together, about: some hundred bytes of memory
// each. A single pack may have more.
constexpr uint64_t kBlocksMax = 128 << 10;
// When the disk is full even a little is worth a copy.
constexpr unsigned kPressingLivePercentMax = 90;
// Garbage that was there when the store was opened is not known: the first cycle comes earlier.
constexpr uint64_t kFirstCycleDivisor = 16;

uint64_t Part(uint64_t whole, unsigned percent) {
  return whole / 100 * percent + whole % 100 * percent / 100;
}

uint64_t GarbageOf(uint64_t held_bytes, const PackUse& use) {
  return held_bytes - std::min(held_bytes, use.live_bytes);
}

}  // namespace

Collector::Collector(const SpaceParts& parts, const SpaceOptions& options)
    : parts_(parts), options_(options), removal_(parts, options.defects), sealed_journal_(parts) {}

Collector::~Collector() {
  Stop();
}

void Collector::Recover() {
  const Status finished = removal_.FinishAll();
  if (finished.ok()) return;
  LogLine(LogLevel::kWarning, "space",
          "objects that nothing needs stay until the next open: " + finished.ToString());
}

// ---------------------------------------------------------------------------------- the thread
void Collector::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Collector::Stop() {
  {
    MutexLock lock(mutex_);
    stop_.store(true);
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void Collector::Nudge() {
  if (!IsWorthIt() && !sealed_journal_.grown()) return;
  MutexLock lock(mutex_);
  nudged_ = true;
  wake_.NotifyAll();
}

void Collector::Loop() {
  constexpr unsigned kSleepMs = 60'000;
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!nudged_ && !stop_.load()) wake_.WaitFor(mutex_, kSleepMs);
      nudged_ = false;
    }
    if (stop_.load()) return;
    const auto collected = Collect(ReclaimHow::kNormal);
    if (collected.ok() || collected.status().code() == Code::kInterrupted) continue;
    LogLine(LogLevel::kWarning, "space", "space stays taken: " + collected.status().ToString());
  }
}

bool Collector::IsWorthIt() const {
  const uint64_t wanted = options_.garbage_bytes_min.value_or(kGarbageBytesMinDefault);
  if (wanted == 0) return true;
  MutexLock lock(mutex_);
  const uint64_t since = estimate_.bytes();
  if (counted_.as_of == Seq()) return since >= std::max<uint64_t>(1, wanted / kFirstCycleDivisor);
  // What the last cycle left is spread too thin: it counts only together with as much again.
  return since >= wanted &&
         counted_.garbage_bytes + since >= Part(counted_.held_bytes, options_.garbage_percent_min);
}

PackSpace Collector::Describe() const {
  MutexLock lock(mutex_);
  PackSpace space = counted_;
  space.garbage_since_bytes = estimate_.bytes();
  return space;
}

// ------------------------------------------------------------------------------------- a cycle
// False where a walk would find nothing: as of the last count, and what folds said since.
bool Collector::MayBeDead() const {
  MutexLock lock(mutex_);
  return counted_.as_of == Seq() || counted_.garbage_bytes > 0 || estimate_.bytes() > 0;
}

Result<Reclaimed> Collector::Collect(ReclaimHow how, const std::function<bool()>& enough) {
  {
    MutexLock lock(mutex_);
    while (running_) wake_.Wait(mutex_);
    running_ = true;
  }
  auto done = Cycle(how, enough);
  MutexLock lock(mutex_);
  running_ = false;
  wake_.NotifyAll();
  return done;
}

Result<Reclaimed> Collector::Cycle(ReclaimHow how, const std::function<bool()>& enough) {
  Reclaimed done;
  // What an earlier cycle doomed and could not finish.
  MENDFS_RETURN_IF_ERROR(removal_.FinishStarted());
  MENDFS_RETURN_IF_ERROR(TrimJournal(how, done));
  const bool looks = how == ReclaimHow::kNormal ? IsWorthIt()
                     : how == ReclaimHow::kDead ? MayBeDead()
                                                : true;
  if (looks) MENDFS_RETURN_IF_ERROR(CollectPacks(how, enough, done));
  if (done.freed_bytes > 0) {
    // A full disk asks again and again.
    LogLine(how != ReclaimHow::kNormal ? LogLevel::kDebug : LogLevel::kInfo, "space",
            "gave space back",
            {{"bytes", std::to_string(done.freed_bytes)},
             {"packs", std::to_string(done.packs)},
             {"moved_bytes", std::to_string(done.moved_bytes)},
             {"journal_objects", std::to_string(done.journal_objects)}});
  }
  return done;
}

Status Collector::TrimJournal(ReclaimHow how, Reclaimed& done) {
  const bool pressing = how != ReclaimHow::kNormal;
  if (!pressing && !sealed_journal_.grown()) return Status::Ok();
  const uint64_t kept = pressing ? 0 : JournalKeptBytes();
  MENDFS_ASSIGN_OR_RETURN(const auto gone, sealed_journal_.Trim(kept, removal_));
  for (const ObjectInfo& object : gone) done.freed_bytes += object.file_size_bytes;
  done.journal_objects += gone.size();
  MutexLock lock(mutex_);
  for (const ObjectInfo& object : gone) {
    counted_.on_demand_bytes -= std::min(counted_.on_demand_bytes, object.file_size_bytes);
  }
  return Status::Ok();
}

uint64_t Collector::JournalKeptBytes() const {
  if (options_.journal_kept_bytes) return *options_.journal_kept_bytes;
  const auto space = parts_.objects.disk().Space(parts_.objects.store_path());
  if (!space.ok()) return kJournalKeptBytesDefault;
  return std::min(kJournalKeptBytesDefault, Part(space->total_bytes, 2));
}

Status Collector::CollectPacks(ReclaimHow how, const std::function<bool()>& enough,
                               Reclaimed& done) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<Candidate> chosen, Choose(how));
  std::vector<Candidate> batch;
  uint64_t blocks = 0;
  for (const Candidate& candidate : chosen) {
    const uint64_t own = candidate.use.live_bytes / kBodyBlockBytes + 2 * candidate.use.references;
    if (!batch.empty() && blocks + own > kBlocksMax) {
      MENDFS_RETURN_IF_ERROR(Empty(batch, enough, done));
      batch.clear();
      blocks = 0;
    }
    batch.push_back(candidate);
    blocks += own;
  }
  return batch.empty() ? Status::Ok() : Empty(batch, enough, done);
}

// Counts all packs; answers those that are to be emptied, the emptiest first.
Result<std::vector<Collector::Candidate>> Collector::Choose(ReclaimHow how) {
  const bool pressing = how == ReclaimHow::kPressing;
  // What was made and unmade since the last fold shows as garbage only then.
  MENDFS_RETURN_IF_ERROR(parts_.host.FoldAndSettle());
  const Seq as_of = parts_.manifest.applied();
  const uint64_t estimated = estimate_.bytes();
  MENDFS_ASSIGN_OR_RETURN(PackUses uses, CountPackUses(parts_.manifest, stop_));
  const unsigned percent = how == ReclaimHow::kDead ? 0
                           : pressing ? std::max(kPressingLivePercentMax, options_.live_percent_max)
                                      : options_.live_percent_max;
  // Open packs that are mostly garbage take no more: they can be emptied once they are sealed.
  bool seal = pressing;
  for (const auto& [id, bytes] : parts_.packs.OpenBytes()) {
    seal = seal || (bytes > 0 && uses[id].live_bytes <= Part(bytes, percent));
  }
  MENDFS_RETURN_IF_ERROR(parts_.packs.Seal(seal));
  PackSpace counted{.as_of = as_of};
  MENDFS_ASSIGN_OR_RETURN(std::vector<Candidate> chosen, Count(uses, counted));
  std::erase_if(chosen, [&](const Candidate& pack) {
    return pack.use.live_bytes > Part(pack.info.size_bytes, percent) ||
           spoiled_.contains(pack.info.id);
  });
  std::sort(chosen.begin(), chosen.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.use.live_bytes, a.info.id) < std::pair(b.use.live_bytes, b.info.id);
  });
  MutexLock lock(mutex_);
  counted_ = counted;
  estimate_.Take(estimated);
  return chosen;
}

// Adds up what all packs hold, open ones too; answers those that are sealed.
Result<std::vector<Collector::Candidate>> Collector::Count(PackUses& uses, PackSpace& counted) {
  const auto add = [&](uint64_t held, const PackUse& use) {
    const uint64_t older = held - std::min(held, use.newest_bytes);
    counted.held_bytes += held;
    counted.garbage_bytes += GarbageOf(held, use);
    counted.live_bytes += held - GarbageOf(held, use);
    counted.older_bytes += older;
    if (use.newest_bytes <= Part(held, kPressingLivePercentMax)) counted.on_demand_bytes += older;
  };
  for (const auto& [id, bytes] : parts_.packs.OpenBytes()) add(bytes, uses[id]);
  std::vector<Candidate> sealed;
  for (const ObjectKind kind : {ObjectKind::kPack, ObjectKind::kBlob}) {
    MENDFS_ASSIGN_OR_RETURN(const auto listed, ListObjects(parts_.manifest, kind));
    for (const ListedObject& pack : listed) {
      const PackUse& use = uses[pack.info.id];
      add(pack.info.size_bytes, use);
      sealed.push_back({pack.info, use});
    }
  }
  MENDFS_ASSIGN_OR_RETURN(const auto journal, ListObjects(parts_.manifest, ObjectKind::kJournal));
  for (const ListedObject& object : journal) {
    counted.on_demand_bytes += object.info.file_size_bytes;
  }
  return sealed;
}

Status Collector::Measure() {
  const Seq as_of = parts_.manifest.applied();
  const uint64_t estimated = estimate_.bytes();
  MENDFS_ASSIGN_OR_RETURN(PackUses uses, CountPackUses(parts_.manifest, stop_));
  PackSpace counted{.as_of = as_of};
  MENDFS_RETURN_IF_ERROR(Count(uses, counted).status());
  MutexLock lock(mutex_);
  counted_ = counted;
  estimate_.Take(estimated);
  return Status::Ok();
}

Status Collector::Empty(const std::vector<Candidate>& batch, const std::function<bool()>& enough,
                        Reclaimed& done) {
  std::set<Id128> packs;
  for (const Candidate& candidate : batch) packs.insert(candidate.info.id);
  PackEmptying emptying(parts_, stop_, std::move(packs));
  Status status;
  for (int round = 0; status.ok() && !emptying.empty() && round < kRoundsMax; ++round) {
    const bool unchecked = options_.defects.skip_check && round > 0;
    if (!parts_.host.Quiesce()) break;  // something lasts: another cycle goes on
    if (!options_.defects.remove_unsettled) status = parts_.host.FoldAndSettle();
    if (status.ok()) status = unchecked ? emptying.SkipLook() : emptying.Look();
    if (status.ok()) status = RemoveUnreferenced(emptying, batch, done);
    if (status.ok() && enough && enough()) break;
    if (status.ok() && !emptying.empty()) status = emptying.Copy();
    if (status.ok() && options_.defects.remove_before_rewrite) status = RemoveNow(emptying);
    if (status.ok() && !emptying.empty()) status = emptying.Rewrite();
    if (status.ok()) status = HitFailpoint(Failpoint::kMoveAfterRewrite);
    if (status.ok() && !emptying.empty()) status = parts_.packs.Seal(false);
  }
  done.moved_bytes += emptying.moved_bytes();
  spoiled_.insert(emptying.spoiled().begin(), emptying.spoiled().end());
  return status;
}

// The defect that a test plants.
Status Collector::RemoveNow(const PackEmptying& emptying) {
  for (const Id128& pack : emptying.packs()) {
    MENDFS_RETURN_IF_ERROR(parts_.objects.Remove(ObjectKind::kPack, pack));
    MENDFS_RETURN_IF_ERROR(parts_.objects.SyncNames(ObjectKind::kPack, pack));
  }
  return Status::Ok();
}

Status Collector::RemoveUnreferenced(PackEmptying& emptying, const std::vector<Candidate>& batch,
                                     Reclaimed& done) {
  std::vector<ObjectInfo> gone;
  uint64_t garbage = 0;
  for (const Id128& pack : emptying.Unreferenced()) {
    const auto found = std::find_if(batch.begin(), batch.end(), [&](const Candidate& candidate) {
      return candidate.info.id == pack;
    });
    gone.push_back(found->info);
    garbage += GarbageOf(found->info.size_bytes, found->use);
  }
  if (gone.empty()) return Status::Ok();
  // Whoever found a reference before may be reading still.
  if (!parts_.host.Quiesce()) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(removal_.Remove(gone));
  for (const ObjectInfo& pack : gone) {
    emptying.Drop(pack.id);
    done.freed_bytes += pack.file_size_bytes;
  }
  done.packs += gone.size();
  MutexLock lock(mutex_);
  // What was live of them lies in other packs now.
  const auto less = [&](uint64_t& bytes) { bytes -= std::min(bytes, garbage); };
  less(counted_.held_bytes);
  less(counted_.garbage_bytes);
  less(counted_.older_bytes);
  less(counted_.on_demand_bytes);
  return Status::Ok();
}

}  // namespace mendfs
