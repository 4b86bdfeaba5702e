// The first three rules that LevelDB over our Disk keeps, and a planted defect for each; the fourth
// is in log_damage_test.cc.
#include "meta/manifest/kv/kv.h"

#include <gtest/gtest.h>

#include <random>

#include "meta/base/mutex.h"
#include "meta/disk/overlay_disk.h"
#include "meta/disk/sim_disk.h"

namespace mendfs {
namespace {

std::string Key(int i) {
  return "key" + std::to_string(10000 + i);
}

Status PutOne(Kv& kv, int i, bool sync) {
  auto batch = kv.NewBatch();
  batch->Put(Key(i), std::string(500, static_cast<char>('a' + i % 26)));
  return kv.Write(*batch, sync);
}

// Holds back the background thread's first table file, as a slow disk would, until it is let go.
class SlowTables : public Disk {
 public:
  explicit SlowTables(Disk& disk) : disk_(disk) {}

  void LetGo() {
    MutexLock lock(mutex_);
    held_ = false;
    let_go_.NotifyAll();
  }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    if (mode != OpenMode::kRead && path.size() > 4 && path.substr(path.size() - 4) == ".ldb") {
      MutexLock lock(mutex_);
      while (held_) let_go_.Wait(mutex_);
    }
    return disk_.Open(path, mode);
  }
  Status Rename(const std::string& source, const std::string& target) override {
    return disk_.Rename(source, target);
  }
  Status Remove(const std::string& path) override { return disk_.Remove(path); }
  Status MakeDir(const std::string& path) override { return disk_.MakeDir(path); }
  Status RemoveDir(const std::string& path) override { return disk_.RemoveDir(path); }
  Result<std::vector<DirEntry>> List(const std::string& path) override { return disk_.List(path); }
  Result<FileInfo> Stat(const std::string& path) override { return disk_.Stat(path); }
  Status SyncDir(const std::string& path) override { return disk_.SyncDir(path); }
  Result<std::unique_ptr<DiskLock>> Lock(const std::string& path,
                                         std::string_view holder) override {
    return disk_.Lock(path, holder);
  }
  Result<SpaceInfo> Space(const std::string& path) override { return disk_.Space(path); }

