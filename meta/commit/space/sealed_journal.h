// Journal that is folded: full segments become objects, which are kept up to a bound.
//
//   Seal   1 LevelDB's log becomes tables: damage to it takes folds back, so what may have to be
//          replayed must stay · 2 a doomed row takes an id, flushed · 3 the segment becomes the
//          object of that id · 4 one record: the object's row instead of the doomed one
//   Trim   the oldest objects go
//
// A crash between 2 and 4 leaves an object, or none, under a doomed id: the next open removes it.
// Nothing reads sealed journal back: what it says is in LevelDB.
//
// Threads:  Seal from any thread; Trim from one at a time
// Errors:   Seal logs: segments stay in the journal and are tried again
#pragma once

#include <atomic>
#include <map>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/commit/space/object_removal.h"
#include "meta/commit/space/space_host.h"
#include "meta/journal/journal.h"

namespace mendfs {

class SealedJournal {
 public:
  explicit SealedJournal(const SpaceParts& parts) : parts_(parts) {}

  // Records behind `needed` stay in the journal.
  void Seal(Journal& journal, Seq needed);
  // Something was sealed since the last Trim, or the store was just opened.
  bool grown() const { return grown_.load(); }
  // Removes what is above the bound; answers what went.
  Result<std::vector<ObjectInfo>> Trim(uint64_t kept_bytes, ObjectRemoval& removal);

 private:
  Status SealSegments(Journal& journal, Seq needed) REQUIRES(mutex_);
  Status SealOne(Journal& journal, const Journal::Segment& segment) REQUIRES(mutex_);
  Result<ObjectInfo> Adopt(const Journal::Segment& segment, const Id128& id) const;

  const SpaceParts parts_;
  std::atomic<bool> grown_{true};
  Mutex mutex_{LockRank::kDaemon};
  std::map<Seq, Id128> owned_ GUARDED_BY(mutex_);  // by the segment's first seq: step 2 was done
};

}  // namespace mendfs
