#include "meta/commit/migrate/schema_apply.h"

#include <set>
#include <utility>

#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/commit/intent/multi_step.h"
#include "meta/commit/load/load_output.h"
#include "meta/commit/load/load_staging.h"
#include "meta/commit/migrate/index_build.h"
#include "meta/commit/migrate/row_rewrite.h"
#include "meta/commit/migrate/schema_look.h"
#include "meta/commit/migrate/schema_write.h"
#include "meta/manifest/keys.h"
#include "meta/object/object_store.h"
#include "meta/table/schema/schema_format.h"
#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

constexpr size_t kPlanIdDigits = 16;

Status CheckKept(const Schema& schema) {
  for (const EdgeType& edge : schema.edges) {
    for (const Property& property : edge.properties) {
      if (!property.unique && !property.index && !property.ttl) continue;
      return {Code::kUnsupported, "property " + edge.name + "." + property.name +
                                      ": @unique, @index and @ttl are for properties of nodes"};
    }
  }
  return Status::Ok();
}

Result<bool> IsPopulated(const Reader& reader, const View& view, TypeId type) {
  for (const std::string& prefix : {RowNamePrefix(type), EdgePrefix(type)}) {
    const auto cursor = reader.Scan(view, PrefixRange(prefix));
    if (cursor->Valid()) return true;
    MENDFS_RETURN_IF_ERROR(cursor->status());
  }
  return false;
}

std::string PlanId(const SchemaPlan& plan) {
  std::string bytes = EncodeSchema(plan.accepted->schema());
  bytes += EncodeSchema(plan.wanted->schema());
  for (const SchemaStep& step : plan.change.steps) PutU64(bytes, step.rows);
  return ToHex(HashXxh3Wide(bytes)).substr(0, kPlanIdDigits);
}

// A change to a row that loses something, before recovery could publish the plan, undoes it.
IntentPlan IntentOf(Change change, const SchemaChange& steps) {
  IntentPlan intent;
  intent.change = std::move(change);
  std::set<TypeId> types;
  for (const SchemaStep& step : steps.steps) types.insert(step.type);
  types.erase(TypeId());  // of interfaces
  intent.whole.assign(types.begin(), types.end());
  return intent;
}

}  // namespace

Result<SchemaPlan> MakeSchemaPlan(const Reader& reader, const View& view,
                                  std::shared_ptr<const RowRules> accepted, std::string_view text) {
  SchemaPlan plan;
  plan.accepted = std::move(accepted);
  MENDFS_ASSIGN_OR_RETURN(const Schema parsed, ParseSchema(text));
  MENDFS_ASSIGN_OR_RETURN(Schema wanted, AssignIds(plan.accepted->schema(), parsed));
  MENDFS_RETURN_IF_ERROR(CheckKept(wanted));
  MENDFS_ASSIGN_OR_RETURN(plan.wanted, RowRules::Make(std::move(wanted)));
  Status unread;
  const auto populated = [&](TypeId type) {
    const auto answer = IsPopulated(reader, view, type);
    if (!answer.ok()) unread = answer.status();
    return !answer.ok() || *answer;
  };
  plan.change = PlanSchema(plan.accepted->schema(), plan.wanted->schema(), populated);
  MENDFS_RETURN_IF_ERROR(unread);
  MENDFS_RETURN_IF_ERROR(
      LookAtRows(reader, {.view = view}, *plan.accepted, plan.wanted, plan.change));
  plan.id = PlanId(plan);
  return plan;
}

Status ApplySafePlan(Door& door, const View& view, const SchemaPlan& plan) {
  const Schema& accepted = plan.accepted->schema();
  const Schema& wanted = plan.wanted->schema();
  MENDFS_ASSIGN_OR_RETURN(RowRewrite nothing, RowRewrite::Make(wanted, {}));
  MENDFS_RETURN_IF_ERROR(
      BuildIndexes(door, view, plan.wanted, IndexesOnlyIn(wanted, accepted), nothing));
  Change change;
  change.branch = view.branch;
  change.room = Room::kAdds;
  change.Put(SchemaKey(), EncodeSchema(wanted));
  MENDFS_RETURN_IF_ERROR(door.Apply(change).status());
  for (const IndexColumn& column : IndexesOnlyIn(accepted, wanted)) {
    const Status status = ClearIndex(door, view, column.type->id, column.property);
    if (status.ok()) continue;
    // The schema is in force; what is left is in nobody's way.
    LogLine(LogLevel::kWarning, "table", "a dropped index was not cleared to its end",
            {{"type", column.type->name}, {"why", status.ToString()}});
  }
  return Status::Ok();
}

Result<std::optional<CommitRow>> ApplyLossyPlan(Store& store, const View& view,
                                                const SchemaPlan& plan, const CommitNote& note) {
  const Schema& wanted = plan.wanted->schema();
  MENDFS_ASSIGN_OR_RETURN(RowRewrite rewrite, RowRewrite::Make(wanted, plan.change));
  MENDFS_RETURN_IF_ERROR(BuildIndexes(store.door(), view, plan.wanted,
                                      IndexesOnlyIn(wanted, plan.accepted->schema()), rewrite));
  MENDFS_ASSIGN_OR_RETURN(const auto staging, LoadStaging::Begin(store.disk(), store.path()));
  ObjectStore objects(store.disk(), store.path());
  MENDFS_ASSIGN_OR_RETURN(const auto write,
                          MultiStepWrite::Begin(store, {.operation = staging->operation(),
                                                        .kind = IntentKind::kSchema,
                                                        .branch = view.branch,
                                                        .note = note}));
  LoadOutput output(objects, write.get(), {.branch = view.branch, .time_ns = store.door().NowNs()});
  MENDFS_RETURN_IF_ERROR(WriteDataLoss(
      store.reader(), {.view = view, .disk = store.disk(), .staging = staging->directory()},
      plan.accepted, plan.wanted, plan.change, output));
  Change change = output.TakeChange();
  change.Put(SchemaKey(), EncodeSchema(wanted));
  MENDFS_RETURN_IF_ERROR(write->Confirm(IntentOf(std::move(change), plan.change), note));
  return write->Publish();
}

}  // namespace mendfs
