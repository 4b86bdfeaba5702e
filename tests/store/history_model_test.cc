// Thinning against a model that keeps everything: branches, pins, commits of any time.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "meta/commit/commit_format.h"
#include "meta/commit/history/history.h"
#include "meta/disk/sim_disk.h"
#include "meta/manifest/manifest.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using State = std::map<std::string, std::string>;

constexpr BranchId kChild{2};
constexpr BranchId kGrandchild{3};
constexpr int kKeys = 10;
constexpr int64_t kStart = int64_t{1'795'132'800} * kSecondNs;

std::string KeyOf(uint64_t i) {
  return XattrKey(InodeNumber(100), "k" + std::to_string(i));
}
std::string NameOf(BranchId branch) {
  return "branch" + std::to_string(branch.value);
}

// A manifest without an engine, whose clocks the test sets.
class HistoryModel : public testing::Test, protected HistoryHost {
 protected:
  void SetUp() override {
    ASSERT_TRUE(disk_.MakeDir("/s").ok());
    ASSERT_TRUE(disk_.MakeDir("/s/manifest").ok());
    ManifestOptions options;
    options.create = true;
    auto manifest = Manifest::Open(disk_, "/s", options);
    ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
    manifest_ = *std::move(manifest);
    auto batch = manifest_->kv().NewBatch();
    batch->Put(FoldStateKey(), EncodeFoldState({}));
    ASSERT_TRUE(manifest_->kv().Write(*batch, true).ok());
    MakeHistory({});
    MakeBranch(kMainBranch, {}, {});
  }

  void MakeHistory(const RetentionPolicy& policy) {
    HistoryHost& host = *this;
    history_ =
        std::make_unique<History>(*manifest_, host, pins_, policy, [this] { return steady_ns_; });
    ASSERT_TRUE(history_->Load().ok());
  }

  // HistoryHost
  Result<std::vector<CommitRow>> Log(BranchId branch, Seq before, size_t limit) const override {
    ++logs_;
    MENDFS_ASSIGN_OR_RETURN(const auto found, manifest_->CommitsBelow(branch, before, limit));
    std::vector<CommitRow> rows;
    for (const std::string& bytes : found) {
      MENDFS_ASSIGN_OR_RETURN(CommitRow row, DecodeCommitRow(bytes));
      rows.push_back(std::move(row));
    }
    return rows;
  }
  Result<Seq> Apply(const Change& change) override {
    manifest_->Apply(Seq(++seq_), change);
    return Seq(seq_);
  }
  Status FoldAll() override {
    manifest_->Rotate();
    return manifest_->Fold(refold_);
  }
  Result<size_t> RewriteEntries(const std::vector<EntryEdit>& edits) override {
    if (between_) between_();
    return manifest_->Rewrite(edits, refold_);
  }
  int64_t NowNs() override { return now_ns_; }

  void MakeBranch(BranchId id, std::optional<BranchId> parent, Seq fork) {
    BranchRow row;
    row.id = id;
    row.parent = parent;
    row.fork = fork;
    Change change;
    change.PutGlobal(BranchKey(NameOf(id)), EncodeBranchRow(row));
    ASSERT_TRUE(Apply(change).ok());
    now_[id] = parent ? commits_[{*parent, fork}] : State();
  }

  void ChangeSome(BranchId branch, std::mt19937_64& random) {
    Change change;
    change.branch = branch;
    State& now = now_[branch];
    const State before = now;
    for (uint64_t i = 0; i < 1 + random() % 3; ++i) {
      const std::string key = KeyOf(random() % kKeys);
      if (random() % 3 == 0) {
        change.Clear(key);
        now.erase(key);
        continue;
      }
      const std::string value = std::to_string(seq_) + "." + std::to_string(i);
      if (before.count(key) == 0) {
        change.PutFresh(key, value);
      } else {
        change.Put(key, value);
      }
      now[key] = value;
    }
    ASSERT_TRUE(Apply(change).ok());
  }

  // As the engine does it: noted, folded, its row behind it.
  Seq Commit(BranchId branch) {
    const Seq seq(seq_);
    manifest_->NoteCommit(seq);
    EXPECT_TRUE(FoldAll().ok());
    CommitRow row;
    row.seq = seq;
    row.time_ns = now_ns_;
    row.id = ComputeCommitId(row);
    Change change;
    change.branch = branch;
    change.PutGlobal(CommitKey(branch, seq), EncodeCommitRow(row));
    BranchRow head = manifest_->Branches()[branch];
    head.head = seq;
    change.PutGlobal(BranchKey(NameOf(branch)), EncodeBranchRow(head));
    EXPECT_TRUE(Apply(change).ok());
    commits_[{branch, seq}] = now_[branch];
    return seq;
  }

  State ScanAll(const View& view) {
    State state;
    auto cursor = manifest_->Scan(view, PrefixRange(XattrPrefix(InodeNumber(100))));
    for (; cursor->Valid(); cursor->Next()) state.emplace(cursor->key(), cursor->value());
    EXPECT_TRUE(cursor->status().ok()) << cursor->status().ToString();
    return state;
  }
  void ExpectState(const View& view, const State& model) {
    SCOPED_TRACE("branch " + std::to_string(view.branch.value) + " at " +
                 std::to_string(view.seq.value));
    EXPECT_EQ(ScanAll(view), model);
    for (int i = 0; i < kKeys; ++i) {
      const auto entry = manifest_->Get(view, KeyOf(i));
      const auto found = model.find(KeyOf(i));
      ASSERT_EQ(entry.ok(), found != model.end()) << entry.status().ToString();
      if (entry.ok()) {
        EXPECT_EQ(entry->value, found->second);
      }
    }
  }
  void ExpectRefused(const View& view) {
    EXPECT_EQ(manifest_->CanRead(view).code(), Code::kStale);
    EXPECT_EQ(manifest_->Get(view, KeyOf(0)).status().code(), Code::kStale);
    EXPECT_EQ(manifest_->Scan(view, {})->status().code(), Code::kStale);
    EXPECT_EQ(manifest_->PinCommit(view.branch, view.seq).code(), Code::kStale);
  }

  std::set<Seq> LogOf(BranchId branch) {
    std::set<Seq> seqs;
    Seq before = kHeadSeq;
    while (true) {
      const auto page = Log(branch, before, 7);
      EXPECT_TRUE(page.ok());
      for (const CommitRow& row : *page) {
        EXPECT_LT(row.seq, before);
        before = row.seq;
        seqs.insert(row.seq);
      }
      if (page->size() < 7) return seqs;
    }
  }

  // Heads, pins and kept commits read as ever; all others are refused.
  void ExpectAll() {
    for (const auto& [branch, state] : now_) ExpectState({branch, kHeadSeq}, state);
    for (const auto& [view, state] : pinned_) ExpectState({view.first, view.second}, state);
    std::map<BranchId, std::set<Seq>> kept;
    for (const auto& [branch, state] : now_) kept[branch] = LogOf(branch);
    std::set<Seq> pins;
    for (const auto& [view, state] : pinned_) pins.insert(view.second);
    for (const auto& [id, row] : manifest_->Branches()) pins.insert(row.fork);
    for (const auto& [view, state] : commits_) {
      if (kept[view.first].count(view.second) > 0) {
        ExpectState({view.first, view.second}, state);
      } else if (pins.count(view.second) == 0) {
        ExpectRefused({view.first, view.second});
      }
      if (HasFailure()) return;
    }
  }

  size_t EarlierValues() {
    size_t count = 0;
    auto iterator = manifest_->kv().Scan();
    for (iterator->Seek("h"); iterator->Valid() && iterator->key().front() == 'h';
         iterator->Next()) {
      ++count;
    }
    return count;
  }

  const Refold refold_ = [](Seq, Seq, const auto&) { return Status::Ok(); };
  SimDisk disk_;
  std::unique_ptr<Manifest> manifest_;
  std::unique_ptr<History> history_;
  uint64_t seq_ = 0;
  int64_t now_ns_ = kStart;
  int64_t steady_ns_ = 0;
  mutable int logs_ = 0;
  std::function<void()> between_;
  CommitPins pins_;
  std::map<BranchId, State> now_;
  std::map<std::pair<BranchId, Seq>, State> pinned_;
  std::map<std::pair<BranchId, Seq>, State> commits_;
};

TEST_F(HistoryModel, WhatIsKeptReadsAsItWasAndAllElseIsRefused) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  // Work goes on between the chunks of a run.
  between_ = [&] {
    for (const auto& [branch, state] : std::map(now_)) {
      if (random() % 2 == 0) ChangeSome(branch, random);
      if (random() % 2 == 0) Commit(branch);
    }
  };
  for (int step = 0; step < 1500; ++step) {
    const int64_t scale = int64_t{1} << (28 + random() % 18);
    now_ns_ += static_cast<int64_t>(random() % static_cast<uint64_t>(scale));
    if (random() % 200 == 0) now_ns_ -= kDayNs;
    const BranchId branch =
        std::next(now_.begin(), static_cast<long>(random() % now_.size()))->first;
    const uint64_t dice = random() % 100;
    if (dice < 55) {
      ChangeSome(branch, random);
    } else if (dice < 60) {
      ASSERT_TRUE(FoldAll().ok());
    } else if (dice < 80) {
      Commit(branch);
    } else if (dice < 84) {
      const Seq seq = manifest_->Pin();
      if (!pinned_.emplace(std::pair(branch, seq), now_[branch]).second) manifest_->Unpin(seq);
    } else if (dice < 87 && !pinned_.empty()) {
      const auto it = std::next(pinned_.begin(), static_cast<long>(random() % pinned_.size()));
      manifest_->Unpin(it->first.second);
      pinned_.erase(it);
    } else if (dice < 89) {
      const std::set<Seq> kept = LogOf(branch);
      if (kept.empty()) continue;
      const Seq seq = *std::next(kept.begin(), static_cast<long>(random() % kept.size()));
      ASSERT_TRUE(manifest_->PinCommit(branch, seq).ok());
      const State state = commits_[{branch, seq}];
      if (!pinned_.emplace(std::pair(branch, seq), state).second) manifest_->Unpin(seq);
    } else if (dice < 90 && now_.size() < 3 && !LogOf(branch).empty()) {
      MakeBranch(now_.size() == 1 ? kChild : kGrandchild, branch, *LogOf(branch).begin());
    } else if (dice < 97) {
      const Status done = history_->Thin(ThinHow::kByPolicy);
      ASSERT_TRUE(done.ok()) << done.ToString();
    } else if (dice < 98) {
      const Status done = history_->Thin(ThinHow::kPressing);
      ASSERT_TRUE(done.ok()) << done.ToString();
    }
    if (dice >= 89) ExpectAll();
    if (HasFailure()) return;
  }
}

