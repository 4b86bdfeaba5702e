// Thinning of an open store: what stays, what it gives back, and dying anywhere in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "meta/base/failpoint.h"
#include "meta/codec/hash.h"
#include "meta/commit/history/history_format.h"
#include "meta/describe.h"
#include "meta/disk/sim_disk.h"
#include "meta/manifest/keys.h"
#include "meta/store.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using State = std::map<std::string, std::string>;

std::string KeyOf(uint64_t i) {
  return XattrKey(InodeNumber(900), "k" + std::to_string(i));
}

std::string Noise(std::mt19937_64& random, size_t size) {
  std::string noise(size, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return noise;
}

// A store, and beside it the state of every commit.
class Thinned {
 public:
  explicit Thinned(uint64_t seed, const std::string& config = {}) : random_(seed) {
    EXPECT_TRUE(Store::Create(disk_, "/store", {}).ok());
    if (config.empty()) return;
    EXPECT_TRUE(ReplaceFile(disk_, "/store/config.toml", config).ok());
  }

  void Open() {
    OpenOptions options;
    options.commit_interval_ms = 0;
    options.journal_segment_bytes = 16 << 10;
    auto store = Store::Open(disk_, "/store", options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    now_ = ScanAll({});
  }

  // Stops at the first thing that fails. What is durable in the end is the newest commit's state.
  bool Work(int commits) {
    for (int i = 0; i < commits; ++i) {
      Change change;
      State next = now_;
      for (uint64_t k = 0; k < 1 + random_() % 4; ++k) {
        const std::string key = KeyOf(random_() % 12);
        if (random_() % 4 == 0) {
          change.Clear(key);
          next.erase(key);
        } else {
          next[key] = std::to_string(random_()) + std::string(random_() % 200, 'v');
          change.Put(key, next[key]);
        }
      }
      if (!store_->door().Apply(change).ok()) return false;
      now_ = next;
      const auto row = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
      if (!row.ok() || !row->has_value()) return false;
      states_[(*row)->seq] = next;
    }
    return true;
  }

  // Every commit in the log reads as it was, all others are refused. Commits that were made and are
  // not there any more must be older than those that are: `lost` may be missing at the end.
  void Check(size_t lost = 0) {
    std::map<Seq, bool> logged;
    const auto log = store_->Log(kMainBranch, kHeadSeq, SIZE_MAX);
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    for (const CommitRow& row : *log) logged[row.seq] = true;
    while (lost > 0 && !states_.empty() && logged.count(states_.rbegin()->first) == 0) {
      states_.erase(std::prev(states_.end()));
      --lost;
    }
    if (states_.empty()) return;
    EXPECT_EQ(logged.count(states_.rbegin()->first), 1U) << "the newest commit is gone";
    for (const auto& [seq, state] : states_) {
      const View view{kMainBranch, seq};
      if (logged.count(seq) == 0) {
        ASSERT_EQ(store_->reader().Scan(view, {})->status().code(), Code::kStale);
        ASSERT_EQ(store_->reader().Get(view, KeyOf(1)).status().code(), Code::kStale);
        continue;
      }
      ASSERT_EQ(ScanAll(view), state) << "commit at " << seq.value;
    }
  }

  State ScanAll(const View& view) {
    State found;
    auto cursor = store_->reader().Scan(view, PrefixRange(XattrPrefix(InodeNumber(900))));
    for (; cursor->Valid(); cursor->Next()) found.emplace(cursor->key(), cursor->value());
    EXPECT_TRUE(cursor->status().ok()) << cursor->status().ToString();
    return found;
  }

  void Close() { store_.reset(); }
  void PowerCut() {
    disk_.PowerCut(random_());
    store_.reset();
  }
  Store& store() { return *store_; }
  SimDisk& disk() { return disk_; }
  std::mt19937_64& random() { return random_; }
  const std::map<Seq, State>& states() const { return states_; }

 private:
  SimDisk disk_;
  std::mt19937_64 random_;
  std::unique_ptr<Store> store_;
  State now_;
  std::map<Seq, State> states_;  // of the commits
};

constexpr const char* kNothing =
    "history_all = \"0\"\nhistory_per_minute = \"0\"\nhistory_per_hour = \"0\"\n"
    "history_per_day = \"0\"\n";

TEST(HistoryFormatTest, TheBytesAreGolden) {
  const HistoryRow row{.owed = 1,
                       .dropped = 2,
                       .judged_ns = 3,
                       .commits = 4,
                       .oldest = Seq(5),
                       .oldest_ns = -1,
                       .looked_ns = 7,
                       .values = 8,
                       .value_bytes = 0x0102030405060708};
  const std::string bytes = EncodeHistoryRow(row);
  EXPECT_EQ(ToHex(bytes),
            "01"
            "0100000000000000"
            "0200000000000000"
            "0300000000000000"
            "0400000000000000"
            "0500000000000000"
            "ffffffffffffffff"
            "0700000000000000"
            "0800000000000000"
            "0807060504030201");
  EXPECT_EQ(*DecodeHistoryRow(bytes), row);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeHistoryRow(bytes.substr(0, size)).status().code(), Code::kCorruption);
  }
  EXPECT_EQ(DecodeHistoryRow(bytes + "x").status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeHistoryRow("\2" + bytes.substr(1)).status().code(), Code::kUnsupported);
}

