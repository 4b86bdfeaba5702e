// Planning and applying a change of the schema, data loss included: the door of the command line.
// Texts that come through the mount go through TableWriter::ApplySchema, which takes nothing away.
//
// Threads:  safe from any thread
// Errors:   kInvalid: the text, or the first step that cannot be taken, and why; kConditionLost:
//           the plan is not the one that was confirmed; kRecoveryNeeded: written, and finished by
//           the next write to a table
// Cost:     row writers wait while an apply reads and writes the rows of the types that it is about
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meta/commit/migrate/schema_apply.h"
#include "meta/store.h"

namespace mendfs {

// What an apply would do now. Nothing is changed; a refused step is part of the answer.
Result<SchemaPlan> PlanSchemaChange(Store& store, BranchId branch, std::string_view text);

struct SchemaChangeOptions {
  BranchId branch = kMainBranch;
  bool allow_data_loss = false;
  // Destructive steps are taken at once, or if the plan is this one; else they are only shown.
  bool act = false;
  std::string plan;
  CommitNote note;
};

struct SchemaChanged {
  SchemaPlan plan;
  bool applied = false;  // false: nothing to do, or only shown
  std::optional<CommitRow> commit;
};

Result<SchemaChanged> ApplySchemaChange(Store& store, std::string_view text,
                                        const SchemaChangeOptions& options);

}  // namespace mendfs
