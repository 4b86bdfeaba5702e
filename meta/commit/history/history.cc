#include "meta/commit/history/history.h"

#include <algorithm>
#include <chrono>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/commit/history/earlier_sweep.h"

namespace mendfs {
namespace {

constexpr size_t kPageCommits = 256;
constexpr size_t kDroppedPerChange = 500;
// Between chunks of the background's run: whoever waits for the fold's lock gets it.
constexpr unsigned kPauseMs = 2;
// A run is followed by a rest of this many times what it took.
constexpr int64_t kRestFactor = 19;
constexpr uint64_t kCompactWithinRunBytes = 16 << 20;
constexpr uint64_t kCompactAfterRunBytes = 1 << 20;

int64_t SystemSteadyNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t AddUpTo(int64_t a, int64_t b) {
  return a > INT64_MAX - b ? INT64_MAX : a + b;
}

}  // namespace

// ---------------------------------------------------------------------------------- one at a time
class History::Turn {
 public:
  Turn(History& history, ThinHow how) : history_(history) {
    MutexLock lock(history_.mutex_);
    if (how == ThinHow::kPressing) ++history_.pressing_;
    while (history_.running_) history_.changed_.Wait(history_.mutex_);
    if (how == ThinHow::kPressing) --history_.pressing_;
    history_.running_ = true;
  }
  ~Turn() {
    MutexLock lock(history_.mutex_);
    history_.running_ = false;
    history_.changed_.NotifyAll();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  History& history_;
};

History::History(Manifest& manifest, HistoryHost& host, CommitPins& pins,
                 const RetentionPolicy& policy, std::function<int64_t()> steady_ns)
    : manifest_(manifest),
      host_(host),
      pins_(pins),
      policy_(policy),
      steady_ns_(steady_ns ? std::move(steady_ns) : SystemSteadyNs) {
  due_.looked_ns = steady_ns_();
}

History::~History() {
  Stop();
}

Status History::Load() {
  const auto bytes = manifest_.GetGlobal(HistoryKey());
  if (bytes.status().code() == Code::kNotFound) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(bytes.status());
  auto row = DecodeHistoryRow(*bytes);
  if (row.status().code() == Code::kCorruption) {
    LogLine(LogLevel::kWarning, "history", row.status().message() + "; it is measured anew");
    row = HistoryRow{.owed = 1};
  }
  MENDFS_RETURN_IF_ERROR(row.status());
  UpdateRow([&](HistoryRow& known) { known = *row; });
  return Status::Ok();
}

HistoryRow History::UpdateRow(const std::function<void(HistoryRow&)>& update) {
  MutexLock lock(mutex_);
  update(row_);
  return row_;
}

HistoryRow History::GetRow() const {
  MutexLock lock(mutex_);
  return row_;
}

HistoryStatus History::Describe() const {
  const HistoryRow row = GetRow();
  HistoryStatus status;
  status.judged_ns = row.judged_ns;
  status.commits = row.commits;
  status.oldest = row.oldest;
  status.oldest_ns = row.oldest_ns;
  status.looked_ns = row.looked_ns;
  status.values = row.values;
  status.value_bytes = row.value_bytes;
  status.owed = row.owed;
  status.dropped = row.dropped;
  return status;
}

// ------------------------------------------------------------------------------------ background
void History::Start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
}

void History::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void History::Loop() {
  Status told;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!stop_) changed_.WaitFor(mutex_, kTurnMs);
      if (stop_) return;
    }
    const Status thinned = ThinIfDue();
    // A store that is fenced or full says so elsewhere, and stays so for a while.
    if (!thinned.ok() && thinned.code() != Code::kInterrupted && thinned.code() != told.code()) {
      LogLine(LogLevel::kWarning, "history", "history is not thinned: " + thinned.ToString());
    }
    if (thinned.code() != Code::kInterrupted) told = thinned;
  }
}

