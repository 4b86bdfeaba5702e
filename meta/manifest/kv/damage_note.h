// What reads of the manifest met that was not there, or not as it was written: the first of it, in
// words, for whoever asks later how the store is. What was answered with an error leaves a trace.
//
// Threads:  safe from any thread; a read that succeeds never comes here
#pragma once

#include <atomic>
#include <string>

#include "meta/base/mutex.h"

namespace mendfs {

class DamageNote {
 public:
  void Note(const std::string& sentence) {
    MutexLock lock(mutex_);
    if (first_.empty()) first_ = sentence;
    any_.store(true);
  }
  bool any() const { return any_.load(); }
  // Empty: none.
  std::string Get() const {
    MutexLock lock(mutex_);
    return first_;
  }

 private:
  mutable Mutex mutex_{LockRank::kLeaf};
  std::string first_ GUARDED_BY(mutex_);
  std::atomic<bool> any_{false};
};

}  // namespace mendfs
