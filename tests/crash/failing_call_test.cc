// The k-th call of the disk fails, for k = 1, 2, … until none does: mutating calls with an error,
// as full and cut short, reading calls with an error and cut short.
#include <gtest/gtest.h>

#include "tests/crash/figures.h"
#include "tests/crash/plan.h"

namespace mendfs {
namespace {

enum class Way { kError, kNoSpace, kShort };

struct Sweep {
  const char* name;
  CallScope scope;
  Way way;
};

void Arm(SimDisk& disk, const Sweep& sweep, uint64_t k) {
  switch (sweep.way) {
    case Way::kError: return disk.FailCall(k, Code::kIo, sweep.scope);
    case Way::kNoSpace: return disk.FailCall(k, Code::kNoSpace, sweep.scope);
    case Way::kShort: return disk.ShortenCall(k, sweep.scope);
  }
}

class FailingCallTest : public testing::TestWithParam<Sweep> {};

TEST_P(FailingCallTest, EveryCallOfEveryPlanMayFailOnce) {
  const Sweep& sweep = GetParam();
  const uint64_t stride = LongRun() ? 1 : kShortRunStride;
  uint64_t complete = 0;
  uint64_t failed_calls = 0;
  uint64_t told = 0;
  for (const Plan& plan : AllPlans()) {
    bool fired = true;
    for (uint64_t k = 1 + complete % stride; fired; k += stride) {
      PlanRun run(plan);
      const Status status = run.Run({.begin = [&](SimDisk& disk) { Arm(disk, sweep, k); },
                                     .end =
                                         [&](SimDisk& disk) {
                                           fired = !disk.FaultWaits();
                                           disk.ClearFault();
                                         }});
      ASSERT_TRUE(status.ok()) << "plan " << plan.name << ", call " << k << ": "
                               << status.ToString();
      failed_calls += fired ? 1 : 0;
      told += run.told() ? 1 : 0;
    }
    ++complete;
  }
  EXPECT_GT(told, 0u);
  PrintFigure("sweeps_complete", complete);
  PrintFigure("sweeps", AllPlans().size());
  PrintFigure("failed_calls", failed_calls);
  PrintFigure("failed_calls_told", told);
}

INSTANTIATE_TEST_SUITE_P(
    Sweeps, FailingCallTest,
    testing::Values(Sweep{"MutatingFails", CallScope::kMutating, Way::kError},
                    Sweep{"MutatingFindsNoSpace", CallScope::kMutating, Way::kNoSpace},
                    Sweep{"MutatingIsShort", CallScope::kMutating, Way::kShort},
                    Sweep{"ReadingFails", CallScope::kReading, Way::kError},
                    Sweep{"ReadingIsShort", CallScope::kReading, Way::kShort}),
    [](const testing::TestParamInfo<Sweep>& sweep) { return sweep.param.name; });

}  // namespace
}  // namespace mendfs
