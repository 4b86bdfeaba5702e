// Defects that are planted on purpose: each must be seen within a bound, or the tests of this
// folder would not see the real one either.
#include <gtest/gtest.h>

#include "meta/journal/replay_defects.h"
#include "tests/crash/figures.h"
#include "tests/crash/lying_disk.h"
#include "tests/crash/plan.h"

namespace mendfs {
namespace {

constexpr uint64_t kSeedsMax = 15;

Lies::Paths Within(const std::string& part, const std::string& suffix = "") {
  return [part, suffix](const std::string& path) {
    return path.find(part) != std::string::npos && path.ends_with(suffix);
  };
}

HistoryOptions With(Lies lies, const Mix& mix) {
  HistoryOptions options;
  options.mix = mix;
  options.open = CrashOpenOptions();
  options.cuts = 2;
  options.recovery_one_in = 1000;
  options.check_one_in = 4;
  options.defect = [lies](SimDisk& disk) -> std::unique_ptr<Disk> {
    return std::make_unique<LyingDisk>(disk, lies);
  };
  return options;
}

const Mix kRowMix{.names = 2, .bytes = 2, .rows = 6};
const Mix kBodyMix{.names = 2, .bytes = 10, .rows = 0, .large_one_in = 2};
const Mix kBulkMix{.names = 0, .bytes = 0, .rows = 4, .bulk = 8};

// The violation that power cuts show.
std::string SeenByPowerCuts(const HistoryOptions& options) {
  for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    CrashHistory history(seed, options);
    for (int life = 0; life < 3; ++life) {
      const Status status = history.Live();
      if (!status.ok()) return status.ToString();
    }
  }
  return "";
}

// The violation that one failing call of the disk shows.
std::string SeenByFailingCalls(const Lies& lies, CallScope scope, std::string_view plan_name) {
  const auto defect = [&](SimDisk& disk) -> std::unique_ptr<Disk> {
    return std::make_unique<LyingDisk>(disk, lies);
  };
  for (const Plan& plan : AllPlans()) {
    if (plan.name != plan_name) continue;
    bool fired = true;
    for (uint64_t k = 1; fired; ++k) {
      PlanRun run(plan, defect);
      const Status status =
          run.Run({.begin = [&](SimDisk& disk) { disk.FailCall(k, Code::kIo, scope); },
                   .end =
                       [&](SimDisk& disk) {
                         fired = !disk.FaultWaits();
                         disk.ClearFault();
                       }});
      if (!status.ok()) return status.ToString();
    }
  }
  return "";
}

class PlantedDefectTest : public testing::Test {
 protected:
  ~PlantedDefectTest() override { PlantReplayDefects({}); }

  static void ExpectSeen(const std::string& violation) {
    PrintFigure("planted_defects", 1);
    EXPECT_NE(violation, "") << "the planted defect went unseen";
    if (violation.empty()) return;
    PrintFigure("planted_defects_caught", 1);
    RecordProperty("violation", violation.substr(0, 300));
  }
};

TEST_F(PlantedDefectTest, JournalAcknowledgedBeforeItsFlush) {
  ExpectSeen(SeenByPowerCuts(With({.skip_sync = Within("/journal/")}, kRowMix)));
}

TEST_F(PlantedDefectTest, SyncMarkBeforeTheFlush) {
  ExpectSeen(SeenByPowerCuts(With({.late_sync = Within("/journal/")}, kRowMix)));
}

TEST_F(PlantedDefectTest, PackNamedBeforeItIsSynced) {
  ExpectSeen(SeenByPowerCuts(With({.skip_sync = Within("/staging/pack-")}, kBodyMix)));
}

TEST_F(PlantedDefectTest, SegmentNamedBeforeItIsSynced) {
  ExpectSeen(SeenByPowerCuts(With({.skip_sync = Within("/staging/segment-")}, kBulkMix)));
}

TEST_F(PlantedDefectTest, ObjectsDirectoryNotSynced) {
  ExpectSeen(SeenByPowerCuts(With({.skip_sync_dir = Within("/objects")}, kBodyMix)));
}

TEST_F(PlantedDefectTest, JournalDirectoryNotSynced) {
  ExpectSeen(SeenByPowerCuts(With({.skip_sync_dir = Within("/journal")}, kRowMix)));
}

TEST_F(PlantedDefectTest, TableOfLevelDbNamedBeforeItIsSynced) {
  ExpectSeen(SeenByPowerCuts(With({.skip_sync = Within("/manifest/", ".ldb")}, kRowMix)));
}

TEST_F(PlantedDefectTest, ReplayThatIgnoresChecksums) {
  PlantReplayDefects({.ignore_payload_checksums = true});
  ExpectSeen(SeenByPowerCuts(With({}, kRowMix)));
}

TEST_F(PlantedDefectTest, FailedAppendToTheJournalIgnored) {
  ExpectSeen(SeenByFailingCalls({.ignore_write_failure = Within("/journal/")}, CallScope::kMutating,
                                "names"));
}

TEST_F(PlantedDefectTest, FailedWriteToAPackIgnored) {
  ExpectSeen(SeenByFailingCalls({.ignore_write_failure = Within("/staging/")}, CallScope::kMutating,
                                "bodies"));
}

// A listing error that was taken for an empty directory: every path here ends at the position that
// the manifest holds, so the store itself says so.
TEST_F(PlantedDefectTest, FailedListingOfTheJournalTakenForEmpty) {
  const auto disk = FreshStore();
  std::string refusals;
  bool fired = true;
  for (uint64_t k = 1; fired; ++k) {
    const auto fork = disk->Fork();
    LyingDisk over_fork(*fork, {.failed_list_is_empty = Within("/journal")});
    fork->FailCall(k, Code::kIo, CallScope::kReading);
    const Status opened = Session::Open(over_fork, CrashOpenOptions()).status();
    fired = !fork->FaultWaits();
    if (opened.code() == Code::kCorruption) refusals = opened.message();
  }
  EXPECT_NE(refusals.find("the manifest holds"), std::string::npos) << refusals;
  ExpectSeen(refusals);
}

// The harness itself: without a defect nothing is seen.
TEST_F(PlantedDefectTest, WithoutADefectNothingIsSeen) {
  HistoryOptions options = With({}, kBulkMix);
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    CrashHistory history(seed, options);
    const Status status = history.Live();
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
}

}  // namespace
}  // namespace mendfs
