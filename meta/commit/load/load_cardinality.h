// @card bounds over a load: edges are counted as they come, grouped by type and source.
//
// Sources that the store had are counted with the edges they have; new nodes without any edge are
// found by the gaps in the numbers that come, because a type's new numbers have no gaps.
//
// Threads:  one
// Errors:   violations go to the report; else as Reader and RunReader
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "meta/base/status.h"
#include "meta/commit/load/load_context.h"
#include "meta/commit/load/load_lookup.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

class CardinalityCheck {
 public:
  CardinalityCheck(LoadContext& context, const NewRows& new_rows)
      : context_(context), new_rows_(new_rows) {}

  // In the order of kEdge keys.
  Status Count(const EdgeType& type, InodeNumber source, const LineRef& where);
  Status Finish();

 private:
  Status BeginGroup(const EdgeType& type, InodeNumber source);
  void EndGroup();
  void EndType();
  // New sources [first, last) have `count` edges.
  void TooFew(const EdgeType& type, uint64_t first, uint64_t last, uint64_t count);
  Result<uint64_t> CountStored(const EdgeType& type, InodeNumber source);
  Status TellTooFew();

  LoadContext& context_;
  const NewRows& new_rows_;
  const EdgeType* type_ = nullptr;
  InodeNumber source_;
  uint64_t count_ = 0;     // of the group, stored ones included
  uint64_t next_new_ = 0;  // the first new source of the type that was not looked at
  std::set<TypeId> types_seen_;
  // Rows with too few edges that will be told, once their lines are looked up.
  std::multimap<uint64_t, std::string> too_few_;
};

}  // namespace mendfs
