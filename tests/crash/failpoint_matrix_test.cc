// Every failpoint of the catalogue as an error, as no space, as a crash and as a crash with a power
// cut, while plans run and while their crashes are recovered from.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "meta/base/failpoint.h"
#include "tests/crash/figures.h"
#include "tests/crash/plan.h"

namespace mendfs {
namespace {

constexpr size_t kPoints = static_cast<size_t>(Failpoint::kCount);

// Which plan of AllPlans reaches a failpoint. A failpoint that is new needs a line here and, where
// no plan does what passes it, a step of some kind in tests/crash/steps.cc.
const std::map<Failpoint, std::string>& PlanOf() {
  static const std::map<Failpoint, std::string> plans = {
      {Failpoint::kJournalBeforeAppend, "names"},    {Failpoint::kJournalAfterAppend, "names"},
      {Failpoint::kJournalBeforeSync, "names"},      {Failpoint::kJournalAfterSync, "names"},
      {Failpoint::kFoldBeforeWrite, "rows"},         {Failpoint::kFoldAfterWrite, "rows"},
      {Failpoint::kFoldBetweenParts, "rows"},        {Failpoint::kCommitBeforeClose, "rows"},
      {Failpoint::kCommitAfterClose, "rows"},        {Failpoint::kObjectBeforeSync, "bodies"},
      {Failpoint::kObjectBeforeRename, "bodies"},    {Failpoint::kObjectAfterRename, "bodies"},
      {Failpoint::kPackAfterCreate, "bodies"},       {Failpoint::kPackAfterName, "bodies"},
      {Failpoint::kPackAfterAppend, "bodies"},       {Failpoint::kPackAfterSync, "bodies"},
      {Failpoint::kPackAfterSeal, "bodies"},         {Failpoint::kBlobAfterCreate, "bodies"},
      {Failpoint::kBlobAfterName, "bodies"},         {Failpoint::kBlobAfterAppend, "bodies"},
      {Failpoint::kBlobAfterSync, "bodies"},         {Failpoint::kBlobAfterMeta, "bodies"},
      {Failpoint::kBlobAfterSeal, "bodies"},         {Failpoint::kJournalBeforeSeal, "rows"},
      {Failpoint::kJournalAfterSeal, "rows"},        {Failpoint::kMoveAfterCopy, "bodies"},
      {Failpoint::kMoveAfterRewrite, "bodies"},      {Failpoint::kRemoveAfterRecord, "bodies"},
      {Failpoint::kRemoveAfterFlush, "bodies"},      {Failpoint::kRemoveAfterFiles, "bodies"},
      {Failpoint::kRewriteBeforeWrite, "rows"},      {Failpoint::kRewriteAfterWrite, "rows"},
      {Failpoint::kHistoryAfterDrop, "rows"},        {Failpoint::kHistoryAfterFold, "rows"},
      {Failpoint::kHistoryAfterChunk, "rows"},       {Failpoint::kHistoryAfterLast, "rows"},
      {Failpoint::kLoadAfterInput, "bulk"},          {Failpoint::kIntentBeforeSidecar, "bulk"},
      {Failpoint::kIntentAfterSidecar, "bulk"},      {Failpoint::kIntentBeforeConfirm, "bulk"},
      {Failpoint::kIntentAfterConfirm, "bulk"},      {Failpoint::kIntentAfterPublish, "bulk"},
      {Failpoint::kIntentAfterFlush, "bulk"},        {Failpoint::kIntentAfterClear, "bulk"},
      {Failpoint::kSweepBeforeChunk, "rows"},        {Failpoint::kSweepAfterChunk, "rows"},
      {Failpoint::kSnapshotAfterPin, "snapshots"},   {Failpoint::kSnapshotAfterRow, "snapshots"},
      {Failpoint::kSnapshotAfterClear, "snapshots"},
  };
  return plans;
}

// Passed by no plan without trouble, and tried where they are.
const std::map<Failpoint, std::string>& Elsewhere() {
  static const std::map<Failpoint, std::string> places = {
      {Failpoint::kRecoverBeforeDecide, "tests/intent"},
      {Failpoint::kRecoverAfterAudit, "tests/intent"},
      {Failpoint::kRecoverAfterObjects, "tests/intent"},
  };
  return places;
}

const Plan& PlanNamed(const std::string& name) {
  const auto& plans = AllPlans();
  const auto found =
      std::find_if(plans.begin(), plans.end(), [&](const Plan& plan) { return plan.name == name; });
  EXPECT_NE(found, plans.end()) << name;
  return *found;
}

uint64_t HitsOf(Failpoint point) {
  return FailpointHits()[static_cast<size_t>(point)];
}

std::string Sentence(Failpoint point, const Plan& plan, uint64_t hit, std::string_view how) {
  return std::string(FailpointName(point)) + " at hit " + std::to_string(hit) + " of plan " +
         plan.name + ", as " + std::string(how) + ": ";
}

// The first, the last and some between.
std::vector<uint64_t> HitsToTry(uint64_t hits, uint64_t wanted) {
  std::set<uint64_t> chosen;
  for (uint64_t i = 0; i < wanted && hits > 0; ++i) {
    chosen.insert(1 + i * (hits - 1) / std::max<uint64_t>(wanted - 1, 1));
  }
  return {chosen.begin(), chosen.end()};
}

class FailpointMatrixTest : public testing::TestWithParam<size_t> {
 protected:
  static void SetUpTestSuite() { CountFailpointHits(); }
  ~FailpointMatrixTest() override { DisarmFailpoints(); }

