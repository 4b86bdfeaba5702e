// Rows that were removed or renamed away a moment ago (Rule 5 of the mount): a create of their name
// in that time brings back the same row, with its number and edges. This is how editors, tar and
// git replace a file.
//
// Shape:    at most kDetachedRowsMax; the oldest go
// Threads:  safe from any thread
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"

namespace mendfs {

inline constexpr int64_t kDetachedNs = 2'000'000'000;
inline constexpr size_t kDetachedRowsMax = 1024;

class DetachedRows {
 public:
  struct Detached {
    TypeId table;
    std::string key;
    InodeNumber row;
    int64_t gone_ns = 0;
  };
  void Add(Detached detached) EXCLUDES(mutex_);
  // The number that the row had, while it counts; 0: none.
  InodeNumber Find(TypeId table, std::string_view key, int64_t now_ns) EXCLUDES(mutex_);
  // The key is taken again.
  void Drop(TypeId table, std::string_view key) EXCLUDES(mutex_);

 private:
  Mutex mutex_{LockRank::kHandles};
  std::deque<Detached> rows_ GUARDED_BY(mutex_);  // oldest first
};

}  // namespace mendfs
