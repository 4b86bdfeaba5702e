#include <thread>

#include "meta/tree/tree_plan.h"
#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

class OrphansTest : public TreeTest {
 protected:
  InodeNumber MakeSpreadFile(std::string_view name, uint64_t pieces) {
    const InodeNumber file = MakeFile(name);
    for (uint64_t piece = 0; piece < pieces; ++piece) Write(file, piece * 10'000, "spread");
    return file;
  }
};

TEST_F(OrphansTest, AnUnheldFileIsFreedWithItsName) {
  const InodeNumber file = MakeFile("f");
  Write(file, 0, "bytes");
  ASSERT_TRUE(writer_->SetXattr(file, "user.a", "1", XattrMode::kSet).ok());
  const uint64_t changes = door_.applied_changes();
  const auto removed = writer_->Remove(kFilesRoot, "f", false);
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->inode, file);
  EXPECT_EQ(removed->links, 0U);
  EXPECT_EQ(door_.applied_changes(), changes + 1);
  EXPECT_EQ(CountTraces(file), 0U);
}

TEST_F(OrphansTest, AnEmptyFileIsRemovedByThreeEntries) {
  MakeFile("f");
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
  EXPECT_EQ(door_.last_change().entries.size(), 3U);
}

TEST_F(OrphansTest, AHeldFileWorksUntilTheLastHoldEnds) {
  const InodeNumber file = MakeFile("f");
  Write(file, 0, "bytes");
  writer_->Hold(file);
  writer_->Hold(file);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
  EXPECT_EQ(Get(file).links, 0U);
  Write(file, 5, " more");
  writer_->Unhold(file);
  EXPECT_EQ(ReadAll(file), "bytes more");
  EXPECT_EQ(List(kOrphanRoot).size(), 1U);
  writer_->Unhold(file);
  EXPECT_EQ(CountTraces(file), 0U);
  EXPECT_TRUE(List(kOrphanRoot).empty());
}

TEST_F(OrphansTest, AFileWithoutANameGoesWithItsLastHold) {
  const auto made = writer_->MakeUnnamed(kFilesRoot, {.mode = S_IFREG | 0666, .umask = 022});
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->links, 0U);
  EXPECT_EQ(made->mode, S_IFREG | 0644U);
  Write(made->inode, 0, "bytes");
  EXPECT_EQ(ReadAll(made->inode), "bytes");
  EXPECT_TRUE(List(kFilesRoot).empty());
  writer_->Unhold(made->inode);
  EXPECT_EQ(CountTraces(made->inode), 0U);
  EXPECT_TRUE(List(kOrphanRoot).empty());
}

TEST_F(OrphansTest, AFileWithoutANameCanBeGivenOne) {
  const auto made = writer_->MakeUnnamed(kFilesRoot, {.mode = S_IFREG | 0600});
  ASSERT_TRUE(made.ok());
  Write(made->inode, 0, "bytes");
  ASSERT_TRUE(writer_->Link(made->inode, kFilesRoot, "f").ok());
  EXPECT_EQ(Get(made->inode).links, 1U);
  EXPECT_TRUE(List(kOrphanRoot).empty());
  writer_->Unhold(made->inode);
  EXPECT_EQ(ReadAll(Find(kFilesRoot, "f")), "bytes");
  Reopen();
  ASSERT_TRUE(writer_->FreeOrphans().ok());
  EXPECT_TRUE(Exists(made->inode));
}

TEST_F(OrphansTest, AFileThatLostItsNamesIsGivenNone) {
  const auto made = writer_->MakeUnnamed(kFilesRoot, {.mode = S_IFREG | 0600});
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE(writer_->Link(made->inode, kFilesRoot, "f").ok());
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
  EXPECT_CODE(CodeOf(writer_->Link(made->inode, kFilesRoot, "g")), Code::kNotFound);
  writer_->Unhold(made->inode);
  EXPECT_EQ(CountTraces(made->inode), 0U);
}

TEST_F(OrphansTest, AFileWithoutANameGoesWithACrash) {
  const auto made = writer_->MakeUnnamed(kFilesRoot, {.mode = S_IFREG | 0600});
  ASSERT_TRUE(made.ok());
  Write(made->inode, 0, "bytes");
  Reopen();
  ASSERT_TRUE(writer_->FreeOrphans().ok());
  EXPECT_EQ(CountTraces(made->inode), 0U);
}

