// Which store a path means, and where one may be mounted.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "meta/disk/posix_disk.h"
#include "mount-tools/mounting/mount_plan.h"
#include "mount-tools/mounting/store_lock.h"
#include "mount-tools/mounting/target.h"
#include "tests/tools/tools_test.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

class PlacesTest : public ::testing::Test {
 protected:
  PlacesTest() {
    std::filesystem::create_directory(directory_.path("store"));
    directory_.Write("store/mendfs.json", "{}");
    std::filesystem::create_directory(directory_.path("empty"));
  }
  std::string store() const { return std::filesystem::canonical(directory_.path("store")); }
  Status Plan(const std::string& store_path, const std::string& mount_point,
              const std::string& options = "") {
    const Result<MountSettings> settings = ParseMountOptions(std::vector<std::string>{options}, {});
    if (!settings.ok()) return settings.status();
    return PlanMount(store_path, mount_point, *settings).status();
  }

  TempDirectory directory_;
};

TEST_F(PlacesTest, StoreIsFoundThroughASymlink) {
  std::filesystem::create_directory_symlink(store(), directory_.path("link"));
  const Result<Target> target = ResolveTarget(directory_.path("link"));
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->store_path, store());
  EXPECT_EQ(target->mount_point, "");
}

TEST_F(PlacesTest, OtherPlacesAreNeitherStoreNorMount) {
  const Result<Target> other = ResolveTarget(directory_.path("empty"));
  EXPECT_EQ(other.status().code(), Code::kNotFound);
  EXPECT_THAT(other.status().message(), HasSubstr("neither a store"));
  EXPECT_THAT(ResolveTarget(directory_.path("gone")).status().message(),
              HasSubstr("does not exist"));
}

TEST_F(PlacesTest, HolderIsSeenWhileTheLockIsHeldAndNotTaken) {
  EXPECT_EQ(StoreHolder(store()), std::nullopt);
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  {
    const auto lock = disk->Lock(store() + "/LOCK", "pid 4711 on here");
    ASSERT_TRUE(lock.ok()) << lock.status().ToString();
    EXPECT_EQ(StoreHolder(store()), "pid 4711 on here");
    EXPECT_EQ(HolderPid(*StoreHolder(store())), 4711);
  }
  EXPECT_EQ(StoreHolder(store()), std::nullopt);
  EXPECT_TRUE(disk->Lock(store() + "/LOCK", "another").ok());
}

TEST_F(PlacesTest, PidOfAHolderWithoutOneIsZero) {
  EXPECT_EQ(HolderPid("nobody"), 0);
  EXPECT_EQ(HolderPid(""), 0);
  EXPECT_EQ(HolderPid("pid 99999999999999999999"), 0);
}

TEST_F(PlacesTest, MountPointMustBeAnEmptyDirectory) {
  EXPECT_THAT(Plan(store(), directory_.path("gone")).message(), HasSubstr("mkdir -p"));
  const std::string file = directory_.Write("file", "x");
  EXPECT_EQ(Plan(store(), file).code(), Code::kNotDirectory);
  std::filesystem::create_directory(directory_.path("full"));
  directory_.Write("full/thing", "x");
  const Status full = Plan(store(), directory_.path("full"));
  EXPECT_EQ(full.code(), Code::kNotEmpty);
  EXPECT_THAT(full.message(), HasSubstr("thing"));
  EXPECT_NE(Plan(store(), directory_.path("full"), "nonempty").code(), Code::kNotEmpty);
}

TEST_F(PlacesTest, OnlyAStoreIsMounted) {
  EXPECT_THAT(Plan(directory_.path("empty"), directory_.path("empty")).message(),
              HasSubstr("not a store"));
}

