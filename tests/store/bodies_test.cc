// Bodies of files in an open store: where their bytes go, and that every reader finds them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "meta/disk/posix_disk.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/object/object_store.h"
#include "meta/store.h"
#include "meta/tree/extent_format.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

std::string Pattern(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class BodiesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Store::Create(*disk_, path_, {}).ok());
    Open();
    const auto made = writer_->Make(kFilesRoot, "file", {.mode = S_IFREG | 0644});
    ASSERT_TRUE(made.ok());
    file_ = made->inode;
  }

  void Open() {
    Close();
    auto store = Store::Open(*disk_, path_, options_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    writer_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
  }
  void Close() {
    writer_.reset();
    store_.reset();
  }
  Hash128 Commit() {
    const auto commit = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
    EXPECT_TRUE(commit.ok() && commit->has_value()) << commit.status().ToString();
    return commit.ok() && *commit ? (*commit)->content_root : Hash128{};
  }
  void Write(uint64_t offset, std::string_view bytes) {
    const auto written = writer_->Write(file_, offset, bytes);
    ASSERT_TRUE(written.ok()) << written.status().ToString();
  }
  std::string Read(View view = {}) const {
    const FileReader reader(store_->door());
    const auto attributes = reader.Get(view, file_);
    if (!attributes.ok()) return attributes.status().ToString();
    std::string bytes(attributes->size_bytes, '?');
    const auto read = reader.Read(view, file_, 0, bytes.size(), bytes.data());
    return read.ok() ? bytes : read.status().ToString();
  }
  // The longest value that stands in an entry of the body, as LevelDB or the working set has it.
  size_t LongestInline(View view = {}) const {
    size_t longest = 0;
    auto cursor = store_->reader().Scan(view, PrefixRange(ExtentPrefix(file_)));
    for (; cursor->Valid(); cursor->Next()) {
      const auto extent = DecodeExtent(cursor->value());
      EXPECT_TRUE(extent.ok());
      if (extent.ok()) longest = std::max(longest, extent->bytes.size());
    }
    return longest;
  }
  size_t StagedPacks() { return disk_->List(path_ + "/staging")->size(); }
  std::vector<std::string> SealedPacks() {
    std::vector<std::string> paths;
    ObjectStore objects(*disk_, path_);
    EXPECT_TRUE(objects
                    .Walk(ObjectKind::kPack,
                          [&](const ObjectStore::Found& found) {
                            paths.push_back(found.path);
                            return Status::Ok();
                          })
                    .ok());
    return paths;
  }

  SimDisk sim_;
  Disk* disk_ = &sim_;
  std::string path_ = "/store";
  OpenOptions options_{.commit_interval_ms = 0,
                       .pack_bytes = 3 << 20,
                       .blob_begin_bytes = 1 << 30};  // blobs are blobs_test.cc's
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> writer_;
  InodeNumber file_;
};

