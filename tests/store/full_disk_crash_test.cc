// Random histories near the end of the disk against a model: power cuts, disks that grow, and a
// kNoSpace at every call. What was flushed is there, what frees is never refused, fsck's reader
// finds each state whole.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <memory>
#include <random>

#include "meta/commit/engine.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/store.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;
using State = std::map<std::string, std::shared_ptr<const std::string>>;

OpenOptions TestOptions() {
  OpenOptions options;
  options.commit_interval_ms = 0;
  options.journal_segment_bytes = 1 << 20;
  options.pack_bytes = 2 << 20;
  options.working_set_bytes = 100'000;
  return options;
}

std::string Body(std::mt19937_64& random) {
  const uint64_t kind = random() % 4;
  const size_t size = kind == 0 ? random() % 300 : kind == 1 ? random() % 9000 : random() % 250'000;
  std::string body(size, '\0');
  for (size_t at = 0; at + 8 <= size; at += 8) {
    const uint64_t word = random();
    body.replace(at, 8, reinterpret_cast<const char*>(&word), 8);
  }
  return body;
}

class History {
 public:
  explicit History(uint64_t seed, uint64_t disk_bytes) : random_(seed), disk_bytes_(disk_bytes) {
    disk_.SetCapacity(disk_bytes_);
    EXPECT_TRUE(Store::Create(disk_, "/store", {}).ok());
    Open();
  }

  void Open() {
    Die();
    auto store = Store::Open(disk_, "/store", TestOptions());
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    if (keep_full_) KeepFull();
    writer_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
    CheckAgainstHistory();
  }
  // From now on nothing gives space back, so that a full disk stays full.
  void KeepFull() {
    keep_full_ = true;
    static_cast<Engine&>(*store_).UseReclaim([] { return Status::Ok(); });
  }
  void Die() {
    writer_.reset();
    store_.reset();
  }
  void Grow(uint64_t bytes) { disk_.SetCapacity(disk_bytes_ += bytes); }
  bool tight() { return store_->Describe().health == Health::kDegraded; }
  SimDisk& disk() { return disk_; }
  std::mt19937_64& random() { return random_; }

  // One step; only what adds may be refused. With a fault about, anything may.
  void Step(bool faulty = false) {
    const uint64_t dice = random_() % 24;
    if (dice < 2) {
      const Status closed = store_->CloseCommit(kMainBranch, {}).status();
      ASSERT_TRUE(closed.ok() || faulty) << closed.ToString();
      if (closed.ok()) durable_ = states_.size() - 1;
    } else if (dice < 5) {
      const Status flushed = store_->Flush();
      ASSERT_TRUE(flushed.ok() || faulty) << flushed.ToString();
      if (flushed.ok()) durable_ = states_.size() - 1;
    } else {
      Change(dice, faulty);
    }
  }

  void CheckAgainstHistory() {
    const FileReader reader(store_->door());
    State found;
    const auto cursor = reader.List({}, kFilesRoot, 0);
    ASSERT_TRUE(cursor.ok());
    for (;;) {
      const auto entry = (*cursor)->Next();
      ASSERT_TRUE(entry.ok()) << entry.status().ToString();
      if (!*entry) break;
      const auto attributes = reader.Get({}, (*entry)->inode);
      ASSERT_TRUE(attributes.ok());
      std::string body(attributes->size_bytes, '\0');
      const auto read = reader.Read({}, (*entry)->inode, 0, body.size(), body.data());
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      found[(*entry)->name] = std::make_shared<const std::string>(std::move(body));
    }
    if (attempted_ && Same(found, *attempted_)) states_.push_back(*attempted_);
    attempted_.reset();
    for (size_t i = states_.size(); i-- > durable_;) {
      if (!Same(states_[i], found)) continue;
      states_ = {states_[i]};
      durable_ = 0;
      return;
    }
    FAIL() << "the state is none that was reached since the last flush";
  }

 private:
  static bool Same(const State& one, const State& other) {
    return std::equal(
        one.begin(), one.end(), other.begin(), other.end(),
        [](const auto& a, const auto& b) { return a.first == b.first && *a.second == *b.second; });
  }

