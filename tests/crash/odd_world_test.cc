// What else the world does to a store: its clock jumps, it is copied while it is written, two open
// it at once, junk lies in its directories, it grows old.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <thread>

#include "meta/base/clock.h"
#include "meta/bulk.h"
#include "meta/manifest/keys.h"
#include "meta/object/object_store.h"
#include "tests/crash/figures.h"
#include "tests/crash/plan.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

// One file copied as cp(1) reads it: in pieces, each as it is when its turn comes.
void CopyLive(Disk& source, const std::string& path, SimDisk& target,
              const std::function<void()>& between) {
  const auto from = source.Open(path, OpenMode::kRead);
  const auto to = target.Open(path, OpenMode::kCreateOrOpen);
  if (!from.ok() || !to.ok()) return;  // gone meanwhile
  std::string piece(4096, '\0');
  for (uint64_t offset = 0;; offset += piece.size()) {
    const auto got = (*from)->ReadAt(offset, piece.size(), piece.data());
    if (!got.ok() || *got == 0) return;
    ASSERT_TRUE((*to)->WriteAt(offset, std::string_view(piece).substr(0, *got)).ok());
    between();
  }
}

void CopyTreeLive(Disk& source, const std::string& path, SimDisk& target, std::mt19937_64& random,
                  const std::function<void()>& between) {
  target.MakeDir(path).IgnoreError();
  auto entries = source.List(path);
  if (!entries.ok()) return;
  // cp takes names in the order of the directory, which can be any.
  std::shuffle(entries->begin(), entries->end(), random);
  for (const DirEntry& entry : *entries) {
    const std::string below = path + "/" + entry.name;
    if (entry.kind == FileKind::kDirectory) {
      CopyTreeLive(source, below, target, random, between);
    } else {
      CopyLive(source, below, target, between);
    }
  }
}

// A copy that was made while the store was written may open or be refused; what opens shows a state
// that the store was in, or says that something is wrong.
TEST(LiveCopyTest, OpensAsSomeStateOrIsRefused) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  uint64_t opened = 0;
  uint64_t refused = 0;
  uint64_t wrong = 0;
  for (uint64_t round = 0; round < (LongRun() ? 400 : 60); ++round) {
    const Plan& plan = AllPlans()[round % AllPlans().size()];
    std::mt19937_64 random(seed + round);
    const auto disk = FreshStore();
    SimDisk copy;
    {
      auto session = Session::Open(*disk, CrashOpenOptions());
      ASSERT_TRUE(session.ok());
      size_t next = 0;
      const auto work = [&] {
        if (next >= plan.steps.size() || random() % 3 != 0) return;
        const Step& step = plan.steps[next++];
        if (step.kind == StepKind::kReopen) return;
        ASSERT_TRUE(step.run(**session).ok()) << step.name;
      };
      for (uint64_t i = 0, count = random() % plan.steps.size(); i < count; ++i) work();
      CopyTreeLive(*disk, kCrashStore, copy, random, work);
    }
    const auto session = Session::Open(copy, CrashOpenOptions());
    if (!session.ok()) {
      ++refused;
      EXPECT_FALSE(session.status().message().empty());
      continue;
    }
    const auto text = (*session)->Describe();
    if (!text.ok()) {
      ++refused;  // told by the read
      continue;
    }
    ++opened;
    bool known = false;
    for (const State& state : plan.states) known = known || state.text == *text;
    wrong += known ? 0 : 1;
    EXPECT_TRUE(known) << "round " << round << " of plan " << plan.name << " shows:\n" << *text;
  }
  EXPECT_EQ(wrong, 0u);
  PrintFigure("live_copies_opened", opened);
  PrintFigure("live_copies_refused", refused);
}

// Years to and fro, between the lives of a store and while it is open: nothing is decided by time.
TEST(ClockTest, JumpsOfYearsChangeNothing) {
  constexpr int64_t kYearNs = int64_t{365} * 86'400 * 1'000'000'000;
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  HistoryOptions options;
  options.mix = {.bulk = 1};
  options.open = CrashOpenOptions();
  options.cuts = 1;
  options.before_step = [&] {
    if (random() % 3 == 0) ShiftWallClock((static_cast<int64_t>(random() % 60) - 40) * kYearNs);
  };
  CrashHistory history(seed, options);
  for (int life = 0; life < 6; ++life) {
    options.before_step();
    const Status status = history.Live();
    EXPECT_TRUE(status.ok()) << status.ToString();
    if (!status.ok()) break;
  }
  ShiftWallClock(0);
}

