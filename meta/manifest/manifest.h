// The manifest: every entry of a store, versioned, as the working set over LevelDB over segments.
//
//   Apply    a change enters the working set; from then on every read sees it, whole
//   Rotate   the working set is put aside for folding, a new one takes over
//   Fold     1 entries and the values they replace go to LevelDB in parts: synced batches, each
//              chained to the one before; the last carries the position · 2 the set that was put
//              aside is dropped
//
// A crash between parts: the position is that of before and the totals are those of what LevelDB
// holds; replay brings the whole set again, and of it what is done is not done twice. A value that
// a commit or a pin can still see moves to h/ when it is replaced; others vanish, and what is made
// and unmade within one fold never reaches LevelDB. A fold must not run ahead of the flushed
// journal: LevelDB never holds what a power cut could take from the journal.
//
// Open checks that every fold is there before it writes a byte (fold_chain.h). Damage to LevelDB's
// log takes the end of what was folded, back to `settled` at most, and the journal is kept from
// there: replay brings it all back. Other losses refuse an open for writing.
//
// Threads:  reads from any thread; Apply and Rotate in the door's order; Fold from one at a time
// Errors:   reads as Reader; Fold: kNoSpace, kIo, kCorruption: nothing is lost, the set stays aside
//           and the next Fold reopens LevelDB and goes on
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/manifest/change.h"
#include "meta/manifest/fold_hooks.h"
#include "meta/manifest/kv/kv.h"
#include "meta/manifest/reader.h"
#include "meta/manifest/segment_set.h"
#include "meta/manifest/state_format.h"
#include "meta/manifest/stored_value.h"
#include "meta/manifest/working_set.h"
#include "meta/object/object_store.h"

namespace mendfs {

struct ManifestOptions {
  bool create = false;
  bool read_only = false;  // `disk` is an overlay; lost folds are told by damage(), not refused
  std::string directory = "manifest";  // of the store; another one is for overlays
  uint64_t cache_bytes = 64 << 20;
  uint64_t write_buffer_bytes = 16 << 20;
  uint64_t fold_part_bytes = 4 << 20;  // of a fold's batch, about: one entry may be more
  bool tight = false;                  // see SetTight
  bool checked = false;                // the caller has asked Check; else an open for writing does
  KvDefects defects;                   // tests only
};

// What folding the set that was put aside will lead to.
struct FoldForecast {
  Seq last;                    // its newest change
  BranchTotals totals;         // of main, behind it
  uint64_t earlier_bytes = 0;  // of LevelDB's values that it would keep for older moments
};

// Reads the journal's changes with a seq in (after, last] again, in order.
using Refold = std::function<Status(Seq after, Seq last,
                                    const std::function<void(Seq, const Change&)>& apply)>;

// What an open found that does not keep it from reading.
struct ManifestDamage {
  bool rows_lost = false;  // else the journal holds what is missing
  std::string sentence;    // empty: nothing
};

// An entry of LevelDB, under its whole key, that is to be replaced or taken away.
struct EntryEdit {
  std::string key;
  std::string expected;                    // the bytes it must still have
  std::optional<std::string> replacement;  // nothing: it goes
};

// A value that some reader can still come to see, as the working set or LevelDB holds it.
// Lifetime: valid during the visit
struct StoredVersion {
  std::string_view key;    // LevelDB's; of one in the working set, the d/ key that it will get
  std::string_view bytes;  // as LevelDB has them; empty: it is in the working set
  std::string_view branch_key;
  StoredValue value;  // never a whiteout
};
using VersionVisitor = std::function<Status(const StoredVersion&)>;

class Manifest : public Reader {
 public:
  static Result<std::unique_ptr<Manifest>> Open(Disk& disk, const std::string& store_path,
                                                const ManifestOptions& options);
  // An empty one, with position 0: a new store's, or one on an overlay that replay is to fill.
  static Result<std::unique_ptr<Manifest>> Lay(Disk& disk, const std::string& store_path,
                                               ManifestOptions options);
  // Opens it in memory only: what must be refused is refused before LevelDB writes. Answers the
  // position of the newest fold.
  static Result<Seq> Check(Disk& disk, const std::string& store_path);
  ~Manifest() override;

  // ---- reading ----
  Result<Entry> Get(const View& view, std::string_view key) const override;
  std::unique_ptr<Cursor> Scan(const View& view, const KeyRange& range) const override;
  Result<std::string> GetGlobal(std::string_view key) const override;
  std::unique_ptr<Cursor> ScanGlobal(const KeyRange& range) const override;

  // Every version of every key of the kind, on all branches: those of one instant, and perhaps some
  // that were replaced or folded while the walk went on. What segments hold is not among them.
  // kCorruption for an entry that does not decode: the walk was not complete.
  Status EachVersion(KeyKind kind, const VersionVisitor& visit) const;

  // ---- changing, by the door alone ----
  void Apply(Seq seq, const Change& change);
  // False when a set still waits to be folded.
  bool Rotate();
  Status Fold(const Refold& refold);
  // Nothing where no set waits. Shares Fold's one caller at a time. Reads what each entry replaces.
  Result<std::optional<FoldForecast>> ForecastFold(const Refold& refold);
  // Moves LevelDB's log into its tables. Answers the position that does not depend on the log: what
  // was folded up to there is safe from damage to it, and need not be kept in the journal.
  Result<Seq> Settle();
  // Replaces entries by others that mean the same (bytes that moved), and takes away such as
  // nothing sees any more: one synced batch, chained like a fold, at the same position and with the
  // same totals. Entries that changed meanwhile are left alone; answers how many were edited.
  // Shares Fold's one caller at a time. On error nothing was edited, or all of it where kIo or
  // kNoSpace.
  Result<size_t> Rewrite(const std::vector<EntryEdit>& edits, const Refold& refold);
  // What was taken away between these keys of LevelDB gives its space back. On error the next Fold
  // reopens LevelDB. Threads: any, beside Fold.
  Status Compact(std::string_view first, std::string_view last);
  // A full disk: folds are written with as little space as can be, and LevelDB compacts nothing by
  // itself (kv/kv.h). Both share Fold's one caller at a time; floor_bytes as there.
  void SetTight(bool tight);
  Status CompactAll(uint64_t floor_bytes);
  // Replay brought a commit of main with these many changes; those up to it are not counted again.
  void Recount(Seq commit, uint64_t changed_total);
  // Before the first Fold; they outlive the manifest.
  void UseFoldHooks(FoldHooks& hooks) { hooks_ = &hooks; }

