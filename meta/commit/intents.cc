#include "meta/commit/intents.h"

#include <algorithm>
#include <utility>

#include "meta/codec/hash.h"

namespace mendfs {
namespace {

std::atomic<IntentDefect> planted{IntentDefect::kNone};

}  // namespace

void PlantIntentDefect(IntentDefect defect) {
  planted.store(defect);
}

bool HasIntentDefect(IntentDefect defect) {
  return planted.load(std::memory_order_relaxed) == defect;
}

void Intents::NoteLocked() {
  const bool needed = std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) {
    return !entry.second.live && entry.second.confirmed;
  });
  needs_heal_.store(needed, std::memory_order_release);
}

Status Intents::Begin(const Id128& operation, Seq base) {
  MutexLock lock(mutex_);
  if (entries_.size() >= kSidecarsMax) {
    return {Code::kBusy, "begin a multi-step write: " + std::to_string(entries_.size()) +
                             " sidecars are there, and no more are allowed; wait for those that "
                             "run, or mount the store again to resolve what is left"};
  }
  entries_[operation] = {.base = base, .live = true};
  return Status::Ok();
}

void Intents::Leave(const Id128& operation, Seq base, bool confirmed, std::string why) {
  MutexLock lock(mutex_);
  entries_[operation] = {.base = base, .confirmed = confirmed, .why = std::move(why)};
  NoteLocked();
}

void Intents::End(const Id128& operation) {
  MutexLock lock(mutex_);
  entries_.erase(operation);
  NoteLocked();
}

void Intents::KeepOnly(const std::vector<Id128>& on_disk) {
  MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) {
    return !entry.second.live &&
           std::find(on_disk.begin(), on_disk.end(), entry.first) == on_disk.end();
  });
  NoteLocked();
}

void Intents::SetTrouble(std::string why) {
  MutexLock lock(mutex_);
  trouble_ = std::move(why);
}

bool Intents::IsLive(const Id128& operation) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(operation);
  return found != entries_.end() && found->second.live;
}

Seq Intents::OldestBase() const {
  MutexLock lock(mutex_);
  Seq oldest = kHeadSeq;
  for (const auto& [operation, entry] : entries_) oldest = std::min(oldest, entry.base);
  return oldest;
}

IntentCounts Intents::counts() const {
  MutexLock lock(mutex_);
  IntentCounts counts;
  counts.reason = trouble_;
  for (const auto& [operation, entry] : entries_) {
    ++(entry.live ? counts.live : counts.left);
    if (!entry.live && counts.reason.empty()) {
      counts.reason = "sidecars/" + ToHex(operation) + ".json: " + entry.why;
    }
  }
  if (counts.left > 1) counts.reason += " (and " + std::to_string(counts.left - 1) + " more)";
  return counts;
}

Status Intents::EachChangeSince(Seq base, Seq last,
                                const std::function<void(Seq, const Change&)>& visit) const {
  if (last <= base) return Status::Ok();
  return journal_(base, last, visit);
}

}  // namespace mendfs
