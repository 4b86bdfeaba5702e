// Which blocks of packs could not be read as they were written, since the store was opened: what
// was answered with an error leaves a trace for whoever asks how the store is.
//
// Shape:    each block counts once; the first kBlocksMax are told apart, later ones are not counted
// Threads:  safe from any thread; a read that succeeds never comes here
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"

namespace mendfs {

struct ReadDamage {
  uint64_t blocks = 0;  // 0: none; DamageLog::kBlocksMax: at least these
  std::string last;     // the newest, names the object
};

class DamageLog {
 public:
  static constexpr size_t kBlocksMax = 1024;

  // `offset` is the block's in `object`.
  void Note(const Id128& object, uint64_t offset, const Status& why) {
    MutexLock lock(mutex_);
    if (blocks_.size() < kBlocksMax) blocks_.emplace(object, offset);
    last_ = why.message();
  }
  ReadDamage Get() const {
    MutexLock lock(mutex_);
    return {blocks_.size(), last_};
  }

 private:
  mutable Mutex mutex_{LockRank::kLeaf};
  std::set<std::pair<Id128, uint64_t>> blocks_ GUARDED_BY(mutex_);
  std::string last_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