TEST_F(OrphansTest, AFileWithoutANameThatIsNotMadeIsNotHeld) {
  EXPECT_CODE(CodeOf(writer_->MakeUnnamed(kFilesRoot, {.mode = S_IFDIR | 0700})), Code::kInvalid);
  EXPECT_CODE(CodeOf(writer_->MakeUnnamed(MakeFile("f"), {.mode = S_IFREG | 0600})),
              Code::kNotDirectory);
  door_.FailApply(Code::kNoSpace);
  EXPECT_CODE(CodeOf(writer_->MakeUnnamed(kFilesRoot, {.mode = S_IFREG | 0600})), Code::kNoSpace);
  EXPECT_TRUE(List(kOrphanRoot).empty());
}

TEST_F(OrphansTest, AHoldOfANamedFileChangesNothing) {
  const InodeNumber file = MakeFile("f");
  const uint64_t changes = door_.applied_changes();
  writer_->Hold(file);
  writer_->Unhold(file);
  EXPECT_EQ(door_.applied_changes(), changes);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
  EXPECT_FALSE(Exists(file));
}

TEST_F(OrphansTest, AReplacedHeldFileIsKeptToo) {
  MakeFile("a");
  const InodeNumber target = MakeFile("b");
  Write(target, 0, "old");
  writer_->Hold(target);
  ASSERT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "b").ok());
  EXPECT_EQ(ReadAll(target), "old");
  writer_->Unhold(target);
  EXPECT_EQ(CountTraces(target), 0U);
}

TEST_F(OrphansTest, WhatWasHeldAtACrashIsFreedAtTheNextOpen) {
  const InodeNumber file = MakeFile("f");
  const InodeNumber kept = MakeFile("kept");
  Write(file, 0, "bytes");
  writer_->Hold(file);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
  Reopen();
  EXPECT_TRUE(Exists(file));
  ASSERT_TRUE(writer_->FreeOrphans().ok());
  EXPECT_EQ(CountTraces(file), 0U);
  EXPECT_TRUE(List(kOrphanRoot).empty());
  EXPECT_TRUE(Exists(kept));
  const uint64_t changes = door_.applied_changes();
  ASSERT_TRUE(writer_->FreeOrphans().ok());
  EXPECT_EQ(door_.applied_changes(), changes);
}

TEST_F(OrphansTest, ABigFileIsFreedInBoundedChanges) {
  const InodeNumber file = MakeSpreadFile("f", 3500);
  const uint64_t changes = door_.applied_changes();
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
  EXPECT_GE(door_.applied_changes(), changes + 4);
  EXPECT_LE(door_.last_change().entries.size(), 1100U);
  EXPECT_EQ(CountTraces(file), 0U);
  EXPECT_TRUE(List(kOrphanRoot).empty());
}

TEST_F(OrphansTest, AFreeingThatStopsAtAnyChangeIsFinishedAtTheNextOpen) {
  for (unsigned stop = 1; stop <= 5; ++stop) {
    SCOPED_TRACE(stop);
    const InodeNumber file = MakeSpreadFile("f", 3500);
    ASSERT_TRUE(writer_->SetXattr(file, "user.a", "1", XattrMode::kSet).ok());
    door_.FailApply(Code::kNoSpace, stop);
    const auto removed = writer_->Remove(kFilesRoot, "f", false);
    EXPECT_EQ(removed.ok(), stop > 1);
    EXPECT_EQ(Exists(file), stop == 1);
    door_.FailApply(Code::kOk, 0);
    Reopen();
    ASSERT_TRUE(writer_->FreeOrphans().ok());
    if (stop == 1) {
      ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
    }
    EXPECT_EQ(CountTraces(file), 0U);
    EXPECT_TRUE(List(kOrphanRoot).empty());
  }
}

TEST_F(OrphansTest, MoreOrphansThanAreReadAtOnceAreAllFreed) {
  std::vector<InodeNumber> files;
  for (int number = 0; number < 2300; ++number) {
    files.push_back(MakeFile("f" + std::to_string(number)));
    writer_->Hold(files.back());
    ASSERT_TRUE(writer_->Remove(kFilesRoot, "f" + std::to_string(number), false).ok());
  }
  Reopen();
  ASSERT_TRUE(writer_->FreeOrphans().ok());
  for (const InodeNumber file : files) EXPECT_FALSE(Exists(file));
  EXPECT_TRUE(List(kOrphanRoot).empty());
}

TEST_F(OrphansTest, AHoldThatSeesTheFileKeepsIt) {
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; ++round) {
    const InodeNumber file = MakeFile("f");
    Write(file, 0, "bytes");
    std::thread remover([&] { EXPECT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok()); });
    writer_->Hold(file);
    const bool seen = Exists(file);
    remover.join();
    EXPECT_EQ(Exists(file), seen);
    if (seen) {
      EXPECT_EQ(ReadAll(file), "bytes");
    }
    writer_->Unhold(file);
    EXPECT_EQ(CountTraces(file), 0U);
  }
}

}  // namespace
}  // namespace mendfs
