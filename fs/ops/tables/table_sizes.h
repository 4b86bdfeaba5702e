// How long tables are as text. That is known only when a table was read through, so that it is
// counted for those who ask by path, and remembered as long as nothing changes: rsync, tar and cp
// take a file for as long as stat(2) says. Who asks through a file that is open (stdio does, for a
// buffer) is not kept waiting for it, unless it asked by path before: 0 then, as in /proc.
//
// Threads:  safe from any thread
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "fs/ops/planes/graph_listing.h"
#include "meta/base/ids.h"
#include "meta/base/mutex.h"

namespace mendfs {

using MomentRef = std::shared_ptr<const ListingMoment>;

class TableSizes {
 public:
  std::optional<uint64_t> Find(InodeNumber table, Seq seq) const EXCLUDES(mutex_);
  void Note(InodeNumber table, Seq seq, uint64_t size_bytes) EXCLUDES(mutex_);

  // `pid` wants to know sizes.
  void NoteAsked(int32_t pid) EXCLUDES(mutex_);
  bool HasAsked(int32_t pid) const EXCLUDES(mutex_);

  // What `pid` has open of the table, the newest; none: nothing. A handle tells when it goes.
  void NoteOpen(InodeNumber table, int32_t pid, MomentRef moment) EXCLUDES(mutex_);
  void NoteClosed(InodeNumber table, int32_t pid, const MomentRef& moment) EXCLUDES(mutex_);
  MomentRef FindOpen(InodeNumber table, int32_t pid) const EXCLUDES(mutex_);

 private:
  struct Size {
    Seq seq;
    uint64_t bytes = 0;
  };
  mutable Mutex mutex_{LockRank::kHandles};
  std::map<InodeNumber, Size> sizes_ GUARDED_BY(mutex_);
  std::list<int32_t> asked_ GUARDED_BY(mutex_);  // last first, bounded
  std::multimap<std::pair<InodeNumber, int32_t>, MomentRef> open_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
