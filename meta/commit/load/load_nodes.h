// The second stage of a load: nodes in key order get their numbers and become entries.
//
// Threads:  one
// Errors:   refused rows go to the report, and then nothing more is written; else as LoadOutput
// Cost:     one pass over the nodes, one sort of their index entries
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
