#include "fs/ops/rows/detached_rows.h"

#include <algorithm>
#include <utility>

namespace mendfs {
namespace {

bool IsSameName(const Place& a, const Place& b) {
  if (a.kind != b.kind || TableOf(a) != TableOf(b)) return false;
  if (a.kind == PlaceKind::kNodeRow) return a.key == b.key;
  return a.row == b.row && a.other == b.other && a.number == b.number;
}

}  // namespace

void DetachedRows::Add(RowFile row, int64_t gone_ns) {
  MutexLock lock(mutex_);
  while (!rows_.empty() &&
         (rows_.size() >= kDetachedRowsMax || rows_.front().gone_ns + kDetachedNs < gone_ns)) {
    body_bytes_ -= rows_.front().row.body.size();
    rows_.pop_front();
  }
  body_bytes_ += row.body.size();
  rows_.push_back({.row = std::move(row), .gone_ns = gone_ns});
  for (auto oldest = rows_.begin(); body_bytes_ > kDetachedBytesMax; ++oldest) {
    body_bytes_ -= oldest->row.body.size();
    oldest->row.body = std::string();
    oldest->is_whole = false;
  }
}

std::optional<DetachedRow> DetachedRows::Find(const Place& place, int64_t now_ns) {
  MutexLock lock(mutex_);
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
    if (row->gone_ns + kDetachedNs < now_ns) break;
    if (IsSameName(row->row.place, place)) return *row;
  }
  return std::nullopt;
}

void DetachedRows::Drop(const Place& place) {
  MutexLock lock(mutex_);
  std::erase_if(rows_, [&](const DetachedRow& row) {
    bool goes = IsSameName(row.row.place, place);
    if (goes) body_bytes_ -= row.row.body.size();
    return goes;
  });
}

}  // namespace mendfs