TEST(HistoryTest, ByDefaultNothingYoungGoes) {
  Thinned thinned(1);
  thinned.Open();
  ASSERT_TRUE(thinned.Work(50));
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
  EXPECT_EQ(thinned.store().Log(kMainBranch, kHeadSeq, 100)->size(), 51U);
  EXPECT_GT(thinned.store().Describe().history.values, 0U) << "it was measured";
  const Seq last = thinned.store().LastSeq();
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
  EXPECT_EQ(thinned.store().LastSeq(), last) << "and that was all";
  thinned.Check();
}

TEST(HistoryTest, ThePolicyIsThatOfTheConfig) {
  // A commit counts 10 ms at least, so 50 of them are half a second at least.
  Thinned thinned(2,
                  "history_all = \"1s\"\nhistory_per_minute = \"0\"\nhistory_per_hour = \"0\"\n"
                  "history_per_day = \"0\"\n");
  thinned.Open();
  ASSERT_TRUE(thinned.Work(150));
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
  EXPECT_LE(thinned.store().Log(kMainBranch, kHeadSeq, 1000)->size(), 100U);
  thinned.Check();
}

TEST(HistoryTest, WhatIsPinnedStaysAndTheNewestCommitToo) {
  Thinned thinned(3, kNothing);
  thinned.Open();
  ASSERT_TRUE(thinned.Work(20));
  auto pin = thinned.store().Pin(kMainBranch);
  ASSERT_TRUE(pin.ok());
  const State then = thinned.states().rbegin()->second;
  ASSERT_TRUE(thinned.Work(20));
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kPressing).ok());
  const auto log = thinned.store().Log(kMainBranch, kHeadSeq, 100);
  ASSERT_EQ(log->size(), 1U);
  EXPECT_EQ(log->front().seq, thinned.states().rbegin()->first);
  EXPECT_EQ(thinned.ScanAll((*pin)->view()), then);
  const View past = (*pin)->view();
  pin->reset();
  EXPECT_EQ(thinned.store().reader().Get(past, KeyOf(1)).status().code(), Code::kStale);
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(thinned.store().Describe().history.values, 0U);
  thinned.Check();
}

TEST(HistoryTest, ThinningMakesNoCommitAndComesToRest) {
  Thinned thinned(4, kNothing);
  thinned.Open();
  ASSERT_TRUE(thinned.Work(100));
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
  EXPECT_FALSE(thinned.store().CloseCommit(kMainBranch, {"test", "", Origin::kUser})->has_value());
  const Seq last = thinned.store().LastSeq();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
  EXPECT_EQ(thinned.store().LastSeq(), last);
  for (int i = 0; i < 2; ++i) {
    thinned.Close();
    thinned.Open();
    thinned.Check();
    EXPECT_EQ(thinned.store().Log(kMainBranch, kHeadSeq, 100)->size(), 1U);
  }
  ASSERT_TRUE(thinned.Work(3));
  thinned.Check();
}

