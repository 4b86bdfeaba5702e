// The last stages of a load: edges find their ends and become entries in both orders.
//
//   sorted by source -> joined with rows · sorted by target -> joined · sorted by EdgeKey ->
//   duplicates and cardinality -> kEdge · sorted by EdgeReverseKey -> kEdgeReverse
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

// Frees `edges` as soon as it was read.
Status LoadEdges(LoadContext& context, std::unique_ptr<ExternalSorter> edges,
                 const NewRows& new_rows, LoadOutput& output);

}  // namespace mendfs
