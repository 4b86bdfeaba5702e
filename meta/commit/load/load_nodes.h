// The second stage of a load: nodes in key order become entries. New rows get their numbers; rows
// that are there keep theirs, with their edges; of whole types the rows that do not come go.
//
// Threads:  one
// Errors:   refused rows go to the report, and then nothing more is written; else as LoadOutput
// Cost:     one pass over the nodes, over the rows of whole types, one sort of the index entries
//           that change
#pragma once

#include "meta/base/status.h"
#include "meta/commit/load/load_context.h"
#include "meta/commit/load/load_lookup.h"
#include "meta/commit/load/load_output.h"

namespace mendfs {

struct NodeNumbers {
  InodeNumber first;   // a block that was taken for this load
  uint64_t count = 0;  // at least as many as there are records
};

Result<NewRows> LoadNodes(LoadContext& context, ExternalSorter& nodes, const NodeNumbers& numbers,
                          LoadOutput& output);

}  // namespace mendfs
