// Power cuts and deaths at every call of seeded histories.
#include <gtest/gtest.h>

#include "tests/crash/figures.h"
#include "tests/crash/history.h"

namespace mendfs {
namespace {

struct Kind {
  const char* name;
  HistoryOptions options;
  uint64_t cuts;  // at least, where no time is given
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

HistoryOptions Options(const Mix& mix) {
  HistoryOptions options;
  options.mix = mix;
  options.open = CrashOpenOptions();
  options.check_one_in = 4;
  return options;
}

HistoryOptions Ticking() {
  HistoryOptions options = Options({.bulk = 1, .large_one_in = 6});
  options.open.commit_interval_ms = 1;
  options.step_pause_ms = 2;
  return options;
}

class PowerCutTest : public testing::TestWithParam<Kind> {};

TEST_P(PowerCutTest, EveryEndLeavesAStateSinceTheLastFlush) {
  const Kind& kind = GetParam();
  CrashRun run(kind.cuts);
  CrashFigures total;
  while (run.GoesOn(total.power_cuts)) {
    const uint64_t seed = run.NextSeed();
    CrashHistory history(seed, kind.options);
    Status status;
    const CrashFigures before = total;
    for (int life = 0; life < 6 && status.ok() && !run.IsEnough(total.power_cuts); ++life) {
      status = history.Live();
      total = before;
      total += history.figures();
    }
    ASSERT_TRUE(status.ok()) << run.Replay(seed) << status.ToString();
  }
  run.Print(total);
}

INSTANTIATE_TEST_SUITE_P(
    Histories, PowerCutTest,
    testing::Values(
        Kind{"Names", Options({.names = 10, .bytes = 2, .rows = 0}), 3000},
        Kind{"Rows", Options({.names = 0, .bytes = 0, .rows = 10}), 3000},
        Kind{"Bodies", Options({.names = 2, .bytes = 10, .rows = 0, .large_one_in = 3}), 3000},
        Kind{"Bulk", Options({.names = 0, .bytes = 0, .rows = 6, .bulk = 4}), 3000},
        Kind{"Snapshots", Options({.names = 3, .bytes = 3, .rows = 3, .upkeep = 2, .snapshots = 4}),
             2000},
        Kind{"All", Options({.bulk = 1}), 6000}, Kind{"Ticking", Ticking(), 3000}),
    [](const testing::TestParamInfo<Kind>& kind) { return kind.param.name; });

}  // namespace
}  // namespace mendfs
