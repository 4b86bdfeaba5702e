// Reads at every moment against a model that keeps everything.
#include "meta/manifest/manifest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "meta/disk/sim_disk.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

std::string KeyOf(int i) {
  return XattrKey(InodeNumber(100), "k" + std::to_string(i));
}

using State = std::map<std::string, std::string>;

class ManifestModelTest : public ::testing::Test {
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
  }

  void Apply(const Change& change) { manifest_->Apply(Seq(++seq_), change); }

  void Fold() {
    manifest_->Rotate();
    const Status folded = manifest_->Fold([](Seq, Seq, const auto&) { return Status::Ok(); });
    ASSERT_TRUE(folded.ok()) << folded.ToString();
  }

  // What makes a moment readable for good: it is noted, and has a row.
  Seq Commit() {
    const Seq seq(seq_);
    manifest_->NoteCommit(seq);
    Change row;
    row.PutGlobal(CommitKey(kMainBranch, seq), "commit " + std::to_string(seq.value));
    Apply(row);
    return seq;
  }
  void DropCommit(Seq seq) {
    Change gone;
    gone.ClearGlobal(CommitKey(kMainBranch, seq));
    Apply(gone);
  }

  State ScanAll(const View& view) {
    State state;
    auto cursor = manifest_->Scan(view, PrefixRange(XattrPrefix(InodeNumber(100))));
    for (; cursor->Valid(); cursor->Next()) {
      EXPECT_TRUE(state.emplace(cursor->key(), cursor->value()).second);
    }
    EXPECT_TRUE(cursor->status().ok()) << cursor->status().ToString();
    return state;
  }

  void ExpectState(const View& view, const State& model) {
    EXPECT_EQ(ScanAll(view), model);
    for (int i = 0; i < kKeys; ++i) {
      const auto entry = manifest_->Get(view, KeyOf(i));
      const auto found = model.find(KeyOf(i));
      ASSERT_EQ(entry.ok(), found != model.end()) << "key " << i << " at " << view.seq.value;
      if (entry.ok()) {
        EXPECT_EQ(entry->value, found->second);
      }
    }
  }

  static constexpr int kKeys = 12;
  SimDisk disk_;
  std::unique_ptr<Manifest> manifest_;
  uint64_t seq_ = 0;
};

TEST_F(ManifestModelTest, EveryPinnedMomentReadsAsItWas) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  State now;
  std::map<Seq, State> pinned;   // handles
  std::map<Seq, State> commits;  // for good
  for (int step = 0; step < 1200; ++step) {
    const int dice = static_cast<int>(random() % 100);
    if (dice < 70) {
      Change change;
      const State before = now;
      for (uint64_t i = 0; i < 1 + random() % 3; ++i) {
        const std::string key = KeyOf(static_cast<int>(random() % kKeys));
        if (random() % 3 == 0) {
          change.Clear(key);
          now.erase(key);
        } else {
          const std::string value = std::to_string(step) + "." + std::to_string(i);
          if (before.count(key) == 0) {
            change.PutFresh(key, value);
          } else {
            change.Put(key, value);
          }
          now[key] = value;
        }
      }
      Apply(change);
    } else if (dice < 80) {
      Fold();
    } else if (dice < 85) {
      commits[Commit()] = now;
    } else if (dice < 90) {
      pinned[manifest_->Pin()] = now;
    } else if (dice < 94 && !pinned.empty()) {
      const auto it = std::next(pinned.begin(), static_cast<long>(random() % pinned.size()));
      // The model keeps one pin a moment; so does this test.
      manifest_->Unpin(it->first);
      pinned.erase(it);
    } else {
      ExpectState({kMainBranch, kHeadSeq}, now);
      for (const auto& [seq, state] : pinned) ExpectState({kMainBranch, seq}, state);
      if (!commits.empty()) {
        const auto it = std::next(commits.begin(), static_cast<long>(random() % commits.size()));
        ExpectState({kMainBranch, it->first}, it->second);
      }
    }
    if (HasFailure()) return;
  }
}

TEST_F(ManifestModelTest, WhatIsMadeAndUnmadeWithinOneFoldNeverReachesLevelDb) {
  Change make;
  make.PutFresh(KeyOf(1), "short-lived");
  Apply(make);
  Change unmake;
  unmake.Clear(KeyOf(1));
  Apply(unmake);
  Fold();
  auto iterator = manifest_->kv().Scan();
  int entries = 0;
  for (iterator->Seek(""); iterator->Valid(); iterator->Next()) {
    if (iterator->key() != FoldStateKey() && iterator->key() != FoldRowKey(1)) ++entries;
  }
  EXPECT_EQ(entries, 0);
}

