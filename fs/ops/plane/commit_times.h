// When a change was committed, or loaded: what a row shows as its mtime when it has none of its
// own, as rows of a bulk load.
//
// Threads:  safe from any thread
// Cost:     once for each seq that is asked for, loads have one: a step a segment; where it was no
//           load a walk from the newest commit back
#pragma once

#include <cstdint>
#include <map>

#include "meta/base/mutex.h"
#include "meta/store.h"

namespace mendfs {

inline constexpr size_t kCommitTimesMax = 1024;
inline constexpr size_t kCommitsWalkedMax = 100'000;

class CommitTimes {
 public:
  CommitTimes(const Store& store, BranchId branch);

  // Where no commit is found the time of the store's making, which stays the same at every mount.
  int64_t TimeOf(Seq seq) EXCLUDES(mutex_);

 private:
  int64_t Walk(Seq seq) const;

  const Store& store_;
  const BranchId branch_;
  const int64_t created_ns_;
  Mutex mutex_{LockRank::kHandles};
  std::map<Seq, int64_t> times_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
