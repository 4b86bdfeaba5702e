// Gives back the space of bytes that nothing refers to any more, while the store is in use.
//
// A cycle:
//   1 a census: how much of each pack and blob (a pack, below) is live · 2 packs are chosen: dead,
//   or mostly garbage · 3 a few at a time are emptied, in rounds:
//       a  operations that began before have ended; what they applied is folded and settled
//       b  a look at all pieces: packs that nothing refers to are removed (object_removal.h), once
//          those who may still read them have ended
//       c  what is live in the others is copied, the copies are made durable, and the entries are
//          rewritten (pack_emptying.h); then a again
//   4 sealed journal above its bound is removed
//
// Why nothing is removed that is needed. References come from references: an operation copies one
// that it found, under the locks of the entities that it found it at. After b found none in LevelDB
// and in the working set, in all versions, there is nothing to copy from; whoever had copied one
// before began before a, or holds the locks of an entity where b would have found it. Bytes that
// were appended and are not referred to yet were appended before the pack was sealed, so before a.
// Settled (a) means that no replay needs older records, nor can LevelDB fall back behind them. A
// pack for which b finds something again waits for the next round, or for another cycle.
//
// A crash anywhere leaves copies that nothing refers to, or packs that are emptier than they were;
// what is doomed goes at the next open.
//
// Threads:  Collect from any thread that holds no lock and no RunUses::Use, one cycle at a time; a
//           thread of its own runs cycles when Nudge finds that enough is garbage
// Errors:   kIo, kNoSpace, kCorruption (a piece does not decode: nothing is removed); what was
// given
//           back before stays so
// Source:   docs/decisions/0011-space.md
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/commit/space/garbage_estimate.h"
#include "meta/commit/space/object_removal.h"
#include "meta/commit/space/pack_census.h"
#include "meta/commit/space/sealed_journal.h"
#include "meta/commit/space/space_host.h"
#include "meta/store_space.h"

namespace mendfs {

class PackEmptying;

class Collector {
 public:
  // `options`: nothing is left to defaults but the journal's bound.
  Collector(const SpaceParts& parts, const SpaceOptions& options);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // At an open for writing: what is doomed goes. A failure is logged, the next open tries again.
  void Recover();
  // The thread; ends with Stop, which ends a running cycle at its next step.
  void Start();
  void Stop();
  // Wakes the thread when there may be something to do; cheap.
  void Nudge();

  // `enough`: asked before live bytes are copied; true ends the cycle.
  Result<Reclaimed> Collect(ReclaimHow how, const std::function<bool()>& enough = {});
  // Counts, and gives nothing back.
  Status Measure();

  GarbageEstimate& estimate() { return estimate_; }
  SealedJournal& sealed_journal() { return sealed_journal_; }
  PackSpace Describe() const;

 private:
  struct Candidate {
    ObjectInfo info;
    PackUse use;
  };

  bool IsWorthIt() const;
  uint64_t JournalKeptBytes() const;
  bool MayBeDead() const;
  Result<Reclaimed> Cycle(ReclaimHow how, const std::function<bool()>& enough);
  Status CollectPacks(ReclaimHow how, const std::function<bool()>& enough, Reclaimed& done);
  Result<std::vector<Candidate>> Choose(ReclaimHow how);
  Result<std::vector<Candidate>> Count(PackUses& uses, PackSpace& counted);
  Status Empty(const std::vector<Candidate>& batch, const std::function<bool()>& enough,
               Reclaimed& done);
  Status RemoveNow(const PackEmptying& emptying);
  Status RemoveUnreferenced(PackEmptying& emptying, const std::vector<Candidate>& batch,
                            Reclaimed& done);
  Status TrimJournal(ReclaimHow how, Reclaimed& done);
  void Loop();

  const SpaceParts parts_;
  const SpaceOptions options_;
  GarbageEstimate estimate_;
  ObjectRemoval removal_;
  SealedJournal sealed_journal_;
  std::set<Id128> spoiled_;  // packs that are left alone until the store is opened again

  mutable Mutex mutex_{LockRank::kLeaf};
  CondVar wake_;
  PackSpace counted_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;  // a cycle
  bool nudged_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace mendfs
