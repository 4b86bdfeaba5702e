#include "meta/refs.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "meta/commit/load/load_condition.h"
#include "meta/snapshots.h"
#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

constexpr size_t kPageCommits = 256;
constexpr std::string_view kHead = "HEAD";
constexpr std::string_view kAgo = "-ago";
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kDaySeconds = 86'400;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<uint64_t> ParseCount(std::string_view digits) {
  uint64_t count = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (digits.empty() || error != std::errc() || rest != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return count;
}

// Commits of a branch, newest first.
class Walk {
 public:
  Walk(const Store& store, BranchId branch) : store_(store), branch_(branch) {}

  // nullptr at the end; valid until the next call.
  Result<const CommitRow*> Next() {
    if (next_ == page_.size() && !ended_) {
      MENDFS_ASSIGN_OR_RETURN(page_, store_.Log(branch_, before_, kPageCommits));
      next_ = 0;
      ended_ = page_.size() < kPageCommits;
      if (!page_.empty()) before_ = page_.back().seq;
    }
    return next_ == page_.size() ? nullptr : &page_[next_++];
  }

 private:
  const Store& store_;
  const BranchId branch_;
  std::vector<CommitRow> page_;
  size_t next_ = 0;
  Seq before_ = kHeadSeq;
  bool ended_ = false;
};

Status NotKept(std::string_view ref, const std::string& what) {
  return {Code::kNotFound, "\"" + std::string(ref) + "\": " + what +
                               "; history is thinned as it ages, and `mendfs log` lists the "
                               "commits that are kept"};
}

Result<CommitRow> FindBefore(const Store& store, BranchId branch, std::string_view ref,
                             uint64_t steps) {
  Walk walk(store, branch);
  for (uint64_t step = 0;; ++step) {
    MENDFS_ASSIGN_OR_RETURN(const CommitRow* commit, walk.Next());
    if (commit == nullptr) {
      return NotKept(ref, "there are only " + std::to_string(step) + " commits");
    }
    if (step == steps) return *commit;
  }
}

// The newest one made at `time_ns` or before. Times of commits may jump; the order is theirs.
Result<CommitRow> FindByTime(const Store& store, BranchId branch, std::string_view ref,
                             int64_t time_ns) {
  Walk walk(store, branch);
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const CommitRow* commit, walk.Next());
    if (commit == nullptr) return NotKept(ref, "no commit that is kept is as old as that");
    if (commit->time_ns <= time_ns) return *commit;
  }
}

std::optional<int64_t> SecondsOf(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return kDaySeconds;
    case 'w': return 7 * kDaySeconds;
    default: return std::nullopt;
  }
}

// Nanoseconds reach to the year 2262, and no commit is behind that.
int64_t NsOf(int64_t seconds) {
  constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / kNsPerSecond - 1;
  return std::clamp(seconds, -kSecondsMax, kSecondsMax) * kNsPerSecond;
}

// Nothing when the words are no time.
std::optional<int64_t> TimeOf(std::string_view ref, int64_t now_ns) {
  if (ref.ends_with(kAgo) && ref.size() > kAgo.size() + 1) {
    const std::string_view amount = ref.substr(0, ref.size() - kAgo.size());
    const auto unit = SecondsOf(amount.back());
    const auto count = ParseCount(amount.substr(0, amount.size() - 1));
    if (!unit || !count) return std::nullopt;
    const uint64_t most = static_cast<uint64_t>(now_ns / kNsPerSecond / *unit);
    return now_ns - static_cast<int64_t>(std::min(*count, most)) * *unit * kNsPerSecond;
  }
  if (const auto day = ParseDate(ref)) return NsOf((int64_t{*day} + 1) * kDaySeconds) - 1;
  const auto instant = ParseDateTime(ref);
  if (!instant) return std::nullopt;
  return NsOf(instant->seconds) + instant->nanoseconds;
}

}  // namespace

bool IsTimeRef(std::string_view text) {
  return TimeOf(text, 0).has_value();
}

bool ReadsAsRef(std::string_view text) {
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (text.size() >= kCommitDigitsMin && std::all_of(text.begin(), text.end(), is_hex)) return true;
  if (text == kHead || text.starts_with("HEAD~") || text.ends_with(kAgo)) return true;
  // Dates that are none, too: 2026-02-30.
  constexpr std::string_view kDateForm = "0000-00-00";
  if (text.size() < kDateForm.size()) return false;
  for (size_t i = 0; i < kDateForm.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kDateForm[i] == '0' ? !digit : text[i] != kDateForm[i]) return false;
  }
  return text.size() == kDateForm.size() || text[kDateForm.size()] == 'T';
}

bool IsCommitId(std::string_view text) {
  return text.size() == kCommitIdTextBytes && IsHex(text);
}

Result<CommitRow> FindCommit(Store& store, BranchId branch, std::string_view ref) {
  if (ref == kHead) return FindBefore(store, branch, ref, 0);
  if (ref.starts_with("HEAD~")) {
    const auto steps = ParseCount(ref.substr(kHead.size() + 1));
    if (steps) return FindBefore(store, branch, ref, *steps);
  }
  if (ref.size() >= kCommitDigitsMin && ref.size() <= kCommitIdTextBytes && IsHex(ref)) {
    return FindCommitById(store, branch, ref);
  }
  const auto time_ns = TimeOf(ref, store.door().NowNs());
  if (time_ns) return FindByTime(store, branch, ref, *time_ns);
  const bool may_be_name = CheckSnapshotName(ref).ok();
  if (may_be_name) {
    const Result<SnapshotRow> snapshot = FindSnapshot(store, ref);
    if (snapshot.ok() && snapshot->branch == branch) return CommitOfSnapshot(store, *snapshot);
    if (!snapshot.ok() && snapshot.status().code() != Code::kNotFound) return snapshot.status();
  }
  return Status(
      may_be_name ? Code::kNotFound : Code::kInvalid,
      "\"" + std::string(ref) +
          "\" names no commit: there are 8 or more digits of an id, HEAD, HEAD~3, 2h-ago, "
          "2026-11-20, 2026-11-20T12:30Z and the names of snapshots");
}

}  // namespace mendfs
