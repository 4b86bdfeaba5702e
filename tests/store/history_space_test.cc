// History is bounded in bytes, and what it takes is told as free where it is given back for who
// needs it. On the simulated disk, which holds a given number of bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <vector>

#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/store.h"

namespace mendfs {
namespace {

class HistorySpaceTest : public testing::Test {
 protected:
  static constexpr uint64_t kMebibyte = 1 << 20;

  void Lay(uint64_t disk_bytes, const std::string& config, const std::string& path = "/store") {
    files_.reset();
    store_.reset();
    disk_.SetCapacity(disk_bytes);
    ASSERT_TRUE(Store::Create(disk_, path, {}).ok());
    ASSERT_TRUE(ReplaceFile(disk_, path + "/config.toml", config).ok());
    Open(path);
  }
  void Open(const std::string& path) {
    files_.reset();
    store_.reset();
    OpenOptions options;
    options.commit_interval_ms = 0;
    auto store = Store::Open(disk_, path, options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    files_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
  }
  Status WriteFile(const std::string& name, uint64_t size_bytes, char fill) {
    const FileReader reader(store_->door());
    auto found = reader.Lookup({}, kFilesRoot, name);
    if (!found.ok()) found = files_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    MENDFS_RETURN_IF_ERROR(found.status());
    for (uint64_t at = 0; at < size_bytes; at += kMebibyte) {
      const uint64_t size = std::min(kMebibyte, size_bytes - at);
      MENDFS_RETURN_IF_ERROR(files_->Write(found->inode, at, std::string(size, fill)).status());
    }
    return Status::Ok();
  }
  // The commits that are kept, the oldest first.
  std::vector<Seq> Commits() {
    std::vector<Seq> kept;
    const auto log = store_->Log(kMainBranch, kHeadSeq, 10'000);
    EXPECT_TRUE(log.ok());
    if (log.ok()) {
      for (const CommitRow& commit : *log) kept.insert(kept.begin(), commit.seq);
    }
    return kept;
  }
  std::string ReadFirst(Seq seq, const std::string& name) {
    const FileReader reader(store_->door());
    const View view{kMainBranch, seq};
    const auto found = reader.Lookup(view, kFilesRoot, name);
    if (!found.ok()) return std::string(CodeName(found.status().code()));
    std::string bytes(1, '?');
    const auto read = reader.Read(view, found->inode, 0, 1, bytes.data());
    return read.ok() ? bytes : read.status().ToString();
  }
  Status Commit() { return store_->CloseCommit(kMainBranch, {}).status(); }

  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> files_;
};

TEST_F(HistorySpaceTest, TheOldestCommitsGoUntilTheRestFits) {
  for (const bool bounded : {true, false}) {
    SCOPED_TRACE(bounded ? "at most 10 MiB" : "unbounded");
    Lay(uint64_t{1} << 40, bounded ? "history_max = \"10M\"\n" : "history_max = \"100%\"\n",
        bounded ? "/bounded" : "/unbounded");
    std::vector<Seq> made;
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(WriteFile("file", 2 * kMebibyte, static_cast<char>('a' + i)).ok());
      ASSERT_TRUE(Commit().ok());
      made.push_back(store_->Describe().head->seq);
    }
    ASSERT_TRUE(store_->Thin(ThinHow::kByPolicy).ok());
    const auto kept = Commits();
    EXPECT_EQ(kept.back(), made.back());
    EXPECT_EQ(ReadFirst(made[19], "file"), "t");
    EXPECT_EQ(ReadFirst(made[18], "file"), "s");
    if (!bounded) {
      EXPECT_EQ(ReadFirst(made[0], "file"), "a");
      continue;
    }
    EXPECT_EQ(ReadFirst(made[0], "file"), "stale");
    EXPECT_EQ(ReadFirst(made[16], "file"), "q");
    // 10 MiB hold five earlier states of 2 MiB, less what their entries take.
    EXPECT_GE(kept.size(), 4u);
    EXPECT_LE(kept.size(), 6u);
    ASSERT_TRUE(store_->Reclaim(ReclaimHow::kPressing).ok());
    const StoreStatus status = store_->Describe();
    EXPECT_LE(status.packs.older_bytes + status.history.value_bytes, 11 * kMebibyte);
    EXPECT_EQ(status.history.commits, kept.size());
    EXPECT_EQ(status.history.oldest, kept.front());
    EXPECT_EQ(ReadFirst(made[18], "file"), "s");
    ASSERT_TRUE(store_->Thin(ThinHow::kByPolicy).ok());
    const auto again = Commits();
    EXPECT_GE(again.size() + 1, kept.size());
    ASSERT_TRUE(store_->Thin(ThinHow::kByPolicy).ok());
    EXPECT_EQ(Commits(), again) << "what fits stays";
  }
}

TEST_F(HistorySpaceTest, APartOfTheDiskIsTheBoundByDefault) {
  Lay(200 * kMebibyte, "");
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(WriteFile("file", 4 * kMebibyte, static_cast<char>('a' + i)).ok());
    ASSERT_TRUE(Commit().ok());
  }
  const size_t before = Commits().size();
  ASSERT_TRUE(store_->Thin(ThinHow::kByPolicy).ok());
  const size_t kept = Commits().size();
  EXPECT_LT(kept, before);
  EXPECT_GE(kept, 5u) << "20 MiB hold five states of 4";
  EXPECT_LE(kept, 6u);
}

TEST_F(HistorySpaceTest, WhatOlderCommitsTakeIsFreeForWhoNeedsIt) {
  Lay(80 * kMebibyte, "history_max = \"100%\"\n");
  const uint64_t empty = store_->Describe().space.available_bytes;
  ASSERT_TRUE(WriteFile("large", 40 * kMebibyte, 'x').ok());
  ASSERT_TRUE(Commit().ok());
  Open("/store");  // a blob that rests is sealed
  ASSERT_TRUE(files_->Remove(kFilesRoot, "large", false).ok());
  ASSERT_TRUE(Commit().ok());
  ASSERT_TRUE(store_->Thin(ThinHow::kByPolicy).ok());
  ASSERT_GT(Commits().size(), 1u);
  EXPECT_LT(disk_.Space("/")->available_bytes, 40 * kMebibyte) << "it is there";
  const uint64_t told = store_->Describe().space.available_bytes;
  EXPECT_GT(told, empty * 9 / 10);
  EXPECT_LE(told, empty);
  const Status written = WriteFile("next", told * 85 / 100, 'y');
  EXPECT_TRUE(written.ok()) << written.ToString();
  EXPECT_EQ(store_->Describe().health, Health::kOk) << store_->Describe().reason;
}

}  // namespace
}  // namespace mendfs
