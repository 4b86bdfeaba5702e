#include "meta/tree/held_inodes.h"

#include <cassert>

namespace mendfs {

void HeldInodes::Add(InodeNumber inode) {
  MutexLock lock(mutex_);
  ++holds_[inode].count;
}

bool HeldInodes::Release(InodeNumber inode) {
  MutexLock lock(mutex_);
  const auto hold = holds_.find(inode);
  assert(hold != holds_.end() && "released more often than held");
  if (hold == holds_.end() || --hold->second.count > 0) return false;
  const bool orphan = hold->second.orphan;
  holds_.erase(hold);
  return orphan;
}

bool HeldInodes::Contains(InodeNumber inode) const {
  MutexLock lock(mutex_);
  return holds_.count(inode) > 0;
}

void HeldInodes::MarkOrphan(InodeNumber inode) {
  MutexLock lock(mutex_);
  const auto hold = holds_.find(inode);
  if (hold != holds_.end()) hold->second.orphan = true;
}

void HeldInodes::MarkUnnamed(InodeNumber inode) {
  MutexLock lock(mutex_);
  const auto hold = holds_.find(inode);
  assert(hold != holds_.end() && "an unnamed inode is held from its beginning");
  if (hold != holds_.end()) hold->second.unnamed = true;
}

bool HeldInodes::IsUnnamed(InodeNumber inode) const {
  MutexLock lock(mutex_);
  const auto hold = holds_.find(inode);
  return hold != holds_.end() && hold->second.unnamed;
}

void HeldInodes::MarkNamed(InodeNumber inode) {
  MutexLock lock(mutex_);
  const auto hold = holds_.find(inode);
  if (hold != holds_.end()) hold->second.orphan = hold->second.unnamed = false;
}

}  // namespace mendfs
