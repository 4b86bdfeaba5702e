// The last stages of a load: edges find their ends and become entries in both orders.
//
//   sorted by source -> joined with rows · sorted by target -> joined · sorted by EdgeKey ->
//   duplicates and cardinality -> kEdge · sorted by EdgeReverseKey -> kEdgeReverse
//
// An edge that is there gets the new body; of whole types those that do not come go, and with rows
// that the load takes away all their edges go.
//
// Threads:  one
// Errors:   refused edges go to the report, and then nothing more is written; else as LoadOutput
// Cost:     four sorts of the edges; bodies ride in the first three
#pragma once

#include <memory>

#include "meta/base/status.h"
#include "meta/commit/load/load_context.h"
#include "meta/commit/load/load_lookup.h"
#include "meta/commit/load/load_output.h"

namespace mendfs {

struct EdgeCounts {
  uint64_t changed = 0;  // that were there and get a new body
  uint64_t gone = 0;
};

// Frees `edges` as soon as it was read.
Result<EdgeCounts> LoadEdges(LoadContext& context, std::unique_ptr<ExternalSorter> edges,
                             const NewRows& new_rows, LoadOutput& output);

}  // namespace mendfs