  void Change(uint64_t dice, bool faulty) {
    State next = states_.back();
    const std::string name = "f" + std::to_string(random_() % 40);
    const auto there = next.find(name);
    bool adds = false;
    Status done;
    if (there == next.end()) {
      adds = true;
      next[name] = std::make_shared<const std::string>();
      attempted_ = next;
      done = writer_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644}).status();
    } else {
      const auto inode = FileReader(store_->door()).Lookup({}, kFilesRoot, name);
      ASSERT_TRUE(inode.ok());
      std::string body = *there->second;
      if (dice < 9) {
        next.erase(there);
        attempted_ = next;
        done = writer_->Remove(kFilesRoot, name, false).status();
      } else if (dice < 11) {
        body.resize(random_() % (body.size() + 1));
        next[name] = std::make_shared<const std::string>(body);
        attempted_ = next;
        done = writer_->Set(inode->inode, {.size_bytes = body.size()}).status();
      } else if (dice < 12) {
        const std::string target = "f" + std::to_string(random_() % 40);
        const auto moved = there->second;
        next.erase(there);
        next[target] = moved;
        attempted_ = next;
        done = writer_->Rename(kFilesRoot, name, kFilesRoot, target, {});
      } else {
        adds = true;
        const std::string bytes = Body(random_);
        const size_t offset = random_() % (body.size() + 1);
        if (body.size() < offset + bytes.size()) body.resize(offset + bytes.size());
        body.replace(offset, bytes.size(), bytes);
        next[name] = std::make_shared<const std::string>(std::move(body));
        attempted_ = next;
        done = writer_->Write(inode->inode, offset, bytes).status();
      }
    }
    if (done.ok()) {
      states_.push_back(std::move(next));
      attempted_.reset();
      return;
    }
    if (!faulty) {
      ASSERT_TRUE(adds && done.code() == Code::kNoSpace) << done.ToString();
      attempted_.reset();
    }
  }

  std::mt19937_64 random_;
  uint64_t disk_bytes_;
  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> writer_;
  std::vector<State> states_ = {{}};
  size_t durable_ = 0;
  std::optional<State> attempted_;
  bool keep_full_ = false;
};

TEST(FullDiskCrashTest, RandomHistoriesAtTheEndOfTheDisk) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  unsigned met = 0;
  for (uint64_t life = 0; life < 4; ++life) {
    History history(seed + life, 12 * kMebibyte);
    if (life % 2 == 0) history.KeepFull();
    for (int round = 0; round < 14; ++round) {
      for (int step = 0; step < 60; ++step) {
        history.Step();
        if (testing::Test::HasFatalFailure()) return;
      }
      if (history.tight()) ++met;
      const uint64_t end = history.random()() % 4;
      if (end == 0) history.disk().PowerCut(history.random()());
      if (end <= 1) history.Open();
      if (end == 2 && history.tight()) history.Grow(history.random()() % (9 * kMebibyte));
      if (testing::Test::HasFatalFailure()) return;
    }
    history.Grow(64 * kMebibyte);
    history.Open();
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_FALSE(history.tight());
  }
  EXPECT_GT(met, 0u);
}

TEST(FullDiskCrashTest, NoSpaceAtAnyCallLosesNothing) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t k = 1; k < 400; k += 1 + k / 12) {
    SCOPED_TRACE("call " + std::to_string(k));
    History history(seed + k, 64 * kMebibyte);
    history.disk().FailCall(k, Code::kNoSpace, CallScope::kMutating);
    for (int step = 0; step < 40; ++step) {
      history.Step(true);
      if (testing::Test::HasFatalFailure()) return;
    }
    history.disk().ClearFault();
    if (k % 2 == 0) history.disk().PowerCut(k);
    history.Open();
    if (testing::Test::HasFatalFailure()) return;
    for (int step = 0; step < 20; ++step) {
      history.Step();
      if (testing::Test::HasFatalFailure()) return;
    }
    history.Open();
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(FullDiskCrashTest, AProcessThatDiesWhileTightLosesNothing) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t k = 1; k < 300; k += 1 + k / 3) {
    SCOPED_TRACE("call " + std::to_string(k));
    History history(seed + k, 10 * kMebibyte);
    history.KeepFull();
    for (int step = 0; step < 1000 && !history.tight(); ++step) {
      history.Step();
      if (testing::Test::HasFatalFailure()) return;
    }
    ASSERT_TRUE(history.tight());
    history.disk().StopAt(k);
    for (int step = 0; step < 40 && history.disk().FaultWaits(); ++step) {
      history.Step(true);
      if (testing::Test::HasFatalFailure()) return;
    }
    history.Die();
    history.disk().PowerCut(k);
    history.Open();
    if (testing::Test::HasFatalFailure()) return;
    history.Step();
  }
}

}  // namespace
}  // namespace mendfs
