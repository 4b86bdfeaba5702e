// A full disk: what frees always works, what adds is refused, nothing is lost, and the store works
// again once there is room. On the simulated disk, which holds a given number of bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "meta/commit/engine.h"
#include "meta/commit/identity.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/store.h"
#include "meta/tables.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMebibyte = 1 << 20;
constexpr uint64_t kDiskBytes = 24 * kMebibyte;
constexpr const char* kReservePath = "/store/reserve";

class FullDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    disk_.SetCapacity(kDiskBytes);
    ASSERT_TRUE(Store::Create(disk_, "/store", {.schema_text = "node P { k: String @key }"}).ok());
    Open();
  }
  void Close() {
    files_.reset();
    store_.reset();
  }
  Status TryOpen() {
    Close();
    OpenOptions options;
    options.commit_interval_ms = 0;
    auto store = Store::Open(disk_, "/store", options);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    files_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
    return Status::Ok();
  }
  void Open() {
    const Status opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
  }
  Status RemoveTree(const std::string& path) {
    MENDFS_ASSIGN_OR_RETURN(const auto names, disk_.List(path));
    for (const DirEntry& entry : names) {
      const std::string below = path + "/" + entry.name;
      MENDFS_ASSIGN_OR_RETURN(const FileInfo info, disk_.Stat(below));
      const bool directory = info.kind == FileKind::kDirectory;
      MENDFS_RETURN_IF_ERROR(directory ? RemoveTree(below) : disk_.Remove(below));
    }
    return disk_.RemoveDir(path);
  }
  bool HasReserve() { return disk_.Stat(kReservePath).ok(); }
  uint64_t FreeBytes() { return disk_.Space("/")->available_bytes; }
  // A commit, and what the background thread does beside it.
  Status Tick() { return store_->CloseCommit(kMainBranch, {}).status(); }

  Status MakeFile(const std::string& name, const std::string& body) {
    const auto made = files_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    if (!made.ok()) return made.status();
    return files_->Write(made->inode, 0, body).status();
  }
  Result<InodeNumber> Find(const std::string& name) {
    MENDFS_ASSIGN_OR_RETURN(const Attributes found,
                            FileReader(store_->door()).Lookup({}, kFilesRoot, name));
    return found.inode;
  }
  std::string ReadFile(const std::string& name) {
    const FileReader reader(store_->door());
    const auto found = reader.Lookup({}, kFilesRoot, name);
    if (!found.ok()) return std::string(CodeName(found.status().code()));
    std::string body(found->size_bytes, '\0');
    const auto read = reader.Read({}, found->inode, 0, body.size(), body.data());
    return read.ok() ? body : std::string(CodeName(read.status().code()));
  }
  // Writes files until the disk is full; answers how many there are.
  int Fill(size_t size_bytes = 100'000) {
    for (int i = 0; i < 50000; ++i) {
      const Status made =
          MakeFile(Name(i), std::string(size_bytes, static_cast<char>('a' + i % 26)));
      if (made.ok()) continue;
      EXPECT_EQ(made.code(), Code::kNoSpace) << made.ToString();
      return i;
    }
    ADD_FAILURE() << "the disk is never full";
    return 0;
  }
  static std::string Name(int i) { return "f" + std::to_string(i); }
  void ExpectFilled(int first, int count, size_t size_bytes = 100'000) {
    for (int i = first; i < count; ++i) {
      ASSERT_EQ(ReadFile(Name(i)), std::string(size_bytes, static_cast<char>('a' + i % 26))) << i;
    }
  }
  void ExpectRoomAgain() {
    ASSERT_TRUE(Tick().ok());
    ASSERT_TRUE(Tick().ok());
    EXPECT_TRUE(HasReserve());
    EXPECT_EQ(store_->Describe().health, Health::kOk) << store_->Describe().reason;
    const Status made = MakeFile("again", std::string(300'000, 'x'));
    EXPECT_TRUE(made.ok()) << made.ToString();
  }

  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> files_;
};

TEST_F(FullDiskTest, AStoreHasAReserveFromTheStart) {
  EXPECT_TRUE(HasReserve());
  EXPECT_EQ(store_->Describe().health, Health::kOk);
}

TEST_F(FullDiskTest, AStoreWithoutOneGetsItAtOpen) {
  Close();
  ASSERT_TRUE(disk_.Remove(kReservePath).ok());
  Open();
  EXPECT_TRUE(HasReserve());
  EXPECT_EQ(store_->Describe().health, Health::kOk);
}

TEST_F(FullDiskTest, MkfsOnAFullDiskIsRefusedWhole) {
  SimDisk full;
  full.SetCapacity(3 * kMebibyte);
  const Status made = Store::Create(full, "/store", {});
  EXPECT_EQ(made.code(), Code::kNoSpace);
  EXPECT_THAT(made.message(), HasSubstr("nothing was made"));
  EXPECT_EQ(full.Stat("/store").status().code(), Code::kNotFound);
  full.SetCapacity(kDiskBytes);
  EXPECT_TRUE(Store::Create(full, "/store", {}).ok());
}

TEST_F(FullDiskTest, WhatFreesAndWhatKeepsGoesOnWhereWhatAddsIsRefused) {
  TableWriter tables(store_->door(), kMainBranch);
  const TypeId type = (*TableReader(store_->reader()).GetSchema({}))->FindNode("P")->id;
  ASSERT_TRUE(tables.PutNode(type, "row", "{}", {}).ok());
  ASSERT_TRUE(tables.PutNode(type, "other", "{}", {}).ok());
  ASSERT_TRUE(files_->Make(kFilesRoot, "dir", {.mode = S_IFDIR | 0755}).ok());
  const int count = Fill();
  EXPECT_GT(count, 50);
  const StoreStatus status = store_->Describe();
  EXPECT_EQ(status.health, Health::kDegraded);
  EXPECT_THAT(status.reason, HasSubstr("is full"));
  EXPECT_EQ(status.space.available_bytes, 0u);
  EXPECT_FALSE(HasReserve());

  const InodeNumber first = *Find(Name(0));
  EXPECT_EQ(files_->Write(first, 0, "x").status().code(), Code::kNoSpace);
  EXPECT_EQ(files_->Make(kFilesRoot, "new", {.mode = S_IFDIR | 0755}).status().code(),
            Code::kNoSpace);
  EXPECT_EQ(files_->Link(first, kFilesRoot, "link").status().code(), Code::kNoSpace);
  EXPECT_EQ(
      files_->ChangeSpace(first, {.mode = SpaceMode::kAllocate, .size_bytes = 10}).status().code(),
      Code::kNoSpace);
  EXPECT_EQ(tables.PutNode(type, "new", "{}", {}).status().code(), Code::kNoSpace);
  EXPECT_EQ(ReadFile("new"), "not found");

  EXPECT_TRUE(files_->Rename(kFilesRoot, Name(0), kFilesRoot, "moved", {}).ok());
  EXPECT_TRUE(files_->Set(first, {.permissions = 0600}).ok());
  EXPECT_TRUE(files_->Set(first, {.size_bytes = 10}).ok());
  EXPECT_TRUE(files_->Set(first, {.size_bytes = 1 << 30}).ok());
  EXPECT_TRUE(tables.DeleteNode(type, "row").ok());
  EXPECT_TRUE(tables.RenameNode(type, "other", "third", std::nullopt).ok());
  EXPECT_TRUE(files_->Remove(kFilesRoot, "dir", true).ok());
  for (int i = 1; i < count; i += 2) {
    const auto removed = files_->Remove(kFilesRoot, Name(i), false);
    ASSERT_TRUE(removed.ok()) << removed.status().ToString();
    if (i % 20 == 1) {
      ASSERT_TRUE(Tick().ok());
    }
  }
  EXPECT_TRUE(store_->Flush().ok());
  EXPECT_EQ(ReadFile(Name(1)), "not found");

  disk_.SetCapacity(4 * kDiskBytes);
  ExpectRoomAgain();
  EXPECT_EQ(ReadFile(Name(2)), std::string(100'000, 'c'));
}

TEST_F(FullDiskTest, AStoreThatWasClosedFullOpensAndDeletes) {
  const int count = Fill();
  for (int round = 0; round < 5; ++round) {
    Open();
    EXPECT_EQ(store_->Describe().health, Health::kDegraded);
    ASSERT_TRUE(files_->Remove(kFilesRoot, Name(round), false).ok());
    EXPECT_EQ(MakeFile("new", "x").code(), Code::kNoSpace);
  }
  ExpectFilled(5, count);
  disk_.SetCapacity(4 * kDiskBytes);
  ExpectRoomAgain();
}

TEST_F(FullDiskTest, AStoreThatDiedFullOpensAndDeletes) {
  const int count = Fill();
  ASSERT_TRUE(store_->Flush().ok());
  for (uint64_t round = 0; round < 6; ++round) {
    disk_.PowerCut(round);
    Open();
    ASSERT_TRUE(files_->Remove(kFilesRoot, Name(static_cast<int>(round)), false).ok());
    if (round % 2 == 1) {
      ASSERT_TRUE(Tick().ok());
    }
    ASSERT_TRUE(store_->Flush().ok());
  }
  ExpectFilled(6, count);
  disk_.SetCapacity(4 * kDiskBytes);
  Open();
  ExpectRoomAgain();
  ExpectFilled(6, count);
}

TEST_F(FullDiskTest, SmallFilesFillItToo) {
  disk_.SetCapacity(12 * kMebibyte);
  const int count = Fill(3000);
  EXPECT_GT(count, 1000);
  ASSERT_TRUE(Tick().ok());
  for (int i = 0; i < count; ++i) {
    const auto removed = files_->Remove(kFilesRoot, Name(i), false);
    ASSERT_TRUE(removed.ok()) << i << ": " << removed.status().ToString();
    if (i % 200 == 0) {
      ASSERT_TRUE(Tick().ok());
    }
    if (i % 1000 == 999) Open();
  }
  ASSERT_TRUE(Tick().ok());
  disk_.SetCapacity(4 * kDiskBytes);
  ExpectRoomAgain();
}

TEST_F(FullDiskTest, AllSmallFilesAreDeletedBeforeOneFoldAndTheRoomIsThereAgain) {
  const auto body = [](int i) {
    std::mt19937_64 random(static_cast<uint64_t>(i));
    std::string bytes(3000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  const auto fill = [&] {
    int count = 0;
    Status made;
    while ((made = MakeFile(Name(count), body(count))).ok() && count < 50'000) ++count;
    EXPECT_EQ(made.code(), Code::kNoSpace) << made.ToString();
    files_->Remove(kFilesRoot, Name(count), false).status().IgnoreError();
    return count;
  };
  for (const bool commit_first : {true, false}) {
    for (const bool die : {false, true}) {
      SCOPED_TRACE(std::string(commit_first ? "folded full" : "never folded full") +
                   (die ? ", killed" : ""));
      Close();
      ASSERT_TRUE(RemoveTree("/store").ok());
      disk_.SetCapacity(12 * kMebibyte);
      ASSERT_TRUE(Store::Create(disk_, "/store", {}).ok());
      Open();
      const int count = fill();
      EXPECT_GT(count, 1000);
      if (commit_first) {
        ASSERT_TRUE(Tick().ok());
      }
      for (int i = 0; i < count; ++i) {
        const auto removed = files_->Remove(kFilesRoot, Name(i), false);
        ASSERT_TRUE(removed.ok()) << i << ": " << removed.status().ToString();
      }
      ASSERT_TRUE(store_->Flush().ok());
      if (die) {
        disk_.PowerCutDropAll();
        Open();
      }
      for (int i = 0; i < 500 && !HasReserve(); ++i) {
        ASSERT_TRUE(Tick().ok());
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      ExpectRoomAgain();
      EXPECT_GT(fill(), count / 2);
      EXPECT_TRUE(ReadFile(Name(7)) == body(7));
    }
  }
}

TEST_F(FullDiskTest, DeletingWhatWasWrittenInSmallPiecesGivesItAllBack) {
  const std::string piece(900, 'p');
  int count = 0;
  Status written;
  while (written.ok() && count < 5000) {
    const auto made = files_->Make(kFilesRoot, Name(count), {.mode = S_IFREG | 0644});
    written = made.status();
    for (uint64_t i = 0; written.ok() && i < 100; ++i) {
      written = files_->Write(made->inode, i * piece.size(), piece).status();
    }
    if (made.ok()) ++count;
    if (count % 10 == 0) {
      ASSERT_TRUE(Tick().ok());
    }
  }
  ASSERT_EQ(written.code(), Code::kNoSpace);
  ASSERT_TRUE(Tick().ok());
  for (int i = 0; i < count; ++i) {
    const auto removed = files_->Remove(kFilesRoot, Name(i), false);
    ASSERT_TRUE(removed.ok()) << i << ": " << removed.status().ToString();
  }
  // Reclaiming rests between its rounds.
  for (int i = 0; i < 500 && FreeBytes() < kDiskBytes / 2; ++i) {
    ASSERT_TRUE(Tick().ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(HasReserve()) << store_->Describe().reason;
  EXPECT_GT(FreeBytes(), kDiskBytes / 2);
  Open();
  ExpectRoomAgain();
}

TEST_F(FullDiskTest, WhatACommitSawIsRefusedWhenItsRoomWasNeededAndTheNewestIsThere) {
  static_cast<Engine&>(*store_).UseReclaim([] { return Status::Ok(); });
  const std::string body(3000, 's');
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(MakeFile("small" + std::to_string(i), body).ok());
  const InodeNumber first = *Find("small0");
  ASSERT_TRUE(Tick().ok());
  const Seq old = store_->Describe().head->seq;
  Fill();
  ASSERT_TRUE(Tick().ok());
  ASSERT_EQ(store_->Describe().health, Health::kDegraded);
  const auto pinned = store_->Pin(kMainBranch);
  ASSERT_TRUE(pinned.ok());
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(files_->Remove(kFilesRoot, "small" + std::to_string(i), false).ok());
  }
  ASSERT_TRUE(Tick().ok());
  const FileReader reader(store_->door());
  EXPECT_EQ(reader.Lookup({kMainBranch, old}, kFilesRoot, "small0").status().code(), Code::kStale);
  std::string found(body.size(), '\0');
  const auto read = reader.Read((*pinned)->view(), first, 0, found.size(), found.data());
  ASSERT_TRUE(read.ok()) << "what is pinned stays: " << read.status().ToString();
  EXPECT_EQ(found, body);
  const StoreStatus status = store_->Describe();
  ASSERT_TRUE(status.head.has_value());
  EXPECT_EQ(reader.Lookup({kMainBranch, status.head->seq}, kFilesRoot, "small0").status().code(),
            Code::kNotFound);
  EXPECT_EQ(status.head->counts.files, status.counts.files);
}

TEST_F(FullDiskTest, SomebodyElseTakesEvenTheReserve) {
  const int count = Fill();
  ASSERT_TRUE(store_->Flush().ok());
  auto other = disk_.Open("/other", OpenMode::kCreate);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)->Allocate(FreeBytes()).ok());
  ASSERT_TRUE((*other)->Sync().ok() && disk_.SyncDir("/").ok());
  EXPECT_EQ(files_->Remove(kFilesRoot, Name(0), false).status().code(), Code::kNoSpace);
  EXPECT_EQ(ReadFile(Name(0)), std::string(100'000, 'a')) << "refused is not done";
  disk_.PowerCut(1);
  const Status opened = TryOpen();
  if (!opened.ok()) {
    EXPECT_EQ(opened.code(), Code::kNoSpace);
    EXPECT_THAT(opened.message(), HasSubstr("-o ro"));
  }
  Close();
  ASSERT_TRUE(disk_.Remove("/other").ok());
  Open();
  ExpectFilled(0, count);
  ASSERT_TRUE(files_->Remove(kFilesRoot, Name(0), false).ok());
  disk_.SetCapacity(4 * kDiskBytes);
  ExpectRoomAgain();
}

TEST_F(FullDiskTest, SpaceThatIsReclaimedIsUsedByTheWriteThatWaits) {
  auto other = disk_.Open("/other", OpenMode::kCreate);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)->Allocate(12 * kMebibyte).ok());
  int reclaimed = 0;
  static_cast<Engine&>(*store_).UseReclaim([&] {
    ++reclaimed;
    return disk_.Remove("/other");
  });
  for (int i = 0; i < 110; ++i) {
    const Status made = MakeFile(Name(i), std::string(100'000, 'a'));
    ASSERT_TRUE(made.ok()) << i << ": " << made.ToString();
  }
  EXPECT_EQ(reclaimed, 1);
  EXPECT_TRUE(HasReserve());
}

TEST_F(FullDiskTest, TheBackgroundThreadReclaimsForTheWriteThatWaits) {
  Close();
  auto other = disk_.Open("/other", OpenMode::kCreate);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)->Allocate(12 * kMebibyte).ok());
  std::atomic<int> reclaimed{0};
  OpenOptions options;
  options.commit_interval_ms = 20;
  auto engine = Engine::Open(disk_, "/store", *ReadIdentity(disk_, "/store"),
                             *ReadConfig(disk_, "/store"), options, [] { return Status::Ok(); });
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  (*engine)->UseReclaim([&] {
    ++reclaimed;
    return disk_.Remove("/other");
  });
  (*engine)->Start();
  FileWriter files((*engine)->door(), kMainBranch);
  for (int i = 0; i < 110; ++i) {
    const auto made = files.Make(kFilesRoot, Name(i), {.mode = S_IFREG | 0644});
    ASSERT_TRUE(made.ok()) << i << ": " << made.status().ToString();
    const Status written = files.Write(made->inode, 0, std::string(100'000, 'a')).status();
    ASSERT_TRUE(written.ok()) << i << ": " << written.ToString();
  }
  EXPECT_EQ(reclaimed.load(), 1);
}

TEST_F(FullDiskTest, ReclaimingThatGivesNothingIsNotRepeatedForEachWrite) {
  int reclaimed = 0;
  static_cast<Engine&>(*store_).UseReclaim([&] {
    ++reclaimed;
    return Status::Ok();
  });
  Fill();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(MakeFile("new", "x").code(), Code::kNoSpace);
  EXPECT_EQ(reclaimed, 1);
}

TEST_F(FullDiskTest, WhatIsLeftIsWhatDfTells) {
  const StoreStatus before = store_->Describe();
  EXPECT_LT(before.space.available_bytes, FreeBytes());
  EXPECT_EQ(before.space.total_bytes, kDiskBytes);
  Fill();
  EXPECT_EQ(store_->Describe().space.available_bytes, 0u);
  disk_.SetCapacity(4 * kDiskBytes);
  EXPECT_GT(store_->Describe().space.available_bytes, 3 * kDiskBytes - 10 * kMebibyte);
}

}  // namespace
}  // namespace mendfs
