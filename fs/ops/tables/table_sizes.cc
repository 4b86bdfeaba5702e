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

bool TableSizes::NoteAsked(InodeNumber table, int32_t pid) {
  MutexLock lock(mutex_);
  Asked asked{.who = {table, pid}};
  for (auto entry = asked_.begin(); entry != asked_.end(); ++entry) {
    if (entry->who != asked.who) continue;
    asked = *entry;
    asked_.erase(entry);
    break;
  }
  ++asked.times;
  asked_.push_front(asked);
  if (asked_.size() > kAskedMax) asked_.pop_back();
  return asked.times > 1;
}

void TableSizes::NoteOpening(InodeNumber table, int32_t pid) {
  MutexLock lock(mutex_);
  asked_.remove_if(
      [&](const Asked& asked) { return asked.who == std::pair(table, pid) && asked.times == 1; });
}

bool TableSizes::HasAsked(InodeNumber table, int32_t pid) const {
  MutexLock lock(mutex_);
  return std::any_of(asked_.begin(), asked_.end(), [&](const Asked& asked) {
    return asked.who == std::pair(table, pid) && asked.times > 1;
  });
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

bool TableSizes::IsOpen(InodeNumber table, int32_t pid) const {
  MutexLock lock(mutex_);
  return open_.contains({table, pid});
}

}  // namespace mendfs
