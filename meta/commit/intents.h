// The multi-step writes of one open store that have a sidecar on disk: those that run, and those
// that failed or died and were left. What is here is true to STORE/sidecars.
//
// A left one that is confirmed (its plan is on disk, whole) is finished before the next write to a
// table: the writer asks NeedsHeal, then Heal. One that is not confirmed keeps nobody waiting; the
// next open discards it.
//
// Threads:  safe from any thread; UseHeal and UseJournal before there is a second one
// Cost:     NeedsHeal is one atomic load
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/manifest/manifest.h"

namespace mendfs {

// Tests only: a rule of the protocol broken on purpose, which a test must see.
enum class IntentDefect : unsigned char {
  kNone,
  kClearBeforeAudit,  // the sidecar goes before the record that says its outcome
  kDiscardNamed,      // what a sidecar lists is removed though the manifest names it
};
void PlantIntentDefect(IntentDefect defect);
bool HasIntentDefect(IntentDefect defect);

struct IntentCounts {
  size_t live = 0;
  size_t left = 0;
  std::string reason;  // why something is left; empty when nothing is
};

class Intents {
 public:
  static constexpr size_t kSidecarsMax = 64;

  // A writer of this process begins. kBusy when kSidecarsMax are there already.
  Status Begin(const Id128& operation, Seq base);
  // Its sidecar stays on disk for now, and why; also said of one that was found there.
  void Leave(const Id128& operation, Seq base, bool confirmed, std::string why);
  // Its sidecar is gone.
  void End(const Id128& operation);
  // Forgets those that are left and whose sidecars somebody else took away.
  void KeepOnly(const std::vector<Id128>& on_disk);
  // Said by whoever cannot tell what is left (a listing failed); empty: it can be told again.
  void SetTrouble(std::string why);

  // Nobody else may touch the sidecar of a live one.
  bool IsLive(const Id128& operation) const;
  bool NeedsHeal() const { return needs_heal_.load(std::memory_order_acquire); }
  Status Heal() { return NeedsHeal() && heal_ ? heal_() : Status::Ok(); }
  // The journal behind it is not sealed; kHeadSeq when there is nothing.
  Seq OldestBase() const;
  IntentCounts counts() const;
  // Every change with a seq in (base, last], in order.
  Status EachChangeSince(Seq base, Seq last,
                         const std::function<void(Seq, const Change&)>& visit) const;

  void UseHeal(std::function<Status()> heal) { heal_ = std::move(heal); }
  void UseJournal(Refold journal) { journal_ = std::move(journal); }

 private:
  struct Entry {
    Seq base;
    bool live = false;
    bool confirmed = false;
    std::string why;
  };
  void NoteLocked() REQUIRES(mutex_);

  std::function<Status()> heal_;
  Refold journal_;
  std::atomic<bool> needs_heal_{false};
  mutable Mutex mutex_{LockRank::kLeaf};
  std::map<Id128, Entry> entries_ GUARDED_BY(mutex_);
  std::string trouble_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
