// What happens to a store when its disk is full: the reserve is given up, and from then on the
// store is tight. What would add is refused before anything of it is written; what frees, and the
// store's own work, goes on from the room of the reserve. When there is room again the reserve is
// taken back, and tight ends.
//
//   ample  → tight   a call met kNoSpace, or less than an eighth of the reserve is free beside it:
//                    1 the reserve is removed, durably · 2 tight
//   tight  → ample   the disk has room for the reserve and a quarter more, whoever made it; twice
//                    that more each time it was tight again within seconds, up to the reserve's
//                    size: 1 the reserve is allocated, durably · 2 not tight any more
//
// A crash between 1 and 2 is found by the next open, which looks at the disk alone (Begin).
//
// Threads:  safe from any thread; takes no lock but its own and the disk's
// Errors:   kNoSpace: the sentence says what still works and what to do
// Cost:     an atomic load for each change; a look at the disk for each so many bytes, and for each
//           change that keeps while tight
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/disk/promised_space.h"
#include "meta/disk/reserve.h"
#include "meta/manifest/change.h"
#include "meta/pack/body_store.h"

namespace mendfs {

class SpaceGuard {
 public:
  SpaceGuard(Disk& disk, const std::string& store_path);

  // At every open for writing, before anything is written: takes the reserve where it is missing,
  // or begins tight.
  void Begin();
  bool tight() const { return tight_.load(std::memory_order_acquire); }
  // The reserve's size on this disk; 0 before Begin and where the disk cannot be measured.
  uint64_t reserve_bytes() const { return reserve_bytes_.load(std::memory_order_relaxed); }
  // A buffer whose content must fit into the reserve several times.
  uint64_t BufferBytes(uint64_t wanted_bytes) const;
  // A segment of the journal: what is open of it cannot be given back.
  uint64_t SegmentBytes(uint64_t wanted_bytes) const;

  // May a change of this kind, that writes so many bytes, go on?
  Status Admit(Room room, uint64_t size_bytes);
  // Something met kNoSpace. True when the store's own work has room now and may be tried again.
  bool MetNoSpace(const Status& seen);
  // Looks at the disk: tight begins, or ends.
  void Look();

  // ---- reclaiming: at most one at a time; again when something was freed since, and not before it
  // has rested as long as it has worked, and longer each time when it gained nothing
  // True: the caller is to reclaim now, and then to call EndReclaim.
  bool BeginReclaim();
  void EndReclaim();
  // Waits for the one that runs or is due, at most kReclaimWaitMs; `start` has it begin. Ok when
  // tight has ended. Where kReclaimWaitersMax wait already the answer comes at once: readers must
  // find threads that serve them.
  Status AwaitReclaim(const std::function<void()>& start);
  static constexpr unsigned kReclaimWaitMs = 5000;
  static constexpr unsigned kReclaimWaitersMax = 4;

  // So much is promised to files: kept from everybody else. kNoSpace: more than there is.
  Status SetAside(uint64_t promised_bytes);
  // What of the disk users can have, with what is given back for who needs it.
  SpaceInfo Spendable(SpaceInfo space, uint64_t on_demand_bytes) const;
  // Why the store is degraded; empty while there is room.
  std::string sentence() const;

 private:
  void LookLocked() REQUIRES(mutex_);
  bool MayReclaim() const REQUIRES(mutex_);
  void BecomeTight(const std::string& why) REQUIRES(mutex_);
  void BecomeAmple(uint64_t available_bytes) REQUIRES(mutex_);
  // A disk that gives no reserve for another reason must not keep the store from working.
  void GoWithout(const Status& why);
  Status Refusal() const;
  uint64_t FreeBytes() const;

  Disk& disk_;
  const std::string path_;
  std::atomic<bool> tight_{false};
  std::atomic<bool> freed_{false};  // something was, since the last reclaim began
  std::atomic<uint64_t> reserve_bytes_{0};
  std::atomic<uint64_t> unlooked_bytes_{0};  // added since the last look
  std::atomic<uint64_t> slack_bytes_{0};     // beside the reserve, for tight to end

  struct Reclaim {
    bool running = false;
    uint64_t rounds = 0;  // ended
    unsigned waiters = 0;
    int64_t began_ms = 0;
    int64_t ended_ms = 0;
    uint64_t began_free_bytes = 0;
    unsigned idle_rounds = 0;  // one after the other that gained nothing
  };
  mutable Mutex mutex_{LockRank::kCache};
  CondVar reclaimed_;
  Reserve reserve_ GUARDED_BY(mutex_);
  PromisedSpace set_aside_ GUARDED_BY(mutex_);
  Reclaim reclaim_ GUARDED_BY(mutex_);
  std::optional<int64_t> ample_since_ms_ GUARDED_BY(mutex_);  // nothing: since the open
};

// Bodies of users: refused while tight, before a byte is written.
class GuardedBodies final : public BodyStore {
 public:
  GuardedBodies(BodyStore& bodies, SpaceGuard& guard) : bodies_(bodies), guard_(guard) {}

  Result<RunRef> Append(const RunOwner& owner, std::string_view bytes) override;
  Status Read(const RunRef& run, uint64_t offset, size_t size_bytes, char* target) const override {
    return bodies_.Read(run, offset, size_bytes, target);
  }

  RunUses& uses() const override { return bodies_.uses(); }
  GrowthPlace PlaceOf(const BodyGrowth& growth) const override {
    return guard_.tight() ? GrowthPlace::kAnywhere : bodies_.PlaceOf(growth);
  }
  std::optional<uint64_t> Grow(const BodyGrowth& growth) override { return bodies_.Grow(growth); }
  Status BeginBlob(InodeNumber inode, uint64_t offset) override {
    return guard_.tight() ? Status::Ok() : bodies_.BeginBlob(inode, offset);
  }
  Result<std::optional<RunRef>> AppendToBlob(InodeNumber inode, uint64_t offset,
                                             std::string_view bytes) override;
  std::optional<BodyGrowth> EndGrowth(InodeNumber inode) override {
    return bodies_.EndGrowth(inode);
  }

 private:
  BodyStore& bodies_;
  SpaceGuard& guard_;
};

// kNoSpace and kQuota: the disk takes no more.
bool IsFull(const Status& status);

}  // namespace mendfs
