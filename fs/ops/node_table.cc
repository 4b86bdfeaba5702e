#include "fs/ops/node_table.h"

namespace mendfs {

void NodeTable::Add(InodeNumber node, const PlaceRef& place) {
  Shard& shard = shards_[ShardIndex(node)];
  WriterLock lock(shard.mutex);
  Kept& kept = shard.kept[node];
  kept.place = place;
  ++kept.lookups;
}

PlaceRef NodeTable::Find(InodeNumber node) const {
  if (node.value < kFirstFreeInode) return FixedPlace(node);
  const Shard& shard = shards_[ShardIndex(node)];
  ReaderLock lock(shard.mutex);
  auto found = shard.kept.find(node);
  return found == shard.kept.end() ? nullptr : found->second.place;
}

void NodeTable::Forget(InodeNumber node, uint64_t count) {
  PlaceRef last;  // freed without the lock
  Shard& shard = shards_[ShardIndex(node)];
  WriterLock lock(shard.mutex);
  auto found = shard.kept.find(node);
  if (found == shard.kept.end()) return;
  if (found->second.lookups > count) {
    found->second.lookups -= count;
    return;
  }
  last = std::move(found->second.place);
  shard.kept.erase(found);
}

size_t NodeTable::size() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    ReaderLock lock(shard.mutex);
    count += shard.kept.size();
  }
  return count;
}

}  // namespace mendfs
