// What a load may depend on: the newest commit is still the one that its caller saw, or no row of
// its types was changed since the commit that its input was made of.
//
// The caller holds the tables' gate exclusively, so that rows and edges stay as they were judged.
//
// Threads:  one
// Errors:   kConditionLost; kNotFound and kInvalid for a commit that there is not; kStale for one
//           that is thinned away; else as Store
#pragma once

#include <set>
#include <string_view>

#include "meta/base/status.h"
#include "meta/commit/load/load_context.h"
#include "meta/store.h"

namespace mendfs {

inline constexpr size_t kCommitDigitsMin = 8;

// By 8 or more of the first digits of its id, among those that are kept; kInvalid where several
// begin with them. Other ways to name one: meta/refs.h.
Result<CommitRow> FindCommitById(const Store& store, BranchId branch, std::string_view id);

// What was changed since the newest commit gets a commit of its own, and so counts as a change.
Status CheckNewestCommit(Store& store, BranchId branch, std::string_view id);

// Each row and edge of `types` that was added, changed or deleted since goes to the report.
// Cost: two scans of the types.
Status CheckUnchangedSince(LoadContext& context, const CommitRow& base,
                           const std::set<TypeId>& types);

}  // namespace mendfs