  Failpoint point() const { return static_cast<Failpoint>(GetParam()); }

  uint64_t HitsOfRun(const Plan& plan) {
    const uint64_t before = HitsOf(point());
    PlanRun run(plan);
    const Status status = run.Run({.begin = [](SimDisk&) {}, .end = [](SimDisk&) {}});
    EXPECT_TRUE(status.ok()) << status.ToString();
    return HitsOf(point()) - before;
  }

  void TryAnswer(const Plan& plan, uint64_t hit, FailAction action, std::string_view how) {
    PlanRun run(plan);
    const Status status = run.Run(
        {.begin = [&](SimDisk&) { ArmFailpoint(point(), action, static_cast<unsigned>(hit)); },
         .end = [](SimDisk&) { DisarmFailpoints(); }});
    DisarmFailpoints();
    ASSERT_TRUE(status.ok()) << Sentence(point(), plan, hit, how) << status.ToString();
    ++tried_;
  }

  void TryCrashes(const Plan& plan, uint64_t hit) {
    PlanRun run(plan);
    std::unique_ptr<SimDisk> died;
    size_t oldest = 0;
    size_t newest = 0;
    const Status status = run.Run({.begin =
                                       [&](SimDisk& disk) {
                                         CallAtFailpoint(
                                             point(),
                                             [&] {
                                               oldest = run.oldest();
                                               newest = run.newest();
                                               died = disk.Fork();
                                             },
                                             static_cast<unsigned>(hit));
                                       },
                                   .end = [](SimDisk&) { DisarmFailpoints(); }});
    ASSERT_TRUE(status.ok()) << status.ToString();
    if (!died) return;  // this time the store's own threads passed it less often
    for (uint64_t seed = 0; seed <= 4; ++seed) {
      const auto world = died->Fork();
      if (seed > 0) world->PowerCut(seed);
      const std::string how = seed == 0 ? "a crash" : "a power cut (" + std::to_string(seed) + ")";
      if (seed < (LongRun() ? 3 : 2)) {
        ASSERT_NO_FATAL_FAILURE(
            TryRecovery(*world, run, oldest, newest, Sentence(point(), plan, hit, how)));
      }
      const Status tried = run.TryCrash(*world, oldest, newest);
      ASSERT_TRUE(tried.ok()) << Sentence(point(), plan, hit, how) << tried.ToString();
      ++tried_;
    }
  }

