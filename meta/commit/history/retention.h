// Which commits of a branch are kept: every one for a while, then one a minute, an hour, a day.
//
// A pure function of the times along the chain. A commit is kept while its age is below `all`, or
// below a step's window if it is the last of its minute, hour or day; the newest always. As what is
// kept is always the last of something, thinning again what was thinned takes nothing more.
//
// Age is not today's date less the commit's: that clock can be set, and would take all history at
// once. It is the sum of the gaps between neighbours from the newest commit back, and a gap counts
// for at most two steps of the window that is asked about: at most two minutes of the windows in
// minutes, two hours, two days. A commit that is dated behind its successor counts one step. Behind
// the newest commit only the time counts that the caller has waited itself. So a clock that jumps,
// either way and by any distance, costs two steps; and history never goes sooner than it should.
//
// Why: docs/decisions/0012-history.md
// Units:    times and ages in nanoseconds
// Threads:  a value; one owner
// Cost:     O(1) a commit
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace mendfs {

inline constexpr int64_t kSecondNs = 1'000'000'000;
inline constexpr int64_t kMinuteNs = 60 * kSecondNs;
inline constexpr int64_t kHourNs = 60 * kMinuteNs;
inline constexpr int64_t kDayNs = 24 * kHourNs;

// How long; 0: not at all.
struct RetentionPolicy {
  int64_t all_ns = 10 * kMinuteNs;
  int64_t per_minute_ns = kHourNs;
  int64_t per_hour_ns = kDayNs;
  int64_t per_day_ns = 30 * kDayNs;
  // What older commits may take on the disk; the oldest go first. Nothing: a part of the disk.
  std::optional<uint64_t> bytes_max;
  unsigned percent_max = 10;
  friend bool operator==(const RetentionPolicy&, const RetentionPolicy&) = default;
};

// Nothing but the newest commit.
inline constexpr RetentionPolicy kKeepNewestOnly{0, 0, 0, 0, std::nullopt, 100};
// Of a branch, the newest; what is older goes whatever the policy says.
inline constexpr size_t kKeptCommitsMax = 1 << 20;

class RetentionWalk {
 public:
  // `idle_ns`: for how long the newest commit has been the newest, by a clock that cannot be set.
  RetentionWalk(const RetentionPolicy& policy, int64_t idle_ns);

  // Asked once for each commit of the branch, from the newest to the oldest.
  bool Keeps(int64_t time_ns);
  // The answers stay the same while the idle time is below this and no commit is made; INT64_MAX:
  // for ever.
  int64_t same_until_idle_ns() const { return same_until_idle_ns_; }

 private:
  static constexpr size_t kSteps = 3;  // minute, hour, day

  bool KeepsOlder(const std::array<bool, kSteps>& is_last);

  const RetentionPolicy policy_;
  const int64_t idle_ns_;
  int64_t same_until_idle_ns_;
  int64_t newer_time_ns_ = 0;
  std::array<int64_t, kSteps> age_ns_;  // of the present commit, counted in each step
  size_t kept_ = 0;
};

}  // namespace mendfs
