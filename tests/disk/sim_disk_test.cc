#include "meta/disk/sim_disk.h"
#include "tests/support/seed.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>

namespace mendfs {
namespace {

constexpr uint64_t kCuts = 400;

std::unique_ptr<File> Create(Disk& disk, const std::string& path, std::string_view bytes) {
  auto file = disk.Open(path, OpenMode::kCreateOrOpen);
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_TRUE((*file)->WriteAt(0, bytes).ok());
  return std::move(*file);
}

void CreateDurably(Disk& disk, const std::string& path, std::string_view bytes) {
  ASSERT_TRUE(Create(disk, path, bytes)->Sync().ok());
  ASSERT_TRUE(disk.SyncDir(ParentPath(path)).ok());
}

std::string Get(Disk& disk, const std::string& path) {
  auto bytes = ReadWholeFile(disk, path, 1 << 20);
  return bytes.ok() ? *bytes : std::string(CodeName(bytes.status().code()));
}

bool Has(Disk& disk, const std::string& path) {
  return disk.Stat(path).ok();
}

// Every outcome that some seed reaches, described by `look`.
std::set<std::string> Outcomes(const std::function<void(SimDisk&)>& work,
                               const std::function<std::string(SimDisk&)>& look) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < kCuts; ++seed) {
    SimDisk disk;
    work(disk);
    disk.PowerCut(seed);
    outcomes.insert(look(disk));
  }
  return outcomes;
}

using Set = std::set<std::string>;

TEST(SimDiskPowerCutTest, SyncedStaysUnsyncedGoes) {
  SimDisk disk;
  CreateDurably(disk, "/a", "synced");
  Create(disk, "/a", "SYNCED and more");
  Create(disk, "/b", "never synced");
  disk.PowerCutDropAll();
  EXPECT_EQ(Get(disk, "/a"), "synced");
  EXPECT_FALSE(Has(disk, "/b"));
}

TEST(SimDiskPowerCutTest, SyncedBytesWithoutASyncedNameGo) {
  SimDisk disk;
  ASSERT_TRUE(Create(disk, "/a", "bytes")->Sync().ok());
  disk.PowerCutDropAll();
  EXPECT_FALSE(Has(disk, "/a"));
}

TEST(SimDiskPowerCutTest, ASyncedNameWithoutSyncedBytesIsEmpty) {
  SimDisk disk;
  Create(disk, "/a", "bytes");
  ASSERT_TRUE(disk.SyncDir("/").ok());
  disk.PowerCutDropAll();
  EXPECT_EQ(Get(disk, "/a"), "");
}

TEST(SimDiskPowerCutTest, NamesBelowAnUnsyncedDirectoryGo) {
  SimDisk disk;
  ASSERT_TRUE(disk.MakeDir("/d").ok());
  CreateDurably(disk, "/d/a", "bytes");
  disk.PowerCutDropAll();
  EXPECT_FALSE(Has(disk, "/d"));
}

TEST(SimDiskPowerCutTest, AnUnsyncedRemovalComesBack) {
  SimDisk disk;
  CreateDurably(disk, "/a", "bytes");
  ASSERT_TRUE(disk.Remove("/a").ok());
  disk.PowerCutDropAll();
  EXPECT_EQ(Get(disk, "/a"), "bytes");
}

TEST(SimDiskPowerCutTest, WhatSurvivesIsDurable) {
  for (uint64_t seed = 0; seed < kCuts; ++seed) {
    SimDisk disk;
    Create(disk, "/a", std::string(3000, 'a'));
    disk.PowerCut(seed);
    const std::string after = Get(disk, "/a");
    disk.PowerCutDropAll();
    EXPECT_EQ(Get(disk, "/a"), after);
  }
}

