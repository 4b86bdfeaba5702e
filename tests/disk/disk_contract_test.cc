// What every Disk keeps, run against each of them.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "meta/disk/disk.h"
#include "meta/disk/overlay_disk.h"
#include "meta/disk/posix_disk.h"
#include "meta/disk/sim_disk.h"

namespace mendfs {
namespace {

// One empty directory, `root`, on some disk.
struct World {
  virtual ~World() = default;
  virtual Disk& disk() = 0;
  std::string root;
};

struct PosixWorld final : World {
  PosixWorld() {
    std::string name = testing::TempDir() + "mendfs_disk_XXXXXX";
    root = ::mkdtemp(name.data());
  }
  ~PosixWorld() override { std::filesystem::remove_all(root); }
  Disk& disk() override { return *posix; }
  std::unique_ptr<Disk> posix = MakePosixDisk();
};

struct SimWorld final : World {
  SimWorld() {
    root = "/root";
    sim.MakeDir(root).IgnoreError();
  }
  Disk& disk() override { return sim; }
  SimDisk sim;
};

struct OverlayWorld final : World {
  OverlayWorld() {
    root = "/root";
    sim.MakeDir(root).IgnoreError();
    sim.SetReadOnly(true);
    mutating_before = sim.mutating_calls();
  }
  ~OverlayWorld() override { EXPECT_EQ(sim.mutating_calls(), mutating_before); }
  Disk& disk() override { return overlay; }
  SimDisk sim;
  OverlayDisk overlay{sim};
  uint64_t mutating_before = 0;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<World>()> make;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

class DiskContract : public testing::TestWithParam<Kind> {
 protected:
  DiskContract() : world_(GetParam().make()) {}

  Disk& disk() { return world_->disk(); }
  std::string At(const std::string& name) const { return world_->root + "/" + name; }

  void Put(const std::string& name, std::string_view bytes) {
    auto file = disk().Open(At(name), OpenMode::kCreateOrOpen);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    ASSERT_TRUE((*file)->Truncate(0).ok());
    ASSERT_TRUE((*file)->WriteAt(0, bytes).ok());
  }
  std::string Get(const std::string& name) {
    auto bytes = ReadWholeFile(disk(), At(name), 1 << 20);
    return bytes.ok() ? *bytes : bytes.status().ToString();
  }
  std::string Names(const std::string& path) {
    auto entries = disk().List(path);
    if (!entries.ok()) return entries.status().ToString();
    std::string names;
    for (const DirEntry& entry : *entries) {
      names += entry.name + (entry.kind == FileKind::kDirectory ? "/ " : " ");
    }
    return names;
  }
  Code OpenCode(const std::string& name, OpenMode mode) {
    return disk().Open(At(name), mode).status().code();
  }

