// Giving space back in an open store: what goes, what stays, and that no reader notices.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "meta/base/failpoint.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/object/object_store.h"
#include "meta/store.h"

namespace mendfs {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::string Pattern(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class SpaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.commit_interval_ms = 0;
    options_.pack_bytes = 2 * kMiB;
    options_.blob_begin_bytes = uint64_t{1} << 40;  // all goes to packs
    options_.space.garbage_bytes_min = 0;
    ASSERT_TRUE(Store::Create(disk_, "/store", {}).ok());
    Open();
    file_ = Make("file");
  }
  void Open() {
    Close();
    auto store = Store::Open(disk_, "/store", options_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    writer_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
  }
  void Close() {
    writer_.reset();
    store_.reset();
  }
  InodeNumber Make(const std::string& name) {
    const auto made = writer_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return made->inode;
  }
  void Write(InodeNumber file, uint64_t offset, std::string_view bytes) {
    for (size_t at = 0; at < bytes.size(); at += kMiB) {
      const auto written = writer_->Write(file, offset + at, bytes.substr(at, kMiB));
      ASSERT_TRUE(written.ok()) << written.status().ToString();
    }
  }
  void Truncate(InodeNumber file, uint64_t size_bytes) {
    ASSERT_TRUE(writer_->Set(file, {.size_bytes = size_bytes}).ok());
  }
  std::string Read(InodeNumber file, View view = {}) const {
    const FileReader reader(store_->door());
    const auto attributes = reader.Get(view, file);
    if (!attributes.ok()) return attributes.status().ToString();
    std::string bytes(attributes->size_bytes, '?');
    const auto read = reader.Read(view, file, 0, bytes.size(), bytes.data());
    return read.ok() ? bytes : read.status().ToString();
  }
  std::optional<CommitRow> Commit() {
    auto commit = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
    EXPECT_TRUE(commit.ok()) << commit.status().ToString();
    return commit.ok() ? *commit : std::nullopt;
  }
  Reclaimed Reclaim(ReclaimHow how = ReclaimHow::kNormal) {
    const auto done = store_->Reclaim(how);
    EXPECT_TRUE(done.ok()) << done.status().ToString();
    return done.ok() ? *done : Reclaimed{};
  }
  uint64_t ObjectBytes(ObjectKind kind) {
    uint64_t bytes = 0;
    ObjectStore objects(disk_, "/store");
    const Status walked = objects.Walk(kind, [&](const ObjectStore::Found& found) {
      bytes += found.info.size_bytes;
      return Status::Ok();
    });
    EXPECT_TRUE(walked.ok());
    return bytes;
  }

  SimDisk disk_;
  OpenOptions options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> writer_;
  InodeNumber file_;
};

TEST_F(SpaceTest, PacksThatNothingRefersToAreRemoved) {
  Write(file_, 0, Pattern(9 * kMiB, 1));
  const InodeNumber kept = Make("kept");
  const std::string bytes = Pattern(3 * kMiB, 2);
  Write(kept, 0, bytes);
  ASSERT_TRUE(store_->Flush().ok());
  Truncate(file_, 0);
  const Reclaimed done = Reclaim();
  EXPECT_GE(done.packs, 4U);
  EXPECT_GE(done.freed_bytes, 9 * kMiB);
  EXPECT_EQ(done.moved_bytes, 0U);
  EXPECT_LT(ObjectBytes(ObjectKind::kPack), 4 * kMiB);
  EXPECT_TRUE(Read(kept) == bytes);
  EXPECT_EQ(Reclaim().packs, 0U);
  Open();
  EXPECT_TRUE(Read(kept) == bytes);
}

TEST_F(SpaceTest, PacksThatAreMostlyGarbageAreEmptiedAndNoSumMoves) {
  const std::string old = Pattern(8 * kMiB, 1);
  Write(file_, 0, old);
  ASSERT_TRUE(store_->Flush().ok());
  std::string expected = old;
  for (uint64_t at = 0; at < expected.size(); at += kMiB) {
    const std::string bytes = Pattern(900'000, at);
    Write(file_, at + 1000, bytes);
    expected.replace(at + 1000, bytes.size(), bytes);
  }
  const auto before = Commit();
  ASSERT_TRUE(before);
  const Reclaimed done = Reclaim();
  EXPECT_GE(done.packs, 4U);
  EXPECT_GT(done.moved_bytes, 0U);
  EXPECT_LT(done.moved_bytes, 3 * kMiB);
  EXPECT_TRUE(Read(file_) == expected);
  // Nothing changed: there is nothing to commit, and the next sum goes on from the same.
  EXPECT_FALSE(Commit());
  Write(file_, 0, "x");
  const auto changed = Commit();
  Write(file_, 0, std::string_view(expected).substr(0, 1));
  const auto back = Commit();
  ASSERT_TRUE(changed && back);
  expected[0] = expected[0];
  Open();
  EXPECT_TRUE(Read(file_) == expected);
}

TEST_F(SpaceTest, WhatACommitCanSeeStaysAndIsMovedToo) {
  const std::string old = Pattern(4 * kMiB, 1);
  Write(file_, 0, old);
  const auto first = Commit();
  ASSERT_TRUE(first);
  const View then{kMainBranch, first->seq};
  Truncate(file_, 100'000);
  Commit();
  EXPECT_EQ(Reclaim().packs, 0U);
  EXPECT_TRUE(Read(file_, then) == old);
  EXPECT_TRUE(Read(file_) == old.substr(0, 100'000));
  options_.space.live_percent_max = 400;  // parts that are shared count twice
  Open();
  const Reclaimed done = Reclaim();
  EXPECT_GE(done.packs, 2U);
  EXPECT_GE(done.moved_bytes, 4 * kMiB);
  EXPECT_LT(done.moved_bytes, 4 * kMiB + 100'000);
  EXPECT_TRUE(Read(file_, then) == old);
  EXPECT_TRUE(Read(file_) == old.substr(0, 100'000));
}

TEST_F(SpaceTest, APackWithABlockThatCannotBeReadStays) {
  const std::array<InodeNumber, 2> files{file_, Make("other")};
  for (size_t i = 0; i < 2; ++i) Write(files[i], 0, Pattern(kMiB, i));
  ASSERT_TRUE(store_->Flush().ok());
  for (const InodeNumber file : files) Truncate(file, 300'000);
  Open();
  // One of the two packs: the first block of a file.
  ObjectStore objects(disk_, "/store");
  std::string damaged;
  const Status walked = objects.Walk(ObjectKind::kPack, [&](const ObjectStore::Found& found) {
    damaged = found.path;
    return Status::Ok();
  });
  ASSERT_TRUE(walked.ok());
  ASSERT_TRUE(disk_.FlipBit(damaged, 100, 3).ok());
  EXPECT_EQ(Reclaim().packs, 1U);
  EXPECT_TRUE(disk_.Stat(damaged).ok());
  EXPECT_EQ(store_->Describe().health, Health::kDegraded);
  int lost = 0;
  for (size_t i = 0; i < 2; ++i) {
    const std::string bytes = Read(files[i]);
    if (bytes.find("fails its hash") != std::string::npos) {
      ++lost;
    } else {
      EXPECT_TRUE(bytes == Pattern(kMiB, i).substr(0, 300'000));
    }
  }
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(Reclaim().packs, 0U);
}

TEST_F(SpaceTest, NothingRunsBelowTheThresholds) {
  options_.space.garbage_bytes_min = 64 * kMiB;
  Open();
  Write(file_, 0, Pattern(2 * kMiB, 1));
  ASSERT_TRUE(store_->Flush().ok());
  Truncate(file_, 0);
  Write(file_, 0, Pattern(2 * kMiB, 2));
  Commit();
  EXPECT_GT(store_->Describe().packs.garbage_since_bytes, 0U);
  EXPECT_EQ(Reclaim().packs, 0U);
  EXPECT_EQ(store_->Describe().packs.as_of, Seq());
  // Whoever is pressed does not ask for the thresholds.
  EXPECT_GE(Reclaim(ReclaimHow::kPressing).packs, 1U);
  options_.space.garbage_bytes_min = 2 * kMiB;
  Open();
  Write(file_, 0, Pattern(3 * kMiB, 3));
  ASSERT_TRUE(store_->Flush().ok());
  Truncate(file_, 0);
  Reclaim(ReclaimHow::kPressing);
  Write(file_, 0, Pattern(3 * kMiB, 4));
  EXPECT_TRUE(store_->Flush().ok());
  Truncate(file_, 0);
  Reclaim(ReclaimHow::kNormal);
}

TEST_F(SpaceTest, TheFirstCycleAfterAnOpenComesEarlierAndOthersWait) {
  options_.space.garbage_bytes_min = 16 * kMiB;
  Open();
  Commit();
  EXPECT_EQ(store_->Describe().packs.as_of, Seq());
  const auto delete_some = [&](uint64_t size_bytes, uint64_t seed) {
    Write(file_, 0, Pattern(size_bytes, seed));
    Truncate(file_, 0);
    Commit();
  };
  delete_some(2 * kMiB, 1);
  EXPECT_GE(Reclaim().packs, 1U);
  EXPECT_GT(store_->Describe().packs.as_of, Seq());
  delete_some(10 * kMiB, 2);
  EXPECT_EQ(Reclaim().packs, 0U);
  delete_some(8 * kMiB, 3);
  EXPECT_GE(Reclaim().packs, 8U);
}

TEST_F(SpaceTest, ThePartThatIsLiveDecides) {
  options_.space.live_percent_max = 20;
  Open();
  Write(file_, 0, Pattern(kMiB, 1));
  ASSERT_TRUE(store_->Flush().ok());
  Truncate(file_, kMiB * 2 / 5);
  EXPECT_EQ(Reclaim().packs, 0U);
  options_.space.live_percent_max = 45;
  Open();
  EXPECT_EQ(Reclaim().packs, 1U);
  EXPECT_TRUE(Read(file_) == Pattern(kMiB, 1).substr(0, kMiB * 2 / 5));
}

TEST_F(SpaceTest, StatusSaysWhatPacksHold) {
  EXPECT_EQ(store_->Describe().packs.as_of, Seq());
  Write(file_, 0, Pattern(8 * kMiB, 1));
  ASSERT_TRUE(store_->Flush().ok());
  Truncate(file_, 7 * kMiB - 100'000);
  options_.space.live_percent_max = 0;
  Open();
  Reclaim();
  const PackSpace packs = store_->Describe().packs;
  EXPECT_GT(packs.as_of, Seq());
  // The last pack is dead, and gone.
  EXPECT_GE(packs.held_bytes, 7 * kMiB);
  EXPECT_LT(packs.held_bytes, 7 * kMiB + 4096);
  EXPECT_EQ(packs.live_bytes, 7 * kMiB - 100'000);
  EXPECT_EQ(packs.live_bytes + packs.garbage_bytes, packs.held_bytes);
}

TEST_F(SpaceTest, DoomedObjectsGoAtTheNextOpen) {
  for (const Failpoint point : {Failpoint::kRemoveAfterRecord, Failpoint::kRemoveAfterFlush,
                                Failpoint::kRemoveAfterFiles}) {
    Write(file_, 0, Pattern(4 * kMiB, 1));
    ASSERT_TRUE(store_->Flush().ok());
    Truncate(file_, 0);
    ArmFailpoint(point, FailAction::kError);
    EXPECT_EQ(store_->Reclaim(ReclaimHow::kNormal).status().code(), Code::kIo);
    DisarmFailpoints();
    EXPECT_TRUE(store_->reader().ScanGlobal(PrefixRange(DoomedPrefix()))->Valid());
    Open();
    EXPECT_FALSE(store_->reader().ScanGlobal(PrefixRange(DoomedPrefix()))->Valid());
    Reclaim();
    EXPECT_EQ(ObjectBytes(ObjectKind::kPack), 0U) << FailpointName(point);
  }
}

TEST_F(SpaceTest, SealedJournalIsKeptUpToItsBoundTheOldestGoesFirst) {
  options_.journal_segment_bytes = 50'000;
  options_.space.journal_kept_bytes = 200'000;
  Open();
  for (int i = 0; i < 20; ++i) {
    Write(file_, 0, Pattern(30'000, i));
    Commit();
  }
  // Pressing seals what is folded before it looks.
  EXPECT_GE(Reclaim(ReclaimHow::kPressing).journal_objects, 8U);
  EXPECT_EQ(ObjectBytes(ObjectKind::kJournal), 0U);
  options_.commit_interval_ms = 5;
  Open();
  for (int i = 0; i < 40; ++i) {
    Write(file_, 0, Pattern(30'000, i));
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  const auto settles = [&] {
    for (int i = 0; i < 2000; ++i) {
      const uint64_t bytes = ObjectBytes(ObjectKind::kJournal);
      if (bytes > 100'000 && bytes <= 200'000) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  };
  EXPECT_TRUE(settles());
}

// Writers cut what the collector empties. Is anything ever missing?
TEST_F(SpaceTest, WithoutItsCheckAPackGoesThatIsReferredToAgain) {
  for (const bool defect : {false, true}) {
    options_.space.defects.skip_check = defect;
    options_.space.live_percent_max = 100;
    Open();
    bool missing = false;
    for (int i = 0; i < (defect ? 100 : 3) && !missing; ++i) {
      const InodeNumber file = Make((defect ? "d" : "f") + std::to_string(i));
      Write(file, 0, Pattern(kMiB, i));
      ASSERT_TRUE(store_->Flush().ok());
      std::atomic<bool> stop{false};
      std::thread writer([&] {
        for (uint64_t size = kMiB; !stop.load() && size > 300'000; size -= 100) {
          EXPECT_TRUE(writer_->Set(file, {.size_bytes = size}).ok());
        }
      });
      Reclaim();
      stop.store(true);
      writer.join();
      const std::string bytes = Read(file);
      missing = bytes != Pattern(kMiB, i).substr(0, bytes.size()) || bytes.size() < 300'000;
    }
    EXPECT_EQ(missing, defect);
  }
}

// Damage to LevelDB's log takes back what was not settled.
TEST_F(SpaceTest, UnsettledEntriesWouldComeBackToAPackThatIsGone) {
  for (const bool defect : {false, true}) {
    options_.space.defects.remove_unsettled = defect;
    Open();
    const InodeNumber file = Make(defect ? "lost" : "kept");
    Write(file, 0, Pattern(kMiB, 1));
    ASSERT_TRUE(store_->Flush().ok());
    Truncate(file, 300'000);
    Open();
    EXPECT_GE(Reclaim(ReclaimHow::kPressing).packs, 1U) << defect;
    disk_.PowerCut(1);
    Close();
    for (const DirEntry& entry : *disk_.List("/store/manifest")) {
      const std::string path = "/store/manifest/" + entry.name;
      if (!entry.name.ends_with(".log") || disk_.Stat(path)->size_bytes <= 8) continue;
      EXPECT_TRUE(disk_.FlipBit(path, 7, 0).ok());
    }
    Open();
    EXPECT_EQ(Read(file) == Pattern(kMiB, 1).substr(0, 300'000), !defect) << defect;
  }
}

TEST_F(SpaceTest, ReadersAndWritersNeverNoticeTheCollector) {
  options_.working_set_bytes = 100'000;
  Open();
  constexpr size_t kFiles = 4;
  constexpr uint64_t kFileBytes = 600'000;
  std::array<InodeNumber, kFiles> files;
  for (size_t i = 0; i < kFiles; ++i) files[i] = Make("f" + std::to_string(i));
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  // All bytes of a file are the same letter in each 1000 of them, whoever wrote last.
  const auto check = [&](const std::string& bytes) {
    for (size_t at = 0; at < bytes.size(); at += 1000) {
      const size_t end = std::min(bytes.size(), at + 1000);
      if (bytes.find_first_not_of(bytes[at], at) < end) return false;
    }
    return true;
  };
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      while (!stop.load()) {
        const InodeNumber file = files[random() % kFiles];
        const uint64_t offset = random() % (kFileBytes / 1000) * 1000;
        const uint64_t size = (1 + random() % 200) * 1000;
        switch (random() % 8) {
          case 0: EXPECT_TRUE(writer_->Set(file, {.size_bytes = offset}).ok()); break;
          case 1:
            EXPECT_TRUE(writer_
                            ->Clone({.source = files[random() % kFiles],
                                     .source_offset = 0,
                                     .target = files[random() % kFiles],
                                     .target_offset = 2 * kFileBytes,
                                     .size_bytes = size})
                            .ok());
            break;
          default: {
            const std::string bytes(size, static_cast<char>('a' + random() % 26));
            EXPECT_TRUE(writer_->Write(file, offset, bytes).ok());
          }
        }
      }
    });
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t + 100);
      while (!stop.load()) {
        const std::string bytes = Read(files[random() % kFiles]);
        const bool uniform = check(bytes);
        EXPECT_TRUE(uniform) << bytes.substr(0, 300);
        if (!uniform) stop.store(true);
        ++reads;
      }
    });
  }
  uint64_t packs = 0;
  uint64_t moved = 0;
  for (int i = 0; i < 400 && !stop.load() && (packs < 12 || moved == 0 || reads.load() < 20); ++i) {
    const Reclaimed done = Reclaim(ReclaimHow::kPressing);
    packs += done.packs;
    moved += done.moved_bytes;
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(packs, 12U);
  EXPECT_GT(moved, 0U);
  for (const InodeNumber file : files) EXPECT_TRUE(check(Read(file)));
  Open();
  for (const InodeNumber file : files) EXPECT_TRUE(check(Read(file)));
}

}  // namespace
}  // namespace mendfs