// Any number of daemons that start at once: one has the store, the others are told who has it.
TEST(LockRaceTest, OneOfManyHasTheStore) {
  constexpr int kDaemons = 6;
  for (int round = 0; round < 20; ++round) {
    const auto disk = FreshStore();
    std::atomic<int> open{0};
    std::atomic<int> most{0};
    std::atomic<int> had{0};
    std::vector<std::thread> daemons;
    for (int i = 0; i < kDaemons; ++i) {
      daemons.emplace_back([&] {
        auto session = Session::Open(*disk, CrashOpenOptions());
        if (!session.ok()) {
          EXPECT_EQ(session.status().code(), Code::kBusy) << session.status().ToString();
          EXPECT_THAT(session.status().message(),
                      testing::AnyOf(HasSubstr("pid "), HasSubstr("which opens the store")));
          return;
        }
        const int now = ++open;
        for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {
        }
        ++had;
        const auto made = (*session)->files().Make(kFilesRoot, "by" + std::to_string(had.load()),
                                                   {.mode = 0100644});
        EXPECT_TRUE(made.ok()) << made.status().ToString();
        --open;
      });
    }
    for (std::thread& daemon : daemons) daemon.join();
    EXPECT_EQ(most.load(), 1);
    EXPECT_GE(had.load(), 1);
    const Status clean = CheckClean(*disk);
    EXPECT_TRUE(clean.ok()) << clean.ToString();
  }
}

// How many calls of the disk an open takes, by kind.
std::vector<uint64_t> CallsOfOpen(SimDisk& disk) {
  const auto fork = disk.Fork();
  const auto session = Session::Open(*fork, CrashOpenOptions());
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  std::vector<uint64_t> calls;
  for (int call = 0; call < static_cast<int>(DiskCall::kCount); ++call) {
    calls.push_back(fork->calls(static_cast<DiskCall>(call)));
  }
  return calls;
}

size_t JournalSegments(SimDisk& disk) {
  return disk.List(std::string(kCrashStore) + "/journal")->size();
}