// A pause, when the run is the background's; then: is it to go on?
Status History::CheckGoOn(bool paced) {
  MutexLock lock(mutex_);
  if (paced && !stop_ && pressing_ == 0) changed_.WaitFor(mutex_, kPauseMs);
  if (stop_)
    return Status(Code::kInterrupted, "thin history: the store is closed; it goes on later");
  if (paced && pressing_ > 0)
    return Status(Code::kInterrupted, "thin history: a pressing run waits");
  return Status::Ok();
}

bool History::IsMore() const {
  return manifest_.applied() != due_.looked && BoundBytes().has_value();
}

bool History::ShouldLook() const {
  const HistoryRow row = GetRow();
  if (IsMore() && steady_ns_() - due_.looked_ns >= kLookForBytesNs) return true;
  if (row.owed == 0) return false;
  return row.owed >= std::max(kOwedMin, row.commits / 8) ||
         steady_ns_() - due_.looked_ns >= kLookAnywayNs;
}

Status History::ThinIfDue() {
  Turn turn(*this, ThinHow::kByPolicy);
  const int64_t now = steady_ns_();
  if (now < due_.not_before_ns) return Status::Ok();
  bool due = now >= due_.again_ns || ShouldLook();
  for (const auto& [id, row] : manifest_.Branches()) {
    if (row.head == Seq()) continue;
    const auto idle = idle_.find(id);
    due = due || idle == idle_.end() || idle->second.head != row.head;
  }
  if (!due) return Status::Ok();
  Status done = Run(ThinHow::kByPolicy, true);
  const int64_t end = steady_ns_();
  due_.not_before_ns = AddUpTo(end, (end - now) * kRestFactor);
  if (!done.ok()) due_.again_ns = 0;
  return done;
}

Status History::Thin(ThinHow how) {
  Turn turn(*this, how);
  return Run(how, false);
}

Status History::Run(ThinHow how, bool paced) {
  MENDFS_RETURN_IF_ERROR(pins_.CheckTrusted());
  MENDFS_ASSIGN_OR_RETURN(KeptOf kept, DropCommits(how));
  const bool pressing = how == ThinHow::kPressing;
  const bool look = pressing || (paced ? ShouldLook() : GetRow().owed > 0 || IsMore());
  if (!look) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(DropValues(kept, pressing, paced));
  if (pressing) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const bool dropped, DropAboveBound(kept));
  const Status done = dropped ? DropValues(kept, pressing, paced) : Status::Ok();
  due_.looked = manifest_.applied();
  return done;
}

std::optional<uint64_t> History::BoundBytes() const {
  if (policy_.bytes_max) return policy_.bytes_max;
  const uint64_t disk_bytes = host_.DiskBytes();
  if (disk_bytes == 0) return std::nullopt;
  return disk_bytes / 100 * policy_.percent_max;
}

// Of main, whose commits can be many; a fork keeps what it needs. What the values of the last look
// say of themselves is more than packs hold where runs are shared, so it is scaled to that; what
// packs hold may be garbage that is not seen as such, so what values say bounds it.
Result<bool> History::DropAboveBound(KeptOf& kept) {
  const auto bound = BoundBytes();
  const auto own = kept.find(kMainBranch);
  if (!bound || own == kept.end()) return false;
  const uint64_t value_bytes = GetRow().value_bytes;
  MENDFS_ASSIGN_OR_RETURN(const uint64_t older_bytes, host_.CountOlderBytes());
  uint64_t said = 0;
  for (const auto& [moment, bytes] : freed_with_) said += bytes;
  const uint64_t total = std::min(value_bytes + older_bytes, said);
  if (total <= *bound) return false;
  const double scale = static_cast<double>(total) / static_cast<double>(said);
  const std::vector<Seq> pinned = PinnedOf(kMainBranch);
  std::vector<Seq> dropped;
  std::vector<Seq> stays;
  auto freed = freed_with_.begin();
  double gone = 0;
  for (const Seq commit : own->second.commits) {
    const bool enough = static_cast<double>(total) - gone <= static_cast<double>(*bound);
    const bool is_pinned = std::find(pinned.begin(), pinned.end(), commit) != pinned.end();
    if (enough || is_pinned || commit == own->second.newest) {
      stays.push_back(commit);
      continue;
    }
    dropped.push_back(commit);
    for (; freed != freed_with_.end() && freed->first < commit; ++freed) {
    }
    if (freed != freed_with_.end() && freed->first == commit) {
      gone += scale * static_cast<double>(freed->second);
    }
  }
  if (dropped.empty()) return false;
  LogLine(LogLevel::kInfo, "history", "older commits took more than they may",
          {{"bytes", std::to_string(total)},
           {"bound", std::to_string(*bound)},
           {"commits_gone", std::to_string(dropped.size())}});
  const auto append = [this](const Change& change) { return host_.Apply(change).status(); };
  MENDFS_ASSIGN_OR_RETURN(const auto named, Drop(kMainBranch, dropped, append));
  stays.insert(stays.end(), named.begin(), named.end());
  std::sort(stays.begin(), stays.end());
  own->second.commits = std::move(stays);
  const Seq oldest = own->second.commits.front();
  MENDFS_ASSIGN_OR_RETURN(const auto row, host_.Log(kMainBranch, Seq(oldest.value + 1), 1));
  UpdateRow([&](HistoryRow& known) {
    known.commits -= std::min<uint64_t>(known.commits, dropped.size() - named.size());
    known.oldest = oldest;
    if (!row.empty()) known.oldest_ns = row.front().time_ns;
  });
  return true;
}