TEST(HistoryTest, TheStatusTellsWhatIsKeptAlsoOfAReadOnlyStore) {
  Thinned thinned(5, kNothing);
  thinned.Open();
  EXPECT_EQ(thinned.store().Describe().history.judged_ns, 0);
  EXPECT_THAT(StatusJson(thinned.store().Describe()), testing::HasSubstr("\"commits\":null"));
  ASSERT_TRUE(thinned.Work(30));
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
  const HistoryStatus live = thinned.store().Describe().history;
  EXPECT_EQ(live.commits, 1U);
  EXPECT_EQ(live.oldest, thinned.states().rbegin()->first);
  EXPECT_EQ(live.values, 0U);
  EXPECT_EQ(live.dropped, 30U);
  EXPECT_EQ(live.owed, 0U);
  EXPECT_NE(live.looked_ns, 0);
  thinned.Close();
  OpenOptions options;
  options.access = OpenAccess::kReadOnly;
  const auto store = Store::Open(thinned.disk(), "/store", options);
  ASSERT_TRUE(store.ok());
  EXPECT_EQ((*store)->Describe().history.commits, 1U);
  EXPECT_EQ((*store)->Describe().history.looked_ns, live.looked_ns);
  EXPECT_THAT(StatusJson((*store)->Describe()), testing::HasSubstr("\"dropped\":30"));
  EXPECT_EQ((*store)->Thin(ThinHow::kPressing).code(), Code::kReadOnly);
}

TEST(HistoryTest, LevelDbGetsSmaller) {
  const auto bytes = [](SimDisk& disk) {
    uint64_t sum = 0;
    for (const DirEntry& entry : *disk.List("/store/manifest")) {
      sum += disk.Stat("/store/manifest/" + entry.name)->size_bytes;
    }
    return sum;
  };
  Thinned thinned(6, kNothing);
  thinned.Open();
  constexpr uint64_t kKeys = 100;
  constexpr size_t kValue = 3000;
  for (int round = 0; round < 60; ++round) {
    Change change;
    for (uint64_t i = 0; i < kKeys; ++i) {
      change.Put(KeyOf(100 + i), Noise(thinned.random(), kValue));
    }
    ASSERT_TRUE(thinned.store().door().Apply(change).ok());
    ASSERT_TRUE(thinned.store().CloseCommit(kMainBranch, {"t", "", Origin::kUser}).ok());
  }
  EXPECT_GT(bytes(thinned.disk()), 59 * kKeys * kValue);
  ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
  EXPECT_LT(bytes(thinned.disk()), 6 * kKeys * kValue);
}

TEST(HistoryTest, OthersWorkWhileHistoryIsThinned) {
  Thinned thinned(7, kNothing);
  thinned.Open();
  Store& store = thinned.store();
  // Two keys that are always changed together.
  const auto put = [&](int i) {
    Change change;
    change.Put(KeyOf(1), std::to_string(i));
    change.Put(KeyOf(2), std::to_string(i));
    return store.door().Apply(change).status();
  };
  ASSERT_TRUE(put(0).ok());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 1; i < 400; ++i) {
      EXPECT_TRUE(put(i).ok());
      EXPECT_TRUE(store.CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    }
    stop = true;
  });
  std::thread reader([&] {
    while (!stop) {
      const auto pin = store.Pin(kMainBranch);
      for (int i = 0; i < 20; ++i) {
        const auto one = store.reader().Get((*pin)->view(), KeyOf(1));
        const auto two = store.reader().Get((*pin)->view(), KeyOf(2));
        ASSERT_TRUE(one.ok() && two.ok()) << one.status().ToString() << two.status().ToString();
        ASSERT_EQ(one->value, two->value);
        std::this_thread::yield();
      }
    }
  });
  std::thread presser([&] {
    while (!stop) EXPECT_TRUE(store.Thin(ThinHow::kPressing).ok());
  });
  while (!stop) EXPECT_TRUE(store.Thin(ThinHow::kByPolicy).ok());
  writer.join();
  reader.join();
  presser.join();
  EXPECT_EQ(store.reader().Get({}, KeyOf(1))->value, "399");
  ASSERT_TRUE(store.Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(store.Describe().history.values, 0U);
}

