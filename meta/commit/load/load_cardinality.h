// @card bounds over a load: edges are counted as they come, grouped by type and source, and judged
// by what their source has when the load is done.
//
// Sources that the store had are counted with the edges they have; new nodes without any edge are
// found by the gaps in the numbers that come, because a type's new numbers have no gaps.
//
// Threads:  one
// Errors:   violations go to the report; else as Reader and RunReader
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
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

  // In the order of kEdge keys, all three together. A new edge;
  Status Count(const EdgeType& type, InodeNumber source, const LineRef& where);
  // one of a whole type that was there and stays;
  Status Keep(const EdgeType& type, InodeNumber source);
  // one that goes.
  Status TakeAway(const EdgeType& type, InodeNumber source);
  Status Finish();

 private:
  // The edges of one source.
  struct Group {
    InodeNumber source;
    uint64_t added = 0;
    uint64_t kept = 0;
    uint64_t gone = 0;
    std::deque<LineRef> last_added;  // at most kToldMax
  };

  // False: the type has no bounds.
  Result<bool> Enter(const EdgeType& type, InodeNumber source);
  Status EndGroup();
  Result<uint64_t> CountNow(const Group& group);
  void TellTooMany(const Group& group, uint64_t count);
  Status TellLeftWithTooFew(const Group& group, uint64_t count);
  Result<bool> IsGone(TypeId type, InodeNumber row);
  void EndType();
  // New sources [first, last) have `count` edges.
  void TooFew(const EdgeType& type, uint64_t first, uint64_t last, uint64_t count);
  Result<uint64_t> CountStored(const EdgeType& type, InodeNumber source, uint64_t enough);
  Status TellTooFew();

  LoadContext& context_;
  const NewRows& new_rows_;
  const EdgeType* type_ = nullptr;
  std::optional<Group> group_;
  uint64_t next_new_ = 0;  // the first new source of the type that was not looked at
  std::set<TypeId> types_seen_;
  std::unique_ptr<RunReader> gone_;
  // Rows with too few edges that will be told, once their lines are looked up.
  std::multimap<uint64_t, std::string> too_few_;
};

}  // namespace mendfs
