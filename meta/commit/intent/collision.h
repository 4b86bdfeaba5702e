// Does a change that somebody else made since a plan's base touch what the plan read or wrote?
//
// Judged key by key, from the journal: files/ never does. Of the tables it is the schema, a key
// that the plan writes, a row or edge of a type that it leaves whole, a new edge of a row that it
// takes away, a bulk write of a type that it writes, the end of a row that its edges
// join, an edge that counts where the plan's edges were counted, and a unique value that it takes.
//
// Lifetime: ObjectStore and plan outlive it
// Threads:  one
// Errors:   as SegmentReader: an object of the plan that is not whole is an error, never "no"
// Cost:     a filter probe or a seek a segment for each entry that was changed since
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/commit/intent/sidecar_format.h"
#include "meta/object/object_store.h"
#include "meta/object/segment.h"

namespace mendfs {

class PlanTouch {
 public:
  // Opens every object that the plan names, and wants it to be the very one.
  static Result<std::unique_ptr<PlanTouch>> Open(const ObjectStore& objects,
                                                 const IntentPlan& plan);

  // What it is that the change touches, for people; nothing when it touches nothing.
  Result<std::optional<std::string>> Find(const Change& change) const;

 private:
  explicit PlanTouch(const IntentPlan& plan) : plan_(plan) {}

  Result<bool> Touches(const ChangeEntry& entry) const;
  Result<bool> TouchesEdge(const ChangeEntry& entry) const;
  bool IsWhole(const ChangeEntry& entry) const;
  Result<bool> WritesEnd(const EdgeEnds& ends) const;
  Result<bool> TouchesValue(const ChangeEntry& entry) const;
  Result<bool> JoinsRow(InodeNumber row) const;
  Result<bool> Writes(std::string_view key) const;
  Result<bool> WritesBelow(const std::string& prefix) const;

  const IntentPlan& plan_;
  std::set<std::string, std::less<>> plain_;  // keys that it writes itself
  std::vector<std::unique_ptr<SegmentReader>> segments_;
  std::set<TypeId> types_;       // that it writes
  std::set<TypeId> edge_types_;  // those of them that are edges
};

}  // namespace mendfs
