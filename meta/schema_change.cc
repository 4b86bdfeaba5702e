#include "meta/schema_change.h"

#include <memory>
#include <set>
#include <utility>

#include "meta/codec/hash.h"
#include "meta/commit/intents.h"
#include "meta/commit/table_hold.h"
#include "meta/manifest/change.h"
#include "meta/manifest/keys.h"
#include "meta/table/catalog.h"

namespace mendfs {
namespace {

// More changes than that are not read under the gate.
constexpr uint64_t kChangesReadMax = 100'000;

// Keeps the journal from here on readable for as long as it lives.
class JournalWatch {
 public:
  static Result<std::unique_ptr<JournalWatch>> Begin(Store& store) {
    std::unique_ptr<JournalWatch> watch(new JournalWatch(store));
    MENDFS_RETURN_IF_ERROR(store.intents().Begin(watch->operation_, watch->base_));
    watch->begun_ = true;
    return watch;
  }
  ~JournalWatch() {
    if (begun_) store_.intents().End(operation_);
  }
  JournalWatch(const JournalWatch&) = delete;
  JournalWatch& operator=(const JournalWatch&) = delete;

  // False: nothing that the plan looked at was changed since.
  bool MayConcern(const SchemaPlan& plan, BranchId branch) const {
    const Seq last = store_.LastSeq();
    if (last.value - base_.value > kChangesReadMax) return true;
    const std::set<TypeId> types = TypesOf(plan);
    bool concerns = false;
    const Status read =
        store_.intents().EachChangeSince(base_, last, [&](Seq, const Change& change) {
          if (change.branch != branch || concerns) return;
          for (const ChangeEntry& entry : change.entries) {
            if (entry.scope == EntryScope::kBranch) concerns = concerns || Concerns(entry, types);
          }
        });
    return concerns || !read.ok();
  }

 private:
  explicit JournalWatch(Store& store)
      : store_(store), operation_(RandomId()), base_(store.LastSeq()) {}

  // The types of the steps, and those whose rows end their edges.
  static std::set<TypeId> TypesOf(const SchemaPlan& plan) {
    std::set<TypeId> types;
    for (const SchemaStep& step : plan.change.steps) types.insert(step.type);
    for (const RowRules* rules : {plan.accepted.get(), plan.wanted.get()}) {
      for (const EdgeType& edge : rules->schema().edges) {
        if (types.contains(edge.id)) types.insert({edge.source, edge.target});
      }
    }
    return types;
  }
  static bool Concerns(const ChangeEntry& entry, const std::set<TypeId>& types) {
    const auto kind = KindOf(entry.key);
    if (!kind || *kind == KeyKind::kSchema) return true;
    const auto type = ParseTypeOf(entry.key);
    return type && types.contains(*type);
  }

  Store& store_;
  const Id128 operation_;
  const Seq base_;
  bool begun_ = false;
};

// May it be, and is it more than to be shown?
Result<bool> IsToBeDone(const SchemaPlan& plan, const SchemaChangeOptions& options) {
  MENDFS_RETURN_IF_ERROR(plan.change.Applicable(options.allow_data_loss));
  if (!options.plan.empty() && options.plan != plan.id) {
    return Status(Code::kConditionLost, "the plan is " + plan.id + " by now, not \"" +
                                            options.plan +
                                            "\"; nothing was changed: look at it again, then "
                                            "confirm that");
  }
  if (plan.accepted->schema() == plan.wanted->schema()) return false;
  const bool lossy = plan.change.Has(StepClass::kDestructive);
  return !lossy || options.act || !options.plan.empty();
}

}  // namespace

Result<SchemaPlan> PlanSchemaChange(Store& store, BranchId branch, std::string_view text) {
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<Snapshot> moment, store.Pin(branch));
  MENDFS_ASSIGN_OR_RETURN(auto accepted, Catalog(store.reader()).RulesAt(moment->view()));
  return MakeSchemaPlan(store.reader(), moment->view(), std::move(accepted), text);
}

Result<SchemaChanged> ApplySchemaChange(Store& store, std::string_view text,
                                        const SchemaChangeOptions& options) {
  MENDFS_RETURN_IF_ERROR(store.door().Heal());
  SchemaChanged changed;
  MENDFS_ASSIGN_OR_RETURN(const auto watch, JournalWatch::Begin(store));
  MENDFS_ASSIGN_OR_RETURN(changed.plan, PlanSchemaChange(store, options.branch, text));
  MENDFS_ASSIGN_OR_RETURN(bool wanted, IsToBeDone(changed.plan, options));
  if (!wanted) return changed;
  if (options.looked) options.looked();

  const TableHold gate(store.door(), TableHold::Mode::kExclusive);
  MENDFS_RETURN_IF_ERROR(gate.status());
  const View view{options.branch, kHeadSeq};
  if (watch->MayConcern(changed.plan, options.branch)) {
    MENDFS_ASSIGN_OR_RETURN(auto accepted, Catalog(store.reader()).RulesAt(view));
    MENDFS_ASSIGN_OR_RETURN(changed.plan,
                            MakeSchemaPlan(store.reader(), view, std::move(accepted), text));
    MENDFS_ASSIGN_OR_RETURN(wanted, IsToBeDone(changed.plan, options));
    if (!wanted) return changed;
  }
  if (changed.plan.change.Has(StepClass::kDestructive)) {
    MENDFS_ASSIGN_OR_RETURN(changed.commit,
                            ApplyLossyPlan(store, view, changed.plan, options.note));
  } else {
    MENDFS_RETURN_IF_ERROR(ApplySafePlan(store.door(), view, changed.plan));
    if (options.close_commit) {
      MENDFS_ASSIGN_OR_RETURN(changed.commit, store.CloseCommit(options.branch, options.note));
    }
  }
  changed.applied = true;
  return changed;
}

}  // namespace mendfs