  // Each failpoint that the recovery of this world passes, as everything again.
  void TryRecovery(SimDisk& world, PlanRun& run, size_t oldest, size_t newest,
                   const std::string& sentence) {
    const auto before = FailpointHits();
    {
      const auto probe = world.Fork();
      const auto session = Session::Open(*probe, CrashOpenOptions());
      ASSERT_TRUE(session.ok()) << sentence << session.status().ToString();
    }
    const auto after = FailpointHits();
    for (size_t index = 0; index < kPoints; ++index) {
      if (after[index] == before[index]) continue;
      const auto inner = static_cast<Failpoint>(index);
      const std::string place = sentence + "inside recovery " + std::string(FailpointName(inner));
      for (const FailAction action : {FailAction::kError, FailAction::kNoSpace}) {
        const auto disk = world.Fork();
        ArmFailpoint(inner, action);
        Session::Open(*disk, CrashOpenOptions()).status().IgnoreError();
        DisarmFailpoints();
        const Status tried = run.TryCrash(*disk, oldest, newest);
        ASSERT_TRUE(tried.ok()) << place << ": " << tried.ToString();
        ++tried_inside_;
      }
      const auto disk = world.Fork();
      std::unique_ptr<SimDisk> died;
      CallAtFailpoint(inner, [&] { died = disk->Fork(); });
      Session::Open(*disk, CrashOpenOptions()).status().IgnoreError();
      DisarmFailpoints();
      if (!died) continue;
      for (uint64_t seed = 0; seed <= 2; ++seed) {
        const auto again = died->Fork();
        if (seed > 0) again->PowerCut(seed);
        const Status tried = run.TryCrash(*again, oldest, newest);
        ASSERT_TRUE(tried.ok()) << place << " crashes (" << seed << "): " << tried.ToString();
        ++tried_inside_;
      }
    }
  }

  void TryAll(const Plan& plan, uint64_t hits, uint64_t wanted) {
    for (const uint64_t hit : HitsToTry(hits, wanted)) {
      ASSERT_NO_FATAL_FAILURE(TryAnswer(plan, hit, FailAction::kError, "an error"));
      ASSERT_NO_FATAL_FAILURE(TryAnswer(plan, hit, FailAction::kNoSpace, "no space"));
      ASSERT_NO_FATAL_FAILURE(TryCrashes(plan, hit));
    }
  }

  uint64_t tried_ = 0;
  uint64_t tried_inside_ = 0;
};

TEST_P(FailpointMatrixTest, IsReachedAndSurvived) {
  const std::string name(FailpointName(point()));
  PrintFigure("failpoints", 1);
  if (Elsewhere().contains(point())) {
    for (const Plan& plan : AllPlans()) {
      ASSERT_EQ(HitsOfRun(plan), 0u)
          << name << " is reached by plan " << plan.name
          << " now: move its line from Elsewhere to PlanOf in tests/crash/failpoint_matrix_test.cc";
    }
    return;
  }
  ASSERT_TRUE(PlanOf().contains(point()))
      << name << " is in the catalogue and in no line of PlanOf in "
      << "tests/crash/failpoint_matrix_test.cc: add {Failpoint::k…, \"<plan>\"} with a plan of "
      << "AllPlans (tests/crash/plan.cc) that passes it; where none does, give the steps of a mix "
      << "what does (tests/crash/steps.cc)";
  const Plan& plan = PlanNamed(PlanOf().at(point()));
  const uint64_t hits = HitsOfRun(plan);
  ASSERT_GT(hits, 0u) << name << " is not reached by plan " << plan.name
                      << ", which PlanOf in tests/crash/failpoint_matrix_test.cc names for it";
  ASSERT_NO_FATAL_FAILURE(TryAll(plan, hits, LongRun() ? 6 : 2));
  // Others may pass it too, on other ways.
  for (const Plan& other : AllPlans()) {
    if (!LongRun() || other.name == plan.name) continue;
    ASSERT_NO_FATAL_FAILURE(TryAll(other, HitsOfRun(other), 2));
  }
  PrintFigure("failpoints_reached", 1);
  PrintFigure("failpoint_trials", tried_);
  PrintFigure("failpoint_trials_in_recovery", tried_inside_);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, FailpointMatrixTest, testing::Range(size_t{0}, kPoints),
                         [](const testing::TestParamInfo<size_t>& point) {
                           std::string name(FailpointName(static_cast<Failpoint>(point.param)));
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace mendfs
