// What fallocate sets aside is there when the disk is full: on the simulated disk, which holds a
// given number of bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "meta/disk/promised_space.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/store.h"

namespace mendfs {
namespace {

class StoreSetAsideTest : public testing::Test {
 protected:
  static constexpr uint64_t kMebibyte = 1 << 20;
  static constexpr uint64_t kDiskBytes = 40 * kMebibyte;
  static constexpr const char* kPath = "/store/set-aside";

  void SetUp() override {
    disk_.SetCapacity(kDiskBytes);
    ASSERT_TRUE(Store::Create(disk_, "/store", {}).ok());
    Open();
  }
  void Open() {
    files_.reset();
    store_.reset();
    OpenOptions options;
    options.commit_interval_ms = 0;
    auto store = Store::Open(disk_, "/store", options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    files_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
  }
  Status Tick() { return store_->CloseCommit(kMainBranch, {}).status(); }
  InodeNumber Make(const std::string& name) {
    const auto made = files_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return made.ok() ? made->inode : InodeNumber();
  }
  Status Allocate(InodeNumber file, uint64_t offset, uint64_t size, bool keep = false) {
    return files_
        ->ChangeSpace(
            file,
            {.mode = SpaceMode::kAllocate, .keep_size = keep, .offset = offset, .size_bytes = size})
        .status();
  }
  uint64_t FileBytes() {
    const auto info = disk_.Stat(kPath);
    return info.ok() ? info->size_bytes : 0;
  }
  uint64_t FreeBytes() { return disk_.Space("/")->available_bytes; }
  // Fills all that the disk gives to who has nothing set aside.
  void Fill(size_t size_bytes) {
    for (int i = 0;; ++i) {
      ASSERT_LT(i, 50'000) << "the disk is never full";
      const auto made =
          files_->Make(kFilesRoot, "fill" + std::to_string(filled_++), {.mode = S_IFREG | 0644});
      Status status = made.status();
      if (made.ok()) {
        status = files_->Write(made->inode, 0, std::string(size_bytes, 'f')).status();
      }
      if (status.ok()) continue;
      ASSERT_EQ(status.code(), Code::kNoSpace) << status.ToString();
      return;
    }
  }
  std::string ReadAll(InodeNumber file) {
    const FileReader reader(store_->door());
    const auto now = reader.Get({}, file);
    if (!now.ok()) return now.status().ToString();
    std::string bytes(now->size_bytes, '?');
    const auto read = reader.Read({}, file, 0, bytes.size(), bytes.data());
    return read.ok() ? bytes : read.status().ToString();
  }
  // Writes all of [0, size) in steps and expects that no step is refused.
  void ExpectWritten(InodeNumber file, uint64_t size, uint64_t step) {
    std::string model;
    for (uint64_t at = 0; at < size; at += step) {
      const std::string bytes(std::min(step, size - at), static_cast<char>('a' + (at / step) % 26));
      const auto written = files_->Write(file, at, bytes);
      ASSERT_TRUE(written.ok()) << "at " << at << ": " << written.status().ToString();
      model += bytes;
    }
    EXPECT_TRUE(ReadAll(file) == model);
  }

  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> files_;
  int filled_ = 0;
};

TEST_F(StoreSetAsideTest, WhatIsSetAsideIsThereWhenTheDiskIsFull) {
  for (const uint64_t step : {uint64_t{4096}, uint64_t{65536}, uint64_t{200'000}, kMebibyte}) {
    SCOPED_TRACE("in steps of " + std::to_string(step));
    const InodeNumber file = Make("file" + std::to_string(step));
    ASSERT_TRUE(Allocate(file, 0, 3 * kMebibyte).ok());
    EXPECT_GE(FileBytes(), 3 * kMebibyte);
    Fill(100'000);
    EXPECT_EQ(store_->Describe().health, Health::kDegraded);
    ExpectWritten(file, 3 * kMebibyte, step);
    EXPECT_EQ(FileBytes(), 0u);
    for (int i = 0; i < filled_; ++i) {
      files_->Remove(kFilesRoot, "fill" + std::to_string(i), false).status().IgnoreError();
    }
    filled_ = 0;
    for (int i = 0; i < 300 && store_->Describe().health != Health::kOk; ++i) {
      ASSERT_TRUE(Tick().ok());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_EQ(store_->Describe().health, Health::kOk);
    ASSERT_TRUE(files_->Remove(kFilesRoot, "file" + std::to_string(step), false).ok());
  }
}

TEST_F(StoreSetAsideTest, RoomBehindTheEndIsForAppends) {
  const InodeNumber file = Make("log");
  ASSERT_TRUE(Allocate(file, 0, 2 * kMebibyte, true).ok());
  Fill(100'000);
  for (int i = 0; i < 32; ++i) {
    const auto written = files_->Append(file, std::string(65'536, 'l'));
    ASSERT_TRUE(written.ok()) << i << ": " << written.status().ToString();
  }
  EXPECT_TRUE(ReadAll(file) == std::string(2 * kMebibyte, 'l'));
  EXPECT_EQ(FileBytes(), 0u);
}

TEST_F(StoreSetAsideTest, ItStaysOverAnOpenAndAPowerCut) {
  const InodeNumber file = Make("file");
  ASSERT_TRUE(Allocate(file, 0, 3 * kMebibyte).ok());
  ASSERT_TRUE(store_->Flush().ok());
  disk_.PowerCutDropAll();
  Open();
  EXPECT_GE(FileBytes(), 3 * kMebibyte);
  Fill(100'000);
  ASSERT_TRUE(store_->Flush().ok());
  disk_.PowerCut(3);
  Open();
  EXPECT_GE(FileBytes(), 3 * kMebibyte);
  ExpectWritten(file, 3 * kMebibyte, 65'536);
}

TEST_F(StoreSetAsideTest, ItIsGivenBackWithItsFile) {
  const uint64_t free = FreeBytes();
  const InodeNumber file = Make("file");
  ASSERT_TRUE(Allocate(file, 0, 8 * kMebibyte).ok());
  EXPECT_LT(FreeBytes(), free - 8 * kMebibyte);
  AttributeChange cut;
  cut.size_bytes = kMebibyte;
  ASSERT_TRUE(files_->Set(file, cut).ok());
  EXPECT_LT(FileBytes(), 3 * kMebibyte);
  ASSERT_TRUE(files_->Remove(kFilesRoot, "file", false).ok());
  EXPECT_EQ(FileBytes(), 0u);
  EXPECT_EQ(disk_.Stat(kPath).status().code(), Code::kNotFound);
}

TEST_F(StoreSetAsideTest, MoreThanThereIsIsRefusedWhole) {
  const InodeNumber file = Make("file");
  const uint64_t free = FreeBytes();
  EXPECT_EQ(Allocate(file, 0, kDiskBytes).code(), Code::kNoSpace);
  EXPECT_EQ(Allocate(file, 0, uint64_t{1} << 62).code(), Code::kNoSpace);
  EXPECT_EQ(FreeBytes(), free);
  EXPECT_EQ(ReadAll(file), "");
  EXPECT_EQ(store_->Describe().health, Health::kOk);
}

}  // namespace
}  // namespace mendfs
