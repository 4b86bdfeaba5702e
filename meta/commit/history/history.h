// History: takes away commits as they age, then the earlier values that nobody can see any more.
//
//   1 rows of commits that are not kept go, by ordinary changes through the door; each also says
//     that their values are owed
//   2 these changes are flushed and folded
//   3 values that no commit, fork, pin or head sees go from LevelDB, chunk by chunk: each chunk is
//   one
//     Rewrite under the fold's lock, other folds go between
//   4 one change says that nothing is owed any more, and what was measured
//
// Crash after 1 or 2: the commits are gone or not, all values are there. In or after 3: values that
// nobody can see are left. What is owed is said until 4, so a later run looks again; a second look
// takes nothing that is needed. Nothing of this has content: it makes no commit, an idle store
// rests.
//
// What is kept takes no more than a bound: after 3 it is measured, and where it takes more the
// oldest commits go, as many as their values take what is too much, and then from 1 on again. What
// several moments need goes with the newest of them.
//
// What CommitPins holds is kept at any age and however full the disk is: 1 dooms there what it
// takes, and spares it when the rows are gone.
//
// A moment that is not kept is refused by Manifest::CanRead from 1 on, so 3 is never seen half
// done.
//
// Threads:  safe from any thread; one run at a time. Start makes a thread of its own
// Errors:   kNoSpace, kIo; kCorruption, also where it is not known what is pinned; kInterrupted
// when the store closes or a pressing run waits.
//           What was not taken away is taken by the next run
// Cost:     1 reads the commits that are kept; 3 reads all earlier values, so it runs only when
//           enough commits went (kOwedMin and an eighth) or an hour has passed. Either takes at
//           most a twentieth of the time
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/commit/history/commit_pins.h"
#include "meta/commit/history/history_format.h"
#include "meta/commit/history/retention.h"
#include "meta/manifest/manifest.h"
#include "meta/store.h"

namespace mendfs {

// What thinning asks of the engine.
class HistoryHost {
 public:
  virtual ~HistoryHost() = default;
  virtual Result<std::vector<CommitRow>> Log(BranchId branch, Seq before, size_t limit) const = 0;
  virtual Result<Seq> Apply(const Change& change) = 0;
  // Everything applied is durable and in LevelDB when this returns ok.
  virtual Status FoldAll() = 0;
  // Manifest::Rewrite under the fold's lock.
  virtual Result<size_t> RewriteEntries(const std::vector<EntryEdit>& edits) = 0;
  virtual int64_t NowNs() = 0;
  // How large the disk is; 0: not known. And what packs hold that only older states need, which
  // costs a walk.
  virtual uint64_t DiskBytes() const { return 0; }
  virtual Result<uint64_t> CountOlderBytes() { return uint64_t{0}; }
  // What an entry refers to there.
  virtual uint64_t PackedBytesOf(std::string_view, std::string_view) const { return 0; }
};

class History {
 public:
  // `steady_ns`: a clock that nobody sets; empty: the system's.
  History(Manifest& manifest, HistoryHost& host, CommitPins& pins, const RetentionPolicy& policy,
          std::function<int64_t()> steady_ns = {});
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // What the store says of earlier runs; before all else.
  Status Load();
  Status Thin(ThinHow how) EXCLUDES(mutex_);
  // Thins by policy in a thread of its own until Stop.
  void Start();
  void Stop() EXCLUDES(mutex_);
  // One turn of that thread: looks at what is due, if something can be.
  Status ThinIfDue() EXCLUDES(mutex_);
  HistoryStatus Describe() const EXCLUDES(mutex_);
  // Rows of commits of the branch before `newest` that nothing pins go, by changes handed to
  // `append`, and their values are owed. Answers the commits that stay. For the one that holds the
  // fold's lock: another run may go on beside it, which does no more than this.
  using Appender = std::function<Status(const Change&)>;
  Result<std::vector<Seq>> DropOlder(BranchId branch, Seq newest, const Appender& append);

  static constexpr uint64_t kOwedMin = 64;
  static constexpr unsigned kTurnMs = 10'000;
  static constexpr int64_t kLookAnywayNs = kHourNs;
  static constexpr int64_t kLookForBytesNs = kMinuteNs;

 private:
  struct Kept {
    std::vector<Seq> commits;  // rising
    Seq newest;
  };
  using KeptOf = std::map<BranchId, Kept>;
  struct Idle {
    Seq head;
    int64_t since_ns = 0;
  };
  // When the background has something to do, by the steady clock.
  struct Due {
    int64_t not_before_ns = 0;  // its own rest
    int64_t again_ns = 0;       // the answers change then, though no commit is made
    int64_t looked_ns = 0;
    Seq looked;  // everything up to it was measured
  };
  // What went from LevelDB and still takes its space.
  struct Churn {
    uint64_t bytes = 0;
    std::string first;
    std::string last;
  };
  // Holds the right to run.
  class Turn;

  Status Run(ThinHow how, bool paced);
  Result<KeptOf> DropCommits(ThinHow how);
  Status Judge(const BranchRow& branch, ThinHow how, Kept& kept, std::vector<Seq>& dropped,
               HistoryRow& row);
  // Answers those that stay, being pinned meanwhile.
  Result<std::vector<Seq>> Drop(BranchId branch, const std::vector<Seq>& commits,
                                const Appender& append);
  Status DropDoomed(BranchId branch, const std::vector<Seq>& commits, const Appender& append);
  std::vector<Seq> PinnedOf(BranchId branch) const;
  Status DropValues(const KeptOf& kept, bool pressing, bool paced);
  std::optional<uint64_t> BoundBytes() const;
  // Was something changed since what is kept was measured, and is there a bound?
  bool IsMore() const;
  Result<bool> DropAboveBound(KeptOf& kept);
  Status SweepBranch(BranchId branch, const KeptOf& kept, bool paced, HistoryRow& row);
  std::vector<Seq> MomentsOf(BranchId branch, const KeptOf& kept) const;
  int64_t IdleOf(BranchId branch, Seq head);
  Status CompactChurn(uint64_t at_least_bytes);
  bool ShouldLook() const;
  Status CheckGoOn(bool paced) EXCLUDES(mutex_);
  // Answers the row as it is then.
  HistoryRow UpdateRow(const std::function<void(HistoryRow&)>& update) EXCLUDES(mutex_);
  HistoryRow GetRow() const EXCLUDES(mutex_);
  void Loop() EXCLUDES(mutex_);

  Manifest& manifest_;
  HistoryHost& host_;
  CommitPins& pins_;
  const RetentionPolicy policy_;
  const std::function<int64_t()> steady_ns_;

  // Of the one that has the turn.
  std::map<BranchId, Idle> idle_;
  Due due_;
  Churn churn_;
  std::map<Seq, uint64_t> freed_with_;  // of main, as EarlierSweep::by_newest, at the last look

  mutable Mutex mutex_{LockRank::kLeaf};
  CondVar changed_;
  bool running_ GUARDED_BY(mutex_) = false;
  unsigned pressing_ GUARDED_BY(mutex_) = 0;  // callers that want a paced run to end
  bool stop_ GUARDED_BY(mutex_) = false;
  HistoryRow row_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace mendfs