// --------------------------------------------------------------------------------------- commits
int64_t History::IdleOf(BranchId branch, Seq head) {
  Idle& idle = idle_[branch];
  const int64_t now = steady_ns_();
  if (idle.head != head) idle = {head, now};
  return now - idle.since_ns;
}

Result<History::KeptOf> History::DropCommits(ThinHow how) {
  KeptOf kept;
  HistoryRow row = GetRow();
  row.judged_ns = host_.NowNs();
  row.commits = 0;
  due_.again_ns = INT64_MAX;
  std::map<BranchId, std::vector<Seq>> dropped;
  for (const auto& [id, branch] : manifest_.Branches()) {
    MENDFS_RETURN_IF_ERROR(Judge(branch, how, kept[id], dropped[id], row));
  }
  UpdateRow([&](HistoryRow& known) {
    known.judged_ns = row.judged_ns;
    known.commits = row.commits;
    known.oldest = row.oldest;
    known.oldest_ns = row.oldest_ns;
  });
  const auto append = [this](const Change& change) { return host_.Apply(change).status(); };
  for (const auto& [id, commits] : dropped) {
    MENDFS_ASSIGN_OR_RETURN(const auto stay, Drop(id, commits, append));
    std::vector<Seq>& all = kept[id].commits;
    all.insert(all.end(), stay.begin(), stay.end());
    std::sort(all.begin(), all.end());
  }
  return kept;
}

std::vector<Seq> History::PinnedOf(BranchId branch) const {
  std::vector<Seq> pinned = pins_.Pinned(branch);
  for (const auto& [id, other] : manifest_.Branches()) {
    if (other.parent == branch) pinned.push_back(other.fork);
  }
  return pinned;
}

Result<std::vector<Seq>> History::DropOlder(BranchId branch, Seq newest, const Appender& append) {
  const std::vector<Seq> pinned = PinnedOf(branch);
  std::vector<Seq> kept;
  std::vector<Seq> dropped;
  for (Seq before = newest; true;) {
    MENDFS_ASSIGN_OR_RETURN(const auto page, host_.Log(branch, before, kPageCommits));
    for (const CommitRow& commit : page) {
      const bool stays = std::find(pinned.begin(), pinned.end(), commit.seq) != pinned.end();
      (stays ? kept : dropped).push_back(commit.seq);
    }
    if (page.size() < kPageCommits) break;
    before = page.back().seq;
  }
  MENDFS_ASSIGN_OR_RETURN(const auto stay, Drop(branch, dropped, append));
  kept.insert(kept.end(), stay.begin(), stay.end());
  return kept;
}