// What is not sealed yet has to be looked at, so the background thread is given its turn first.
TEST(OpenCostTest, DoesNotGrowWithHistory) {
  constexpr size_t kUnsealedMax = 3;
  const auto disk = FreshStore();
  OpenOptions options = CrashOpenOptions();
  options.commit_interval_ms = 1;
  std::vector<std::vector<uint64_t>> calls;
  int commits = 0;
  for (const int wanted : {10, LongRun() ? 10'000 : 2'000}) {
    {
      auto session = Session::Open(*disk, options);
      ASSERT_TRUE(session.ok());
      Store& store = (*session)->store();
      for (; commits < wanted; ++commits) {
        Change change;
        change.Put(XattrKey(InodeNumber(900), "k" + std::to_string(commits % 10)),
                   std::to_string(commits));
        ASSERT_TRUE(store.door().Apply(change).ok());
        ASSERT_TRUE(store.CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
      }
      for (int i = 0; i < 2000 && JournalSegments(*disk) > kUnsealedMax; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
    EXPECT_LE(JournalSegments(*disk), kUnsealedMax);
    // An open puts LevelDB's log into tables, of 256 folds at most; counted is one without.
    ASSERT_TRUE(Session::Open(*disk, CrashOpenOptions()).ok());
    calls.push_back(CallsOfOpen(*disk));
    PrintFigure("open_calls_at_" + std::to_string(wanted) + "_commits",
                std::accumulate(calls.back().begin(), calls.back().end(), uint64_t{0}));
  }
  const auto sum = [](const std::vector<uint64_t>& all) {
    return std::accumulate(all.begin(), all.end(), uint64_t{0});
  };
  // The chain of folds is read as far as it is kept, 4096 rows, in blocks of LevelDB's tables.
  constexpr uint64_t kBoundedCalls = 600;
  EXPECT_LT(sum(calls[1]), 2 * sum(calls[0]) + kBoundedCalls)
      << "by kind: " << testing::PrintToString(calls[0]) << " then "
      << testing::PrintToString(calls[1]);
}

TEST(RecoveryTest, OfTenThousandPendingRecordsBringsThemAll) {
  constexpr int kRecords = 10'000;
  const auto disk = FreshStore();
  std::unique_ptr<SimDisk> died;
  {
    OpenOptions options;
    options.commit_interval_ms = 0;
    auto session = Session::Open(*disk, options);
    ASSERT_TRUE(session.ok());
    for (int i = 0; i < kRecords; ++i) {
      Change change;
      change.Put(XattrKey(InodeNumber(900), "k" + std::to_string(i)), std::string(100, 'v'));
      ASSERT_TRUE((*session)->store().door().Apply(change).ok());
    }
    ASSERT_TRUE((*session)->store().Flush().ok());
    died = disk->Fork();
  }
  died->PowerCut(1);
  OpenOptions options;
  options.commit_interval_ms = 0;
  const auto begin = std::chrono::steady_clock::now();
  auto session = Session::Open(*died, options);
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  PrintFigure(
      "recovery_of_10000_records_ms",
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  EXPECT_GE((*session)->store().Describe().replayed_records, static_cast<uint64_t>(kRecords));
}

// A rename between directories that a power cut leaves half: the old name is there as well.
TEST(JunkTest, TheNameThatASealedObjectHadInStagingGoes) {
  const auto disk = FreshStore();
  {
    auto session = Session::Open(*disk, CrashOpenOptions());
    ASSERT_TRUE(session.ok());
    std::string lines;
    for (int i = 0; i < 18; ++i) {
      lines += R"({"type":"P","data":{"k":"l)" + std::to_string(i) + R"(","v":")" +
               std::string(62'000, 'l') + "\"}}\n";
    }
    const auto loader = Loader::Begin((*session)->store(), {.memory_bytes = 1 << 20});
    ASSERT_TRUE(loader.ok());
    ASSERT_TRUE((*loader)->Add("rows", lines).ok());
    LoadSummary summary;
    ASSERT_TRUE((*loader)->Finish({}, summary).ok());
  }
  std::vector<std::string> old_names;
  ObjectStore objects(*disk, kCrashStore);
  const Status walked = objects.Walk(ObjectKind::kSegment, [&](const ObjectStore::Found& found) {
    old_names.push_back(objects.StagingPathOf(ObjectKind::kSegment, *found.id));
    return ReplaceFile(*disk, old_names.back(), *ReadWholeFile(*disk, found.path, 1 << 26));
  });
  ASSERT_TRUE(walked.ok()) << walked.ToString();
  ASSERT_FALSE(old_names.empty());
  ASSERT_TRUE(Session::Open(*disk, CrashOpenOptions()).ok());
  for (const std::string& name : old_names) {
    EXPECT_EQ(disk->Stat(name).status().code(), Code::kNotFound) << name;
  }
  EXPECT_TRUE(CheckClean(*disk).ok());
}

TEST(JunkTest, InDirectoriesOfTheStoreIsLeftAloneAndHarmsNothing) {
  const auto disk = FreshStore();
  const std::string root(kCrashStore);
  const std::vector<std::string> junk = {
      root + "/sidecars/junk",     root + "/sidecars/0123456789abcdef.json",
      root + "/staging/junk",      root + "/objects/junk",
      root + "/journal/notes.txt", root + "/quarantine/x"};
  for (const std::string& path : junk) {
    ASSERT_TRUE(ReplaceFile(*disk, path, "nothing of ours").ok()) << path;
  }
  {
    auto session = Session::Open(*disk, CrashOpenOptions());
    if (!session.ok()) {
      // Refusing what cannot be read as ours is right as well, as long as it is said.
      EXPECT_THAT(session.status().message(), HasSubstr("junk"));
    }
  }
  for (const std::string& path : junk) {
    const auto bytes = ReadWholeFile(*disk, path, 100);
    EXPECT_TRUE(bytes.ok() && *bytes == "nothing of ours") << path << " was touched";
  }
}

}  // namespace
}  // namespace mendfs
