#include "meta/commit/history/retention.h"

#include <algorithm>

namespace mendfs {
namespace {

constexpr std::array<int64_t, 3> kStepNs = {kMinuteNs, kHourNs, kDayNs};
// No store closes commits faster, so ages move on whatever the times say.
constexpr int64_t kGapMinNs = 10'000'000;

int64_t AddUpTo(int64_t a, int64_t b) {
  return a > INT64_MAX - b ? INT64_MAX : a + b;
}

// How far `newer` is behind `older`; less than 0 when it is dated before it.
int64_t GapOf(int64_t newer, int64_t older) {
  if (newer < older) return -1;
  const uint64_t gap = static_cast<uint64_t>(newer) - static_cast<uint64_t>(older);
  return static_cast<int64_t>(std::min<uint64_t>(gap, INT64_MAX));
}

// Steps lie on the calendar, also before 1970.
int64_t StepOf(int64_t time_ns, int64_t step_ns) {
  const int64_t whole = time_ns / step_ns;
  return time_ns % step_ns < 0 ? whole - 1 : whole;
}

}  // namespace

RetentionWalk::RetentionWalk(const RetentionPolicy& policy, int64_t idle_ns)
    : policy_(policy), idle_ns_(std::max<int64_t>(idle_ns, 0)), same_until_idle_ns_(INT64_MAX) {
  age_ns_.fill(idle_ns_);
}

bool RetentionWalk::Keeps(int64_t time_ns) {
  if (kept_ == 0) {
    newer_time_ns_ = time_ns;
    kept_ = 1;
    return true;
  }
  const int64_t gap = GapOf(newer_time_ns_, time_ns);
  std::array<bool, kSteps> is_last{};
  for (size_t i = 0; i < kSteps; ++i) {
    const int64_t step = kStepNs[i];
    age_ns_[i] = AddUpTo(age_ns_[i], gap < 0 ? step : std::clamp(gap, kGapMinNs, 2 * step));
    is_last[i] = StepOf(time_ns, step) != StepOf(newer_time_ns_, step);
  }
  newer_time_ns_ = time_ns;
  if (kept_ >= kKeptCommitsMax || !KeepsOlder(is_last)) return false;
  ++kept_;
  return true;
}

bool RetentionWalk::KeepsOlder(const std::array<bool, kSteps>& is_last) {
  const std::array<int64_t, kSteps> windows = {policy_.per_minute_ns, policy_.per_hour_ns,
                                               policy_.per_day_ns};
  int64_t left = policy_.all_ns - age_ns_[0];
  for (size_t i = 0; i < kSteps; ++i) {
    if (is_last[i]) left = std::max(left, windows[i] - age_ns_[i]);
  }
  if (left <= 0) return false;
  same_until_idle_ns_ = std::min(same_until_idle_ns_, AddUpTo(idle_ns_, left));
  return true;
}

}  // namespace mendfs
