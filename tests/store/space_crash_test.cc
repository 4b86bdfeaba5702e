// Giving space back on a disk that loses power, fails and stops at any point: every file holds what
// it held, every object has a row and every row its object, and a check finds nothing. Each rule of
// the order has a defect that breaks it, and a test that sees it.
#include <gtest/gtest.h>

#include "meta/base/failpoint.h"
#include "reconcile/check/fsck.h"
#include "tests/store/body_history.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

OpenOptions EagerOptions() {
  OpenOptions options = BodyHistory::Options();
  options.space.garbage_bytes_min = 0;
  options.space.live_percent_max = 90;
  options.space.journal_kept_bytes = 400'000;
  return options;
}

constexpr unsigned kReclaims = 15;  // of 100 steps

void ExpectCleanCheck(BodyHistory& history) {
  history.Open();
  history.Die();
  const auto report = CheckStore(history.disk(), "/store", {.data = true}, {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->complete);
  for (const Finding& finding : report->findings) {
    ADD_FAILURE() << finding.kind << " " << finding.subject << ": " << finding.sentence;
  }
}

TEST(SpaceCrashTest, PowerCutsLeaveAStateSinceTheLastFlush) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 6; ++run) {
    BodyHistory history(seed + run, EagerOptions(), kReclaims);
    for (int life = 0; life < 8; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.Work(static_cast<int>(history.random()() % 40));
      history.disk().PowerCut(history.random()());
      history.Die();
    }
    ExpectCleanCheck(history);
  }
}

TEST(SpaceCrashTest, DyingAtAnyWriteLeavesAStateSinceTheLastFlush) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 6; ++run) {
    BodyHistory history(seed + run, EagerOptions(), kReclaims);
    for (int life = 0; life < 12; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.Work(static_cast<int>(history.random()() % 10));
      history.disk().StopAt(1 + history.random()() % 200);
      history.store().Reclaim(ReclaimHow::kPressing).status().IgnoreError();
      history.Work(10);
      history.disk().PowerCut(history.random()());
      history.Die();
    }
    ExpectCleanCheck(history);
  }
}

TEST(SpaceCrashTest, DyingWhileRecoveringIsRecoveredFrom) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 4; ++run) {
    BodyHistory history(seed + run, EagerOptions(), kReclaims);
    for (int life = 0; life < 4; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.Work(20);
      ArmFailpoint(Failpoint::kRemoveAfterFlush, FailAction::kError);
      history.store().Reclaim(ReclaimHow::kPressing).status().IgnoreError();
      DisarmFailpoints();
      history.disk().PowerCut(history.random()());
      history.Die();
      for (uint64_t k = 1; k < 40; k += 3) {
        history.disk().StopAt(k);
        { auto store = Store::Open(history.disk(), "/store", EagerOptions()); }
        history.disk().PowerCut(history.random()());
      }
    }
    ExpectCleanCheck(history);
  }
}

TEST(SpaceCrashTest, AFailingCallLosesNothing) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t k = 1; k < 100; k += 2) {
    BodyHistory history(seed, EagerOptions(), kReclaims);
    history.Open();
    history.Work(25);
    history.disk().FailCall(k, k % 4 == 1 ? Code::kNoSpace : Code::kIo,
                            k % 3 == 0 ? CallScope::kAny : CallScope::kMutating);
    history.store().Reclaim(ReclaimHow::kPressing).status().IgnoreError();
    for (int i = 0; i < 2; ++i) history.Work(12);
    history.disk().ClearFault();
    history.Die();
    ExpectCleanCheck(history);
    if (testing::Test::HasFailure()) FAIL() << "call " << k;
  }
}

TEST(SpaceCrashTest, EveryFailpointIsReachedAndSurvived) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (const Failpoint point :
       {Failpoint::kMoveAfterCopy, Failpoint::kRewriteBeforeWrite, Failpoint::kRewriteAfterWrite,
        Failpoint::kMoveAfterRewrite, Failpoint::kRemoveAfterRecord, Failpoint::kRemoveAfterFlush,
        Failpoint::kRemoveAfterFiles, Failpoint::kJournalBeforeSeal,
        Failpoint::kJournalAfterSeal}) {
    for (const bool cut : {false, true}) {
      BodyHistory history(seed, EagerOptions(), kReclaims);
      history.Open();
      CountFailpointHits();
      const uint64_t before = FailpointHits()[static_cast<size_t>(point)];
      for (int i = 0; i < 5; ++i) {
        ArmFailpoint(point, i % 2 == 0 ? FailAction::kError : FailAction::kNoSpace);
        history.Work(30);
        history.store().Reclaim(ReclaimHow::kPressing).status().IgnoreError();
      }
      DisarmFailpoints();
      if (cut) history.disk().PowerCut(history.random()());
      history.Die();
      EXPECT_GE(FailpointHits()[static_cast<size_t>(point)], before + 1) << FailpointName(point);
      ExpectCleanCheck(history);
      if (testing::Test::HasFailure()) FAIL() << FailpointName(point);
    }
  }
}

// ------------------------------------------------------------------------------ planted defects
// Is anything wrong after lives that end anywhere within a cycle?
bool IsSeen(const SpaceDefects& defects, uint64_t seeds = 40) {
  bool seen = false;
  OpenOptions options = EagerOptions();
  options.space.defects = defects;
  options.blob_begin_bytes = uint64_t{1} << 40;  // all goes to packs, which are removed more often
  for (uint64_t seed = 1; seed < seeds && !seen; ++seed) {
    BodyHistory history(seed, options, kReclaims);
    for (int life = 0; life < 6 && !seen; ++life) {
      seen = !history.TryOpen().empty();
      if (seen) break;
      history.Work(20);
      history.disk().StopAt(1 + history.random()() % 200);
      history.store().Reclaim(ReclaimHow::kPressing).status().IgnoreError();
      history.disk().PowerCut(history.random()());
      history.Die();
    }
  }
  return seen;
}

TEST(SpaceCrashTest, WithoutADefectNothingIsSeen) {
  EXPECT_FALSE(IsSeen({}, 8));
}

TEST(SpaceCrashTest, PlantedDefectPackRemovedBeforeTheRewriteIsSeen) {
  EXPECT_TRUE(IsSeen({.remove_before_rewrite = true}));
}

TEST(SpaceCrashTest, PlantedDefectFileRemovedBeforeItsDoomedRowIsSeen) {
  EXPECT_TRUE(IsSeen({.remove_file_first = true}));
}

}  // namespace
}  // namespace mendfs