 private:
  Disk& disk_;
  Mutex mutex_{LockRank::kLeaf};
  CondVar let_go_;
  bool held_ GUARDED_BY(mutex_) = true;
};

std::unique_ptr<Kv> Open(Disk& disk, const KvDefects& defects, bool create) {
  KvOptions options;
  options.create = create;
  options.write_buffer_bytes = 64 << 10;  // many memtable switches
  auto kv = OpenLevelDb(disk, "/db", options, defects);
  EXPECT_TRUE(kv.ok()) << kv.status().ToString();
  return kv.ok() ? *std::move(kv) : nullptr;
}

// Rule 1: a synced write makes all writes before it durable. Answers how many were lost.
int LostBehindASyncedWrite(const KvDefects& defects) {
  SimDisk disk;
  EXPECT_TRUE(disk.MakeDir("/db").ok());
  EXPECT_TRUE(disk.SyncDir("/").ok());
  // One memtable is full, its table file is not written yet, and the last record is in the next
  // log.
  constexpr int kRecords = 180;
  {
    SlowTables slow(disk);
    auto kv = Open(slow, defects, true);
    for (int i = 0; i < kRecords; ++i) EXPECT_TRUE(PutOne(*kv, i, i + 1 == kRecords).ok());
    disk.PowerCutDropAll();
    slow.LetGo();
  }
  auto kv = Open(disk, {}, false);
  int lost = 0;
  for (int i = 0; i < kRecords; ++i) lost += kv->Get(Key(i)).ok() ? 0 : 1;
  return lost;
}

TEST(KvTest, ASyncedWriteMakesAllBeforeItDurable) {
  EXPECT_EQ(LostBehindASyncedWrite({}), 0);
}

TEST(KvTest, PlantedDefectLogClosedUnsyncedIsSeen) {
  KvDefects defects;
  defects.close_log_unsynced = true;
  EXPECT_GT(LostBehindASyncedWrite(defects), 0);
}

// Rule 2: what is acknowledged behind a failed append survives. Answers how many were lost.
int LostBehindATornAppend(const KvDefects& defects) {
  SimDisk disk;
  EXPECT_TRUE(disk.MakeDir("/db").ok());
  EXPECT_TRUE(disk.SyncDir("/").ok());
  int lost = 0;
  {
    auto kv = Open(disk, defects, true);
    EXPECT_TRUE(PutOne(*kv, 0, true).ok());
    disk.FailCall(1, Code::kNoSpace, CallScope::kMutating);
    const Status torn = PutOne(*kv, 1, false);
    disk.ClearFault();
    if (!torn.ok()) {
      EXPECT_EQ(torn.code(), Code::kNoSpace);
      // Fenced: nothing is acknowledged behind the torn record until it was reopened.
      EXPECT_FALSE(PutOne(*kv, 2, true).ok());
      EXPECT_TRUE(kv->Reopen().ok());
    }
    for (int i = 2; i < 12; ++i) EXPECT_TRUE(PutOne(*kv, i, true).ok());
    disk.PowerCutDropAll();
  }
  auto kv = Open(disk, {}, false);
  for (int i = 2; i < 12; ++i) lost += kv->Get(Key(i)).ok() ? 0 : 1;
  return lost;
}

TEST(KvTest, NothingIsAcknowledgedBehindATornAppend) {
  EXPECT_EQ(LostBehindATornAppend({}), 0);
}

TEST(KvTest, PlantedDefectAppendFailureIgnoredIsSeen) {
  KvDefects defects;
  defects.ignore_append_failure = true;
  EXPECT_GT(LostBehindATornAppend(defects), 0);
}

// Rule 3: a read-only open writes nothing. Answers how many writes reached the disk.
uint64_t WritesOfAReadOnlyOpen(bool overlay) {
  SimDisk disk;
  EXPECT_TRUE(disk.MakeDir("/db").ok());
  {
    auto kv = Open(disk, {}, true);
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(PutOne(*kv, i, true).ok());
  }
  const uint64_t before = disk.mutating_calls();
  OverlayDisk in_memory(disk);
  auto kv = Open(overlay ? static_cast<Disk&>(in_memory) : disk, {}, false);
  EXPECT_TRUE(kv->Get(Key(49)).ok());
  kv.reset();
  return disk.mutating_calls() - before;
}

TEST(KvTest, AReadOnlyOpenReadsEverythingAndWritesNothing) {
  EXPECT_EQ(WritesOfAReadOnlyOpen(true), 0u);
}

TEST(KvTest, PlantedDefectReadOnlyOpenThatWritesIsSeen) {
  EXPECT_GT(WritesOfAReadOnlyOpen(false), 0u);
}

TEST(KvTest, AnIteratorOutlivesAReopen) {
  SimDisk disk;
  ASSERT_TRUE(disk.MakeDir("/db").ok());
  auto kv = Open(disk, {}, true);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(PutOne(*kv, i, true).ok());
  auto iterator = kv->Scan();
  ASSERT_TRUE(kv->Reopen().ok());
  int count = 0;
  for (iterator->Seek("key"); iterator->Valid(); iterator->Next()) ++count;
  EXPECT_EQ(count, 5);
  iterator->SeekBefore(Key(3));
  EXPECT_EQ(iterator->key(), Key(2));
  iterator->SeekBefore("zzz");
  EXPECT_EQ(iterator->key(), Key(4));
}

TEST(KvTest, ACompactedRangeGivesBackTheSpaceOfWhatWasDeleted) {
  SimDisk disk;
  ASSERT_TRUE(disk.MakeDir("/db").ok());
  auto kv = Open(disk, {}, true);
  for (int i = 0; i < 4000; ++i) ASSERT_TRUE(PutOne(*kv, i, false).ok());
  const auto bytes = [&] {
    uint64_t sum = 0;
    for (const DirEntry& entry : *disk.List("/db")) {
      sum += disk.Stat("/db/" + entry.name)->size_bytes;
    }
    return sum;
  };
  ASSERT_TRUE(kv->Settle().ok());
  const uint64_t full = bytes();
  auto batch = kv->NewBatch();
  for (int i = 100; i < 3900; ++i) batch->Delete(Key(i));
  ASSERT_TRUE(kv->Write(*batch, true).ok());
  EXPECT_GT(bytes(), full / 2);
  ASSERT_TRUE(kv->Compact(Key(100), Key(3899)).ok());
  EXPECT_LT(bytes(), full / 3);
  EXPECT_TRUE(kv->Get(Key(99)).ok());
  EXPECT_TRUE(kv->Get(Key(3900)).ok());
  EXPECT_EQ(kv->Get(Key(2000)).status().code(), Code::kNotFound);
  disk.FailCall(1, Code::kNoSpace);
  EXPECT_EQ(kv->Compact(Key(0), Key(4000)).code(), Code::kNoSpace);
}

// Rule 5: background work waits while the disk is full.
size_t Tables(SimDisk& disk) {
  size_t tables = 0;
  for (const DirEntry& entry : *disk.List("/db")) {
    if (entry.name.ends_with(".ldb")) ++tables;
  }
  return tables;
}

// Enough for more tables than LevelDB leaves alone, if it is free to act.
std::unique_ptr<Kv> FillTight(SimDisk& disk, int records) {
  EXPECT_TRUE(disk.MakeDir("/db").ok());
  KvOptions options;
  options.create = true;
  options.tight = true;
  auto kv = OpenLevelDb(disk, "/db", options);
  EXPECT_TRUE(kv.ok());
  std::mt19937_64 random(1);
  for (int i = 0; i < records; ++i) {
    auto batch = (*kv)->NewBatch();
    for (int j = 0; j < 50; ++j) {
      std::string value(1000, static_cast<char>('a' + i % 26));
      for (size_t at = 1; at < value.size(); ++at) value[at] = static_cast<char>(random());
      batch->Put(Key(i % 100 * 50 + j), value);
    }
    EXPECT_TRUE((*kv)->Write(*batch, true).ok());
  }
  return *std::move(kv);
}

TEST(KvTest, WhileTightNothingIsCompacted) {
  SimDisk disk;
  auto kv = FillTight(disk, 700);  // 35 MB, in logs of at most 2 MiB
  EXPECT_GE(Tables(disk), 14U);
  EXPECT_EQ(kv->Get(Key(0))->substr(0, 1), std::string(1, 'a' + 600 % 26));
  EXPECT_FALSE(kv->SetTight(false));
  EXPECT_TRUE(kv->CompactAll(0).ok());
  EXPECT_LT(Tables(disk), 10U);
  EXPECT_EQ(kv->Get(Key(0))->substr(0, 1), std::string(1, 'a' + 600 % 26));
  EXPECT_TRUE(kv->SetTight(true)) << "needs a reopening";
  ASSERT_TRUE(kv->Reopen().ok());
  EXPECT_FALSE(kv->SetTight(true));
}

TEST(KvTest, AMergeWithoutRoomFailsAndLeavesNoTables) {
  SimDisk disk;
  auto kv = FillTight(disk, 300);
  for (const uint64_t room : {uint64_t{0}, uint64_t{1} << 20, uint64_t{3} << 20}) {
    const size_t before = Tables(disk);
    const uint64_t free_bytes = disk.Space("/")->available_bytes;
    // The log's table at least is begun before the disk is found to have no room.
    EXPECT_EQ(kv->CompactAll(free_bytes - room).code(), Code::kNoSpace) << room;
    EXPECT_LE(Tables(disk), before + 1);
    EXPECT_FALSE(PutOne(*kv, 0, true).ok()) << "fenced";
    ASSERT_TRUE(kv->Reopen().ok());
    EXPECT_EQ(kv->Get(Key(4999))->substr(0, 1), std::string(1, 'a' + 299 % 26));
  }
  EXPECT_TRUE(kv->CompactAll(0).ok());
  EXPECT_EQ(kv->Get(Key(4999))->substr(0, 1), std::string(1, 'a' + 299 % 26));
}

uint64_t UsedBytes(SimDisk& disk) {
  const SpaceInfo space = *disk.Space("/");
  return space.total_bytes - space.available_bytes;
}

// What tore is as large as what the open needs, and there is nothing else.
TEST(KvTest, ALogThatAFullDiskToreGivesItsRoomToTheOpen) {
  SimDisk disk;
  disk.SetCapacity(64 << 20);
  auto kv = FillTight(disk, 25);
  disk.SetCapacity(UsedBytes(disk) + (3 << 19));
  auto batch = kv->NewBatch();
  std::mt19937_64 random(2);
  std::string value(2 << 20, ' ');
  for (char& c : value) c = static_cast<char>(random());
  batch->Put(Key(7000), value);
  EXPECT_EQ(kv->Write(*batch, true).code(), Code::kNoSpace);
  EXPECT_LT(disk.Space("/")->available_bytes, uint64_t{128} << 10) << "it tore";
  const Status opened = kv->Reopen();
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  EXPECT_TRUE(kv->Get(Key(10)).ok());
  EXPECT_EQ(kv->Get(Key(7000)).status().code(), Code::kNotFound);
}

TEST(KvTest, WhatCannotBeReopenedSaysWhy) {
  SimDisk disk;
  disk.SetCapacity(64 << 20);
  auto kv = FillTight(disk, 25);
  disk.SetCapacity(UsedBytes(disk));
  EXPECT_EQ(kv->Reopen().code(), Code::kNoSpace);
  disk.SetCapacity(64 << 20);
  const Status refused = PutOne(*kv, 1, true);
  EXPECT_EQ(refused.code(), Code::kNoSpace) << refused.ToString();
  EXPECT_EQ(refused.message().find("being closed"), std::string::npos) << refused.ToString();
  ASSERT_TRUE(kv->Reopen().ok());
  EXPECT_TRUE(PutOne(*kv, 1, true).ok());
}

TEST(KvTest, WhatWaitsWhenItIsClosedIsForgotten) {
  SimDisk disk;
  FillTight(disk, 300).reset();
  auto kv = Open(disk, {}, false);
  EXPECT_EQ(kv->Get(Key(4999))->substr(0, 1), std::string(1, 'a' + 299 % 26));
}

}  // namespace
}  // namespace mendfs
