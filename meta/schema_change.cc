#include "meta/schema_change.h"

#include <memory>
#include <utility>

#include "meta/commit/table_hold.h"
#include "meta/table/catalog.h"

namespace mendfs {

Result<SchemaPlan> PlanSchemaChange(Store& store, BranchId branch, std::string_view text) {
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> moment, store.Pin(branch));
  MENDFS_ASSIGN_OR_RETURN(auto accepted, Catalog(store.reader()).RulesAt(moment->view()));
  return MakeSchemaPlan(store.reader(), moment->view(), std::move(accepted), text);
}

Result<SchemaChanged> ApplySchemaChange(Store& store, std::string_view text,
                                        const SchemaChangeOptions& options) {
  const View view{options.branch, kHeadSeq};
  const TableHold gate(store.door(), TableHold::Mode::kExclusive);
  MENDFS_RETURN_IF_ERROR(gate.status());
  MENDFS_ASSIGN_OR_RETURN(auto accepted, Catalog(store.reader()).RulesAt(view));
  SchemaChanged changed;
  MENDFS_ASSIGN_OR_RETURN(changed.plan,
                          MakeSchemaPlan(store.reader(), view, std::move(accepted), text));
  const SchemaChange& change = changed.plan.change;
  MENDFS_RETURN_IF_ERROR(change.Applicable(options.allow_data_loss));
  if (!options.plan.empty() && options.plan != changed.plan.id) {
    return Status(Code::kConditionLost, "the plan is " + changed.plan.id + " by now, not \"" +
                                            options.plan +
                                            "\"; nothing was changed: look at it again, then "
                                            "confirm that");
  }
  if (changed.plan.accepted->schema() == changed.plan.wanted->schema()) return changed;
  if (!change.Has(StepClass::kDestructive)) {
    MENDFS_RETURN_IF_ERROR(ApplySafePlan(store.door(), view, changed.plan));
    MENDFS_ASSIGN_OR_RETURN(changed.commit, store.CloseCommit(options.branch, options.note));
  } else if (options.act || !options.plan.empty()) {
    MENDFS_ASSIGN_OR_RETURN(changed.commit,
                            ApplyLossyPlan(store, view, changed.plan, options.note));
  } else {
    return changed;
  }
  changed.applied = true;
  return changed;
}

}  // namespace mendfs
