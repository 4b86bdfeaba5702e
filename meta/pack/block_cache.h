// Verified blocks of runs in memory, the least recently used go first.
//
// Threads:  safe from any thread; sharded, so that readers of different blocks seldom meet
// Cost:     memory stays at the bound; a look is one short lock
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "meta/base/ids.h"

namespace leveldb {
class Cache;
}

namespace mendfs {

class BlockCache {
 public:
  explicit BlockCache(uint64_t size_bytes);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  // Copies [from, from + size_bytes) of the block at `offset` of the object; false: not here.
  bool Copy(const Id128& object, uint64_t offset, size_t from, size_t size_bytes,
            char* target) const;
  bool Contains(const Id128& object, uint64_t offset) const;
  void Insert(const Id128& object, uint64_t offset, std::string block);
  uint64_t used_bytes() const;

 private:
  const std::unique_ptr<leveldb::Cache> cache_;
};

}  // namespace mendfs
