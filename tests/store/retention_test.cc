// Which commits are kept, also when the clock is wrong.
#include "meta/commit/history/retention.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "tests/support/seed.h"

namespace mendfs {
namespace {

using Times = std::vector<int64_t>;  // oldest first

// 2026-11-20 00:00, on every step of the calendar.
constexpr int64_t kMidnight = int64_t{1'795'132'800} * kSecondNs;

// What is kept, oldest first.
Times Thin(const Times& times, const RetentionPolicy& policy = {}, int64_t idle_ns = 0) {
  RetentionWalk walk(policy, idle_ns);
  Times kept;
  for (auto time = times.rbegin(); time != times.rend(); ++time) {
    if (walk.Keeps(*time)) kept.insert(kept.begin(), *time);
  }
  return kept;
}

Times Every(int64_t step_ns, int64_t first, int64_t last) {
  Times times;
  for (int64_t time = first; time <= last; time += step_ns) times.push_back(time);
  return times;
}

size_t CountBetween(const Times& times, int64_t first, int64_t last) {
  size_t count = 0;
  for (const int64_t time : times) count += time >= first && time < last ? 1 : 0;
  return count;
}

void Append(Times& times, const Times& more) {
  times.insert(times.end(), more.begin(), more.end());
}

TEST(RetentionTest, EveryCommitThenTheLastOfEachMinuteHourAndDay) {
  const int64_t now = kMidnight;
  const Times kept = Thin(Every(20 * kSecondNs, now - 40 * kDayNs, now));
  EXPECT_EQ(CountBetween(kept, now - 10 * kMinuteNs + 1, now + 1), 30U);
  EXPECT_EQ(CountBetween(kept, now - kHourNs + 1, now - 10 * kMinuteNs + 1), 50U);
  EXPECT_EQ(CountBetween(kept, now - kDayNs + 1, now - kHourNs + 1), 23U);
  EXPECT_EQ(CountBetween(kept, now - 30 * kDayNs + 1, now - kDayNs + 1), 29U);
  EXPECT_EQ(CountBetween(kept, 0, now - 30 * kDayNs + 1), 0U);
  for (const int64_t time : kept) {
    if (time > now - kDayNs || time == now) continue;
    EXPECT_EQ((time + 20 * kSecondNs) % kDayNs, 0);  // the last of its day
  }
}

TEST(RetentionTest, ThinningAgainTakesNothingMore) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int run = 0; run < 50; ++run) {
    Times times{kMidnight};
    while (times.size() < 3000) {
      const int64_t scale = int64_t{1} << (20 + random() % 28);
      times.push_back(times.back() + static_cast<int64_t>(random() % static_cast<uint64_t>(scale)));
    }
    const Times once = Thin(times);
    EXPECT_EQ(Thin(once), once);
    EXPECT_EQ(once.back(), times.back());
  }
}

// What one run after the other takes is not more than what a late one would.
TEST(RetentionTest, ThinningOftenKeepsNoLessThanTheWindows) {
  Times kept;
  Times all;
  for (int64_t time = kMidnight; time < kMidnight + 3 * kDayNs; time += 30 * kSecondNs) {
    kept.push_back(time);
    all.push_back(time);
    if (all.size() % 20 == 0) kept = Thin(kept);
  }
  const Times late = Thin(all);
  const std::set<int64_t> often(kept.begin(), kept.end());
  for (const int64_t time : late) EXPECT_TRUE(often.count(time)) << (all.back() - time) / kSecondNs;
  EXPECT_LE(kept.size(), late.size() + 20);
}

TEST(RetentionTest, AClockThatJumpsAheadForYearsTakesNoHistoryAtOnce) {
  Times times = Every(20 * kSecondNs, kMidnight - 3 * kDayNs, kMidnight);
  const size_t before = Thin(times).size();
  const int64_t later = kMidnight + 3650 * kDayNs;
  times.push_back(later);
  // At most two steps of each window: 6 of all, 2 minutes, 2 hours, 2 days.
  EXPECT_GE(Thin(times).size() + 12, before);
  // And back: those that are dated ahead are history like any other.
  Append(times, Every(20 * kSecondNs, later, later + kMinuteNs));
  Append(times, Every(20 * kSecondNs, kMidnight + kMinuteNs, kMidnight + 2 * kMinuteNs));
  EXPECT_GE(Thin(times).size() + 24, before);
}

TEST(RetentionTest, AClockThatWasBackForAWhileTakesNoHistory) {
  Times times = Every(20 * kSecondNs, kMidnight - 3 * kDayNs, kMidnight);
  const size_t before = Thin(times).size();
  Append(times, Every(20 * kSecondNs, 0, kMinuteNs));  // 1970
  EXPECT_GE(Thin(times).size() + 12, before);
  Append(times, Every(20 * kSecondNs, kMidnight + 2 * kMinuteNs, kMidnight + 3 * kMinuteNs));
  EXPECT_GE(Thin(times).size() + 24, before);
}

TEST(RetentionTest, WhatIsDatedAheadGoesAsTimeGoesOn) {
  Times times = Every(kMinuteNs, kMidnight + 3650 * kDayNs, kMidnight + 3650 * kDayNs + kHourNs);
  Append(times, Every(kHourNs, kMidnight, kMidnight + 60 * kDayNs));
  const Times kept = Thin(times);
  EXPECT_EQ(CountBetween(kept, kMidnight + 61 * kDayNs, INT64_MAX), 0U);
  EXPECT_EQ(kept.back(), times.back());
}

TEST(RetentionTest, CommitsOfOneInstantAreBoundedAllTheSame) {
  EXPECT_LE(Thin(Times(100'000, kMidnight)).size(), 60'001U);  // 10 minutes of 10 ms
  Times back;
  for (int64_t i = 0; i < 10'000; ++i) back.push_back(kMidnight - i * kDayNs);
  EXPECT_LE(Thin(back).size(), 150U);
}

TEST(RetentionTest, NothingIsKeptButTheNewestWhereAllWindowsAreZero) {
  const Times times = Every(kSecondNs, kMidnight, kMidnight + kMinuteNs);
  EXPECT_EQ(Thin(times, kKeepNewestOnly), Times{times.back()});
  EXPECT_EQ(Thin({kMidnight}, kKeepNewestOnly), Times{kMidnight});
  EXPECT_EQ(Thin({}), Times{});
}

TEST(RetentionTest, EachWindowHasItsEffectAlone) {
  const Times times = Every(20 * kSecondNs, kMidnight - 3 * kDayNs, kMidnight);
  EXPECT_EQ(
      Thin(times, {.all_ns = kMinuteNs, .per_minute_ns = 0, .per_hour_ns = 0, .per_day_ns = 0})
          .size(),
      3U);
  EXPECT_EQ(
      Thin(times, {.all_ns = 0, .per_minute_ns = 5 * kMinuteNs, .per_hour_ns = 0, .per_day_ns = 0})
          .size(),
      6U);
  EXPECT_EQ(
      Thin(times, {.all_ns = 0, .per_minute_ns = 0, .per_hour_ns = 5 * kHourNs, .per_day_ns = 0})
          .size(),
      6U);
  EXPECT_EQ(
      Thin(times, {.all_ns = 0, .per_minute_ns = 0, .per_hour_ns = 0, .per_day_ns = 2 * kDayNs})
          .size(),
      3U);
}

TEST(RetentionTest, TimeWithoutACommitCountsAsFarAsItWasWaited) {
  const Times times = Every(20 * kSecondNs, kMidnight - kDayNs, kMidnight);
  EXPECT_EQ(CountBetween(Thin(times, {}, kHourNs), kMidnight - kHourNs + 1, INT64_MAX),
            2U);  // 23:59:40 too
  EXPECT_EQ(Thin(times, {}, 31 * kDayNs), Times{kMidnight});
  EXPECT_EQ(Thin(times, {}, -5), Thin(times));
}

TEST(RetentionTest, TellsUntilWhenTheAnswersStayTheSame) {
  const Times times = Every(20 * kSecondNs, kMidnight - 2 * kDayNs, kMidnight);
  int64_t idle = 0;
  int changes = 0;
  for (; changes < 1000; ++changes) {
    RetentionWalk walk({}, idle);
    size_t count = 0;
    for (auto time = times.rbegin(); time != times.rend(); ++time) count += walk.Keeps(*time);
    if (walk.same_until_idle_ns() == INT64_MAX) {
      EXPECT_EQ(count, 1U);
      break;
    }
    ASSERT_GT(walk.same_until_idle_ns(), idle);
    EXPECT_EQ(Thin(times, {}, walk.same_until_idle_ns() - 1).size(), count);
    EXPECT_LT(Thin(times, {}, walk.same_until_idle_ns()).size(), count);
    idle = walk.same_until_idle_ns();
  }
  EXPECT_LT(changes, 1000);
}

TEST(RetentionTest, AnyTimesAreTaken) {
  const Times times = {INT64_MIN, INT64_MAX, 0, INT64_MIN, -1, INT64_MAX, INT64_MIN, 1};
  EXPECT_EQ(Thin(times).back(), 1);
  EXPECT_EQ(Thin(times, {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}, INT64_MAX).back(), 1);
}

}  // namespace
}  // namespace mendfs
