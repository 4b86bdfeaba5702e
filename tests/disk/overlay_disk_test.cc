#include "meta/disk/overlay_disk.h"

#include <gtest/gtest.h>

#include <string>

#include "meta/disk/sim_disk.h"

namespace mendfs {
namespace {

class OverlayDiskTest : public testing::Test {
 protected:
  OverlayDiskTest() {
    EXPECT_TRUE(base_.MakeDir("/db").ok());
    EXPECT_TRUE(base_.MakeDir("/db/sub").ok());
    EXPECT_TRUE(ReplaceFile(base_, "/db/CURRENT", "MANIFEST-1").ok());
    EXPECT_TRUE(ReplaceFile(base_, "/db/log", big_).ok());
    EXPECT_TRUE(ReplaceFile(base_, "/db/sub/x", "x").ok());
    base_.SetReadOnly(true);
    mutating_before_ = base_.mutating_calls();
  }
  ~OverlayDiskTest() override { EXPECT_EQ(base_.mutating_calls(), mutating_before_); }

  std::string Get(Disk& disk, const std::string& path) {
    auto bytes = ReadWholeFile(disk, path, 1 << 20);
    return bytes.ok() ? *bytes : std::string(CodeName(bytes.status().code()));
  }
  std::string Names(const std::string& path) {
    auto entries = overlay_.List(path);
    if (!entries.ok()) return entries.status().ToString();
    std::string names;
    for (const DirEntry& entry : *entries) names += entry.name + " ";
    return names;
  }

  const std::string big_ = std::string(10000, 'b');
  SimDisk base_;
  OverlayDisk overlay_{base_};
  uint64_t mutating_before_ = 0;
};

TEST_F(OverlayDiskTest, ShowsTheBase) {
  EXPECT_EQ(Names("/db"), "CURRENT log sub ");
  EXPECT_EQ(Get(overlay_, "/db/CURRENT"), "MANIFEST-1");
  EXPECT_EQ(Get(overlay_, "/db/sub/x"), "x");
  EXPECT_EQ(overlay_.Stat("/db/log")->size_bytes, big_.size());
}

TEST_F(OverlayDiskTest, ChangesShowInTheOverlayOnly) {
  ASSERT_TRUE(ReplaceFile(overlay_, "/db/CURRENT", "MANIFEST-2").ok());
  ASSERT_TRUE(overlay_.Rename("/db/log", "/db/log.old").ok());
  ASSERT_TRUE(ReplaceFile(overlay_, "/db/log", "fresh").ok());
  ASSERT_TRUE(overlay_.Remove("/db/sub/x").ok());
  EXPECT_EQ(Names("/db"), "CURRENT log log.old sub ");
  EXPECT_EQ(Get(overlay_, "/db/CURRENT"), "MANIFEST-2");
  EXPECT_EQ(Get(overlay_, "/db/log"), "fresh");
  EXPECT_EQ(Get(overlay_, "/db/log.old"), big_);
  EXPECT_EQ(Names("/db/sub"), "");
  ASSERT_TRUE(overlay_.RemoveDir("/db/sub").ok());
  EXPECT_EQ(Names("/db"), "CURRENT log log.old ");
  EXPECT_EQ(Get(base_, "/db/CURRENT"), "MANIFEST-1");
  EXPECT_EQ(Get(base_, "/db/log"), big_);
  EXPECT_EQ(Get(base_, "/db/sub/x"), "x");
}

TEST_F(OverlayDiskTest, OnlyTouchedPagesDiffer) {
  auto file = overlay_.Open("/db/log", OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(5000, "XY").ok());
  ASSERT_TRUE((*file)->WriteAt(big_.size(), "tail").ok());
  std::string want = big_ + "tail";
  want.replace(5000, 2, "XY");
  EXPECT_EQ(Get(overlay_, "/db/log"), want);
  ASSERT_TRUE((*file)->Truncate(4500).ok());
  ASSERT_TRUE((*file)->Truncate(9000).ok());
  EXPECT_EQ(Get(overlay_, "/db/log"), big_.substr(0, 4500) + std::string(4500, '\0'));
  EXPECT_EQ(Get(base_, "/db/log"), big_);
}

TEST_F(OverlayDiskTest, ARemovedNameCanBeMadeAgain) {
  ASSERT_TRUE(overlay_.Remove("/db/log").ok());
  EXPECT_EQ(Get(overlay_, "/db/log"), "not found");
  auto file = overlay_.Open("/db/log", OpenMode::kCreate);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->Size().value(), 0u);
}

TEST_F(OverlayDiskTest, ADirectoryMadeAgainDoesNotShowTheBase) {
  ASSERT_TRUE(overlay_.Remove("/db/sub/x").ok());
  ASSERT_TRUE(overlay_.RemoveDir("/db/sub").ok());
  ASSERT_TRUE(overlay_.MakeDir("/db/sub").ok());
  EXPECT_EQ(Names("/db/sub"), "");
}

TEST_F(OverlayDiskTest, AMovedDirectoryTakesTheBasesFilesAlong) {
  ASSERT_TRUE(overlay_.Rename("/db/sub", "/moved").ok());
  EXPECT_EQ(Get(overlay_, "/moved/x"), "x");
  EXPECT_EQ(Get(overlay_, "/db/sub/x"), "not found");
}

TEST_F(OverlayDiskTest, LockLeavesTheBaseAlone) {
  auto lock = overlay_.Lock("/db/LOCK", "reader");
  EXPECT_TRUE(lock.ok());
  EXPECT_EQ(overlay_.Lock("/db/LOCK", "second").status().code(), Code::kBusy);
  EXPECT_FALSE(base_.Stat("/db/LOCK").ok());
}

TEST_F(OverlayDiskTest, MemoryHasABound) {
  OverlayDisk small(base_, 3 * 4096);
  auto file = small.Open("/db/new", OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->WriteAt(0, std::string(8192, 'x')).ok());
  EXPECT_TRUE((*file)->WriteAt(100, "same pages").ok());
  EXPECT_EQ((*file)->WriteAt(8192, std::string(8192, 'x')).code(), Code::kNoSpace);
  EXPECT_EQ((*file)->Size().value(), 8192u);
  EXPECT_TRUE((*file)->WriteAt(8192, "x").ok());
}

TEST_F(OverlayDiskTest, AFailingBaseIsAnErrorNotAnAbsence) {
  base_.FailCall(1, Code::kIo, CallScope::kAny);
  EXPECT_EQ(overlay_.Stat("/db/CURRENT").status().code(), Code::kIo);
  EXPECT_TRUE(overlay_.Stat("/db/CURRENT").ok());
  base_.FailCall(1, Code::kIo, CallScope::kAny);
  EXPECT_EQ(overlay_.List("/db").status().code(), Code::kIo);
}

}  // namespace
}  // namespace mendfs
