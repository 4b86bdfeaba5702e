// Bodies in packs and blobs on the simulated disk: power cuts, dying processes and failing calls at
// any point. Afterwards every file holds what some change left, in order, and what was flushed is
// there.
#include <gtest/gtest.h>

#include "meta/base/failpoint.h"
#include "tests/store/body_history.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

TEST(BodyCrashTest, PowerCutsLeaveAStateSinceTheLastFlush) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 8; ++run) {
    BodyHistory history(seed + run);
    for (int life = 0; life < 8; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.Work(static_cast<int>(history.random()() % 30));
      history.disk().PowerCut(history.random()());
      history.Die();
    }
  }
}

TEST(BodyCrashTest, DyingAtAnyWriteLeavesAStateSinceTheLastFlush) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 6; ++run) {
    BodyHistory history(seed + run);
    for (int life = 0; life < 12; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.disk().StopAt(1 + history.random()() % 90);
      history.Work(30);
      history.disk().PowerCut(history.random()());
      history.Die();
    }
  }
}

TEST(BodyCrashTest, DyingWhileClosingOrRecoveringIsRecoveredFrom) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t run = 0; run < 4; ++run) {
    BodyHistory history(seed + run);
    for (int life = 0; life < 4; ++life) {
      history.Open();
      if (testing::Test::HasFatalFailure()) return;
      history.Work(20);
      history.disk().StopAt(1 + history.random()() % 40);
      history.Die();
      history.disk().PowerCut(history.random()());
      for (uint64_t k = 1; k < 40; k += 3) {
        history.disk().StopAt(k);
        { auto store = Store::Open(history.disk(), "/store", BodyHistory::Options()); }
        history.disk().PowerCut(history.random()());
      }
    }
  }
}

TEST(BodyCrashTest, AFailingCallLosesNothingThatWasFlushed) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t k = 1; k < 150; k += 2) {
    BodyHistory history(seed);
    history.Open();
    history.disk().FailCall(k, k % 4 == 1 ? Code::kNoSpace : Code::kIo, CallScope::kMutating);
    for (int i = 0; i < 3; ++i) history.Work(12);
    history.disk().ClearFault();
    history.Die();
    history.Open();
    if (testing::Test::HasFatalFailure()) {
      FAIL() << "call " << k;
    }
  }
}

TEST(BodyCrashTest, EveryFailpointOfPacksAndBlobsIsReachedAndSurvived) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (const Failpoint point :
       {Failpoint::kPackAfterCreate, Failpoint::kPackAfterName, Failpoint::kPackAfterAppend,
        Failpoint::kPackAfterSync, Failpoint::kPackAfterSeal, Failpoint::kBlobAfterCreate,
        Failpoint::kBlobAfterName, Failpoint::kBlobAfterAppend, Failpoint::kBlobAfterSync,
        Failpoint::kBlobAfterMeta, Failpoint::kBlobAfterSeal}) {
    for (const FailAction action : {FailAction::kError, FailAction::kNoSpace}) {
      BodyHistory history(seed);
      history.Open();
      CountFailpointHits();
      const uint64_t before = FailpointHits()[static_cast<size_t>(point)];
      ArmFailpoint(point, action, 2);
      for (int i = 0; i < 3; ++i) history.Work(30);
      history.Die();
      DisarmFailpoints();
      EXPECT_GE(FailpointHits()[static_cast<size_t>(point)], before + 2) << FailpointName(point);
      history.Open();
      if (testing::Test::HasFatalFailure()) {
        FAIL() << FailpointName(point);
      }
    }
  }
}

}  // namespace
}  // namespace mendfs