TEST(SimDiskPowerCutTest, TheSameSeedGivesTheSameWorld) {
  const auto world = [](uint64_t seed) {
    SimDisk disk;
    for (int file = 0; file < 8; ++file) {
      Create(disk, "/" + std::to_string(file), std::string(2000, 'x'));
      disk.Rename("/" + std::to_string(file), "/r" + std::to_string(file % 3)).IgnoreError();
    }
    disk.PowerCut(seed);
    std::string text;
    for (const DirEntry& entry : *disk.List("/")) {
      text += entry.name + "=" + Get(disk, "/" + entry.name) + ";";
    }
    return text;
  };
  for (uint64_t seed = 0; seed < 50; ++seed) EXPECT_EQ(world(seed), world(seed));
}

TEST(SimDiskPowerCutTest, HandlesAndLocksEnd) {
  SimDisk disk;
  auto file = Create(disk, "/a", "bytes");
  auto lock = disk.Lock("/LOCK", "me");
  ASSERT_TRUE(lock.ok());
  disk.PowerCut(1);
  char byte = 0;
  EXPECT_EQ(file->ReadAt(0, 1, &byte).status().code(), Code::kIo);
  EXPECT_EQ(file->WriteAt(0, "x").code(), Code::kIo);
  EXPECT_EQ(file->Sync().code(), Code::kIo);
  EXPECT_EQ(file->Size().status().code(), Code::kIo);
  auto again = disk.Lock("/LOCK", "me again");
  EXPECT_TRUE(again.ok());
  lock->reset();  // the old one must not let go of the new one
  EXPECT_EQ(disk.Lock("/LOCK", "third").status().code(), Code::kBusy);
}

TEST(SimDiskPowerCutTest, SectorsAreKeptTornOrLostEachByItself) {
  bool saw_hole = false;
  bool saw_torn = false;
  bool saw_all = false;
  for (uint64_t seed = 0; seed < kCuts; ++seed) {
    SimDisk disk;
    CreateDurably(disk, "/a", std::string(2048, 'o'));
    Create(disk, "/a", std::string(2048, 'n'));
    disk.PowerCut(seed);
    const std::string bytes = Get(disk, "/a");
    ASSERT_EQ(bytes.size(), 2048u);
    ASSERT_EQ(bytes.find_first_not_of("no"), std::string::npos);
    const size_t first_old = bytes.find('o');
    saw_all = saw_all || first_old == std::string::npos;
    saw_torn = saw_torn || (first_old != std::string::npos && first_old % 512 != 0);
    saw_hole = saw_hole ||
               (first_old != std::string::npos && bytes.find('n', first_old) != std::string::npos);
  }
  EXPECT_TRUE(saw_hole && saw_torn && saw_all);
}

TEST(SimDiskPowerCutTest, AnAppendLeavesAnySizeUpToItsOwn) {
  std::set<size_t> sizes;
  for (uint64_t seed = 0; seed < kCuts; ++seed) {
    SimDisk disk;
    CreateDurably(disk, "/a", "12345");
    auto file = disk.Open("/a", OpenMode::kReadWrite);
    ASSERT_TRUE((*file)->WriteAt(5, "67890").ok());
    disk.PowerCut(seed);
    const std::string bytes = Get(disk, "/a");
    ASSERT_EQ(bytes.substr(0, 5), "12345");
    sizes.insert(bytes.size());
  }
  EXPECT_EQ(*sizes.begin(), 5u);
  EXPECT_EQ(*sizes.rbegin(), 10u);
  EXPECT_GT(sizes.size(), 3u);
}

TEST(SimDiskPowerCutTest, RenameOverAFileShowsTheOldOrTheNewNeverNothing) {
  const auto work = [](SimDisk& disk) {
    CreateDurably(disk, "/a", "old");
    CreateDurably(disk, "/a.new", "new");
    ASSERT_TRUE(disk.Rename("/a.new", "/a").ok());
  };
  EXPECT_EQ(Outcomes(work, [](SimDisk& disk) { return Get(disk, "/a"); }), (Set{"old", "new"}));
}