Status History::Judge(const BranchRow& branch, ThinHow how, Kept& kept, std::vector<Seq>& dropped,
                      HistoryRow& row) {
  const std::vector<Seq> pinned = PinnedOf(branch.id);
  std::optional<RetentionWalk> walk;
  int64_t idle_ns = 0;
  int64_t oldest_ns = 0;
  for (Seq before = kHeadSeq; true;) {
    MENDFS_ASSIGN_OR_RETURN(const auto page, host_.Log(branch.id, before, kPageCommits));
    for (const CommitRow& commit : page) {
      if (!walk) {
        kept.newest = commit.seq;
        idle_ns = IdleOf(branch.id, commit.seq);
        walk.emplace(how == ThinHow::kPressing ? kKeepNewestOnly : policy_, idle_ns);
      }
      const bool keeps = walk->Keeps(commit.time_ns);
      if (!keeps && std::find(pinned.begin(), pinned.end(), commit.seq) == pinned.end()) {
        dropped.push_back(commit.seq);
        continue;
      }
      kept.commits.push_back(commit.seq);
      oldest_ns = commit.time_ns;
    }
    if (page.size() < kPageCommits) break;
    before = page.back().seq;
  }
  std::reverse(kept.commits.begin(), kept.commits.end());
  if (!kept.commits.empty() && (row.commits == 0 || kept.commits.front() < row.oldest)) {
    row.oldest = kept.commits.front();
    row.oldest_ns = oldest_ns;
  }
  row.commits += kept.commits.size();
  if (walk && walk->same_until_idle_ns() != INT64_MAX) {
    const int64_t again = AddUpTo(steady_ns_(), walk->same_until_idle_ns() - idle_ns);
    due_.again_ns = std::min(due_.again_ns, again);
  }
  return Status::Ok();
}

// Spared also when rows are left because a change failed: these can be pinned again.
Result<std::vector<Seq>> History::Drop(BranchId branch, const std::vector<Seq>& commits,
                                       const Appender& append) {
  const std::vector<Seq> doomed = pins_.Doom(branch, commits);
  const Status dropped = DropDoomed(branch, doomed, append);
  pins_.Spare(branch, doomed);
  MENDFS_RETURN_IF_ERROR(dropped);
  std::vector<Seq> stay;
  size_t next = 0;  // of the doomed, which come in the same order
  for (const Seq seq : commits) {
    if (next < doomed.size() && doomed[next] == seq) {
      ++next;
    } else {
      stay.push_back(seq);
    }
  }
  return stay;
}

// What is owed is said by the change that makes it owed.
Status History::DropDoomed(BranchId branch, const std::vector<Seq>& commits,
                           const Appender& append) {
  for (size_t done = 0; done < commits.size();) {
    Change change;
    change.room = Room::kFrees;
    change.branch = branch;
    const size_t end = std::min(commits.size(), done + kDroppedPerChange);
    const uint64_t count = end - done;
    for (; done < end; ++done) change.ClearGlobal(CommitKey(branch, commits[done]));
    const auto add = [&](HistoryRow& row) {
      row.owed += count;
      row.dropped += count;
    };
    HistoryRow row = GetRow();
    add(row);
    change.PutGlobal(HistoryKey(), EncodeHistoryRow(row));
    MENDFS_RETURN_IF_ERROR(append(change));
    UpdateRow(add);
    MENDFS_FAILPOINT(kHistoryAfterDrop);
  }
  return Status::Ok();
}

// ---------------------------------------------------------------------------------------- values
// What is visible at a moment of a child is, below its fork, its parent's.
std::vector<Seq> History::MomentsOf(BranchId branch, const KeptOf& kept) const {
  std::vector<Seq> moments = manifest_.Moments();
  const auto branches = manifest_.Branches();
  const auto add = [&](BranchId viewed, Seq below) {
    const auto found = kept.find(viewed);
    if (found == kept.end()) return;
    for (const Seq seq : found->second.commits) {
      if (seq < below) moments.push_back(seq);
    }
  };
  add(branch, kHeadSeq);
  for (const auto& [id, row] : branches) {
    Seq limit = kHeadSeq;
    auto step = branches.find(id);
    for (size_t depth = 0; depth < branches.size() && step != branches.end(); ++depth) {
      if (!step->second.parent) break;
      limit = std::min(limit, step->second.fork);
      if (*step->second.parent == branch) {
        moments.push_back(limit);
        add(id, limit);
      }
      step = branches.find(*step->second.parent);
    }
  }
  std::sort(moments.begin(), moments.end());
  return moments;
}

