// Numbers for open things: sharded, so that opens and reads of different threads do not meet.
//
// Lifetime: shared, so that upkeep can look at a handle while its last request ends
// Threads:  safe from any thread
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fs/ops/plane/directory.h"
#include "fs/ops/plane/plane.h"
#include "meta/base/mutex.h"

namespace mendfs {

struct OpenFile {
  Node node;
  Caller caller;
  int flags = 0;
  int64_t opened_ns = 0;
  std::unique_ptr<FileHandle> handle;
};

struct OpenDirectoryRecord {
  Node node;
  Caller caller;
  int64_t opened_ns = 0;
  std::unique_ptr<DirectoryHandle> handle;
};

template <typename T>
class HandleTable {
 public:
  // Never 0.
  uint64_t Add(std::shared_ptr<T> value) {
    uint64_t number = next_.fetch_add(1, std::memory_order_relaxed);
    Shard& shard = ShardOf(number);
    MutexLock lock(shard.mutex);
    shard.values.emplace(number, std::move(value));
    return number;
  }
  std::shared_ptr<T> Find(uint64_t number) {
    Shard& shard = ShardOf(number);
    MutexLock lock(shard.mutex);
    auto found = shard.values.find(number);
    return found == shard.values.end() ? nullptr : found->second;
  }
  std::shared_ptr<T> Take(uint64_t number) {
    Shard& shard = ShardOf(number);
    MutexLock lock(shard.mutex);
    auto node = shard.values.extract(number);
    return node.empty() ? nullptr : std::move(node.mapped());
  }
  std::vector<std::shared_ptr<T>> All() {
    std::vector<std::shared_ptr<T>> all;
    for (Shard& shard : shards_) {
      MutexLock lock(shard.mutex);
      for (auto& [number, value] : shard.values) all.push_back(value);
    }
    return all;
  }
  size_t size() const {
    size_t count = 0;
    for (const Shard& shard : shards_) {
      MutexLock lock(shard.mutex);
      count += shard.values.size();
    }
    return count;
  }
  // Everything that is still open; only when no request runs any more.
  std::vector<std::shared_ptr<T>> TakeAll() {
    std::vector<std::shared_ptr<T>> all = All();
    for (Shard& shard : shards_) {
      MutexLock lock(shard.mutex);
      shard.values.clear();
    }
    return all;
  }

 private:
  static constexpr size_t kShards = 16;
  struct Shard {
    mutable Mutex mutex{LockRank::kHandles};
    std::unordered_map<uint64_t, std::shared_ptr<T>> values GUARDED_BY(mutex);
  };
  Shard& ShardOf(uint64_t number) { return shards_[number % kShards]; }

  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> next_{1};
};

}  // namespace mendfs
