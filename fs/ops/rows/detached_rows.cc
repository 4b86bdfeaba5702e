#include "fs/ops/rows/detached_rows.h"

#include <algorithm>
#include <utility>

namespace mendfs {

void DetachedRows::Add(Detached detached) {
  MutexLock lock(mutex_);
  while (!rows_.empty() && (rows_.size() >= kDetachedRowsMax ||
                            rows_.front().gone_ns + kDetachedNs < detached.gone_ns)) {
    rows_.pop_front();
  }
  rows_.push_back(std::move(detached));
}

InodeNumber DetachedRows::Find(TypeId table, std::string_view key, int64_t now_ns) {
  MutexLock lock(mutex_);
  // The newest of that key.
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
    if (row->gone_ns + kDetachedNs < now_ns) break;
    if (row->table == table && row->key == key) return row->row;
  }
  return InodeNumber{};
}

void DetachedRows::Drop(TypeId table, std::string_view key) {
  MutexLock lock(mutex_);
  std::erase_if(rows_, [&](const Detached& row) { return row.table == table && row.key == key; });
}

}  // namespace mendfs