TEST_F(BodiesTest, AFoldLeavesNoLongBytesInLevelDbForAnyMoment) {
  Write(0, Pattern(60'000, 1));
  auto pin = store_->Pin(kMainBranch);
  ASSERT_TRUE(pin.ok());
  Write(0, Pattern(60'000, 2));
  Write(100'000, Pattern(1025, 3));
  Write(120'000, Pattern(1024, 4));
  EXPECT_EQ(LongestInline(), 60'000U);
  const std::string now = Read();
  Commit();
  EXPECT_EQ(LongestInline(), 1024U) << "of a longer body only short pieces stay";
  EXPECT_EQ(LongestInline((*pin)->view()), 0U);
  EXPECT_TRUE(Read() == now);
  EXPECT_TRUE(Read((*pin)->view()) == Pattern(60'000, 1));
  pin->reset();
  Open();
  EXPECT_TRUE(Read() == now);
}

TEST_F(BodiesTest, ASmallBodyStaysInLevelDb) {
  Write(0, Pattern(4096, 1));
  Commit();
  EXPECT_EQ(LongestInline(), 4096U);
  Write(0, Pattern(4097, 1));
  Commit();
  EXPECT_EQ(LongestInline(), 0U);
}

TEST_F(BodiesTest, WhatIsMadeAndUnmadeWithinOneFoldNeverReachesAPack) {
  for (int i = 0; i < 10; ++i) Write(0, Pattern(60'000, i));
  ASSERT_TRUE(writer_->Set(file_, {.size_bytes = 0}).ok());
  Commit();
  EXPECT_EQ(StagedPacks(), 0U);
}

TEST_F(BodiesTest, TheContentSumDoesNotTellWhereBytesLie) {
  Commit();
  const std::string key = ExtentKey(file_, 0);
  const auto apply = [&](auto fill) {
    Change change;
    fill(change);
    EXPECT_TRUE(store_->door().Apply(change).ok());
    return Commit();
  };
  const std::string short_value = EncodeExtent(Pattern(100, 4));
  const std::string long_value = EncodeExtent(Pattern(60'000, 5));
  const Hash128 before = apply([&](Change& change) { change.Put(key, short_value); });
  const Hash128 with_long = apply([&](Change& change) { change.Put(key, long_value); });
  EXPECT_NE(before, with_long);
  EXPECT_EQ(before, apply([&](Change& change) { change.Put(key, short_value); }));
  EXPECT_EQ(with_long, apply([&](Change& change) { change.Put(key, long_value); }));
}

TEST_F(BodiesTest, EveryPackIsAnObjectAfterACleanClose) {
  for (int i = 0; i < 10; ++i) Write(uint64_t{1 << 20} * i, Pattern(1 << 20, i));
  Write(20 << 20, Pattern(60'000, 11));
  EXPECT_GT(StagedPacks(), 1U);
  const std::string bytes = Read();
  Open();
  EXPECT_EQ(StagedPacks(), 0U);
  EXPECT_GE(SealedPacks().size(), 5U);
  EXPECT_TRUE(Read() == bytes);
  const ObjectStore objects(*disk_, path_);
  auto rows = store_->reader().ScanGlobal(PrefixRange(ObjectPrefix()));
  size_t packs = 0;
  for (; rows->Valid(); rows->Next()) {
    Id128 id;
    std::copy_n(rows->key().begin() + 1, 16, id.bytes.begin());
    const auto info = DecodeObjectInfo(id, rows->value());
    ASSERT_TRUE(info.ok());
    if (info->kind != ObjectKind::kPack) continue;
    ++packs;
    EXPECT_TRUE(objects.Open(*info).ok());
  }
  EXPECT_EQ(packs, SealedPacks().size());
}

TEST_F(BodiesTest, AReadOnlyOpenReadsOpenPacksAndWritesNothing) {
  Write(0, Pattern(2 << 20, 6));
  ASSERT_TRUE(store_->Flush().ok());
  sim_.PowerCutDropAll();
  Close();
  const uint64_t calls = sim_.mutating_calls();
  options_.access = OpenAccess::kReadOnly;
  Open();
  EXPECT_TRUE(Read() == Pattern(2 << 20, 6));
  EXPECT_EQ(writer_->Write(file_, 0, Pattern(1 << 20, 7)).status().code(), Code::kReadOnly);
  Close();
  EXPECT_EQ(sim_.mutating_calls(), calls);
}

TEST_F(BodiesTest, ABiggerCacheReadsBodiesFromTheDiskOnce) {
  Write(0, Pattern(8 << 20, 12));
  const auto reads_of_second_round = [&](uint64_t cache_bytes) {
    options_.cache_bytes = cache_bytes;
    Open();
    const FileReader reader(store_->door());
    uint64_t before = 0;
    for (int round = 0; round < 2; ++round) {
      before = sim_.calls(DiskCall::kRead);
      for (uint64_t at = 0; at < (8 << 20); at += kBodyBlockBytes) {
        char byte = 0;
        EXPECT_TRUE(reader.Read({}, file_, at, 1, &byte).ok());
      }
    }
    return sim_.calls(DiskCall::kRead) - before;
  };
  EXPECT_LT(reads_of_second_round(64 << 20), 10U);
  EXPECT_GT(reads_of_second_round(2 << 20), 64U);
}

TEST_F(BodiesTest, AStagingFileThatNothingNamesIsRemovedByTheNextOpen) {
  const std::string path = path_ + "/staging/pack-0123456789abcdef0123456789abcdef";
  ASSERT_TRUE(disk_->Open(path, OpenMode::kCreate).ok());
  ASSERT_TRUE(disk_->SyncDir(path_ + "/staging").ok());
  Open();
  EXPECT_EQ(disk_->Stat(path).status().code(), Code::kNotFound);
}

TEST_F(BodiesTest, AFullDiskRefusesAndTheStoreGoesOn) {
  Write(0, Pattern(1 << 20, 8));
  Commit();
  const auto used = [&] {
    const auto space = disk_->Space("/store");
    return space->total_bytes - space->free_bytes;
  };
  for (uint64_t room = 0; room < (2 << 20); room += 150'000) {
    sim_.SetCapacity(used() + room);
    std::string bytes = Read();
    const auto written = writer_->Write(file_, 500'000, Pattern(1 << 20, room));
    if (written.ok()) {
      bytes.resize(std::max<size_t>(bytes.size(), 500'000 + (1 << 20)));
      bytes.replace(500'000, 1 << 20, Pattern(1 << 20, room));
    } else {
      EXPECT_EQ(written.status().code(), Code::kNoSpace);
    }
    store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).status().IgnoreError();
    EXPECT_TRUE(Read() == bytes);
    sim_.SetCapacity(uint64_t{1} << 40);
    Write(0, "room again");
    Commit();
    bytes.replace(0, 10, "room again");
    EXPECT_TRUE(Read() == bytes) << room;
  }
  Open();
  EXPECT_EQ(StagedPacks(), 0U);
}

TEST_F(BodiesTest, AFoldThatIsRepeatedMovesNothingTwice) {
  Write(0, Pattern(1 << 20, 20));
  Commit();
  for (uint64_t piece = 0; piece < 20; ++piece) {
    Write((2 << 20) + piece * 65'536, Pattern(65'536, piece));
  }
  ASSERT_TRUE(store_->Flush().ok());
  const std::string bytes = Read();
  const auto used = [&] {
    const auto space = disk_->Space("/store");
    return space->total_bytes - space->free_bytes;
  };
  const auto fold = [&] {
    return store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).status();
  };
  ASSERT_TRUE(disk_->Remove("/store/reserve").ok());  // which would have room for all
  const uint64_t before = used();
  // Room for one piece at a time: each attempt goes on where the one before had to stop.
  int attempts = 1;
  for (;; ++attempts) {
    sim_.SetCapacity(used() + 80'000);
    const Status folded = fold();
    if (folded.ok()) break;
    ASSERT_EQ(folded.code(), Code::kNoSpace);
    ASSERT_LT(attempts, 40);
  }
  EXPECT_GT(attempts, 10);
  EXPECT_LT(used(), before + 20 * 66'000 + 100'000);
  EXPECT_TRUE(Read() == bytes);
  sim_.SetCapacity(uint64_t{1} << 40);
  Open();
  EXPECT_TRUE(Read() == bytes);
}

TEST_F(BodiesTest, AMissingPackCostsItsBytesAndNotTheStore) {
  Write(0, Pattern(1 << 20, 9));
  Close();
  const auto packs = SealedPacks();
  ASSERT_EQ(packs.size(), 1U);
  ASSERT_TRUE(disk_->Rename(packs[0], path_ + "/away").ok());
  Open();
  EXPECT_THAT(Read(), HasSubstr("missing"));
  EXPECT_THAT(Read(), HasSubstr("inode " + std::to_string(file_.value)));
  Write(0, Pattern(1 << 20, 10));
  EXPECT_TRUE(Read() == Pattern(1 << 20, 10));
}

TEST_F(BodiesTest, ReadersFindAPackWhileItIsSealed) {
  options_.commit_interval_ms = 1;
  Open();
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> written{0};
  std::vector<std::thread> readers;
  for (int thread = 0; thread < 2; ++thread) {
    readers.emplace_back([&] {
      const FileReader reader(store_->door());
      while (!stop.load()) {
        const uint64_t pieces = written.load();
        for (uint64_t piece = 0; piece < pieces; ++piece) {
          std::string bytes(200'000, '?');
          const auto read = reader.Read({}, file_, piece * 200'000, bytes.size(), bytes.data());
          EXPECT_TRUE(read.ok()) << read.status().ToString();
          EXPECT_TRUE(bytes == std::string(200'000, static_cast<char>('a' + piece % 26)));
        }
      }
    });
  }
  for (uint64_t piece = 0; piece < 60; ++piece) {
    Write(piece * 200'000, std::string(200'000, static_cast<char>('a' + piece % 26)));
    written.store(piece + 1);
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
}

TEST(BodiesPosixTest, OtherThingsInAPacksPlaceAreRefused) {
  std::string root = testing::TempDir() + "mendfs_bodies_XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  const std::string path = root + "/store";
  const auto disk = MakePosixDisk();
  ASSERT_TRUE(Store::Create(*disk, path, {}).ok());
  InodeNumber file;
  {
    auto store = Store::Open(*disk, path, {});
    FileWriter writer((*store)->door(), kMainBranch);
    file = writer.Make(kFilesRoot, "file", {.mode = S_IFREG | 0644})->inode;
    ASSERT_TRUE(writer.Write(file, 0, Pattern(200'000, 1)).ok());
  }
  std::string pack;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path + "/objects/pack")) {
    if (entry.is_regular_file()) pack = entry.path();
  }
  ASSERT_FALSE(pack.empty());
  const auto read = [&] {
    auto store = Store::Open(*disk, path, {});
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    std::string bytes(200'000, '?');
    return FileReader((*store)->door()).Read({}, file, 0, bytes.size(), bytes.data()).status();
  };
  EXPECT_TRUE(read().ok());
  std::filesystem::rename(pack, root + "/away");
  std::filesystem::create_symlink(root + "/away", pack);
  EXPECT_EQ(read().code(), Code::kCorruption);
  EXPECT_THAT(read().message(), HasSubstr("no regular file"));
  std::filesystem::remove(pack);
  std::filesystem::create_directory(pack);
  EXPECT_EQ(read().code(), Code::kCorruption);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace mendfs