TEST(SimDiskPowerCutTest, RenameBetweenDirectoriesNeverLeavesNeitherName) {
  const auto work = [](SimDisk& disk) {
    ASSERT_TRUE(disk.MakeDir("/s").ok());
    ASSERT_TRUE(disk.MakeDir("/t").ok());
    ASSERT_TRUE(disk.SyncDir("/").ok());
    CreateDurably(disk, "/s/a", "bytes");
    ASSERT_TRUE(disk.MakeDir("/t/sub").ok());
    ASSERT_TRUE(disk.Rename("/s/a", "/t/sub/b").ok());
  };
  const auto look = [](SimDisk& disk) {
    return std::string(Get(disk, "/s/a") == "bytes" ? "s" : "") +
           (Get(disk, "/t/sub/b") == "bytes" ? "t" : "");
  };
  EXPECT_EQ(Outcomes(work, look), (Set{"s", "t", "st"}));
  // Only one of the two directories synced: the other half is still open, the file is still there.
  const auto source_synced = [&](SimDisk& disk) {
    work(disk);
    ASSERT_TRUE(disk.SyncDir("/t").ok());
    ASSERT_TRUE(disk.SyncDir("/s").ok());
  };
  EXPECT_EQ(Outcomes(source_synced, look), (Set{"t"}));
  const auto target_synced = [&](SimDisk& disk) {
    work(disk);
    ASSERT_TRUE(disk.SyncDir("/t").ok());
    ASSERT_TRUE(disk.SyncDir("/t/sub").ok());
  };
  EXPECT_EQ(Outcomes(target_synced, look), (Set{"t", "st"}));
}

TEST(SimDiskPowerCutTest, DifferentNamesAreKeptIndependently) {
  const auto work = [](SimDisk& disk) {
    Create(disk, "/a", "");
    Create(disk, "/b", "");
  };
  const auto look = [](SimDisk& disk) {
    return std::string(Has(disk, "/a") ? "a" : "") + (Has(disk, "/b") ? "b" : "");
  };
  EXPECT_EQ(Outcomes(work, look), (Set{"", "a", "b", "ab"}));
}

TEST(SimDiskPowerCutTest, ReplaceFileIsOldOrNewWhereverItStops) {
  for (uint64_t step = 1;; ++step) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE("step " + std::to_string(step) + " seed " + std::to_string(seed));
      SimDisk disk;
      ASSERT_TRUE(ReplaceFile(disk, "/a", "the old bytes").ok());
      disk.StopAt(step);
      const bool acknowledged = ReplaceFile(disk, "/a", "the new bytes").ok();
      const bool all_done = disk.FaultWaits();
      disk.PowerCut(seed);
      const std::string bytes = Get(disk, "/a");
      EXPECT_TRUE(bytes == "the new bytes" || (!acknowledged && bytes == "the old bytes")) << bytes;
      EXPECT_TRUE(ReplaceFile(disk, "/a", "third").ok());
      if (all_done) return;
    }
  }
}

// Random work on a few names: nothing that was durable in both name and bytes gets lost unless it
// was removed or replaced, and a moved file is always somewhere.
TEST(SimDiskPowerCutTest, MovedFilesAreNeverLost) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<std::string> directories = {"/", "/x/", "/y/", "/x/z/"};
  for (int world = 0; world < 300; ++world) {
    SimDisk disk;
    for (const char* path : {"/x", "/y", "/x/z"}) ASSERT_TRUE(disk.MakeDir(path).ok());
    std::map<std::string, std::string> places;  // bytes -> path
    for (int file = 0; file < 4; ++file) {
      const std::string name = "f" + std::to_string(file);
      places[name] = directories[file] + name;
      CreateDurably(disk, places[name], name);
    }
    ASSERT_TRUE(disk.SyncDir("/x").ok());
    ASSERT_TRUE(disk.SyncDir("/").ok());
    for (int step = 0; step < 12; ++step) {
      const std::string name = "f" + std::to_string(random() % 4);
      const std::string target = directories[random() % 4] + "n" + std::to_string(random() % 3);
      if (random() % 6 == 0) {
        ASSERT_TRUE(disk.SyncDir(ParentPath(target)).ok());
      } else if (!Has(disk, target)) {
        ASSERT_TRUE(disk.Rename(places[name], target).ok());
        places[name] = target;
      }
    }
    disk.PowerCut(random());
    std::set<std::string> found;
    for (const std::string& directory : directories) {
      for (const DirEntry& entry : *disk.List(directory)) {
        if (entry.kind == FileKind::kRegular) found.insert(Get(disk, directory + entry.name));
      }
    }
    EXPECT_EQ(found, (Set{"f0", "f1", "f2", "f3"})) << "world " << world;
  }
}

