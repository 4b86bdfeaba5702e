// Folds that go in several batches, and what is left of one that is cut short between them.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "meta/base/failpoint.h"
#include "meta/disk/sim_disk.h"
#include "meta/manifest/manifest.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

std::string KeyOf(int i) {
  return XattrKey(InodeNumber(100), "k" + std::to_string(i));
}

// A store of rows, inodes and xattrs, whose folds go in small parts.
class PartedFoldTest : public ::testing::Test {
 protected:
  using Dump = std::map<std::string, std::string>;

  struct World {
    std::unique_ptr<SimDisk> disk;
    std::unique_ptr<Manifest> manifest;
  };

  static ManifestOptions Options() {
    ManifestOptions options;
    options.fold_part_bytes = 2000;
    return options;
  }
  World Make() {
    World world{std::make_unique<SimDisk>(), nullptr};
    EXPECT_TRUE(world.disk->MakeDir("/s").ok() && world.disk->MakeDir("/s/manifest").ok());
    ManifestOptions options = Options();
    options.create = true;
    world.manifest = *Manifest::Open(*world.disk, "/s", options);
    auto batch = world.manifest->kv().NewBatch();
    batch->Put(FoldStateKey(), EncodeFoldState({}));
    EXPECT_TRUE(world.manifest->kv().Write(*batch, true).ok());
    return world;
  }
  // The process dies: what is opened next knows what LevelDB holds, and gets the rest from the
  // journal.
  void Restart(World& world) {
    world.manifest.reset();
    auto opened = Manifest::Open(*world.disk, "/s", Options());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    world.manifest = *std::move(opened);
    Replay(world);
  }
  void Replay(World& world) {
    const Seq folded = world.manifest->folded().folded;
    for (const auto& [seq, change] : journal_) {
      if (seq <= folded) continue;
      world.manifest->Apply(seq, change);
    }
    for (const Seq commit : commits_) world.manifest->NoteCommit(commit);
  }
  static Status Fold(World& world) {
    world.manifest->Rotate();
    return world.manifest->Fold([](Seq, Seq, const auto&) { return Status::Ok(); });
  }
  void Add(Change change) { journal_.emplace(Seq(journal_.size() + 1), std::move(change)); }

  // Some of everything: what is made, replaced several times, unmade and made anew.
  void AddChanges(std::mt19937_64& random, int count) {
    for (int i = 0; i < count; ++i) {
      Change change;
      for (int entry = 0; entry < 4; ++entry) {
        const int n = static_cast<int>(random() % 40);
        const std::string key = n < 20 ? KeyOf(n) : InodeKey(InodeNumber(kFirstFreeInode + n));
        if (present_.count(key) != 0 && random() % 3 == 0) {
          change.Clear(key);
          present_.erase(key);
        } else {
          const std::string value(1 + random() % 300, static_cast<char>('a' + random() % 26));
          if (present_.insert(key).second) {
            change.PutFresh(key, value);
          } else {
            change.Put(key, value);
          }
        }
      }
      change.PutGlobal(ObjectKey(Id128{}), std::to_string(i));
      Add(std::move(change));
      if (random() % 8 == 0) commits_.push_back(Seq(journal_.size()));
    }
  }

  static Dump Entries(const Manifest& manifest) {
    Dump dump;
    const auto iterator = const_cast<Manifest&>(manifest).kv().Scan();
    for (iterator->Seek(""); iterator->Valid(); iterator->Next()) {
      const std::string key(iterator->key());
      if (key != FoldStateKey() && !key.starts_with(FoldRowPrefix())) dump[key] = iterator->value();
    }
    return dump;
  }

  std::map<Seq, Change> journal_;
  std::vector<Seq> commits_;
  std::set<std::string> present_;
};