  // ---- keeping moments readable: moments.cc ----
  // The newest applied state of all branches stays readable until Unpin of the answer.
  Seq Pin();
  void Unpin(Seq seq);
  // Values that a commit at `seq` sees are kept from now on.
  void NoteCommit(Seq seq);
  // The rows of all commits of main before `newest` are gone but for those of `kept`: folds keep
  // nothing for them any more.
  void ForgetCommits(Seq newest, const std::vector<Seq>& kept);
  // The state of a commit that is kept stays readable until Unpin(seq), also when the commit goes.
  // Errors: as CanRead; then nothing is pinned.
  Status PinCommit(BranchId branch, Seq seq);
  // Is all there that was visible then? The head, the newest change while it is that, pinned
  // moments, forks and commits that are kept are; kStale for every other. Get and Scan ask it
  // themselves.
  Status CanRead(const View& view) const;
  // All that is pinned, and the commits whose rows are not written yet, rising.
  std::vector<Seq> Moments() const;
  // Rows of commits, newest first, at most `limit`, starting below `before`.
  Result<std::vector<std::string>> CommitsBelow(BranchId branch, Seq before, size_t limit) const;
  std::map<BranchId, BranchRow> Branches() const;

  // ---- observing ----
  Seq applied() const { return Seq(applied_.load(std::memory_order_acquire)); }
  FoldState folded() const;
  uint64_t working_set_bytes() const;
  // Rows, edges and files of main with all that is applied, as the next fold would count them.
  // Reads what each entry of the working set replaces; for an open whose working set is never
  // folded.
  Result<BranchTotals> CountApplied() const;
  const ManifestDamage& damage() const { return damage_; }
  // What reads, folds and compactions met since the open.
  const DamageNote& read_damage() const { return *read_damage_; }
  size_t segments() const { return segments_.count(); }
  Kv& kv() { return *kv_; }

 private:
  Manifest(Disk& disk, const std::string& store_path);

  struct Sets {
    std::shared_ptr<WorkingSet> active;
    std::shared_ptr<WorkingSet> folding;  // null: nothing waits
  };
  // Where a branch's entries continue: itself, then its ancestors at their forks.
  struct Step {
    BranchId branch;
    Seq seq;
  };

  struct Folding {
    bool kv_failed = false;  // LevelDB must be reopened before the next fold
    bool started = true;     // LevelDB may hold parts of what is to be folded next
    Seq settled;             // folded up to here whatever happens to LevelDB's log
    uint64_t folds_in_log = 0;
    Seq counted;  // see Recount
  };

  struct Found {
    Seq start;
    bool whiteout = false;
    std::string value;
  };
  using Maybe = std::optional<Found>;

  Sets GetSets() const;
  std::vector<Step> Lineage(const View& view) const;
  Result<Entry> GetVisible(const View& view, std::string_view key) const;
  Result<Maybe> GetStep(const Sets& sets, const Step& step, std::string_view key) const;
  Result<Maybe> GetCurrent(const Sets& sets, const Step& step, Seq seq, std::string_view key) const;
  Result<Maybe> GetEarlier(BranchId branch, Seq seq, std::string_view key) const;
  Status NoteDamage(bool read_only);
  Status ReadState();
  Status ReadBranches();
  Status ReadSegments();
  Status ReopenForFold(const Refold& refold);
  Status ReadyToFold(const Refold& refold);
  Folding GetFolding(std::shared_ptr<WorkingSet>& set, std::map<BranchId, BranchRow>& branches,
                     FoldState& state) const;
  Status WritePart(KvBatch& batch, const FoldState& part);
  Status WriteFold(KvBatch& batch, const FoldState& state);
  void SettleFullLog();
  void NoteEntry(Seq seq, BranchId branch, const ChangeEntry& entry);

  uint64_t part_bytes_ = 0;
  ObjectStore objects_;
  std::unique_ptr<leveldb::Cache> cache_;
  SegmentSet segments_;
  std::unique_ptr<Kv> kv_;
  std::atomic<uint64_t> applied_{0};
  FoldHooks* hooks_ = nullptr;  // null: values stay as they are

  mutable Mutex mutex_{LockRank::kManifest};
  Sets sets_ GUARDED_BY(mutex_);
  FoldState state_ GUARDED_BY(mutex_);
  std::multiset<Seq> pins_ GUARDED_BY(mutex_);
  std::multiset<Seq> claims_ GUARDED_BY(mutex_);  // pins that are not granted yet
  std::set<Seq> commits_ GUARDED_BY(mutex_);      // the newest folded one and all behind it
  std::map<BranchId, BranchRow> branches_ GUARDED_BY(mutex_);
  Folding folding_ GUARDED_BY(mutex_);
  ManifestDamage damage_;  // set while it is opened
  const std::shared_ptr<DamageNote> read_damage_ = std::make_shared<DamageNote>();
};

}  // namespace mendfs
