#include "meta/pack/blob_store.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "meta/base/failpoint.h"
#include "meta/disk/sim_disk.h"
#include "tests/pack/memory_rows.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

constexpr uint64_t kBegin = 200'000;
constexpr InodeNumber kInode{7};

std::string Pattern(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class BlobStoreTest : public ::testing::Test {
 protected:
  BlobStoreTest() {
    for (const char* path : {"/s", "/s/staging", "/s/objects"}) {
      EXPECT_TRUE(disk_.MakeDir(path).ok());
    }
    EXPECT_TRUE(disk_.SyncDir("/s").ok());
    EXPECT_TRUE(disk_.SyncDir("/").ok());
    Reopen();
  }
  ~BlobStoreTest() override { DisarmFailpoints(); }

  void Reopen() {
    blobs_.reset();
    packs_ = std::make_unique<PackStore>(objects_, &rows_, PackOptions{.cache_bytes = 4 << 20});
    blobs_ = std::make_unique<BlobStore>(objects_, &rows_, *packs_, options_);
    const Status recovered = blobs_->Recover(rows_.Open(ObjectKind::kBlob));
    EXPECT_TRUE(recovered.ok()) << recovered.ToString();
  }
  // As an owner does that has only long writes: what it grows by before the blob begins is put
  // there with the write that begins it.
  std::optional<RunRef> Grow(InodeNumber inode, uint64_t from, std::string_view bytes) {
    const auto due = blobs_->Grow({.inode = inode, .from = from, .to = from + bytes.size()});
    if (!due) return std::nullopt;
    if (*due != from) return std::nullopt;
    EXPECT_TRUE(blobs_->BeginBlob(inode, from).ok());
    auto run = blobs_->AppendToBlob(inode, from, bytes);
    EXPECT_TRUE(run.ok()) << run.status().ToString();
    return run.ok() ? *run : std::nullopt;
  }
  std::string Read(const RunRef& run) const {
    std::string bytes(run.size_bytes, '?');
    const Status read = blobs_->Read(run, 0, bytes.size(), bytes.data());
    return read.ok() ? bytes : std::string(CodeName(read.code())) + ": " + read.message();
  }
  Status SealAll() { return blobs_->Seal(true, UINT64_MAX); }
  std::string Staged(const RunRef& run) const {
    return objects_.StagingPathOf(run.kind, run.object);
  }
  size_t StagedFiles() { return disk_.List("/s/staging")->size(); }

  SimDisk disk_;
  ObjectStore objects_{disk_, "/s"};
  MemoryRows rows_;
  BlobOptions options_{.begin_bytes = kBegin};
  std::unique_ptr<PackStore> packs_;
  std::unique_ptr<BlobStore> blobs_;
};

TEST_F(BlobStoreTest, ABodyThatGrowsLongIsAskedForItsBytesFromTheFirstOn) {
  EXPECT_EQ(blobs_->Grow({kInode, 0, kBegin - 1}), std::nullopt);
  EXPECT_EQ(blobs_->Grow({kInode, kBegin - 1, kBegin + 1}), 0U);
  // Until they are there.
  EXPECT_EQ(blobs_->Grow({kInode, kBegin + 1, kBegin + 2}), 0U);
  ASSERT_TRUE(blobs_->BeginBlob(kInode, 0).ok());
  const std::string bytes = Pattern(196'608, 1);
  ASSERT_TRUE(*blobs_->AppendToBlob(kInode, 0, bytes));
  // From now on whenever a block is whole.
  EXPECT_EQ(blobs_->Grow({kInode, kBegin + 2, 262'143}), std::nullopt);
  EXPECT_EQ(blobs_->Grow({kInode, 262'143, 262'145}), 196'608U);
}

TEST_F(BlobStoreTest, ABlobHoldsTheBodysBytesAndNothingElse) {
  std::string body;
  std::vector<RunRef> runs;
  for (int i = 0; i < 5; ++i) {
    const std::string bytes = Pattern(300'000, i);
    const auto run = Grow(kInode, body.size(), bytes);
    ASSERT_TRUE(run) << i;
    EXPECT_EQ(run->kind, ObjectKind::kBlob);
    EXPECT_EQ(run->record_offset, body.size());
    EXPECT_EQ(RunBytesOffset(*run), body.size());
    body += bytes;
    runs.push_back(*run);
  }
  EXPECT_TRUE(*ReadWholeFile(disk_, Staged(runs[0]), 1 << 24) == body);
  ASSERT_TRUE(SealAll().ok());
  EXPECT_EQ(StagedFiles(), 0U);
  ASSERT_EQ(rows_.sealed.size(), 1U);
  const ObjectInfo info = rows_.sealed.begin()->second;
  EXPECT_TRUE(*ReadWholeFile(disk_, objects_.PathOf(info.kind, info.id), 1 << 24) == body);
  const auto object = objects_.Open(info);
  ASSERT_TRUE(object.ok()) << object.status().ToString();
  EXPECT_TRUE((*object)->VerifyAll().ok());
  Reopen();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Read(runs[i]) == Pattern(300'000, i)) << i;
}

TEST_F(BlobStoreTest, PlacesAreGuessedBeforeTheLock) {
  EXPECT_EQ(blobs_->PlaceOf({kInode, 0, kBegin - 1}), GrowthPlace::kAnywhere);
  EXPECT_EQ(blobs_->PlaceOf({kInode, 0, kBegin}), GrowthPlace::kBehindOthers);
  ASSERT_TRUE(Grow(kInode, 0, Pattern(300'000, 1)));
  EXPECT_EQ(blobs_->PlaceOf({kInode, 300'000, 400'000}), GrowthPlace::kBlob);
  EXPECT_EQ(blobs_->Grow({kInode, 300'000, 300'100}), std::nullopt);
  EXPECT_EQ(blobs_->PlaceOf({kInode, 300'100, 400'000}), GrowthPlace::kBehindOthers);
  // Not where it ended: that is another body's way to grow, or a truncated one.
  EXPECT_EQ(blobs_->PlaceOf({kInode, 250'000, 300'000}), GrowthPlace::kAnywhere);
  EXPECT_EQ(blobs_->PlaceOf({kInode, 9'000'000, 9'000'001}), GrowthPlace::kAnywhere);
}

TEST_F(BlobStoreTest, AppendToBlobTakesOnlyWhatComesNext) {
  EXPECT_EQ(*blobs_->AppendToBlob(kInode, 0, "bytes"), std::nullopt);
  ASSERT_TRUE(Grow(kInode, 0, Pattern(300'000, 1)));
  for (const uint64_t offset : {0, 299'999, 300'001}) {
    EXPECT_EQ(*blobs_->AppendToBlob(kInode, offset, "bytes"), std::nullopt) << offset;
  }
  EXPECT_TRUE(*blobs_->AppendToBlob(kInode, 300'000, "bytes"));
  EXPECT_EQ(*blobs_->AppendToBlob(kInode, 300'000, "bytes"), std::nullopt);
}

TEST_F(BlobStoreTest, ABodyThatWasCutBeginsAnotherBlob) {
  const auto first = Grow(kInode, 0, Pattern(300'000, 1));
  ASSERT_TRUE(first);
  // Cut to 100,000: short enough to be put into the new one whole.
  EXPECT_EQ(blobs_->Grow({kInode, 100'000, 199'999}), std::nullopt);
  EXPECT_EQ(blobs_->Grow({kInode, 199'999, 300'000}), 0U);
  ASSERT_TRUE(blobs_->BeginBlob(kInode, 0).ok());
  const auto second = *blobs_->AppendToBlob(kInode, 0, Pattern(300'000, 2));
  ASSERT_TRUE(second);
  EXPECT_NE(first->object, second->object);
  EXPECT_TRUE(Read(*first) == Pattern(300'000, 1));
  EXPECT_TRUE(Read(*second) == Pattern(300'000, 2));
  // A long one goes on where it was cut.
  EXPECT_EQ(blobs_->Grow({kInode, 250'000, 251'000}), std::nullopt);
  EXPECT_EQ(blobs_->Grow({kInode, 251'000, 251'000 + kBegin}), 250'000U);
}

// What a body's blob holds at each place, in a random life of it. Is everything that was ever
// answered still what it was?
bool PublishedBytesStay(BlobStore& blobs, uint64_t seed) {
  std::mt19937_64 random(seed);
  uint64_t size = 0;
  std::vector<std::pair<RunRef, std::string>> published;
  for (int i = 0; i < 60; ++i) {
    if (random() % 6 == 0) size = random() % (size + 1);
    if (random() % 6 == 0) size += random() % 300'000;  // a hole
    const std::string bytes = Pattern(1 + random() % 200'000, random());
    const auto due = blobs.Grow({kInode, size, size + bytes.size()});
    if (due) {
      EXPECT_TRUE(blobs.BeginBlob(kInode, size).ok());
    }
    // Also where nobody would write who keeps to the rules.
    const uint64_t offset = random() % 4 == 0 ? random() % (size + 1) : size;
    auto run = blobs.AppendToBlob(kInode, offset, bytes);
    EXPECT_TRUE(run.ok()) << run.status().ToString();
    if (run.ok() && *run) published.emplace_back(**run, bytes);
    size += bytes.size();
  }
  EXPECT_GT(published.size(), 5U);
  return std::all_of(published.begin(), published.end(), [&](const auto& entry) {
    std::string bytes(entry.first.size_bytes, '?');
    return blobs.Read(entry.first, 0, bytes.size(), bytes.data()).ok() && bytes == entry.second;
  });
}

TEST_F(BlobStoreTest, PublishedBytesAreNeverOverwritten) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 20; ++run) {
    Reopen();
    EXPECT_TRUE(PublishedBytesStay(*blobs_, seed + run));
    ASSERT_TRUE(SealAll().ok());
  }
}

TEST_F(BlobStoreTest, PlantedDefectPlacesThatAreTakenTwiceIsSeen) {
  options_.places_taken_twice = true;
  bool seen = false;
  for (uint64_t run = 0; run < 20 && !seen; ++run) {
    Reopen();
    seen = !PublishedBytesStay(*blobs_, run);
  }
  EXPECT_TRUE(seen);
}

// After a power cut, is there a file for every blob that is named?
bool NamedBlobsAreThere(SimDisk& disk, ObjectStore& objects, const MemoryRows& rows) {
  for (const auto& [id, kind] : rows.open) {
    if (!disk.Stat(objects.StagingPathOf(kind, id)).ok()) return false;
  }
  return true;
}

TEST_F(BlobStoreTest, ABlobIsNamedOnceItsFileIsDurable) {
  for (uint64_t seed = 1; seed < 30; ++seed) {
    Reopen();
    ASSERT_TRUE(Grow(InodeNumber(seed), 0, Pattern(300'000, seed)));
    disk_.PowerCut(seed);
    ASSERT_TRUE(NamedBlobsAreThere(disk_, objects_, rows_)) << seed;
  }
}

TEST_F(BlobStoreTest, PlantedDefectNamedBeforeSyncedIsSeen) {
  bool seen = false;
  for (uint64_t seed = 1; seed < 30 && !seen; ++seed) {
    Reopen();
    // What MakeOpenObject would be without its second step.
    const Id128 id = RandomId();
    ASSERT_TRUE(disk_.Open(objects_.StagingPathOf(ObjectKind::kBlob, id), OpenMode::kCreate).ok());
    ASSERT_TRUE(rows_.NameOpen(ObjectKind::kBlob, id).ok());
    disk_.PowerCut(seed);
    seen = !NamedBlobsAreThere(disk_, objects_, rows_);
    rows_.Clear();
  }
  EXPECT_TRUE(seen);
}

TEST_F(BlobStoreTest, OnlyWhatWasSyncedIsCalledSynced) {
  const auto run = Grow(kInode, 0, Pattern(300'000, 1));
  ASSERT_TRUE(run);
  EXPECT_TRUE(blobs_->Synced().empty());
  ASSERT_TRUE(blobs_->Sync().ok());
  EXPECT_EQ(blobs_->Synced(), (SyncedPacks{{run->object, 300'000}}));
  ASSERT_TRUE(*blobs_->AppendToBlob(kInode, 300'000, "bytes"));
  EXPECT_EQ(blobs_->Synced(), (SyncedPacks{{run->object, 300'000}}));
  ASSERT_TRUE(blobs_->Sync().ok());
  EXPECT_EQ(blobs_->Synced(), (SyncedPacks{{run->object, 300'005}}));
}

TEST_F(BlobStoreTest, AFailedWriteGivesItsPlaceBack) {
  const auto run = Grow(kInode, 0, Pattern(300'000, 1));
  ASSERT_TRUE(run);
  disk_.FailCall(1, Code::kNoSpace);
  EXPECT_EQ(blobs_->AppendToBlob(kInode, 300'000, Pattern(1000, 2)).status().code(),
            Code::kNoSpace);
  EXPECT_EQ(disk_.Stat(Staged(*run))->size_bytes, 300'000U);
  const auto next = *blobs_->AppendToBlob(kInode, 300'000, Pattern(1000, 3));
  ASSERT_TRUE(next);
  EXPECT_TRUE(Read(*next) == Pattern(1000, 3));
}

TEST_F(BlobStoreTest, WhatRestsIsSealedAndWhatGrowsIsNot) {
  ASSERT_TRUE(Grow(InodeNumber(1), 0, Pattern(300'000, 1)));
  ASSERT_TRUE(Grow(InodeNumber(2), 0, Pattern(300'000, 2)));
  EXPECT_EQ(blobs_->EndGrowth(InodeNumber(1)), std::nullopt);
  for (int tick = 0; tick < 2; ++tick) {
    blobs_->Rest();
    ASSERT_TRUE(blobs_->Seal(false, UINT64_MAX).ok());
  }
  EXPECT_EQ(rows_.sealed.size(), 1U);
  EXPECT_EQ(rows_.open.size(), 1U);
  // It still grows, though nobody may do so for long.
  EXPECT_TRUE(*blobs_->AppendToBlob(InodeNumber(2), 300'000, "bytes"));
  for (int tick = 0; tick < 40; ++tick) blobs_->Rest();
  ASSERT_TRUE(blobs_->Seal(false, UINT64_MAX).ok());
  EXPECT_EQ(rows_.sealed.size(), 2U);
}

TEST_F(BlobStoreTest, TheEndOfGrowthTellsWhatIsNotThereYet) {
  EXPECT_EQ(blobs_->EndGrowth(kInode), std::nullopt);
  ASSERT_TRUE(Grow(kInode, 0, Pattern(300'000, 1)));
  EXPECT_EQ(blobs_->Grow({kInode, 300'000, 300'010}), std::nullopt);
  const auto rest = blobs_->EndGrowth(kInode);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->from, 300'000U);
  EXPECT_EQ(rest->to, 300'010U);
  ASSERT_TRUE(*blobs_->AppendToBlob(kInode, 300'000, "0123456789"));
  EXPECT_EQ(blobs_->EndGrowth(kInode), std::nullopt);
}

TEST_F(BlobStoreTest, TheLeastRecentlyGrownMakesRoomForOthers) {
  options_.growing_max = 3;
  Reopen();
  for (uint64_t inode = 1; inode <= 4; ++inode) {
    ASSERT_TRUE(Grow(InodeNumber(inode), 0, Pattern(300'000, inode)));
  }
  EXPECT_EQ(*blobs_->AppendToBlob(InodeNumber(1), 300'000, "bytes"), std::nullopt);
  EXPECT_TRUE(*blobs_->AppendToBlob(InodeNumber(2), 300'000, "bytes"));
  ASSERT_TRUE(blobs_->Seal(false, UINT64_MAX).ok());
  EXPECT_EQ(rows_.sealed.size(), 1U);
}

TEST_F(BlobStoreTest, TooManyOpenBlobsSendBytesToPacks) {
  options_.growing_max = 1;
  options_.unsealed_max = 2;
  Reopen();
  ASSERT_TRUE(Grow(InodeNumber(1), 0, Pattern(300'000, 1)));
  ASSERT_TRUE(Grow(InodeNumber(2), 0, Pattern(300'000, 2)));
  EXPECT_FALSE(Grow(InodeNumber(3), 0, Pattern(300'000, 3)));
  EXPECT_EQ(blobs_->open_blobs(), 2U);
  ASSERT_TRUE(blobs_->Seal(false, UINT64_MAX).ok());
  EXPECT_EQ(blobs_->Grow({InodeNumber(3), 300'000, 400'000}), std::nullopt);
  EXPECT_TRUE(Grow(InodeNumber(4), 0, Pattern(300'000, 4)));
}

TEST_F(BlobStoreTest, SealingALongBlobTakesAsManyCallsAsItNeeds) {
  const std::string bytes = Pattern(1 << 20, 1);
  for (uint64_t at = 0; at < 4; ++at) ASSERT_TRUE(Grow(kInode, at << 20, bytes));
  EXPECT_EQ(blobs_->EndGrowth(kInode), std::nullopt);
  blobs_->Rest();
  blobs_->Rest();
  for (int call = 0; call < 3; ++call) {
    const uint64_t before = disk_.calls(DiskCall::kRead);
    ASSERT_TRUE(blobs_->Seal(false, 1 << 20).ok());
    EXPECT_EQ(disk_.calls(DiskCall::kRead) - before, 16U);
    EXPECT_TRUE(rows_.sealed.empty());
  }
  ASSERT_TRUE(blobs_->Seal(false, 1 << 20).ok());
  ASSERT_EQ(rows_.sealed.size(), 1U);
  const auto object = objects_.Open(rows_.sealed.begin()->second);
  ASSERT_TRUE(object.ok());
  EXPECT_TRUE((*object)->VerifyAll().ok());
}

TEST_F(BlobStoreTest, WhatGrowsLongIsHashedAheadSoThatSealingIsShort) {
  options_.hashed_behind_bytes = 1 << 20;
  Reopen();
  const std::string bytes = Pattern(1 << 20, 1);
  for (uint64_t at = 0; at < 3; ++at) ASSERT_TRUE(Grow(kInode, at << 20, bytes));
  ASSERT_TRUE(*blobs_->AppendToBlob(kInode, 3 << 20, "bytes"));
  ASSERT_TRUE(blobs_->Seal(false, 1 << 20).ok());
  ASSERT_TRUE(blobs_->Seal(false, 8 << 20).ok());
  EXPECT_TRUE(rows_.sealed.empty());
  ASSERT_TRUE(*blobs_->AppendToBlob(kInode, (3 << 20) + 5, bytes));
  const uint64_t before = disk_.calls(DiskCall::kRead);
  ASSERT_TRUE(SealAll().ok());
  EXPECT_EQ(disk_.calls(DiskCall::kRead) - before, 33U);
  ASSERT_EQ(rows_.sealed.size(), 1U);
  const auto object = objects_.Open(rows_.sealed.begin()->second);
  ASSERT_TRUE(object.ok()) << object.status().ToString();
  EXPECT_TRUE((*object)->VerifyAll().ok());
  EXPECT_EQ((*object)->info().size_bytes, (4U << 20) + 5);
}

TEST_F(BlobStoreTest, ACrashAtAnyStepOfSealingIsFinished) {
  bool waits = false;
  for (uint64_t k = 1; !waits; ++k) {
    SCOPED_TRACE("call " + std::to_string(k));
    for (uint64_t seed = 1; seed < 6; ++seed) {
      rows_.Clear();
      Reopen();
      const std::string bytes = Pattern(300'000, k);
      const auto run = Grow(kInode, 0, bytes);
      ASSERT_TRUE(run);
      ASSERT_TRUE(blobs_->Sync().ok());
      disk_.StopAt(k);
      SealAll().IgnoreError();
      waits = disk_.FaultWaits();
      disk_.PowerCut(k * 100 + seed);
      // And in recovery.
      disk_.StopAt(1 + seed);
      blobs_ = std::make_unique<BlobStore>(objects_, &rows_, *packs_, options_);
      blobs_->Recover(rows_.Open(ObjectKind::kBlob)).IgnoreError();
      SealAll().IgnoreError();
      disk_.PowerCut(k * 1000 + seed);
      Reopen();
      ASSERT_TRUE(Read(*run) == bytes);
      const Status sealed = SealAll();
      ASSERT_TRUE(sealed.ok()) << sealed.ToString();
      ASSERT_EQ(rows_.sealed.count(run->object), 1U);
      const auto object = objects_.Open(rows_.sealed[run->object]);
      ASSERT_TRUE(object.ok()) << object.status().ToString();
      ASSERT_TRUE((*object)->VerifyAll().ok());
      blobs_.reset();
      disk_.PowerCutDropAll();
      ASSERT_EQ(StagedFiles(), 0U);
      Reopen();
      ASSERT_TRUE(Read(*run) == bytes);
    }
    ASSERT_LT(k, 60U) << "more calls than the test looks at";
  }
}

TEST_F(BlobStoreTest, EveryFailingCallLeavesTheStoreWorking) {
  for (uint64_t k = 1; k < 80; ++k) {
    rows_.Clear();
    Reopen();
    disk_.FailCall(k, k % 2 == 0 ? Code::kIo : Code::kNoSpace);
    std::vector<std::pair<RunRef, std::string>> runs;
    const auto work = [&](uint64_t inode) {
      uint64_t size = 0;
      for (uint64_t i = 0; i < 4; ++i) {
        const std::string bytes = Pattern(250'000, inode * 10 + i);
        blobs_->Grow({InodeNumber(inode), size, size + bytes.size()});
        if (!blobs_->BeginBlob(InodeNumber(inode), size).ok()) continue;
        auto run = blobs_->AppendToBlob(InodeNumber(inode), size, bytes);
        if (run.ok() && *run) runs.emplace_back(**run, bytes);
        size += bytes.size();
      }
      SealAll().IgnoreError();
    };
    work(1);
    const bool waits = disk_.FaultWaits();
    disk_.ClearFault();
    work(2);
    const Status sealed = SealAll();
    ASSERT_TRUE(sealed.ok()) << "call " << k << ": " << sealed.ToString();
    EXPECT_TRUE(rows_.open.empty());
    for (const auto& [run, bytes] : runs) ASSERT_TRUE(Read(run) == bytes) << "call " << k;
    for (const auto& [id, info] : rows_.sealed) ASSERT_TRUE(objects_.Open(info).ok());
    if (waits) return;
  }
  FAIL() << "more calls than the test looks at";
}

TEST_F(BlobStoreTest, BlobsAreMadeAheadWhileManyAreBegunAndGoOtherwise) {
  const auto synced = [&] { return disk_.calls(DiskCall::kSyncDir); };
  ASSERT_TRUE(Grow(InodeNumber(1), 0, Pattern(300'000, 1)));
  EXPECT_EQ(StagedFiles(), 1U);
  const uint64_t before = synced();
  for (uint64_t inode = 2; inode < 10; ++inode) {
    ASSERT_TRUE(Grow(InodeNumber(inode), 0, Pattern(300'000, inode)));
  }
  EXPECT_EQ(synced() - before, 1U);
  ASSERT_TRUE(Grow(InodeNumber(10), 0, Pattern(300'000, 10)));
  EXPECT_EQ(StagedFiles(), 1U + 16U);
  blobs_->Rest();
  blobs_->Rest();
  ASSERT_TRUE(blobs_->Seal(false, UINT64_MAX).ok());
  EXPECT_EQ(StagedFiles(), 10U);
  EXPECT_EQ(rows_.open.size(), 10U);
  ASSERT_TRUE(SealAll().ok());
  EXPECT_EQ(rows_.sealed.size(), 10U);
  EXPECT_EQ(StagedFiles(), 0U);
}

TEST_F(BlobStoreTest, AnEmptyBlobLeavesNothing) {
  EXPECT_EQ(blobs_->Grow({kInode, 0, kBegin + 1}), 0U);
  ASSERT_TRUE(blobs_->BeginBlob(kInode, 0).ok());
  EXPECT_EQ(StagedFiles(), 1U);
  ASSERT_TRUE(SealAll().ok());
  EXPECT_EQ(StagedFiles(), 0U);
  EXPECT_TRUE(rows_.open.empty());
  EXPECT_TRUE(rows_.sealed.empty());
}

TEST_F(BlobStoreTest, ABlobThatLostSyncedBytesKeepsItsName) {
  const auto run = Grow(kInode, 0, Pattern(300'000, 1));
  ASSERT_TRUE(run);
  ASSERT_TRUE(blobs_->Sync().ok());
  const SyncedPacks synced = blobs_->Synced();
  ASSERT_TRUE(disk_.Open(Staged(*run), OpenMode::kReadWrite).value()->Truncate(0).ok());
  blobs_ = std::make_unique<BlobStore>(objects_, &rows_, *packs_, options_);
  ASSERT_TRUE(blobs_->Recover(rows_.Open(ObjectKind::kBlob), synced).ok());
  ASSERT_TRUE(SealAll().ok());
  EXPECT_EQ(rows_.sealed.count(run->object), 1U);
  EXPECT_NE(Read(*run).find("cut short"), std::string::npos) << Read(*run);
}

TEST_F(BlobStoreTest, WritersOfDifferentBodiesAndSealingDoNotMeet) {
  std::vector<std::thread> writers;
  for (uint64_t inode = 1; inode <= 4; ++inode) {
    writers.emplace_back([&, inode] {
      uint64_t size = 0;
      std::vector<std::pair<RunRef, std::string>> runs;
      for (uint64_t i = 0; i < 60; ++i) {
        const std::string bytes = Pattern(100'000, inode * 1000 + i);
        const auto due = blobs_->Grow({InodeNumber(inode), size, size + bytes.size()});
        if (due) {
          ASSERT_TRUE(blobs_->BeginBlob(InodeNumber(inode), size).ok());
          auto run = blobs_->AppendToBlob(InodeNumber(inode), size, bytes);
          ASSERT_TRUE(run.ok());
          if (*run) runs.emplace_back(**run, bytes);
        }
        size += bytes.size();
        if (i % 20 == 19) blobs_->EndGrowth(InodeNumber(inode));
      }
      for (const auto& [run, bytes] : runs) ASSERT_TRUE(Read(run) == bytes);
    });
  }
  for (int i = 0; i < 50; ++i) {
    blobs_->Rest();
    ASSERT_TRUE(blobs_->Sync().ok());
    ASSERT_TRUE(blobs_->Seal(false, 1 << 20).ok());
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_TRUE(SealAll().ok());
  EXPECT_TRUE(rows_.open.empty());
}

}  // namespace
}  // namespace mendfs
