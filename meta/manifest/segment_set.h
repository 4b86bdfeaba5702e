// The segments that are published on each branch, found by key without asking the disk.
//
// A set is a value that is replaced, never changed, so that readers need no lock while they read.
// Objects are opened at first use and stay open.
//
// Threads:  safe from any thread
// Errors:   Get and layers answer why a segment could not be opened or read
// Cost:     Get: a comparison per segment, a filter probe for those whose range fits
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/manifest/kv/damage_note.h"
#include "meta/manifest/layer.h"
#include "meta/manifest/reader.h"
#include "meta/object/segment.h"

namespace mendfs {

class SegmentSet {
 public:
  SegmentSet(ObjectStore& objects, leveldb::Cache* cache) : objects_(objects), cache_(cache) {}

  // Before the first read.
  void UseCache(leveldb::Cache* cache) { cache_ = cache; }
  // Told what reads meet.
  void UseDamageNote(std::shared_ptr<DamageNote> damage) { damage_ = std::move(damage); }
  // Segments of a branch are added in rising order of their start.
  void Add(BranchId branch, Seq start, const SegmentRef& ref);
  size_t count() const;

  struct Held {
    Seq start;
    bool whiteout = false;
    std::string value;
  };
  // What the newest segment of the branch dated in (`above`, `seq`] that has `key` says of it.
  Result<std::optional<Held>> Get(BranchId branch, Seq above, Seq seq, std::string_view key) const;
  // False only if no segment of the branch holds `key`, or clears it. Unreadable counts as true.
  bool MayHold(BranchId branch, std::string_view key) const;
  // Newest first, those whose keys meet `range`.
  void AppendLayers(BranchId branch, Seq seq, const KeyRange& range,
                    std::vector<std::unique_ptr<Layer>>& layers) const;

 private:
  struct Placed {
    Seq start;
    SegmentRef ref;
    mutable Mutex mutex{LockRank::kCache};
    mutable std::shared_ptr<SegmentReader> reader GUARDED_BY(mutex);
  };
  using List = std::vector<std::shared_ptr<const Placed>>;  // newest first

  std::shared_ptr<const List> ListOf(BranchId branch) const;
  Result<std::shared_ptr<SegmentReader>> Open(const Placed& placed) const;
  Result<std::optional<std::string>> GetFrom(const Placed& placed, std::string_view key) const;

  ObjectStore& objects_;
  leveldb::Cache* cache_;
  std::shared_ptr<DamageNote> damage_ = std::make_shared<DamageNote>();
  mutable Mutex mutex_{LockRank::kManifest};
  std::map<BranchId, std::shared_ptr<const List>> lists_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