TEST(SimDiskForkTest, AForkGoesItsOwnWay) {
  SimDisk disk;
  ASSERT_TRUE(disk.MakeDir("/d").ok());
  ASSERT_TRUE(disk.SyncDir("/").ok());
  CreateDurably(disk, "/d/a", std::string(10000, 'o'));
  auto file = Create(disk, "/d/a", "new");
  ASSERT_TRUE(disk.Rename("/d/a", "/b").ok());
  const auto fork = disk.Fork();
  ASSERT_TRUE(file->WriteAt(0, "later").ok());
  ASSERT_TRUE(disk.Rename("/b", "/c").ok());
  EXPECT_EQ(Get(*fork, "/b"), "new" + std::string(9997, 'o'));
  EXPECT_FALSE(Has(*fork, "/c"));
  Create(*fork, "/b", "other");
  ASSERT_TRUE(fork->RemoveDir("/d").ok());
  EXPECT_EQ(Get(disk, "/c"), "later" + std::string(9995, 'o'));
  EXPECT_TRUE(Has(disk, "/d"));
}

TEST(SimDiskForkTest, AForkLosesPowerAsTheOriginalDoes) {
  const auto world = [](SimDisk& disk) {
    std::string text;
    for (const DirEntry& entry : *disk.List("/")) {
      if (entry.kind != FileKind::kRegular) continue;
      text += entry.name + "=" + Get(disk, "/" + entry.name) + ";";
    }
    return text;
  };
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimDisk disk;
    ASSERT_TRUE(disk.MakeDir("/d").ok());
    for (int file = 0; file < 6; ++file) {
      const std::string name = std::to_string(file);
      auto made = Create(disk, "/d/" + name, std::string(1500, 'x'));
      if (file % 2 == 0) {
        ASSERT_TRUE(made->Sync().ok());
      }
      ASSERT_TRUE(disk.Rename("/d/" + name, "/" + std::to_string(file % 4)).ok());
      if (file == 2) {
        ASSERT_TRUE(disk.SyncDir("/d").ok());
      }
    }
    const auto fork = disk.Fork();
    EXPECT_EQ(fork->Space("/")->free_bytes, disk.Space("/")->free_bytes);
    disk.PowerCut(seed);
    fork->PowerCut(seed);
    EXPECT_EQ(world(*fork), world(disk));
    EXPECT_EQ(fork->Space("/")->free_bytes, disk.Space("/")->free_bytes);
  }
}

TEST(SimDiskForkTest, HandlesAndLocksStayBehind) {
  SimDisk disk;
  const auto lock = disk.Lock("/LOCK", "me");
  ASSERT_TRUE(lock.ok());
  disk.FailCall(1, Code::kIo);
  const auto fork = disk.Fork();
  EXPECT_TRUE(fork->Lock("/LOCK", "another").ok());
  EXPECT_EQ(fork->mutating_calls(), 1u);
}

TEST(SimDiskForkTest, AWatcherSeesTheDiskBeforeEveryMutatingCall) {
  SimDisk disk;
  std::vector<std::string> paths;
  std::vector<std::unique_ptr<SimDisk>> forks;
  disk.Watch([&](DiskCall, const std::string& path, const auto& fork) {
    paths.push_back(path);
    forks.push_back(fork());
  });
  Create(disk, "/a", "bytes");
  Get(disk, "/a");
  ASSERT_TRUE(disk.Remove("/a").ok());
  disk.Watch({});
  ASSERT_TRUE(disk.MakeDir("/d").ok());
  EXPECT_EQ(paths, (std::vector<std::string>{"/a", "/a", "/a"}));
  ASSERT_EQ(forks.size(), 3u);
  EXPECT_FALSE(Has(*forks[0], "/a"));
  EXPECT_EQ(Get(*forks[1], "/a"), "");
  EXPECT_EQ(Get(*forks[2], "/a"), "bytes");
}