// Nothing is pinned and nothing forked: what is left is what the newest commit sees.
TEST_F(HistoryModel, PressingLeavesTheNewestCommitAndWhatIsPinned) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    ChangeSome(kMainBranch, random);
    Commit(kMainBranch);
  }
  ASSERT_TRUE(FoldAll().ok());
  EXPECT_GT(EarlierValues(), 100U);
  const Seq kept = *std::next(LogOf(kMainBranch).begin(), 50);
  ASSERT_TRUE(manifest_->PinCommit(kMainBranch, kept).ok());
  pinned_[{kMainBranch, kept}] = commits_[{kMainBranch, kept}];
  ASSERT_TRUE(history_->Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(LogOf(kMainBranch).size(), 1U);
  EXPECT_LE(EarlierValues(), static_cast<size_t>(kKeys));
  EXPECT_EQ(history_->Describe().values, EarlierValues());
  ExpectAll();
  manifest_->Unpin(kept);
  pinned_.clear();
  ASSERT_TRUE(history_->Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(EarlierValues(), 0U);
  EXPECT_EQ(history_->Describe().value_bytes, 0U);
  EXPECT_EQ(history_->Describe().commits, 1U);
  EXPECT_EQ(history_->Describe().dropped, 199U);
  ExpectAll();
}

TEST_F(HistoryModel, CommitsOfSnapshotsAndForksStayAlsoUnderPressure) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 60; ++i) {
    ChangeSome(kMainBranch, random);
    Commit(kMainBranch);
  }
  const std::set<Seq> log = LogOf(kMainBranch);
  const Seq snapshot = *std::next(log.begin(), 10);
  const Seq fork = *std::next(log.begin(), 20);
  ASSERT_TRUE(pins_.Pin(kMainBranch, snapshot));
  MakeBranch(kChild, kMainBranch, fork);
  ASSERT_TRUE(history_->Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(LogOf(kMainBranch), (std::set<Seq>{snapshot, fork, *log.rbegin()}));
  ExpectAll();
}