TEST_F(PartedFoldTest, CutShortAnywhereItIsDoneOnceByTheNext) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  World whole = Make();
  AddChanges(random, 40);
  Replay(whole);
  ASSERT_TRUE(Fold(whole).ok());
  const auto base = whole.disk->Fork();
  AddChanges(random, 60);
  const auto journal = journal_;
  Restart(whole);
  CountFailpointHits();
  const auto hits = [] {
    return FailpointHits()[static_cast<size_t>(Failpoint::kFoldBetweenParts)];
  };
  const uint64_t before = hits();
  ASSERT_TRUE(Fold(whole).ok());
  const uint64_t parts = hits() - before;
  ASSERT_GT(parts, 4u) << "a fold is one batch";
  const Dump wanted = Entries(*whole.manifest);
  const FoldState state = whole.manifest->folded();

  for (unsigned part = 1; part <= parts; ++part) {
    for (const bool dies : {false, true}) {
      SCOPED_TRACE("part " + std::to_string(part) + (dies ? ", the process dies" : ", an error"));
      journal_ = journal;
      World cut{base->Fork(), nullptr};
      Restart(cut);
      ArmFailpoint(Failpoint::kFoldBetweenParts, FailAction::kError, part);
      EXPECT_FALSE(Fold(cut).ok());
      DisarmFailpoints();
      const Seq folded = cut.manifest->folded().folded;
      EXPECT_LT(folded, Seq(journal.size()));
      if (dies) {
        Restart(cut);
        EXPECT_EQ(cut.manifest->folded().folded, folded) << "the position moves with the last part";
      }
      ASSERT_TRUE(Fold(cut).ok());
      EXPECT_EQ(Entries(*cut.manifest), wanted);
      EXPECT_EQ(cut.manifest->folded().folded, state.folded);
      EXPECT_EQ(cut.manifest->folded().totals, state.totals);
      Restart(cut);
      EXPECT_EQ(cut.manifest->CountApplied()->files, state.totals.at(kMainBranch).files);
      if (HasFailure()) return;
    }
  }
}

TEST_F(PartedFoldTest, WhatReplayAddsBehindACutIsFoldedOnTopOfIt) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  AddChanges(random, 60);
  World cut = Make();
  Replay(cut);
  ArmFailpoint(Failpoint::kFoldBetweenParts, FailAction::kError, 3);
  EXPECT_FALSE(Fold(cut).ok());
  DisarmFailpoints();
  AddChanges(random, 60);
  Restart(cut);
  World whole = Make();
  Replay(whole);
  ASSERT_TRUE(Fold(cut).ok() && Fold(whole).ok());
  EXPECT_EQ(Entries(*cut.manifest), Entries(*whole.manifest));
  EXPECT_EQ(cut.manifest->folded().totals, whole.manifest->folded().totals);
}

TEST_F(PartedFoldTest, AForecastSaysWhatTheFoldLeadsToAlsoOfOneThatWasCut) {
  std::mt19937_64 random(7);
  AddChanges(random, 30);
  World world = Make();
  Replay(world);
  ASSERT_TRUE(Fold(world).ok());
  AddChanges(random, 60);
  commits_ = {Seq(30)};
  Replay(world);
  world.manifest->Rotate();
  const auto refold = [](Seq, Seq, const auto&) { return Status::Ok(); };
  const auto forecast = world.manifest->ForecastFold(refold);
  ASSERT_TRUE(forecast.ok() && forecast->has_value());
  EXPECT_EQ((*forecast)->last, Seq(journal_.size()));
  EXPECT_GT((*forecast)->earlier_bytes, 0u);
  ArmFailpoint(Failpoint::kFoldBetweenParts, FailAction::kError, 2);
  EXPECT_FALSE(Fold(world).ok());
  DisarmFailpoints();
  const auto again = world.manifest->ForecastFold(refold);
  ASSERT_TRUE(again.ok() && again->has_value());
  EXPECT_EQ((*again)->totals, (*forecast)->totals);
  EXPECT_LT((*again)->earlier_bytes, (*forecast)->earlier_bytes);
  ASSERT_TRUE(Fold(world).ok());
  EXPECT_EQ(world.manifest->folded().totals.at(kMainBranch), (*forecast)->totals);
  EXPECT_FALSE(world.manifest->ForecastFold(refold)->has_value());
}

}  // namespace
}  // namespace mendfs
