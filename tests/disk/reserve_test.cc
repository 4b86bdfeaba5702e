#include "meta/disk/reserve.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "meta/disk/posix_disk.h"
#include "meta/disk/sim_disk.h"

namespace mendfs {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;

uint64_t FreeBytes(SimDisk& disk) {
  return disk.Space("/")->available_bytes;
}

TEST(ReserveTest, ItsSizeFollowsTheDiskWithinBounds) {
  EXPECT_EQ(ReserveBytes(8 * kMebibyte), kReserveBytesMin);
  EXPECT_EQ(ReserveBytes(160 * kMebibyte), 10 * kMebibyte);
  EXPECT_EQ(ReserveBytes(uint64_t{1} << 40), kReserveBytesMax);
}

TEST(ReserveTest, WhatIsTakenIsGoneFromTheDiskUntilItIsGivenUp) {
  SimDisk disk;
  disk.SetCapacity(10 * kMebibyte);
  Reserve reserve(disk, "/");
  EXPECT_FALSE(reserve.IsThere());
  ASSERT_TRUE(reserve.Take(4 * kMebibyte).ok());
  EXPECT_TRUE(reserve.IsThere());
  EXPECT_EQ(FreeBytes(disk), 6 * kMebibyte);
  ASSERT_TRUE(reserve.Take(4 * kMebibyte).ok()) << "taking it again takes nothing more";
  EXPECT_EQ(FreeBytes(disk), 6 * kMebibyte);
  disk.PowerCutDropAll();
  EXPECT_TRUE(reserve.IsThere());
  ASSERT_TRUE(reserve.GiveUp().ok());
  ASSERT_TRUE(reserve.GiveUp().ok());
  disk.PowerCutDropAll();
  EXPECT_FALSE(reserve.IsThere());
  EXPECT_EQ(FreeBytes(disk), 10 * kMebibyte);
}

TEST(ReserveTest, WhatDoesNotFitIsNotTakenInPart) {
  SimDisk disk;
  disk.SetCapacity(3 * kMebibyte);
  Reserve reserve(disk, "/");
  EXPECT_EQ(reserve.Take(4 * kMebibyte).code(), Code::kNoSpace);
  EXPECT_FALSE(reserve.IsThere());
  EXPECT_EQ(FreeBytes(disk), 3 * kMebibyte);
}

TEST(ReserveTest, ARealDiskAllocatesIt) {
  std::string root = testing::TempDir() + "mendfs_reserve_XXXXXX";
  root = ::mkdtemp(root.data());
  const auto disk = MakePosixDisk();
  Reserve reserve(*disk, root);
  ASSERT_TRUE(reserve.Take(kReserveBytesMin).ok());
  struct stat info {};
  ASSERT_EQ(::stat((root + "/reserve").c_str(), &info), 0);
  EXPECT_GE(static_cast<uint64_t>(info.st_blocks) * 512, kReserveBytesMin);
  ASSERT_TRUE(reserve.GiveUp().ok());
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace mendfs