// ---------------------------------------------------------------------------------------- crashes
TEST(HistoryCrashTest, DyingAnywhereInARunLeavesWhatTheNextOneTakes) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  bool all = false;
  for (uint64_t k = 1; !all; ++k) {
    SCOPED_TRACE("call " + std::to_string(k));
    Thinned thinned(seed + k, kNothing);
    thinned.Open();
    ASSERT_TRUE(thinned.Work(25));
    thinned.disk().StopAt(k);
    const ThinHow how = k % 2 == 0 ? ThinHow::kByPolicy : ThinHow::kPressing;
    all = thinned.store().Thin(how).ok() && thinned.disk().FaultWaits();
    // The newest commit's row may have been lost with the cut: it was not flushed.
    thinned.PowerCut();
    thinned.Open();
    thinned.Check(1);
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_TRUE(thinned.Work(3));
    thinned.Check();
    ASSERT_TRUE(thinned.store().Thin(how).ok());
    thinned.Check();
    EXPECT_EQ(thinned.store().Describe().history.owed, 0U);
    ASSERT_TRUE(thinned.store().Thin(ThinHow::kPressing).ok());
    EXPECT_EQ(thinned.store().Describe().history.values, 0U);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(HistoryCrashTest, AFailingCallLosesNothingAndTheNextRunGoesOn) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  bool all = false;
  for (uint64_t k = 1; !all; ++k) {
    SCOPED_TRACE("call " + std::to_string(k));
    Thinned thinned(seed + k, kNothing);
    thinned.Open();
    ASSERT_TRUE(thinned.Work(25));
    thinned.disk().FailCall(k, k % 2 == 0 ? Code::kNoSpace : Code::kIo);
    thinned.store().Thin(ThinHow::kPressing).IgnoreError();
    all = thinned.disk().FaultWaits();
    thinned.disk().ClearFault();
    thinned.Check();
    if (testing::Test::HasFatalFailure()) return;
    if (thinned.store().Describe().health == Health::kReadOnly) {  // a flush failed
      thinned.Close();
      thinned.Open();
      thinned.Check();
    }
    ASSERT_TRUE(thinned.store().Thin(ThinHow::kPressing).ok());
    EXPECT_EQ(thinned.store().Describe().history.values, 0U);
    thinned.Check();
    ASSERT_TRUE(thinned.store().door().AwaitRoom(true).ok());
    ASSERT_TRUE(thinned.Work(3));
    thinned.Close();
    thinned.Open();
    thinned.Check();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(HistoryCrashTest, PowerCutsBetweenRunsAndWorkLeaveEveryKeptCommit) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 4; ++run) {
    Thinned thinned(seed + run, "history_all = \"1s\"\nhistory_per_minute = \"0\"\n");
    for (int life = 0; life < 8; ++life) {
      thinned.Open();
      thinned.Check(1);
      if (testing::Test::HasFatalFailure()) return;
      thinned.disk().StopAt(300 + thinned.random()() % 3000);
      while (thinned.Work(1 + static_cast<int>(thinned.random()() % 20))) {
        const bool pressing = thinned.random()() % 6 == 0;
        if (!thinned.store().Thin(pressing ? ThinHow::kPressing : ThinHow::kByPolicy).ok()) {
          break;
        }
        thinned.store().Flush().IgnoreError();
      }
      thinned.PowerCut();
    }
  }
}

TEST(HistoryCrashTest, EachInstantOfARunIsReachedAndRecoveredFrom) {
  for (const Failpoint point : {Failpoint::kHistoryAfterDrop, Failpoint::kHistoryAfterFold,
                                Failpoint::kHistoryAfterChunk, Failpoint::kHistoryAfterLast}) {
    for (const bool cut : {false, true}) {
      SCOPED_TRACE(std::string(FailpointName(point)) + (cut ? ", power cut" : ""));
      Thinned thinned(8, kNothing);
      thinned.Open();
      ASSERT_TRUE(thinned.Work(25));
      ASSERT_TRUE(thinned.store().Flush().ok());
      ArmFailpoint(point, FailAction::kError);
      EXPECT_EQ(thinned.store().Thin(ThinHow::kByPolicy).code(), Code::kIo);
      DisarmFailpoints();
      EXPECT_EQ(thinned.store().Describe().history.owed, 25U);
      if (cut) {
        thinned.PowerCut();
        thinned.Open();
      }
      thinned.Check();
      ASSERT_TRUE(thinned.store().Thin(ThinHow::kByPolicy).ok());
      EXPECT_EQ(thinned.store().Describe().history.owed, 0U);
      EXPECT_EQ(thinned.store().Describe().history.values, 0U);
      thinned.Check();
    }
  }
}

}  // namespace
}  // namespace mendfs