TEST_F(ManifestModelTest, AChildBranchSeesItsParentAtTheForkAndHidesWhatItDeletes) {
  Change parent;
  parent.PutFresh(KeyOf(1), "inherited");
  parent.PutFresh(KeyOf(2), "deleted in the child");
  Apply(parent);
  const Seq fork(seq_);
  BranchRow row;
  row.id = BranchId(2);
  row.parent = kMainBranch;
  row.fork = fork;
  Change born;
  born.PutGlobal(BranchKey("child"), EncodeBranchRow(row));
  Apply(born);
  manifest_->NoteCommit(fork);
  Change later;
  later.Put(KeyOf(1), "changed in the parent");
  Apply(later);
  Change child;
  child.branch = BranchId(2);
  child.Clear(KeyOf(2));
  child.PutFresh(KeyOf(3), "own");
  Apply(child);
  for (int pass = 0; pass < 2; ++pass) {
    const View view{BranchId(2), kHeadSeq};
    EXPECT_EQ(ScanAll(view), (State{{KeyOf(1), "inherited"}, {KeyOf(3), "own"}}));
    EXPECT_EQ(manifest_->Get(view, KeyOf(1))->value, "inherited");
    EXPECT_EQ(manifest_->Get(view, KeyOf(2)).status().code(), Code::kNotFound);
    EXPECT_EQ(manifest_->Get({}, KeyOf(1))->value, "changed in the parent");
    Fold();
  }
}

TEST_F(ManifestModelTest, AMomentThatIsNotKeptIsRefusedAndNotGuessed) {
  Change change;
  change.Put(KeyOf(1), "one");
  Apply(change);
  const Seq kept = Commit();
  change.entries.front().value = "two";
  Apply(change);
  const Seq never(seq_);
  Apply(change);
  const Seq pinned = manifest_->Pin();
  change.entries.front().value = "three";
  Apply(change);
  const Seq newest = Commit();
  Fold();
  const auto code_of = [&](Seq seq) {
    const View view{kMainBranch, seq};
    const Code code = manifest_->CanRead(view).code();
    const auto got = manifest_->Get(view, KeyOf(1));
    EXPECT_EQ(got.status().code(), code);
    EXPECT_EQ(manifest_->Scan(view, {})->status().code(), code);
    EXPECT_EQ(manifest_->Scan(view, {})->Valid(), code == Code::kOk);
    return code;
  };
  EXPECT_EQ(code_of(kHeadSeq), Code::kOk);
  EXPECT_EQ(code_of(kept), Code::kOk);
  EXPECT_EQ(code_of(pinned), Code::kOk);
  EXPECT_EQ(code_of(newest), Code::kOk);
  EXPECT_EQ(code_of(manifest_->applied()), Code::kOk);
  EXPECT_EQ(code_of(never), Code::kStale);
  EXPECT_EQ(code_of(Seq(kept.value + 1)), Code::kStale);
  manifest_->Unpin(pinned);
  EXPECT_EQ(code_of(pinned), Code::kStale);
  EXPECT_EQ(manifest_->PinCommit(kMainBranch, pinned).code(), Code::kStale);
  EXPECT_EQ(manifest_->CanRead({BranchId(2), kept}).code(), Code::kStale);
  // A pin outlives its commit, a reader without one does not.
  ASSERT_TRUE(manifest_->PinCommit(kMainBranch, kept).ok());
  DropCommit(kept);
  EXPECT_EQ(code_of(kept), Code::kOk);
  EXPECT_EQ(manifest_->Get({kMainBranch, kept}, KeyOf(1))->value, "one");
  manifest_->Unpin(kept);
  EXPECT_EQ(code_of(kept), Code::kStale);
}

