// Which commits are kept at any age, and which are just being taken away; no commit is both.
//
// Thinning dooms commits before it takes their rows, all that nothing pins in one step; whoever
// pins asks before it relies on the commit:
//
//   thinning   1 doomed · 2 rows cleared · 3 spared: rows that are still there may be pinned again
//   a pin      1 pinned, refused for a doomed one · 2 the commit's row is looked for · 3 its own
//   row
//              is published; unpinned again where 2 or 3 fails
//
// So a row that 2 of a pin finds stays: thinning that had doomed it would have refused the pin, and
// thinning that comes later does not doom it.
//
// Threads:  safe from any thread
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"

namespace mendfs {

class CommitPins {
 public:
  // False: it is being taken away, and nothing was pinned. Pins of one commit are counted.
  bool Pin(BranchId branch, Seq seq) EXCLUDES(mutex_);
  void Unpin(BranchId branch, Seq seq) EXCLUDES(mutex_);
  std::vector<Seq> Pinned(BranchId branch) const EXCLUDES(mutex_);
  // Of all branches, each as often as it is pinned.
  size_t count() const EXCLUDES(mutex_);

  // Those of `commits` that nothing pins, in their order: they cannot be pinned until Spare.
  // Nothing while it is not known what is pinned.
  std::vector<Seq> Doom(BranchId branch, const std::vector<Seq>& commits) EXCLUDES(mutex_);
  void Spare(BranchId branch, const std::vector<Seq>& doomed) EXCLUDES(mutex_);

  // The snapshot `name` pins a commit, and it cannot be told which; until Trust of every such name
  // nothing is doomed.
  void Distrust(std::string_view name, const std::string& why) EXCLUDES(mutex_);
  void Trust(std::string_view name) EXCLUDES(mutex_);
  // kCorruption with the names, while there are some.
  Status CheckTrusted() const EXCLUDES(mutex_);

 private:
  using Counts = std::map<std::pair<BranchId, Seq>, size_t>;
  static void Release(Counts& counts, BranchId branch, Seq seq);

  mutable Mutex mutex_{LockRank::kLeaf};
  Counts pinned_ GUARDED_BY(mutex_);
  Counts doomed_ GUARDED_BY(mutex_);  // two runs may take the same commit
  std::map<std::string, std::string, std::less<>> unknown_ GUARDED_BY(mutex_);  // name: why
};

}  // namespace mendfs
