// The working set: every change since the last fold, in memory, in key order, all versions.
//
// A skip list whose nodes are never moved or removed: one writer at a time, any number of readers
// without a lock. It lives until it has been folded into LevelDB and the last reader let go.
//
// Shape:    (key ascending, seq descending); keys are full LevelDB keys (d/… or a global key)
// Lifetime: views stay valid while the WorkingSet lives
// Threads:  Add from one thread at a time; the rest from any thread
// Cost:     O(log n)
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"

namespace mendfs {

class WorkingSet {
 public:
  struct Version {
    std::string_view key;
    std::string_view value;
    Seq seq;
    bool whiteout = false;
    bool fresh = false;
  };

  WorkingSet();
  WorkingSet(const WorkingSet&) = delete;
  WorkingSet& operator=(const WorkingSet&) = delete;

  // A second Add of the same key and seq wins over the first.
  void Add(const Version& version);
  // The newest version of `key` at or before `seq`.
  bool Find(std::string_view key, Seq seq, Version& found) const;

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  bool empty() const { return bytes() == 0; }

 private:
  struct Node;

 public:
  // Walks all versions of all keys.
  class Iterator {
   public:
    explicit Iterator(const WorkingSet& set) : set_(&set) {}
    bool Valid() const { return node_ != nullptr; }
    Version version() const;
    void Next();
    void SeekToFirst();
    // To the first version at or behind (key, seq).
    void Seek(std::string_view key, Seq seq);

   private:
    const WorkingSet* set_;
    const Node* node_ = nullptr;
  };

 private:
  static constexpr int kHeightMax = 16;

  Node* NewNode(const Version& version, int height);
  char* Allocate(size_t size_bytes);
  // The first node at or behind (key, seq); fills `before` with its predecessors when given.
  Node* FindAtOrBehind(std::string_view key, Seq seq, Node** before) const;
  int RandomHeight();

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* block_next_ = nullptr;
  size_t block_left_ = 0;
  std::atomic<size_t> bytes_{0};
  std::atomic<int> height_{1};
  uint64_t random_ = 0x9E3779B97F4A7C15;
  Node* head_;
};

}  // namespace mendfs
