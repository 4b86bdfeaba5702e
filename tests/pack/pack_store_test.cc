#include "meta/pack/pack_store.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "meta/base/failpoint.h"
#include "meta/disk/posix_disk.h"
#include "meta/disk/sim_disk.h"
#include "meta/pack/pack_format.h"
#include "tests/pack/memory_rows.h"

namespace mendfs {
namespace {

std::string Pattern(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class PackStoreTest : public ::testing::Test {
 protected:
  PackStoreTest() {
    for (const char* path : {"/s", "/s/staging", "/s/objects"}) {
      EXPECT_TRUE(disk_.MakeDir(path).ok());
    }
    EXPECT_TRUE(disk_.SyncDir("/s").ok());
    EXPECT_TRUE(disk_.SyncDir("/").ok());
    Reopen();
  }
  ~PackStoreTest() override { DisarmFailpoints(); }

  void Reopen() {
    packs_ = std::make_unique<PackStore>(objects_, &rows_, options_);
    const Status recovered = packs_->Recover(rows_.Open(ObjectKind::kPack));
    EXPECT_TRUE(recovered.ok()) << recovered.ToString();
  }
  RunRef Append(uint64_t inode, std::string_view bytes) {
    auto run = packs_->Append({.inode = InodeNumber(inode)}, bytes);
    EXPECT_TRUE(run.ok()) << run.status().ToString();
    return run.ok() ? *run : RunRef{};
  }
  std::string Read(const RunRef& run, uint64_t offset, size_t size) const {
    std::string bytes(size, '?');
    const Status read = packs_->Read(run, offset, size, bytes.data());
    return read.ok() ? bytes : std::string(CodeName(read.code())) + ": " + read.message();
  }
  std::string ReadAll(const RunRef& run) const { return Read(run, 0, run.size_bytes); }
  std::string Staged(const RunRef& run) const {
    return objects_.StagingPathOf(run.kind, run.object);
  }
  size_t StagedFiles() { return disk_.List("/s/staging")->size(); }

  SimDisk disk_;
  ObjectStore objects_{disk_, "/s"};
  MemoryRows rows_;
  PackOptions options_{.cache_bytes = 4 << 20, .pack_bytes = 4 << 20};
  std::unique_ptr<PackStore> packs_;
};

TEST_F(PackStoreTest, WhatIsAppendedReadsBackInWholeAndInPart) {
  const std::string bytes = Pattern(1 << 20, 1);
  const RunRef run = Append(7, bytes);
  EXPECT_EQ(run.block_count(), 16U);
  EXPECT_TRUE(ReadAll(run) == bytes);
  EXPECT_TRUE(Read(run, 65'530, 10) == bytes.substr(65'530, 10));
  const RunRef part = PartOf(run, 100'000, 300'000);
  EXPECT_TRUE(ReadAll(part) == bytes.substr(100'000, 300'000));
  EXPECT_TRUE(Read(part, 1000, 200'000) == bytes.substr(101'000, 200'000));
  EXPECT_TRUE(*packs_->Holds(run));
}

TEST_F(PackStoreTest, BlocksThatFailAReaderAreCountedOnceEach) {
  const std::string bytes = Pattern(1 << 20, 5);
  const RunRef run = Append(7, bytes);
  EXPECT_EQ(packs_->read_damage().blocks, 0U);
  const uint64_t first = run.record_offset + kPackRecordHeaderBytes;
  for (const uint64_t at : {3 * kBodyBlockBytes, 9 * kBodyBlockBytes + 5}) {
    ASSERT_TRUE(disk_.FlipBit(Staged(run), first + at, 1).ok());
  }
  // Who asks whether the bytes are there is answered and is no reader.
  EXPECT_FALSE(*packs_->Holds(run));
  EXPECT_EQ(packs_->read_damage().blocks, 0U);

  EXPECT_TRUE(ReadAll(run).starts_with(CodeName(Code::kCorruption)));
  EXPECT_EQ(packs_->read_damage().blocks, 2U);
  EXPECT_TRUE(Read(run, 3 * kBodyBlockBytes + 7, 10).starts_with(CodeName(Code::kCorruption)));
  EXPECT_TRUE(ReadAll(run).starts_with(CodeName(Code::kCorruption)));
  const ReadDamage damage = packs_->read_damage();
  EXPECT_EQ(damage.blocks, 2U);
  EXPECT_NE(damage.last.find(ToHex(run.object) + ": block 9"), std::string::npos) << damage.last;
  EXPECT_TRUE(Read(run, 0, 10) == bytes.substr(0, 10));
  EXPECT_EQ(packs_->read_damage().blocks, 2U);
}

TEST_F(PackStoreTest, ARecordTellsWhoseBytesFollow) {
  const std::string bytes = Pattern(5000, 2);
  Append(7, Pattern(100, 3));
  auto run = packs_->Append({.inode = InodeNumber(7), .generation = 2, .offset = 9000}, bytes);
  ASSERT_TRUE(run.ok());
  auto file = ReadWholeFile(disk_, Staged(*run), 1 << 20);
  ASSERT_TRUE(file.ok());
  const auto record = DecodePackRecord(std::string_view(*file).substr(run->record_offset));
  ASSERT_TRUE(record.ok()) << record.status().ToString();
  EXPECT_EQ(record->inode, InodeNumber(7));
  EXPECT_EQ(record->generation, 2U);
  EXPECT_EQ(record->offset, 9000U);
  EXPECT_EQ(record->run_bytes, bytes.size());
  EXPECT_EQ(record->fingerprint, HashXxh3Wide(EncodeBlockHashes(HashRun(bytes))));
}

TEST_F(PackStoreTest, AFullPackIsSealedAndItsRunsStayReadable) {
  std::vector<RunRef> runs;
  for (int i = 0; i < 10; ++i) runs.push_back(Append(4, Pattern(1 << 20, i)));
  EXPECT_EQ(rows_.open.size(), 4U);
  ASSERT_TRUE(packs_->Seal(false).ok());
  EXPECT_EQ(rows_.sealed.size(), 3U);
  EXPECT_EQ(rows_.open.size(), 1U);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ReadAll(runs[i]) == Pattern(1 << 20, i)) << i;
  ASSERT_TRUE(packs_->Seal(true).ok());
  EXPECT_EQ(rows_.open.size(), 0U);
  EXPECT_EQ(StagedFiles(), 0U);
  Reopen();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ReadAll(runs[i]) == Pattern(1 << 20, i)) << i;
  for (const auto& [id, info] : rows_.sealed) {
    auto object = objects_.Open(info);
    ASSERT_TRUE(object.ok()) << object.status().ToString();
    EXPECT_TRUE((*object)->VerifyAll().ok());
  }
}

TEST_F(PackStoreTest, FilesGoToDifferentPacksAndFoldsToTheirOwn) {
  std::set<Id128> packs;
  for (uint64_t inode = 64; inode < 68; ++inode) packs.insert(Append(inode, "bytes").object);
  packs.insert(packs_->Append({.inode = InodeNumber(64), .folded = true}, "bytes")->object);
  EXPECT_EQ(packs.size(), 5U);
}

TEST_F(PackStoreTest, AFlippedBitCostsItsBlockAndIsNamed) {
  const std::string bytes = Pattern(300'000, 4);
  const RunRef run = Append(7, bytes);
  ASSERT_TRUE(
      disk_.FlipBit(Staged(run), run.record_offset + kPackRecordHeaderBytes + 70'000, 3).ok());
  const std::string answer = Read(run, 65'536, 100);
  EXPECT_NE(answer.find("block 1"), std::string::npos) << answer;
  EXPECT_NE(answer.find(ToHex(run.object)), std::string::npos) << answer;
  EXPECT_NE(ReadAll(run), bytes);
  EXPECT_TRUE(Read(run, 0, 65'536) == bytes.substr(0, 65'536));
  EXPECT_TRUE(Read(run, 131'072, 168'928) == bytes.substr(131'072));
  EXPECT_FALSE(*packs_->Holds(run));
  EXPECT_TRUE(*packs_->Holds(PartOf(run, 131'072, 1000)));
}

TEST_F(PackStoreTest, AShortMissingOrForeignFileIsCorruption) {
  const RunRef run = Append(7, Pattern(300'000, 5));
  ASSERT_TRUE(packs_->Seal(true).ok());
  const std::string path = objects_.PathOf(run.kind, run.object);
  Reopen();
  ASSERT_TRUE(disk_.Open(path, OpenMode::kReadWrite).value()->Truncate(100'000).ok());
  EXPECT_NE(ReadAll(run).find("block 1 "), std::string::npos) << ReadAll(run);
  EXPECT_EQ(Read(run, 0, 10), Pattern(300'000, 5).substr(0, 10));
  ASSERT_TRUE(disk_.Remove(path).ok());
  Reopen();
  EXPECT_NE(ReadAll(run).find("missing"), std::string::npos) << ReadAll(run);
  ASSERT_TRUE(disk_.MakeDir(path).ok());
  EXPECT_NE(ReadAll(run).find("no regular file"), std::string::npos) << ReadAll(run);
}

TEST_F(PackStoreTest, AFailedAppendGivesItsPlaceBackAndTheNextOneWorks) {
  const RunRef first = Append(7, Pattern(1000, 6));
  const auto size = [&] { return disk_.Stat(Staged(first))->size_bytes; };
  const uint64_t before = size();
  for (uint64_t k : {1, 2}) {
    disk_.FailCall(k, Code::kNoSpace);
    EXPECT_EQ(packs_->Append({.inode = InodeNumber(7)}, Pattern(5000, 7)).status().code(),
              Code::kNoSpace);
    EXPECT_EQ(size(), before);
  }
  const RunRef next = Append(7, Pattern(5000, 8));
  EXPECT_EQ(next.record_offset, before);
  EXPECT_TRUE(ReadAll(next) == Pattern(5000, 8));
  EXPECT_TRUE(ReadAll(first) == Pattern(1000, 6));
}

TEST_F(PackStoreTest, EveryFailingCallLeavesTheStoreWorking) {
  options_.pack_bytes = 300'000;
  for (uint64_t k = 1; k < 80; ++k) {
    rows_.Clear();
    Reopen();
    disk_.FailCall(k, k % 2 == 0 ? Code::kIo : Code::kNoSpace);
    std::vector<std::pair<RunRef, int>> runs;
    const auto work = [&] {
      for (int i = 0; i < 6; ++i) {
        auto run = packs_->Append({.inode = InodeNumber(i)}, Pattern(100'000, i));
        if (run.ok()) runs.emplace_back(*run, i);
      }
      packs_->Seal(true).IgnoreError();
    };
    work();
    const bool waits = disk_.FaultWaits();
    disk_.ClearFault();
    work();
    ASSERT_TRUE(packs_->Seal(true).ok()) << "call " << k;
    EXPECT_TRUE(rows_.open.empty());
    for (const auto& [run, i] : runs) {
      ASSERT_TRUE(ReadAll(run) == Pattern(100'000, i)) << "call " << k;
    }
    if (waits) return;
  }
  FAIL() << "more calls than the test looks at";
}

TEST_F(PackStoreTest, ANameThatIsRefusedLeavesNoFile) {
  rows_.refuse = true;
  EXPECT_FALSE(packs_->Append({.inode = InodeNumber(7)}, "bytes").ok());
  EXPECT_EQ(StagedFiles(), 0U);
  rows_.refuse = false;
  Append(7, "bytes");
}

TEST_F(PackStoreTest, SyncedBytesSurviveAPowerCutAndTheNextOpenSealsThem) {
  for (uint64_t seed = 1; seed < 40; ++seed) {
    const RunRef run = Append(seed, Pattern(200'000, seed));
    ASSERT_TRUE(packs_->Sync().ok());
    const RunRef lost = Append(seed, Pattern(200'000, seed + 1000));
    disk_.PowerCut(seed);
    Reopen();
    ASSERT_TRUE(ReadAll(run) == Pattern(200'000, seed));
    ASSERT_TRUE(packs_->Seal(true).ok());
    ASSERT_TRUE(rows_.open.empty());
    Reopen();
    ASSERT_TRUE(ReadAll(run) == Pattern(200'000, seed));
    // What was not synced is there whole, or is known not to be.
    ASSERT_EQ(*packs_->Holds(lost), ReadAll(lost) == Pattern(200'000, seed + 1000));
  }
}

TEST_F(PackStoreTest, OnlyWhatWasSyncedIsCalledSynced) {
  const RunRef first = Append(7, Pattern(1000, 1));
  EXPECT_TRUE(packs_->Synced().empty());
  ASSERT_TRUE(packs_->Sync().ok());
  const uint64_t end = kPackRecordHeaderBytes + 1000;
  EXPECT_EQ(packs_->Synced(), (SyncedPacks{{first.object, end}}));
  Append(7, Pattern(5000, 2));
  EXPECT_EQ(packs_->Synced(), (SyncedPacks{{first.object, end}}));
  disk_.FailCall(2, Code::kNoSpace);
  EXPECT_FALSE(packs_->Append({.inode = InodeNumber(7)}, Pattern(5000, 3)).ok());
  ASSERT_TRUE(packs_->Sync().ok());
  EXPECT_EQ(packs_->Synced(), (SyncedPacks{{first.object, end + kPackRecordHeaderBytes + 5000}}));
  ASSERT_TRUE(packs_->Seal(true).ok());
  EXPECT_TRUE(packs_->Synced().empty());
}

TEST(WrittenEndTest, ItIsTheFirstPlaceThatIsNotFilled) {
  WrittenEnd end;
  EXPECT_EQ(end.Get(), 0U);
  end.Take(0, 10);
  end.Take(10, 10);
  end.Take(20, 10);
  EXPECT_EQ(end.Get(), 0U);
  end.Fill(10);
  EXPECT_EQ(end.Get(), 0U);
  end.Fill(0);
  EXPECT_EQ(end.Get(), 20U);
  end.GiveBack(20);
  EXPECT_EQ(end.Get(), 20U);
  end.Take(20, 5);
  end.Fill(20);
  EXPECT_EQ(end.Get(), 25U);
}

TEST_F(PackStoreTest, ACrashAtAnyStepOfSealingIsFinished) {
  for (uint64_t k = 1; k < 30; ++k) {
    rows_.Clear();
    Reopen();
    const RunRef run = Append(7, Pattern(200'000, k));
    ASSERT_TRUE(packs_->Sync().ok());
    disk_.StopAt(k);
    packs_->Seal(true).IgnoreError();
    const bool waits = disk_.FaultWaits();
    disk_.PowerCut(k);
    Reopen();
    ASSERT_TRUE(ReadAll(run) == Pattern(200'000, k)) << "call " << k;
    const Status sealed = packs_->Seal(true);
    ASSERT_TRUE(sealed.ok()) << sealed.ToString();
    ASSERT_EQ(rows_.sealed.count(run.object), 1U);
    ASSERT_GE(rows_.sealed[run.object].size_bytes, 200'000 + kPackRecordHeaderBytes);
    ASSERT_TRUE(objects_.Open(rows_.sealed[run.object]).ok());
    Reopen();
    ASSERT_TRUE(ReadAll(run) == Pattern(200'000, k)) << "call " << k;
    if (waits) return;
  }
  FAIL() << "more calls than the test looks at";
}

TEST_F(PackStoreTest, APackWhoseNameIsNotDurableStaysWhereItIs) {
  const RunRef run = Append(7, Pattern(1000, 9));
  rows_.refuse_sync = true;
  EXPECT_EQ(packs_->Seal(true).code(), Code::kIo);
  EXPECT_TRUE(disk_.Stat(objects_.StagingPathOf(ObjectKind::kPack, run.object)).ok());
  rows_.refuse_sync = false;
  EXPECT_TRUE(packs_->Seal(true).ok());
  EXPECT_FALSE(disk_.Stat(objects_.StagingPathOf(ObjectKind::kPack, run.object)).ok());
  EXPECT_EQ(rows_.sealed.count(run.object), 1U);
}

TEST(RunUsesTest, WhoeverBeganBeforeIsWaitedForAndNobodyElse) {
  RunUses uses;
  EXPECT_TRUE(uses.WaitForEarlier(0));
  auto first = std::make_unique<RunUses::Use>(uses);
  EXPECT_FALSE(uses.WaitForEarlier(2));
  // It has begun after that call, and the call after the next one still waits for the first.
  auto second = std::make_unique<RunUses::Use>(uses);
  EXPECT_FALSE(uses.WaitForEarlier(2));
  first.reset();
  EXPECT_FALSE(uses.WaitForEarlier(2));
  second.reset();
  EXPECT_TRUE(uses.WaitForEarlier(0));

  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop.load()) const RunUses::Use use(uses);
  });
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(uses.WaitForEarlier(60'000));
  stop.store(true);
  reader.join();
}

TEST_F(PackStoreTest, AnObjectWithoutItsRowGetsIt) {
  const RunRef run = Append(7, Pattern(1000, 9));
  ArmFailpoint(Failpoint::kPackAfterSeal, FailAction::kError);
  EXPECT_FALSE(packs_->Seal(true).ok());
  EXPECT_EQ(rows_.open.size(), 1U);
  Reopen();
  EXPECT_TRUE(ReadAll(run) == Pattern(1000, 9));
  ASSERT_TRUE(packs_->Seal(true).ok());
  EXPECT_EQ(rows_.sealed.count(run.object), 1U);
}

TEST_F(PackStoreTest, APackThatTookNothingIsForgotten) {
  ArmFailpoint(Failpoint::kPackAfterName, FailAction::kError);
  EXPECT_FALSE(packs_->Append({.inode = InodeNumber(7)}, "bytes").ok());
  EXPECT_EQ(rows_.open.size(), 1U);
  ASSERT_TRUE(packs_->Seal(false).ok());
  EXPECT_EQ(rows_.open.size(), 0U);
  EXPECT_EQ(StagedFiles(), 0U);
}

TEST_F(PackStoreTest, AnOpenPackThatLostItsSyncedBytesKeepsItsRow) {
  const RunRef run = Append(7, Pattern(1000, 9));
  ASSERT_TRUE(packs_->Sync().ok());
  const SyncedPacks synced = packs_->Synced();
  ASSERT_TRUE(disk_.Open(Staged(run), OpenMode::kReadWrite).value()->Truncate(0).ok());
  packs_ = std::make_unique<PackStore>(objects_, &rows_, options_);
  testing::internal::CaptureStderr();
  ASSERT_TRUE(packs_->Recover({run.object}, synced).ok());
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("shorter than what was synced of it"), std::string::npos) << logged;
  ASSERT_TRUE(packs_->Seal(true).ok());
  EXPECT_EQ(rows_.open.size(), 0U);
  ASSERT_EQ(rows_.sealed.count(run.object), 1U);
  EXPECT_EQ(rows_.sealed[run.object].size_bytes, 0U);
  EXPECT_TRUE(objects_.Open(rows_.sealed[run.object]).ok());
  Reopen();
  EXPECT_NE(ReadAll(run).find("block 0 "), std::string::npos) << ReadAll(run);
}

TEST_F(PackStoreTest, AFailedSyncIsNeverFollowedByOneThatSucceeds) {
  const RunRef run = Append(7, Pattern(1000, 10));
  disk_.FailCall(1, Code::kIo);
  EXPECT_FALSE(packs_->Sync().ok());
  EXPECT_FALSE(packs_->Sync().ok());
  EXPECT_FALSE(packs_->Seal(true).ok());
  EXPECT_TRUE(ReadAll(run) == Pattern(1000, 10));
}

TEST_F(PackStoreTest, WithoutRowsNothingIsWritten) {
  PackStore packs(objects_, nullptr, options_);
  EXPECT_EQ(packs.Append({.inode = InodeNumber(7)}, "bytes").status().code(), Code::kReadOnly);
  EXPECT_EQ(StagedFiles(), 0U);
}

TEST_F(PackStoreTest, ASecondReadOfABlockComesFromTheCache) {
  const RunRef run = Append(7, Pattern(200'000, 11));
  Read(run, 1000, 100);
  const uint64_t reads = disk_.calls(DiskCall::kRead);
  EXPECT_EQ(Read(run, 5000, 100), Pattern(200'000, 11).substr(5000, 100));
  EXPECT_EQ(disk_.calls(DiskCall::kRead), reads);
}

TEST_F(PackStoreTest, LongReadsGoPastTheCache) {
  const RunRef run = Append(7, Pattern(1 << 20, 12));
  ReadAll(run);
  EXPECT_EQ(packs_->cache().used_bytes(), 0U);
}

TEST_F(PackStoreTest, TheCacheStaysAtItsBoundAndABiggerOneKeepsMore) {
  const auto reads_of_second_round = [&](uint64_t cache_bytes) {
    options_.cache_bytes = cache_bytes;
    options_.pack_bytes = 64 << 20;
    Reopen();
    std::vector<RunRef> runs;
    for (int i = 0; i < 8; ++i) runs.push_back(Append(7, Pattern(1 << 20, i)));
    uint64_t before = 0;
    for (int round = 0; round < 2; ++round) {
      before = disk_.calls(DiskCall::kRead);
      for (const RunRef& run : runs) {
        for (uint64_t at = 0; at < run.size_bytes; at += kBodyBlockBytes) Read(run, at, 10);
      }
    }
    EXPECT_LE(packs_->cache().used_bytes(), cache_bytes);
    return disk_.calls(DiskCall::kRead) - before;
  };
  EXPECT_EQ(reads_of_second_round(64 << 20), 0U);
  EXPECT_GT(reads_of_second_round(2 << 20), 64U);
}

TEST_F(PackStoreTest, PacksThatWaitToBeSealedAreBounded) {
  options_.pack_bytes = 20'000;
  Reopen();
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < 60; ++i) {
        const RunRef run = Append(thread, Pattern(15'000, i));
        EXPECT_TRUE(ReadAll(run) == Pattern(15'000, i));
        EXPECT_LE(packs_->open_packs(), PackStore::kUnsealedMax + 8);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(rows_.sealed.size(), 100U);
}

TEST_F(PackStoreTest, ManyWritersAndReadersAtOnce) {
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int step = 0; step < 40; ++step) {
        const std::string bytes = Pattern(1 + step * 7919 % 200'000, thread * 1000 + step);
        const RunRef run = Append(7, bytes);
        EXPECT_TRUE(ReadAll(run) == bytes);
        if (step % 10 == 0) {
          EXPECT_TRUE(packs_->Sync().ok());
        }
      }
    });
  }
  for (int step = 0; step < 20; ++step) EXPECT_TRUE(packs_->Seal(false).ok());
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(packs_->Seal(true).ok());
  EXPECT_TRUE(rows_.open.empty());
}

}  // namespace
}  // namespace mendfs