  std::unique_ptr<World> world_;
};

TEST_P(DiskContract, OpenModesAgreeWithWhatIsThere) {
  EXPECT_EQ(OpenCode("a", OpenMode::kRead), Code::kNotFound);
  EXPECT_EQ(OpenCode("a", OpenMode::kReadWrite), Code::kNotFound);
  EXPECT_EQ(OpenCode("a", OpenMode::kCreate), Code::kOk);
  EXPECT_EQ(OpenCode("a", OpenMode::kCreate), Code::kExists);
  EXPECT_EQ(OpenCode("a", OpenMode::kCreateOrOpen), Code::kOk);
  EXPECT_EQ(OpenCode("a", OpenMode::kReadWrite), Code::kOk);
  EXPECT_EQ(OpenCode("a/b", OpenMode::kCreate), Code::kNotDirectory);
  EXPECT_EQ(OpenCode("none/b", OpenMode::kCreate), Code::kNotFound);
  EXPECT_EQ(OpenCode("", OpenMode::kRead), Code::kIsDirectory);
  EXPECT_EQ(OpenCode(std::string(256, 'n'), OpenMode::kCreate), Code::kNameTooLong);
  EXPECT_EQ(OpenCode(std::string("a\0b", 3), OpenMode::kCreateOrOpen), Code::kInvalid);
}

TEST_P(DiskContract, WrittenBytesReadBackThroughEveryHandle) {
  auto file = disk().Open(At("a"), OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(0, "hello").ok());
  auto reader = disk().Open(At("a"), OpenMode::kRead);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE((*file)->WriteAt(3, "p me").ok());
  EXPECT_EQ(Get("a"), "help me");
  char bytes[16] = {};
  EXPECT_EQ((*reader)->ReadAt(5, sizeof(bytes), bytes).value(), 2u);
  EXPECT_EQ(std::string(bytes), "me");
  EXPECT_EQ((*reader)->ReadAt(7, sizeof(bytes), bytes).value(), 0u);
  EXPECT_EQ((*reader)->ReadAt(UINT64_MAX, sizeof(bytes), bytes).value(), 0u);
  EXPECT_EQ((*reader)->Size().value(), 7u);
}

TEST_P(DiskContract, HolesAndGrownTailsReadAsZeros) {
  auto file = disk().Open(At("a"), OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(10000, "x").ok());
  ASSERT_TRUE((*file)->WriteAt(0, "abcdef").ok());
  ASSERT_TRUE((*file)->Truncate(3).ok());
  ASSERT_TRUE((*file)->Truncate(6).ok());
  EXPECT_EQ(Get("a"), std::string("abc\0\0\0", 6));
  ASSERT_TRUE((*file)->Truncate(9000).ok());
  EXPECT_EQ(Get("a"), "abc" + std::string(8997, '\0'));
}

TEST_P(DiskContract, WritesAcrossPagesKeepTheirPlaces) {
  std::string want(20000, '.');
  Put("a", want);
  auto file = disk().Open(At("a"), OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  for (const size_t offset : {size_t{0}, size_t{4090}, size_t{8192}, size_t{12287}}) {
    const std::string bytes(4100, static_cast<char>('a' + offset % 26));
    ASSERT_TRUE((*file)->WriteAt(offset, bytes).ok());
    want.replace(offset, bytes.size(), bytes);
  }
  EXPECT_EQ(Get("a"), want);
}

TEST_P(DiskContract, BeyondTheLargestFileIsRefused) {
  auto file = disk().Open(At("a"), OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->WriteAt(UINT64_MAX - 1, "abc").code(), Code::kTooBig);
  EXPECT_EQ((*file)->WriteAt(INT64_MAX, "abc").code(), Code::kTooBig);
  EXPECT_EQ((*file)->Truncate(UINT64_MAX).code(), Code::kTooBig);
  EXPECT_EQ((*file)->Size().value(), 0u);
}

TEST_P(DiskContract, HandlesForReadingRefuseChanges) {
  Put("a", "abc");
  auto file = disk().Open(At("a"), OpenMode::kRead);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->WriteAt(0, "x").code(), Code::kReadOnly);
  EXPECT_EQ((*file)->Truncate(0).code(), Code::kReadOnly);
  EXPECT_EQ((*file)->Allocate(10).code(), Code::kReadOnly);
  EXPECT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(Get("a"), "abc");
}

TEST_P(DiskContract, AllocateKeepsTheSize) {
  auto file = disk().Open(At("a"), OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  const Code code = (*file)->Allocate(1 << 16).code();
  EXPECT_TRUE(code == Code::kOk || code == Code::kUnsupported);
  EXPECT_EQ((*file)->Size().value(), 0u);
  EXPECT_TRUE((*file)->Sync().ok());
}

TEST_P(DiskContract, ListIsSortedAndNamesKinds) {
  Put("b", "");
  Put("a", "");
  ASSERT_TRUE(disk().MakeDir(At("c")).ok());
  Put("c/inner", "");
  Put(".hidden", "");
  EXPECT_EQ(Names(world_->root), ".hidden a b c/ ");
  EXPECT_EQ(disk().List(At("a")).status().code(), Code::kNotDirectory);
  EXPECT_EQ(disk().List(At("none")).status().code(), Code::kNotFound);
}

TEST_P(DiskContract, StatShowsKindAndSize) {
  Put("a", "abc");
  const auto file = disk().Stat(At("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->kind, FileKind::kRegular);
  EXPECT_EQ(file->size_bytes, 3u);
  EXPECT_GT(file->mtime_ns, 0);
  EXPECT_EQ(disk().Stat(world_->root)->kind, FileKind::kDirectory);
  EXPECT_EQ(disk().Stat(At("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(disk().Stat(At("a/b")).status().code(), Code::kNotDirectory);
}

TEST_P(DiskContract, RenameReplacesAndMovesBetweenDirectories) {
  Put("a", "new");
  Put("b", "old");
  ASSERT_TRUE(disk().Rename(At("a"), At("b")).ok());
  EXPECT_EQ(Get("b"), "new");
  ASSERT_TRUE(disk().MakeDir(At("d")).ok());
  ASSERT_TRUE(disk().Rename(At("b"), At("d/c")).ok());
  EXPECT_EQ(Names(world_->root), "d/ ");
  EXPECT_EQ(Get("d/c"), "new");
  ASSERT_TRUE(disk().Rename(At("d"), At("e")).ok());
  EXPECT_EQ(Get("e/c"), "new");
  EXPECT_TRUE(disk().Rename(At("e/c"), At("e/c")).ok());
  EXPECT_EQ(Get("e/c"), "new");
}

TEST_P(DiskContract, RenameRefusesWhatPosixRefuses) {
  Put("a", "a");
  ASSERT_TRUE(disk().MakeDir(At("empty")).ok());
  ASSERT_TRUE(disk().MakeDir(At("full")).ok());
  Put("full/x", "x");
  EXPECT_EQ(disk().Rename(At("none"), At("b")).code(), Code::kNotFound);
  EXPECT_EQ(disk().Rename(At("a"), At("none/b")).code(), Code::kNotFound);
  EXPECT_EQ(disk().Rename(At("a"), At("empty")).code(), Code::kIsDirectory);
  EXPECT_EQ(disk().Rename(At("empty"), At("a")).code(), Code::kNotDirectory);
  EXPECT_EQ(disk().Rename(At("empty"), At("full")).code(), Code::kNotEmpty);
  EXPECT_EQ(disk().Rename(At("full"), At("full/in")).code(), Code::kInvalid);
  EXPECT_TRUE(disk().Rename(At("full"), At("empty")).ok());
  EXPECT_EQ(Names(world_->root), "a empty/ ");
  EXPECT_EQ(Get("empty/x"), "x");
}

TEST_P(DiskContract, RemoveTakesFilesAndRemoveDirEmptyDirectories) {
  Put("a", "a");
  ASSERT_TRUE(disk().MakeDir(At("d")).ok());
  EXPECT_EQ(disk().MakeDir(At("d")).code(), Code::kExists);
  EXPECT_EQ(disk().MakeDir(At("a")).code(), Code::kExists);
  EXPECT_EQ(disk().MakeDir(At("none/d")).code(), Code::kNotFound);
  Put("d/x", "x");
  EXPECT_EQ(disk().Remove(At("d")).code(), Code::kIsDirectory);
  EXPECT_EQ(disk().RemoveDir(At("a")).code(), Code::kNotDirectory);
  EXPECT_EQ(disk().RemoveDir(At("d")).code(), Code::kNotEmpty);
  EXPECT_EQ(disk().Remove(At("none")).code(), Code::kNotFound);
  EXPECT_EQ(disk().RemoveDir(At("none")).code(), Code::kNotFound);
  EXPECT_TRUE(disk().Remove(At("d/x")).ok());
  EXPECT_TRUE(disk().RemoveDir(At("d")).ok());
  EXPECT_TRUE(disk().Remove(At("a")).ok());
  EXPECT_EQ(Names(world_->root), "");
}

TEST_P(DiskContract, RemovedFilesStayReadableWhileOpen) {
  Put("a", "abc");
  auto file = disk().Open(At("a"), OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(disk().Remove(At("a")).ok());
  Put("a", "another");
  ASSERT_TRUE((*file)->WriteAt(3, "d").ok());
  char bytes[8] = {};
  EXPECT_EQ((*file)->ReadAt(0, sizeof(bytes), bytes).value(), 4u);
  EXPECT_EQ(std::string(bytes), "abcd");
  EXPECT_EQ(Get("a"), "another");
}

TEST_P(DiskContract, SyncDirNeedsADirectory) {
  Put("a", "");
  EXPECT_TRUE(disk().SyncDir(world_->root).ok());
  EXPECT_EQ(disk().SyncDir(At("a")).code(), Code::kNotDirectory);
  EXPECT_EQ(disk().SyncDir(At("none")).code(), Code::kNotFound);
}

TEST_P(DiskContract, LockExcludesUntilItGoesAndNamesTheHolder) {
  auto first = disk().Lock(At("LOCK"), "pid 17 on host");
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_EQ(Get("LOCK"), "pid 17 on host");
  auto second = disk().Lock(At("LOCK"), "pid 18 on host");
  EXPECT_EQ(second.status().code(), Code::kBusy);
  EXPECT_NE(second.status().message().find("pid 17 on host"), std::string::npos);
  EXPECT_EQ(Get("LOCK"), "pid 17 on host");
  first->reset();
  auto third = disk().Lock(At("LOCK"), "19");
  EXPECT_TRUE(third.ok());
  EXPECT_EQ(Get("LOCK"), "19");
}

TEST_P(DiskContract, SpaceAddsUp) {
  const auto space = disk().Space(world_->root);
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_LE(space->available_bytes, space->free_bytes);
  EXPECT_EQ(disk().Space(At("none")).status().code(), Code::kNotFound);
}

TEST_P(DiskContract, ReplaceFileLeavesOnlyTheNewBytes) {
  ASSERT_TRUE(ReplaceFile(disk(), At("a"), "one").ok());
  Put("a.new", "left over from a crash, and longer");
  ASSERT_TRUE(ReplaceFile(disk(), At("a"), "two").ok());
  EXPECT_EQ(Get("a"), "two");
  EXPECT_EQ(Names(world_->root), "a ");
  EXPECT_EQ(ReplaceFile(disk(), At("none/a"), "x").code(), Code::kNotFound);
}

TEST_P(DiskContract, ReadWholeFileHasALimit) {
  Put("a", "12345");
  EXPECT_EQ(ReadWholeFile(disk(), At("a"), 5).value(), "12345");
  EXPECT_EQ(ReadWholeFile(disk(), At("a"), 4).status().code(), Code::kTooBig);
  EXPECT_EQ(ReadWholeFile(disk(), At("none"), 4).status().code(), Code::kNotFound);
}

TEST_P(DiskContract, ThreadsWorkSideBySide) {
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string name = "t" + std::to_string(thread);
      for (int round = 0; round < 50; ++round) {
        Put(name, std::to_string(round));
        EXPECT_EQ(Get(name), std::to_string(round));
        EXPECT_TRUE(disk().Rename(At(name), At(name + "x")).ok());
        EXPECT_TRUE(disk().List(world_->root).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Names(world_->root), "t0x t1x t2x t3x ");
}

TEST_P(DiskContract, WritersOfRangesThatDoNotOverlapNeedNoOrder) {
  constexpr int kThreads = 4;
  constexpr uint64_t kRangeBytes = 5000;
  auto opened = disk().Open(At("shared"), OpenMode::kCreate);
  ASSERT_TRUE(opened.ok());
  File& file = **opened;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      const std::string bytes(kRangeBytes, static_cast<char>('a' + thread));
      for (uint64_t round = 0; round < 20; ++round) {
        const uint64_t offset = (round * kThreads + static_cast<uint64_t>(thread)) * kRangeBytes;
        EXPECT_TRUE(file.WriteAt(offset, bytes).ok());
        EXPECT_TRUE(file.Sync().ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string all = Get("shared");
  ASSERT_EQ(all.size(), 20 * kThreads * kRangeBytes);
  for (uint64_t at = 0; at < all.size(); ++at) {
    ASSERT_EQ(all[at], static_cast<char>('a' + at / kRangeBytes % kThreads)) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Disks, DiskContract,
    testing::Values(Kind{"Posix", [] { return std::make_unique<PosixWorld>(); }},
                    Kind{"Sim", [] { return std::make_unique<SimWorld>(); }},
                    Kind{"Overlay", [] { return std::make_unique<OverlayWorld>(); }}),
    [](const testing::TestParamInfo<Kind>& kind) { return kind.param.name; });

TEST(ParentPathTest, IsTheDirectoryOfTheLastName) {
  EXPECT_EQ(ParentPath("a/b/c"), "a/b");
  EXPECT_EQ(ParentPath("c"), ".");
  EXPECT_EQ(ParentPath("/c"), "/");
  EXPECT_EQ(ParentPath("/"), "/");
  EXPECT_EQ(ParentPath("a/b/"), "a");
  EXPECT_EQ(ParentPath("a//b"), "a");
  EXPECT_EQ(ParentPath(""), ".");
}

}  // namespace
}  // namespace mendfs
