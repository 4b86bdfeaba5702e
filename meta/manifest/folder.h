// One fold: walks the set that was put aside, key by key, and fills batches for LevelDB, or only
// counts what the totals become.
//
// Run goes in parts, so that memory, and what a full disk has to hold, is bounded by a part and not
// by what the set replaces. A set of which LevelDB holds parts already, because the fold was cut
// short, gives the same entries and totals as in one go: a version whose seq is in d/ is passed
// over with what it put into h/.
//
// Threads:  one
// Errors:   as Kv::Get and Reader::Get, and what the hooks and the writer of parts answer
// Cost:     memory for one part; reads what each entry replaces
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "meta/manifest/fold_hooks.h"
#include "meta/manifest/kv/kv.h"
#include "meta/manifest/reader.h"
#include "meta/manifest/segment_set.h"
#include "meta/manifest/state_format.h"
#include "meta/manifest/stored_value.h"
#include "meta/manifest/working_set.h"

namespace mendfs {

class Folder {
 public:
  // Writes a part of the fold: a batch with everything it carries, and the state that it leads to.
  using WritePart = std::function<Status(KvBatch&, const FoldState&)>;

  // `started`: LevelDB may hold parts of this set already.
  Folder(const Kv& kv, const SegmentSet& segments, std::map<BranchId, BranchRow> branches,
         std::vector<Seq> pins, FoldState state, Seq counted, bool started, const Reader& reader,
         FoldHooks* hooks)
      : kv_(kv),
        segments_(segments),
        branches_(std::move(branches)),
        pins_(std::move(pins)),
        before_(state),
        state_(std::move(state)),
        counted_(counted),
        started_(started),
        reader_(reader),
        hooks_(hooks),
        batch_(kv.NewBatch()) {}

  // Entries of branches go in parts of about `part_bytes` each, chained like folds, at the position
  // and `changed` of before and with the totals that are true of what LevelDB holds by then. The
  // last part carries the position, and with it the rows that an open reads before it replays.
  Status Run(const WorkingSet& set, uint64_t part_bytes, const WritePart& write);

  // Only what the totals become, and how much goes to h/ for those that `pins` are; nothing is
  // written. `counts_only`: of rows, edges and files, the content sum is left as it was.
  Status RunTotals(const WorkingSet& set, bool counts_only);

  const FoldState& state() const { return state_; }
  Seq last() const { return last_; }
  uint64_t earlier_bytes() const { return earlier_bytes_; }

 private:
  static constexpr size_t kCurrentPrefixBytes = 5;    // 'd' and the branch
  using Versions = std::vector<WorkingSet::Version>;  // of one key, newest first

  // Visits key by key those that belong to a branch, or the others.
  template <typename Visit>
  Status EachKey(const WorkingSet& set, bool of_branches, const Visit& visit);
  void AddChanged();
  Status FlushPart(const WritePart& write);
  Status Chain(FoldState& state, const WritePart& write);
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);
  static StoredValue Stored(const WorkingSet::Version& version);
  // Does anything that is kept see a value valid in [start, end)?
  bool Pinned(Seq start, Seq end) const;
  // A whiteout is needed while something below would show the key.
  bool MustKeepWhiteout(BranchId branch, std::string_view key) const;
  // A key that its change made has nothing below, unless a part of this fold brought it already.
  bool KnownAbsent(const Versions& versions, bool keep_whiteouts) const;
  bool KnownAbsent(const Versions& versions, BranchId branch, std::string_view key) const;
  // Of a key of LevelDB; nothing for a global one.
  static std::optional<BranchId> BranchOf(std::string_view full_key);
  static bool IsCounted(std::string_view key);
  Status FoldKey(Versions& versions);
  // What LevelDB holds under the key; the answer views `bytes`.
  Result<std::optional<StoredValue>> Base(std::string_view full_key, std::string& bytes) const;
  Status FoldGlobal(const WorkingSet::Version& newest);
  Status FoldBranchKey(BranchId branch, std::string_view full_key, std::string_view key,
                       Versions& versions);
  // Takes off what each version hides and adds it. A segment may have come between two of them: it
  // has counted what it hid itself.
  Status CountChange(BranchId branch, std::string_view key, const std::optional<StoredValue>& base,
                     bool known_absent, const Versions& versions);
  // What a child branch shows while it has no entry of its own.
  Result<std::optional<Entry>> Inherited(BranchId branch, std::string_view key) const;
  // The value as LevelDB holds it: what is long may lie elsewhere from now on.
  Result<std::string> Moved(std::string_view key, StoredValue value);
  Status KeepEarlier(BranchId branch, std::string_view key, const std::optional<StoredValue>& base,
                     bool keep_whiteouts, const Versions& versions);

  const Kv& kv_;
  const SegmentSet& segments_;
  const std::map<BranchId, BranchRow> branches_;
  const std::vector<Seq> pins_;  // sorted
  FoldState before_;             // what the last part led to
  FoldState state_;
  const Seq counted_;  // changes of main up to here are in `changed` already
  const bool started_;
  const Reader& reader_;
  FoldHooks* const hooks_;
  std::unique_ptr<KvBatch> batch_;
  uint64_t batch_bytes_ = 0;
  uint64_t earlier_bytes_ = 0;
  Seq last_;  // the newest of the set
  std::map<BranchId, uint64_t> changed_;
};

}  // namespace mendfs
