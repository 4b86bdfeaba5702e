// From a text to a schema in force. The caller holds the tables' gate exclusively from the plan to
// the end, so no row changes meanwhile.
//
//   1 plan: the steps, and what they ask of the rows, which are read; anything refused ends here
//   2 indexes that the accepted schema does not have: leftovers cleared, entries built in chunks
//   3 the schema entry, in one record with whatever takes data away: from here on it is in force
//   4 indexes that are no longer named: cleared in chunks
//
// Without data loss 3 is one change. With it 3 is a multi-step write (meta/commit/intent), and
// brings 4 along. A crash or a failure before 3 leaves the old schema and leftovers of 2 that the
// next attempt clears; behind 3 leftovers of 4 that nobody reads.
//
// Threads:  free functions
// Errors:   kInvalid with the refused step; kConditionLost when it is another plan by now;
//           kRecoveryNeeded as MultiStepWrite; else as Door and Reader
// Cost:     1 reads the rows of types that a checked or destructive step is about; 2 those with new
//           indexes; 3 with data loss, those that lose data
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/commit/door.h"
#include "meta/store.h"
#include "meta/table/row_check.h"
#include "meta/table/schema/schema_plan.h"

namespace mendfs {

struct SchemaPlan {
  std::shared_ptr<const RowRules> accepted;
  std::shared_ptr<const RowRules> wanted;
  SchemaChange change;
  std::string id;  // 16 hex digits: of both schemas, and of what is lost
};

Result<SchemaPlan> MakeSchemaPlan(const Reader& reader, const View& view,
                                  std::shared_ptr<const RowRules> accepted, std::string_view text);
// Its steps are safe, or checked.
Status ApplySafePlan(Door& door, const View& view, const SchemaPlan& plan);
// Any. Closes a commit; nothing when it could not be closed yet.
Result<std::optional<CommitRow>> ApplyLossyPlan(Store& store, const View& view,
                                                const SchemaPlan& plan, const CommitNote& note);

}  // namespace mendfs
