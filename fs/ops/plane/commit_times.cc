#include "fs/ops/plane/commit_times.h"

#include <vector>

#include "meta/bulk.h"

namespace mendfs {
namespace {

constexpr size_t kPageCommits = 64;

}  // namespace

CommitTimes::CommitTimes(const Store& store, BranchId branch)
    : store_(store), branch_(branch), created_ns_(store.Describe().identity.created_ns) {}

int64_t CommitTimes::TimeOf(Seq seq) {
  {
    MutexLock lock(mutex_);
    auto known = times_.find(seq);
    if (known != times_.end()) return known->second;
  }
  // A commit may be thinned away, and the next one has another time: loads tell their own.
  const auto load = LoadTimeOf(store_.reader(), branch_, seq);
  int64_t time_ns = load.ok() && load->has_value() ? **load : Walk(seq);
  if (time_ns == 0) return created_ns_;
  MutexLock lock(mutex_);
  if (times_.size() >= kCommitTimesMax) times_.clear();
  times_.emplace(seq, time_ns);
  return time_ns;
}

// The oldest commit that holds the change; 0 when there is none yet.
int64_t CommitTimes::Walk(Seq seq) const {
  int64_t time_ns = 0;
  Seq before = kHeadSeq;
  for (size_t walked = 0; walked < kCommitsWalkedMax; walked += kPageCommits) {
    Result<std::vector<CommitRow>> page = store_.Log(branch_, before, kPageCommits);
    if (!page.ok()) return time_ns;
    for (const CommitRow& commit : *page) {
      if (commit.seq < seq) return time_ns;
      time_ns = commit.time_ns;
    }
    if (page->size() < kPageCommits) return time_ns;
    before = page->back().seq;
  }
  return created_ns_;
}

}  // namespace mendfs