// The thread that thins has nothing to do on a store at rest, however long.
TEST_F(HistoryModel, AStoreAtRestIsLeftAtRest) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 1000; ++i) {
    now_ns_ += kSecondNs;
    ChangeSome(kMainBranch, random);
    Commit(kMainBranch);
  }
  ASSERT_TRUE(history_->ThinIfDue().ok());
  const size_t first = LogOf(kMainBranch).size();
  EXPECT_LT(first, 620U);
  ExpectAll();
  const uint64_t seq = seq_;
  logs_ = 0;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(history_->ThinIfDue().ok());
  EXPECT_EQ(logs_, 0);
  EXPECT_EQ(seq_, seq);
  // Time passes: it goes on, and ends.
  for (int i = 0; i < 24 * 60; ++i) {
    steady_ns_ += kMinuteNs;
    ASSERT_TRUE(history_->ThinIfDue().ok());
  }
  EXPECT_LT(LogOf(kMainBranch).size(), 3U);
  EXPECT_LE(EarlierValues(), static_cast<size_t>(2 * kKeys));
  steady_ns_ += 31 * kDayNs;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(history_->ThinIfDue().ok());
  EXPECT_EQ(LogOf(kMainBranch).size(), 1U);
  steady_ns_ += kDayNs;
  ASSERT_TRUE(history_->ThinIfDue().ok());
  EXPECT_EQ(EarlierValues(), 0U);
  const uint64_t rest = seq_;
  steady_ns_ += 3650 * kDayNs;
  logs_ = 0;
  ASSERT_TRUE(history_->ThinIfDue().ok());
  EXPECT_EQ(seq_, rest);
  EXPECT_EQ(logs_, 0);
  ExpectAll();
}

