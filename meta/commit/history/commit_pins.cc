#include "meta/commit/history/commit_pins.h"

namespace mendfs {

bool CommitPins::Pin(BranchId branch, Seq seq) {
  MutexLock lock(mutex_);
  if (doomed_.contains({branch, seq})) return false;
  ++pinned_[{branch, seq}];
  return true;
}

void CommitPins::Release(Counts& counts, BranchId branch, Seq seq) {
  const auto found = counts.find({branch, seq});
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

void CommitPins::Unpin(BranchId branch, Seq seq) {
  MutexLock lock(mutex_);
  Release(pinned_, branch, seq);
}

std::vector<Seq> CommitPins::Pinned(BranchId branch) const {
  MutexLock lock(mutex_);
  std::vector<Seq> pinned;
  for (auto at = pinned_.lower_bound({branch, Seq()});
       at != pinned_.end() && at->first.first == branch; ++at) {
    pinned.push_back(at->first.second);
  }
  return pinned;
}

size_t CommitPins::count() const {
  MutexLock lock(mutex_);
  size_t count = 0;
  for (const auto& [commit, pins] : pinned_) count += pins;
  return count;
}

std::vector<Seq> CommitPins::Doom(BranchId branch, const std::vector<Seq>& commits) {
  MutexLock lock(mutex_);
  std::vector<Seq> doomed;
  if (!unknown_.empty()) return doomed;
  for (const Seq seq : commits) {
    if (pinned_.contains({branch, seq})) continue;
    ++doomed_[{branch, seq}];
    doomed.push_back(seq);
  }
  return doomed;
}

void CommitPins::Spare(BranchId branch, const std::vector<Seq>& doomed) {
  MutexLock lock(mutex_);
  for (const Seq seq : doomed) Release(doomed_, branch, seq);
}

void CommitPins::Distrust(std::string_view name, const std::string& why) {
  MutexLock lock(mutex_);
  unknown_.insert_or_assign(std::string(name), why);
}

void CommitPins::Trust(std::string_view name) {
  MutexLock lock(mutex_);
  const auto found = unknown_.find(name);
  if (found != unknown_.end()) unknown_.erase(found);
}

Status CommitPins::CheckTrusted() const {
  MutexLock lock(mutex_);
  if (unknown_.empty()) return Status::Ok();
  const auto& [name, why] = *unknown_.begin();
  std::string sentence = name.empty() ? why : "snapshot \"" + name + "\" cannot be read: " + why;
  if (unknown_.size() > 1) {
    sentence += "; and so for " + std::to_string(unknown_.size() - 1) + " more";
  }
  return {Code::kCorruption,
          sentence +
              "; history is not thinned as long as that is so, because it is not known "
              "which commit it keeps; `mendfs snapshot delete` takes it away"};
}

}  // namespace mendfs
