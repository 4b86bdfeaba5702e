// Seeded histories on the simulated disk: power cuts and dying processes at any point. Afterwards
// the store holds the state behind some change, whole, and nothing that was flushed is missing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>

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

// A store, and beside it every state that it has been in.
class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {
    EXPECT_TRUE(Store::Create(disk_, "/store", {}).ok());
  }

  void Open() {
    OpenOptions options;
    options.commit_interval_ms = 0;
    options.journal_segment_bytes = 4096;
    auto store = Store::Open(disk_, "/store", options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    CheckAgainstHistory();
  }

  // Some changes; true while the disk goes along.
  bool Work(int steps) {
    for (int i = 0; i < steps; ++i) {
      const uint64_t dice = random_() % 20;
      Status done;
      if (dice == 0) {
        done = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).status();
        if (done.ok()) durable_ = states_.size() - 1;
      } else if (dice < 3) {
        const size_t before = states_.size() - 1;
        done = store_->Flush();
        if (done.ok()) durable_ = before;
      } else {
        done = ChangeSome();
      }
      if (!done.ok()) return false;
    }
    return true;
  }

  void Die() { store_.reset(); }
  SimDisk& disk() { return disk_; }
  std::mt19937_64& random() { return random_; }

 private:
  Status ChangeSome() {
    Change change;
    State next = states_.back();
    // Several keys at once: half a change would show.
    for (uint64_t i = 0, count = 1 + random_() % 4; i < count; ++i) {
      const std::string key = KeyOf(random_() % 10);
      if (random_() % 4 == 0) {
        change.Clear(key);
        next.erase(key);
      } else {
        const std::string value =
            std::to_string(states_.size()) + std::string(random_() % 300, 'v');
        change.Put(key, value);
        next[key] = value;
      }
    }
    // A refused change may yet be found: its record was written, the answer got lost.
    attempted_ = next;
    MENDFS_RETURN_IF_ERROR(store_->door().Apply(change).status());
    states_.push_back(next);
    attempted_.reset();
    return Status::Ok();
  }

  void CheckAgainstHistory() {
    State found;
    auto cursor = store_->reader().Scan({}, PrefixRange(XattrPrefix(InodeNumber(900))));
    for (; cursor->Valid(); cursor->Next()) found.emplace(cursor->key(), cursor->value());
    ASSERT_TRUE(cursor->status().ok()) << cursor->status().ToString();
    if (attempted_ && found == *attempted_) states_.push_back(*attempted_);
    attempted_.reset();
    for (size_t i = states_.size(); i-- > durable_;) {
      if (states_[i] != found) continue;
      states_.resize(i + 1);
      durable_ = i;  // an open flushes what it replays
      return;
    }
    FAIL() << "the state is none that was reached since the last flush";
  }

  SimDisk disk_;
  std::mt19937_64 random_;
  std::unique_ptr<Store> store_;
  std::vector<State> states_{State{}};
  size_t durable_ = 0;
  std::optional<State> attempted_;
};

TEST(CrashTest, PowerCutsLeaveAStateSinceTheLastFlush) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 12; ++run) {
    History history(seed + run);
    for (int life = 0; life < 12; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.Work(static_cast<int>(history.random()() % 40));
      history.disk().PowerCut(history.random()());
      history.Die();
    }
  }
}

TEST(CrashTest, DyingAtAnyWriteLeavesAStateSinceTheLastFlush) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 6; ++run) {
    History history(seed + run);
    for (int life = 0; life < 20; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.disk().StopAt(1 + history.random()() % 60);
      history.Work(40);
      history.disk().PowerCut(history.random()());
      history.Die();
    }
  }
}

TEST(CrashTest, DyingInsideRecoveryIsRecoveredFrom) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 6; ++run) {
    History history(seed + run);
    for (int life = 0; life < 6; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.Work(30);
      history.disk().PowerCut(history.random()());
      history.Die();
      for (uint64_t k = 1; k < 12; ++k) {
        history.disk().StopAt(k);
        OpenOptions options;
        options.commit_interval_ms = 0;
        { auto store = Store::Open(history.disk(), "/store", options); }
        history.disk().PowerCut(history.random()());
      }
    }
  }
}

TEST(CrashTest, AFailingCallLosesNothingThatWasFlushed) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t k = 1; k < 120; ++k) {
    History history(seed);
    history.Open();
    history.disk().FailCall(k, k % 2 == 0 ? Code::kNoSpace : Code::kIo, CallScope::kMutating);
    for (int i = 0; i < 3; ++i) history.Work(15);
    history.disk().ClearFault();
    history.Die();
    history.Open();
    if (testing::Test::HasFatalFailure()) {
      FAIL() << "call " << k;
    }
  }
}

}  // namespace
}  // namespace mendfs
