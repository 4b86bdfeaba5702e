// Which inodes somebody has open: these keep their bytes after their last name is gone.
//
// Callers change it with the inode's entity lock held, so that "held" and "freed" cannot cross.
//
// Threads:  safe from any thread
// Cost:     memory follows the number of inodes held
#pragma once

#include <cstdint>
#include <unordered_map>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"

namespace mendfs {

class HeldInodes {
 public:
  void Add(InodeNumber inode);
  // True when this was the last hold of an inode that lost its last name: it is to be freed now.
  bool Release(InodeNumber inode);
  bool Contains(InodeNumber inode) const;
  // Its last name is gone.
  void MarkOrphan(InodeNumber inode);
  // It is held and never had a name: unlike an orphan, it may be given one.
  void MarkUnnamed(InodeNumber inode);
  bool IsUnnamed(InodeNumber inode) const;
  // It has a name now.
  void MarkNamed(InodeNumber inode);

 private:
  struct Hold {
    uint64_t count = 0;
    bool orphan = false;
    bool unnamed = false;
  };

  mutable Mutex mutex_{LockRank::kLeaf};
  std::unordered_map<InodeNumber, Hold> holds_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
