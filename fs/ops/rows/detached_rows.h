// Rows that were removed or renamed away a moment ago (Rule 5 of the mount): a create of their name
// in that time brings back the same row, with its number and edges. This is how editors, tar and
// git replace a file. Where what they put in its place is refused, the row is put back.
//
// Shape:    at most kDetachedRowsMax, with kDetachedBytesMax of bodies; the oldest go, bodies first
// Threads:  safe from any thread
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "fs/ops/rows/row_kind.h"
#include "meta/base/mutex.h"

namespace mendfs {

inline constexpr int64_t kDetachedNs = 2'000'000'000;
inline constexpr size_t kDetachedRowsMax = 1024;
inline constexpr size_t kDetachedBytesMax = 32 << 20;

struct DetachedRow {
  RowFile row;
  int64_t gone_ns = 0;
  bool is_whole = true;  // else the body was let go, and only the number counts
};

class DetachedRows {
 public:
  void Add(RowFile row, int64_t gone_ns) EXCLUDES(mutex_);
  // The newest of that name, while it counts. A node row is found by its key, an edge row by its
  // ends, which have to be the same ones.
  std::optional<DetachedRow> Find(const Place& place, int64_t now_ns) EXCLUDES(mutex_);
  // The name is taken again.
  void Drop(const Place& place) EXCLUDES(mutex_);

 private:
  Mutex mutex_{LockRank::kHandles};
  std::deque<DetachedRow> rows_ GUARDED_BY(mutex_);  // oldest first
  size_t body_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace mendfs