TEST(SimDiskFaultTest, AShortenedCallDoesHalf) {
  SimDisk disk;
  auto file = Create(disk, "/a", "12345678");
  disk.ShortenCall(1, CallScope::kReading);
  char bytes[9] = {};
  EXPECT_EQ(file->ReadAt(0, 8, bytes).value(), 4u);
  EXPECT_EQ(file->ReadAt(0, 8, bytes).value(), 8u);
  disk.ShortenCall(2, CallScope::kMutating);
  EXPECT_TRUE(file->WriteAt(0, "ab").ok());
  EXPECT_EQ(file->ReadAt(0, 8, bytes).value(), 8u);
  EXPECT_EQ(file->WriteAt(0, "ABCDEFGH").code(), Code::kIo);
  EXPECT_FALSE(disk.FaultWaits());
  EXPECT_EQ(Get(disk, "/a"), "ABCD5678");
  disk.FailCall(1, Code::kIo, CallScope::kReading);
  EXPECT_TRUE(file->WriteAt(0, "x").ok());
  EXPECT_EQ(file->ReadAt(0, 8, bytes).status().code(), Code::kIo);
}

TEST(SimDiskFaultTest, TheNamedCallFailsOnceWithTheCode) {
  SimDisk disk;
  disk.FailCall(2, Code::kNoSpace);
  EXPECT_TRUE(disk.MakeDir("/a").ok());
  EXPECT_TRUE(disk.Stat("/a").ok());  // does not count
  EXPECT_TRUE(disk.FaultWaits());
  EXPECT_EQ(disk.MakeDir("/b").code(), Code::kNoSpace);
  EXPECT_FALSE(disk.FaultWaits());
  EXPECT_TRUE(disk.MakeDir("/b").ok());
  disk.FailCall(1, Code::kIo, CallScope::kAny);
  EXPECT_EQ(disk.Stat("/b").status().code(), Code::kIo);
}

TEST(SimDiskFaultTest, AFailedWriteLeavesHalf) {
  SimDisk disk;
  auto file = Create(disk, "/a", "........");
  disk.FailCall(1, Code::kIo);
  EXPECT_EQ(file->WriteAt(0, "abcdefgh").code(), Code::kIo);
  EXPECT_EQ(Get(disk, "/a"), "abcd....");
}

TEST(SimDiskFaultTest, WhatAFailedSyncLeftIsNotMendedByTheNext) {
  SimDisk disk;
  CreateDurably(disk, "/a", "old");
  auto file = Create(disk, "/a", "new");
  disk.FailCall(1, Code::kIo);
  EXPECT_EQ(file->Sync().code(), Code::kIo);
  EXPECT_EQ(Get(disk, "/a"), "new");
  EXPECT_TRUE(file->Sync().ok());
  disk.PowerCutDropAll();
  EXPECT_EQ(Get(disk, "/a"), "old");
}

TEST(SimDiskFaultTest, StoppedStaysStoppedUntilAPowerCut) {
  SimDisk disk;
  disk.StopAt(1);
  EXPECT_TRUE(disk.Stat("/").ok());
  EXPECT_EQ(disk.MakeDir("/a").code(), Code::kIo);
  EXPECT_EQ(disk.MakeDir("/a").code(), Code::kIo);
  EXPECT_EQ(disk.Stat("/").status().code(), Code::kIo);
  disk.PowerCut(3);
  EXPECT_TRUE(disk.MakeDir("/a").ok());
}