// All earlier values are read only when enough commits went.
TEST_F(HistoryModel, ValuesAreLookedForWhenEnoughIsOwed) {
  MakeHistory({.all_ns = 20 * kSecondNs, .per_minute_ns = 0, .per_hour_ns = 0, .per_day_ns = 0});
  std::mt19937_64 random(4);
  int looks = 0;
  for (int i = 0; i < 400; ++i) {
    now_ns_ += kSecondNs;
    steady_ns_ += kSecondNs;
    ChangeSome(kMainBranch, random);
    Commit(kMainBranch);
    const int64_t before = history_->Describe().looked_ns;
    ASSERT_TRUE(history_->ThinIfDue().ok());
    looks += history_->Describe().looked_ns != before ? 1 : 0;
    EXPECT_LT(history_->Describe().owed, History::kOwedMin);
  }
  EXPECT_EQ(looks, 380 / static_cast<int>(History::kOwedMin));
  EXPECT_EQ(LogOf(kMainBranch).size(), 20U);
  ExpectAll();
}

// What a run that stopped left over is known at the next open, and found.
TEST_F(HistoryModel, WhatIsOwedIsKnownAfterwards) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100; ++i) {
    ChangeSome(kMainBranch, random);
    Commit(kMainBranch);
  }
  MakeHistory(kKeepNewestOnly);
  between_ = [&] { disk_.FailCall(1, Code::kIo); };
  EXPECT_EQ(history_->Thin(ThinHow::kByPolicy).code(), Code::kIo);
  ExpectAll();
  between_ = {};
  MakeHistory(kKeepNewestOnly);
  EXPECT_EQ(history_->Describe().owed, 99U);
  EXPECT_GT(EarlierValues(), 0U);
  ASSERT_TRUE(history_->ThinIfDue().ok());
  EXPECT_EQ(EarlierValues(), 0U);
  EXPECT_EQ(history_->Describe().owed, 0U);
  ExpectAll();
}

// A pin that is asked for while a run takes the commit away is granted and kept, or refused.
TEST_F(HistoryModel, APinThatComesInTimeIsKept) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 1500; ++i) {
    ChangeSome(kMainBranch, random);
    Commit(kMainBranch);
  }
  MakeHistory(kKeepNewestOnly);
  const std::set<Seq> log = LogOf(kMainBranch);
  int chunk = 0;
  between_ = [&] {
    ++chunk;
    for (const Seq seq : {*log.begin(), *std::next(log.begin(), 700)}) {
      ExpectRefused({kMainBranch, seq});
    }
    const Seq newest = *log.rbegin();
    ASSERT_TRUE(manifest_->PinCommit(kMainBranch, newest).ok());
    pinned_[{kMainBranch, newest}] = commits_[{kMainBranch, newest}];
    // Values come and go that the run meets later: those who see them are none it knows of.
    for (int i = 0; i < 20; ++i) {
      ChangeSome(kMainBranch, random);
      Commit(kMainBranch);
    }
  };
  ASSERT_TRUE(history_->Thin(ThinHow::kByPolicy).ok());
  EXPECT_GT(chunk, 2);
  ExpectAll();
}

}  // namespace
}  // namespace mendfs
