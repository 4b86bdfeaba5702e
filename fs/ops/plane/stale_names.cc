#include "fs/ops/plane/stale_names.h"

#include <utility>

namespace mendfs {

void StaleNames::AddName(InodeNumber directory, std::string_view name) {
  Add({.inode = directory, .name = std::string(name)});
}

void StaleNames::AddNode(InodeNumber inode) {
  Add({.inode = inode, .name = {}});
}

void StaleNames::AddAttributes(InodeNumber inode) {
  Add({.inode = inode, .name = {}, .keeps_bytes = true});
}

void StaleNames::Add(StaleName stale) {
  MutexLock lock(mutex_);
  if (stopped_ || pending_.size() >= kStaleNamesMax) return;
  pending_.push_back(std::move(stale));
  changed_.NotifyOne();
}

std::vector<StaleName> StaleNames::Take(unsigned wait_ms) {
  MutexLock lock(mutex_);
  if (pending_.empty() && !stopped_) changed_.WaitFor(mutex_, wait_ms);
  return std::exchange(pending_, {});
}

void StaleNames::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

bool StaleNames::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

}  // namespace mendfs