Status History::CompactChurn(uint64_t at_least_bytes) {
  if (churn_.bytes == 0 || churn_.bytes < at_least_bytes) return Status::Ok();
  const Churn churn = std::move(churn_);
  churn_ = {};
  return manifest_.Compact(churn.first, churn.last);
}

Status History::SweepBranch(BranchId branch, const KeptOf& kept, bool paced, HistoryRow& row) {
  const auto own = kept.find(branch);
  if (own == kept.end()) return Status::Ok();
  EarlierSweep sweep(manifest_.kv(), branch, MomentsOf(branch, kept), own->second.newest,
                     [this](std::string_view key, std::string_view value) {
                       return host_.PackedBytesOf(key, value);
                     });
  uint64_t gone = 0;
  while (!sweep.done()) {
    MENDFS_RETURN_IF_ERROR(CheckGoOn(paced));
    MENDFS_ASSIGN_OR_RETURN(const auto edits, sweep.NextChunk());
    if (edits.empty()) continue;
    MENDFS_ASSIGN_OR_RETURN(const size_t edited, host_.RewriteEntries(edits));
    gone += edited;
    for (const EntryEdit& edit : edits) {
      churn_.bytes += edit.key.size() + edit.expected.size();
      if (churn_.first.empty() || edit.key < churn_.first) churn_.first = edit.key;
      if (churn_.last < edit.key) churn_.last = edit.key;
    }
    MENDFS_FAILPOINT(kHistoryAfterChunk);
    MENDFS_RETURN_IF_ERROR(CompactChurn(kCompactWithinRunBytes));
  }
  if (branch == kMainBranch) freed_with_ = sweep.by_newest();
  row.values += sweep.kept();
  row.value_bytes += sweep.kept_bytes();
  // A full disk asks again and again.
  const LogLevel usual = paced ? LogLevel::kInfo : LogLevel::kDebug;
  LogLine(sweep.damaged() == 0 ? usual : LogLevel::kWarning, "history", "thinned history",
          {{"branch", std::to_string(branch.value)},
           {"commits_kept", std::to_string(own->second.commits.size())},
           {"values_gone", std::to_string(gone)},
           {"values_kept", std::to_string(sweep.kept())},
           {"values_damaged", std::to_string(sweep.damaged())}});
  return Status::Ok();
}

Status History::DropValues(const KeptOf& kept, bool pressing, bool paced) {
  due_.looked_ns = steady_ns_();
  MENDFS_RETURN_IF_ERROR(host_.FoldAll());
  MENDFS_FAILPOINT(kHistoryAfterFold);
  HistoryRow row = GetRow();
  const uint64_t owed = row.owed;
  row.values = 0;
  row.value_bytes = 0;
  for (const auto& [branch, commits] : kept) {
    MENDFS_RETURN_IF_ERROR(SweepBranch(branch, kept, paced, row));
  }
  MENDFS_RETURN_IF_ERROR(CompactChurn(pressing ? 1 : kCompactAfterRunBytes));
  MENDFS_FAILPOINT(kHistoryAfterLast);
  row.looked_ns = host_.NowNs();
  const auto settle = [&](HistoryRow& known) {
    known.values = row.values;
    known.value_bytes = row.value_bytes;
    known.looked_ns = row.looked_ns;
    known.owed -= std::min(known.owed, owed);  // what came meanwhile waits for the next run
  };
  if (owed == 0) {  // a look for its own sake: a store at rest stays so
    UpdateRow(settle);
    return Status::Ok();
  }
  HistoryRow settled = GetRow();
  settle(settled);
  Change change;
  change.room = Room::kFrees;
  change.PutGlobal(HistoryKey(), EncodeHistoryRow(settled));
  MENDFS_RETURN_IF_ERROR(host_.Apply(change).status());
  UpdateRow(settle);
  return Status::Ok();
}

}  // namespace mendfs
