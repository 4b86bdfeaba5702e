// How long tables are as text. That is known only when a table was read through, so it is counted
// for short ones, and for long ones when somebody means to know; it is remembered as long as
// nothing changes. Not known is 0, as in /proc.
//
// The kernel asks for attributes before it opens anything, so one question by path means nothing:
// every `>>` would read the table. Two of a process before it opens the table are one of its own:
// rsync and cp look at a file before they open it, and take it for as long as fstat(2) says.
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

  // `pid` asked by path. True: not for the first time since it last opened the table.
  bool NoteAsked(InodeNumber table, int32_t pid) EXCLUDES(mutex_);
  // It opens the table: the last question was the kernel's.
  void NoteOpening(InodeNumber table, int32_t pid) EXCLUDES(mutex_);
  bool HasAsked(InodeNumber table, int32_t pid) const EXCLUDES(mutex_);

  // What `pid` has open of the table, the newest; none: nothing, or it appends, which is noted
  // without a moment. A handle tells when it goes.
  void NoteOpen(InodeNumber table, int32_t pid, MomentRef moment) EXCLUDES(mutex_);
  void NoteClosed(InodeNumber table, int32_t pid, const MomentRef& moment) EXCLUDES(mutex_);
  MomentRef FindOpen(InodeNumber table, int32_t pid) const EXCLUDES(mutex_);
  bool IsOpen(InodeNumber table, int32_t pid) const EXCLUDES(mutex_);

 private:
  struct Size {
    Seq seq;
    uint64_t bytes = 0;
  };
  mutable Mutex mutex_{LockRank::kHandles};
  std::map<InodeNumber, Size> sizes_ GUARDED_BY(mutex_);
  struct Asked {
    std::pair<InodeNumber, int32_t> who;
    unsigned times = 0;
  };
  std::list<Asked> asked_ GUARDED_BY(mutex_);  // last first, bounded
  std::multimap<std::pair<InodeNumber, int32_t>, MomentRef> open_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
