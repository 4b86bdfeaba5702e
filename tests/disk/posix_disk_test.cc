#include "meta/disk/posix_disk.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace mendfs {
namespace {

class PosixDiskTest : public testing::Test {
 protected:
  PosixDiskTest() {
    std::string name = testing::TempDir() + "mendfs_posix_XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~PosixDiskTest() override { std::filesystem::remove_all(root_); }
  std::string At(const std::string& name) const { return root_ + "/" + name; }

  std::string root_;
  std::unique_ptr<Disk> disk_ = MakePosixDisk();
};

TEST_F(PosixDiskTest, SymlinksAreNeverFollowed) {
  ASSERT_TRUE(ReplaceFile(*disk_, At("real"), "secret").ok());
  ASSERT_TRUE(disk_->MakeDir(At("dir")).ok());
  std::filesystem::create_symlink(At("real"), At("link"));
  std::filesystem::create_symlink(At("dir"), At("dirlink"));
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite, OpenMode::kCreateOrOpen}) {
    EXPECT_EQ(disk_->Open(At("link"), mode).status().code(), Code::kInvalid);
  }
  EXPECT_EQ(disk_->Lock(At("link"), "x").status().code(), Code::kInvalid);
  EXPECT_EQ(disk_->List(At("dirlink")).status().code(), Code::kInvalid);
  EXPECT_EQ(disk_->Stat(At("link"))->kind, FileKind::kSymlink);
  EXPECT_EQ(disk_->List(root_)->at(2).kind, FileKind::kSymlink);
}

TEST_F(PosixDiskTest, AFifoIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(At("fifo").c_str(), 0600), 0);
  EXPECT_EQ(disk_->Open(At("fifo"), OpenMode::kRead).status().code(), Code::kInvalid);
  EXPECT_EQ(disk_->Open(At("fifo"), OpenMode::kReadWrite).status().code(), Code::kInvalid);
  EXPECT_EQ(disk_->Stat(At("fifo"))->kind, FileKind::kOther);
}

TEST_F(PosixDiskTest, FilesAreForTheirOwnerOnly) {
  ASSERT_TRUE(ReplaceFile(*disk_, At("a"), "x").ok());
  ASSERT_TRUE(disk_->MakeDir(At("d")).ok());
  struct stat info {};
  ASSERT_EQ(::stat(At("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 077, 0u);
  ASSERT_EQ(::stat(At("d").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 077, 0u);
}

TEST_F(PosixDiskTest, AHostileHolderTextIsMadeFitForAMessage) {
  auto lock = disk_->Lock(At("LOCK"), "bad\x1b[31m\ntext");
  ASSERT_TRUE(lock.ok());
  const Status busy = disk_->Lock(At("LOCK"), "x").status();
  EXPECT_NE(busy.message().find("bad\\x1b[31m\\x0atext"), std::string::npos) << busy.message();
}

TEST_F(PosixDiskTest, MessagesNameTheCallThePathAndTheReason) {
  const Status status = disk_->Open(At("none"), OpenMode::kRead).status();
  EXPECT_EQ(status.message(), "open " + At("none") + ": No such file or directory");
}

}  // namespace
}  // namespace mendfs