TEST_F(ManifestModelTest, CommitsAreListedNewestFirstWhereverTheirRowsAre) {
  std::vector<std::string> all;
  std::vector<Seq> seqs;
  for (int i = 0; i < 40; ++i) {
    Change change;
    change.Put(KeyOf(1), std::to_string(i));
    Apply(change);
    seqs.push_back(Commit());
    all.insert(all.begin(), "commit " + std::to_string(seqs.back().value));
    if (i == 10 || i == 20) Fold();
    if (i == 30) manifest_->Rotate();
  }
  const auto below = [&](Seq before, size_t limit) {
    auto rows = manifest_->CommitsBelow(kMainBranch, before, limit);
    EXPECT_TRUE(rows.ok()) << rows.status().ToString();
    return *std::move(rows);
  };
  EXPECT_EQ(below(kHeadSeq, 100), all);
  EXPECT_TRUE(below(seqs[0], 100).empty());
  EXPECT_TRUE(manifest_->CommitsBelow(BranchId(2), kHeadSeq, 100)->empty());
  for (size_t i = 1; i < seqs.size(); ++i) {
    EXPECT_EQ(below(seqs[i], 3).size(), std::min<size_t>(i, 3));
    EXPECT_EQ(below(seqs[i], 1).front(), "commit " + std::to_string(seqs[i - 1].value));
  }
  // Gone from LevelDB, from the set that waits, from the newest: also the start of a page.
  for (const int i : {0, 10, 15, 25, 39}) {
    DropCommit(seqs[i]);
    all.erase(std::find(all.begin(), all.end(), "commit " + std::to_string(seqs[i].value)));
  }
  EXPECT_EQ(below(kHeadSeq, 100), all);
  EXPECT_EQ(below(seqs[15], 1).front(), "commit " + std::to_string(seqs[14].value));
  const auto refold = [](Seq, Seq, const auto&) { return Status::Ok(); };
  ASSERT_TRUE(manifest_->Fold(refold).ok());
  EXPECT_EQ(below(kHeadSeq, 100), all);
  Fold();
  EXPECT_EQ(below(kHeadSeq, 100), all);
}

TEST_F(ManifestModelTest, AFailedFoldLosesNothingAndTheNextOneGoesOn) {
  Change change;
  change.PutFresh(KeyOf(1), "kept");
  Apply(change);
  manifest_->Rotate();
  disk_.FailCall(1, Code::kNoSpace, CallScope::kMutating);
  const auto refold = [](Seq, Seq, const auto&) { return Status::Ok(); };
  EXPECT_EQ(manifest_->Fold(refold).code(), Code::kNoSpace);
  EXPECT_EQ(manifest_->Get({}, KeyOf(1))->value, "kept");
  const Status again = manifest_->Fold(refold);
  ASSERT_TRUE(again.ok()) << again.ToString();
  EXPECT_EQ(manifest_->folded().folded, Seq(1));
  EXPECT_EQ(manifest_->Get({}, KeyOf(1))->value, "kept");
}

TEST_F(ManifestModelTest, ARewriteEditsWhatIsStillAsExpectedAndIsChainedLikeAFold) {
  const auto refold = [](Seq, Seq, const auto&) { return Status::Ok(); };
  Change change;
  change.Put(KeyOf(1), "one");
  change.Put(KeyOf(2), "two");
  change.Put(KeyOf(3), "three");
  Apply(change);
  Fold();
  const FoldState before = manifest_->folded();
  const auto bytes_of = [&](int i) {
    return *manifest_->kv().Get(CurrentKey(kMainBranch, KeyOf(i)));
  };
  std::string moved = bytes_of(1);
  moved.replace(moved.size() - 3, 3, "ONE");
  const std::vector<EntryEdit> edits = {
      {CurrentKey(kMainBranch, KeyOf(1)), bytes_of(1), moved},
      {CurrentKey(kMainBranch, KeyOf(2)), bytes_of(2), std::nullopt},
      {CurrentKey(kMainBranch, KeyOf(3)), "what it never was", std::nullopt},
      {CurrentKey(kMainBranch, KeyOf(4)), "", std::nullopt},
  };
  const auto edited = manifest_->Rewrite(edits, refold);
  ASSERT_TRUE(edited.ok()) << edited.status().ToString();
  EXPECT_EQ(*edited, 2U);
  EXPECT_EQ(manifest_->folded().folded, before.folded);
  EXPECT_EQ(manifest_->folded().number, before.number + 1);
  EXPECT_EQ(manifest_->folded().totals, before.totals);
  const View head{kMainBranch, kHeadSeq};
  ExpectState(head, {{KeyOf(1), "ONE"}, {KeyOf(3), "three"}});
  EXPECT_EQ(*manifest_->Rewrite(edits, refold), 0U);
  EXPECT_EQ(manifest_->folded().number, before.number + 1);
  ASSERT_TRUE(manifest_->Settle().ok());
  // A whole chain is what an open wants.
  manifest_.reset();
  auto again = Manifest::Open(disk_, "/s", {});
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  manifest_ = *std::move(again);
  ExpectState(head, {{KeyOf(1), "ONE"}, {KeyOf(3), "three"}});
}

