#include "fs/ops/tables/table_sizes.h"

#include <algorithm>

namespace mendfs {
namespace {

constexpr size_t kAskedMax = 256;
constexpr size_t kSizesMax = 4096;

}  // namespace

std::optional<uint64_t> TableSizes::Find(InodeNumber table, Seq seq) const {
  MutexLock lock(mutex_);
  const auto found = sizes_.find(table);
  if (found == sizes_.end() || found->second.seq != seq) return std::nullopt;
  return found->second.bytes;
}

void TableSizes::Note(InodeNumber table, Seq seq, uint64_t size_bytes) {
  MutexLock lock(mutex_);
  if (sizes_.size() >= kSizesMax) sizes_.clear();
  Size& size = sizes_[table];
  if (size.seq <= seq) size = {seq, size_bytes};
}

void TableSizes::NoteAsked(int32_t pid) {
  MutexLock lock(mutex_);
  asked_.remove(pid);
  asked_.push_front(pid);
  if (asked_.size() > kAskedMax) asked_.pop_back();
}

bool TableSizes::HasAsked(int32_t pid) const {
  MutexLock lock(mutex_);
  return std::find(asked_.begin(), asked_.end(), pid) != asked_.end();
}

void TableSizes::NoteOpen(InodeNumber table, int32_t pid, MomentRef moment) {
  MutexLock lock(mutex_);
  open_.emplace(std::pair(table, pid), std::move(moment));
}

void TableSizes::NoteClosed(InodeNumber table, int32_t pid, const MomentRef& moment) {
  MutexLock lock(mutex_);
  auto [first, last] = open_.equal_range({table, pid});
  for (; first != last; ++first) {
    if (first->second != moment) continue;
    open_.erase(first);
    return;
  }
}

MomentRef TableSizes::FindOpen(InodeNumber table, int32_t pid) const {
  MutexLock lock(mutex_);
  const auto [first, last] = open_.equal_range({table, pid});
  return first == last ? nullptr : std::prev(last)->second;
}

}  // namespace mendfs
