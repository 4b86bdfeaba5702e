// The places that the kernel holds references to, by node id. Inodes of the tree are not in it.
//
// Shape:    one entry for each place between its first lookup and its last forget
// Threads:  safe from any thread
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "fs/view/place.h"
#include "meta/base/ids.h"
#include "meta/base/mutex.h"

namespace mendfs {

class NodeTable {
 public:
  // One more lookup; the newest place wins (a renamed row has a new key).
  void Add(InodeNumber node, const PlaceRef& place);
  // Nothing for an inode of the tree. Fixed places are always there.
  PlaceRef Find(InodeNumber node) const;
  void Forget(InodeNumber node, uint64_t count);
  size_t size() const;

 private:
  struct Kept {
    PlaceRef place;
    uint64_t lookups = 0;
  };
  static constexpr size_t kShards = 16;
  struct Shard {
    mutable SharedMutex mutex{LockRank::kHandles};
    std::unordered_map<InodeNumber, Kept> kept GUARDED_BY(mutex);
  };
  static size_t ShardIndex(InodeNumber node) { return (node.value ^ node.value >> 17) % kShards; }

  std::array<Shard, kShards> shards_;
};

}  // namespace mendfs
