// What the kernel must be told to forget: names and attributes that changed in another way than by
// a request on them. A request only notes it here; one notifier thread (fs/kernel) sends it, after
// the reply, holding nothing.
//
// Shape:    bounded; past the bound the queue collapses into "everything that is cached shortly",
//           which timeouts end by themselves
// Threads:  safe from any thread; one taker
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"

namespace mendfs {

inline constexpr size_t kStaleNamesMax = 4096;

struct StaleName {
  InodeNumber inode;  // the directory of `name`, or the node itself when `name` is empty
  std::string name;
  bool keeps_bytes = false;  // of the node only the attributes are stale
};

class StaleNames {
 public:
  void AddName(InodeNumber directory, std::string_view name) EXCLUDES(mutex_);
  // Attributes and page cache of a node.
  void AddNode(InodeNumber inode) EXCLUDES(mutex_);
  void AddAttributes(InodeNumber inode) EXCLUDES(mutex_);
  // What was noted, oldest first; waits up to `wait_ms` for something. Empty after Stop too.
  std::vector<StaleName> Take(unsigned wait_ms) EXCLUDES(mutex_);
  void Stop() EXCLUDES(mutex_);
  bool stopped() const EXCLUDES(mutex_);

 private:
  void Add(StaleName stale) EXCLUDES(mutex_);

  mutable Mutex mutex_{LockRank::kHandles};
  CondVar changed_;
  std::vector<StaleName> pending_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace mendfs