TEST_F(ManifestModelTest, ARewriteAfterAFailedOneReopensLevelDb) {
  const auto refold = [](Seq, Seq, const auto&) { return Status::Ok(); };
  Change change;
  change.Put(KeyOf(1), "one");
  Apply(change);
  Fold();
  const std::string key = CurrentKey(kMainBranch, KeyOf(1));
  const std::vector<EntryEdit> edits = {{key, *manifest_->kv().Get(key), std::nullopt}};
  disk_.FailCall(1, Code::kNoSpace, CallScope::kMutating);
  EXPECT_EQ(manifest_->Rewrite(edits, refold).status().code(), Code::kNoSpace);
  const auto again = manifest_->Rewrite(edits, refold);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  ExpectState({kMainBranch, kHeadSeq}, {});
}

TEST_F(ManifestModelTest, EveryVersionOfAKindIsVisitedWhereverItIs) {
  Change change;
  change.Put(KeyOf(1), "kept by a pin");
  change.Put(KeyOf(2), "folded");
  Apply(change);
  Fold();
  manifest_->Pin();
  Change second;
  second.Put(KeyOf(1), "replaced, kept by a pin too");
  Apply(second);
  manifest_->Pin();
  Change third;
  third.Clear(KeyOf(1));
  Apply(third);
  Fold();
  Change fourth;
  fourth.Put(KeyOf(3), "first in memory");
  Apply(fourth);
  Change fifth;
  fifth.Put(KeyOf(3), "second in memory");
  fifth.Put("i-of-another-kind", "other");
  Apply(fifth);
  std::multimap<std::string, std::string> seen;
  size_t in_leveldb = 0;
  const Status walked =
      manifest_->EachVersion(*KindOf(KeyOf(1)), [&](const StoredVersion& version) {
        seen.emplace(version.branch_key, version.value.payload);
        if (!version.bytes.empty()) {
          ++in_leveldb;
          EXPECT_EQ(*manifest_->kv().Get(version.key), version.bytes);
        }
        return Status::Ok();
      });
  ASSERT_TRUE(walked.ok()) << walked.ToString();
  EXPECT_EQ(seen, (std::multimap<std::string, std::string>{
                      {KeyOf(1), "kept by a pin"},
                      {KeyOf(1), "replaced, kept by a pin too"},
                      {KeyOf(2), "folded"},
                      {KeyOf(3), "second in memory"},
                      {KeyOf(3), "first in memory"},
                  }));
  EXPECT_EQ(in_leveldb, 3U);
}

// What a batch tells of values that come and go.
class TallyingHooks final : public FoldHooks {
 public:
  Result<std::optional<std::string>> Move(std::string_view, std::string_view) override {
    return std::optional<std::string>();
  }
  Status SyncMoved() override { return Status::Ok(); }
  std::optional<Hash128> Digest(std::string_view, std::string_view) const override {
    return std::nullopt;
  }
  void BeginTally() override { batch.clear(); }
  void Tally(std::string_view, std::string_view value, int sign) override {
    batch[std::string(value)] += sign;
  }
  void EndTally() override { written = batch; }

  std::map<std::string, int> batch;
  std::map<std::string, int> written;
};

TEST_F(ManifestModelTest, HooksAreToldWhatComesAndWhatGoesForGood) {
  TallyingHooks hooks;
  manifest_->UseFoldHooks(hooks);
  const auto put = [&](const std::string& value) {
    Change change;
    change.Put(KeyOf(1), value);
    Apply(change);
  };
  put("first");
  put("second");
  Fold();
  EXPECT_EQ(hooks.written, (std::map<std::string, int>{{"first", -1}, {"second", 1}}));
  const Seq pin = manifest_->Pin();
  put("third");
  Fold();
  EXPECT_EQ(hooks.written, (std::map<std::string, int>{{"third", 1}}));
  manifest_->Unpin(pin);
  put("fourth");
  Fold();
  EXPECT_EQ(hooks.written, (std::map<std::string, int>{{"third", -1}, {"fourth", 1}}));
  // What was kept goes when somebody takes it away; what moves stays what it is.
  std::vector<EntryEdit> edits;
  const Status walked =
      manifest_->EachVersion(*KindOf(KeyOf(1)), [&](const StoredVersion& version) {
        const bool earlier = version.value.payload == "second";
        edits.push_back({std::string(version.key), std::string(version.bytes), std::nullopt});
        if (!earlier)
          edits.back().replacement = EncodeStoredValue({version.value.start, false, "4"});
        return Status::Ok();
      });
  ASSERT_TRUE(walked.ok());
  const auto edited = manifest_->Rewrite(edits, [](Seq, Seq, const auto&) { return Status::Ok(); });
  ASSERT_TRUE(edited.ok());
  EXPECT_EQ(*edited, 2U);
  EXPECT_EQ(hooks.written, (std::map<std::string, int>{{"second", -1}}));
  manifest_.reset();
}

}  // namespace
}  // namespace mendfs
