// How far an open pack is written without a gap, while several threads write to it.
//
// Places are taken at the end, in order, and are filled in any order. What a sync makes durable for
// sure is what lies before the first place that was not filled when the sync began.
//
// Units:    offsets in bytes from the pack's begin
// Threads:  safe from any thread
#pragma once

#include <cstdint>
#include <set>

#include "meta/base/mutex.h"

namespace mendfs {

class WrittenEnd {
 public:
  void Take(uint64_t offset, uint64_t size_bytes) {
    MutexLock lock(mutex_);
    unfilled_.insert(offset);
    end_ = offset + size_bytes;
  }
  // The bytes are there, or nobody will ever refer to the place.
  void Fill(uint64_t offset) {
    MutexLock lock(mutex_);
    unfilled_.erase(offset);
  }
  // The last place, which was not filled, is free again.
  void GiveBack(uint64_t offset) {
    MutexLock lock(mutex_);
    unfilled_.erase(offset);
    end_ = offset;
  }
  uint64_t Get() const {
    MutexLock lock(mutex_);
    return unfilled_.empty() ? end_ : *unfilled_.begin();
  }

 private:
  mutable Mutex mutex_{LockRank::kLeaf};
  std::set<uint64_t> unfilled_ GUARDED_BY(mutex_);
  uint64_t end_ GUARDED_BY(mutex_) = 0;
};

}  // namespace mendfs