TEST_F(PlacesTest, StoreAndMountPointLieApart) {
  EXPECT_THAT(Plan(store(), directory_.path(), "nonempty").message(), HasSubstr("hidden"));
  std::filesystem::create_directory(store() + "/inside");
  EXPECT_THAT(Plan(store(), store() + "/inside").message(), HasSubstr("inside the store"));
  std::filesystem::create_directory_symlink(store() + "/inside", directory_.path("sneaky"));
  EXPECT_THAT(Plan(store(), directory_.path("sneaky")).message(), HasSubstr("inside the store"));
  EXPECT_THAT(Plan(store(), store(), "nonempty").message(), HasSubstr("hidden"));
}

TEST_F(PlacesTest, ReadersGoTogetherAndNotBesideAWriter) {
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  EXPECT_TRUE(ReadLock::Take(store()).ok());  // without a LOCK nothing is locked, nor made
  EXPECT_FALSE(std::filesystem::exists(store() + "/LOCK"));
  {
    const auto lock = disk->Lock(store() + "/LOCK", "pid 4711 on there");
    ASSERT_TRUE(lock.ok());
    const Status busy = ReadLock::Take(store()).status();
    EXPECT_EQ(busy.code(), Code::kBusy);
    EXPECT_THAT(busy.message(), HasSubstr("pid 4711 on there"));
    EXPECT_EQ(StoreReader(store()), std::nullopt);
  }
  {
    const auto first = ReadLock::Take(store());
    const auto second = ReadLock::Take(store());
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(StoreHolder(store()), std::nullopt);
    EXPECT_THAT(StoreReader(store()).value_or(""), HasSubstr("pid " + std::to_string(getpid())));
    const Status busy = disk->Lock(store() + "/LOCK", "pid 1 on here").status();
    EXPECT_EQ(busy.code(), Code::kBusy);
    EXPECT_THAT(busy.message(), HasSubstr("a process that reads"));
    EXPECT_THAT(StoreInUse(store(), false).message(),
                HasSubstr("open for reading already, by pid " + std::to_string(getpid())));
  }
  EXPECT_TRUE(disk->Lock(store() + "/LOCK", "pid 1 on here").ok());
}

TEST_F(PlacesTest, ANameThatComesLateIsWaitedFor) {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  const std::string old_name = "pid 2147483647 on " + std::string(host);
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  const auto lock = disk->Lock(store() + "/LOCK", old_name);
  ASSERT_TRUE(lock.ok());
  const std::string name = "pid " + std::to_string(getpid()) + " on " + host;
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    directory_.Write("store/LOCK", name);
  });
  EXPECT_EQ(AwaitHolderName(store()), name);
  writer.join();
}

TEST_F(PlacesTest, TheLogsDirectoryIsNotMade) {
  const std::string absent = directory_.path("absent");
  const Status refused = Plan(store(), directory_.path("empty"), "log=" + absent + "/deep/log");
  EXPECT_EQ(refused.code(), Code::kNotFound) << refused.ToString();
  EXPECT_THAT(refused.message(), HasSubstr(absent + "/deep"));
  EXPECT_FALSE(std::filesystem::exists(absent));
  directory_.Write("plain", "");
  EXPECT_EQ(Plan(store(), directory_.path("empty"), "log=" + directory_.path("plain/log")).code(),
            Code::kNotDirectory);
}

TEST_F(PlacesTest, TheLogDoesNotLieInTheMount) {
  const std::string log = directory_.path("empty") + "/log";
  const Status inside = Plan(store(), directory_.path("empty"), "log=" + log);
  EXPECT_EQ(inside.code(), Code::kInvalid);
  EXPECT_THAT(inside.message(), HasSubstr("below the mount point"));
}

TEST_F(PlacesTest, SecondWriterIsRefusedWithTheHoldersName) {
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  const auto lock = disk->Lock(store() + "/LOCK", "pid 4711 on here");
  ASSERT_TRUE(lock.ok());
  const Status busy = Plan(store(), directory_.path("empty"));
  EXPECT_EQ(busy.code(), Code::kBusy);
  EXPECT_THAT(busy.message(), HasSubstr("pid 4711 on here"));
}

}  // namespace
}  // namespace mendfs
