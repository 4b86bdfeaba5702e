// Planning and applying a change of the schema: the door of the command line and of schema.graph.
//
//   1 the plan is made at a pinned moment, and refused or only shown there, while rows are written
//   2 the tables' gate, exclusively
//   3 what was changed since is read in the journal: a row, edge or schema that the plan looked at
//     makes it be made again, now with writers waiting
//   4 applied, as meta/commit/migrate/schema_apply.h says
//
// Threads:  safe from any thread
// Errors:   kInvalid: the text, or the first step that cannot be taken, and why; kConditionLost:
//           the plan is not the one that was confirmed; kRecoveryNeeded: written, and finished by
//           the next write to a table
// Cost:     row writers wait for 3 and 4: for new indexes, and for rows that lose something, and
//           for the look only where those types were written to during it
#pragma once

#include <functional>
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
  bool close_commit = true;  // data loss closes one anyway
  CommitNote note;
  std::function<void()> looked;  // tests: called between 1 and 2
};

struct SchemaChanged {
  SchemaPlan plan;
  bool applied = false;  // false: nothing to do, or only shown
  std::optional<CommitRow> commit;
};

Result<SchemaChanged> ApplySchemaChange(Store& store, std::string_view text,
                                        const SchemaChangeOptions& options);

}  // namespace mendfs