TEST(SimDiskFaultTest, AFullDiskCutsTheWriteShortAndWorksAgainAfterARemoval) {
  SimDisk disk;
  disk.SetCapacity(10);
  auto file = Create(disk, "/a", "123456");
  auto other = Create(disk, "/b", "12");
  EXPECT_EQ(file->WriteAt(6, "7890").code(), Code::kNoSpace);
  EXPECT_EQ(Get(disk, "/a"), "12345678");
  EXPECT_TRUE(file->WriteAt(0, "abcdefgh").ok());  // in place
  EXPECT_EQ(other->Truncate(3).code(), Code::kNoSpace);
  EXPECT_EQ(other->Allocate(3).code(), Code::kNoSpace);
  EXPECT_EQ(disk.Space("/")->free_bytes, 0u);
  ASSERT_TRUE(disk.Remove("/a").ok());
  EXPECT_EQ(disk.Space("/")->free_bytes, 8u);
  EXPECT_TRUE(other->WriteAt(2, "34567890").ok());
}

TEST(SimDiskFaultTest, AllocatedSpaceIsThereWhenTheDiskIsFull) {
  SimDisk disk;
  disk.SetCapacity(10);
  auto reserved = Create(disk, "/reserved", "");
  ASSERT_TRUE(reserved->Allocate(6).ok());
  auto filler = Create(disk, "/filler", "1234");
  EXPECT_EQ(filler->WriteAt(4, "5").code(), Code::kNoSpace);
  EXPECT_TRUE(reserved->WriteAt(0, "123456").ok());
  EXPECT_EQ(reserved->WriteAt(6, "7").code(), Code::kNoSpace);
}

TEST(SimDiskFaultTest, FlippedBitsSurviveEverything) {
  SimDisk disk;
  CreateDurably(disk, "/a", "abc");
  ASSERT_TRUE(disk.FlipBit("/a", 1, 0).ok());
  EXPECT_EQ(Get(disk, "/a"), "acc");
  disk.PowerCutDropAll();
  EXPECT_EQ(Get(disk, "/a"), "acc");
  EXPECT_EQ(disk.FlipBit("/a", 3, 0).code(), Code::kNotFound);
}

TEST(SimDiskFaultTest, ReadOnlyRefusesAndCountsEveryMutatingCall) {
  SimDisk disk;
  CreateDurably(disk, "/a", "abc");
  auto file = disk.Open("/a", OpenMode::kReadWrite);
  disk.SetReadOnly(true);
  const uint64_t before = disk.mutating_calls();
  EXPECT_EQ((*file)->WriteAt(0, "x").code(), Code::kReadOnly);
  EXPECT_EQ((*file)->Truncate(0).code(), Code::kReadOnly);
  EXPECT_EQ(disk.Open("/b", OpenMode::kCreate).status().code(), Code::kReadOnly);
  EXPECT_EQ(disk.Rename("/a", "/b").code(), Code::kReadOnly);
  EXPECT_EQ(disk.Remove("/a").code(), Code::kReadOnly);
  EXPECT_EQ(disk.MakeDir("/d").code(), Code::kReadOnly);
  EXPECT_EQ(disk.SyncDir("/").code(), Code::kReadOnly);
  EXPECT_EQ(disk.Lock("/LOCK", "me").status().code(), Code::kReadOnly);
  EXPECT_EQ(disk.mutating_calls(), before + 8);
  EXPECT_EQ(Get(disk, "/a"), "abc");
  EXPECT_EQ(disk.mutating_calls(), before + 8);
}

TEST(SimDiskFaultTest, CallsAreCountedByKind) {
  SimDisk disk;
  CreateDurably(disk, "/a", "abc");
  EXPECT_EQ(disk.calls(DiskCall::kOpenWrite), 1u);
  EXPECT_EQ(disk.calls(DiskCall::kWrite), 1u);
  EXPECT_EQ(disk.calls(DiskCall::kSync), 1u);
  EXPECT_EQ(disk.calls(DiskCall::kSyncDir), 1u);
  EXPECT_EQ(disk.calls(DiskCall::kRename), 0u);
  EXPECT_EQ(disk.mutating_calls(), 4u);
}

}  // namespace
}  // namespace mendfs
