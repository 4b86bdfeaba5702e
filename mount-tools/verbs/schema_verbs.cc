#include "mount-tools/verbs/schema_verbs.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "meta/codec/hash.h"
#include "meta/describe.h"
#include "meta/schema_change.h"
#include "meta/tables.h"
#include "mount-tools/verbs/table_verbs.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

std::string PlanLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::string> ReadText(const VerbRequest& request, VerbIo& io) {
  if (request.inputs.size() != 1) {
    return Status(Code::kInvalid, "exactly one schema file is read");
  }
  std::string text;
  std::string chunk;
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const bool more, io.Input(0, chunk));
    if (!more) return text;
    text += chunk;
    if (text.size() > kSchemaTextBytesMax) {
      return Status(Code::kTooBig,
                    Printable(request.inputs[0].name) + ": a schema is at most 1 MiB");
    }
  }
}

Json StepsJson(const SchemaPlan& plan) {
  Json steps = Json::array();
  for (const SchemaStep& step : plan.change.steps) {
    steps.push_back({{"class", StepClassName(step.step_class)},
                     {"code", step.code},
                     {"step", step.sentence},
                     {"rows", step.rows}});
  }
  return steps;
}

// What a destructive step does to the rows.
std::string LossText(const SchemaStep& step) {
  if (step.step_class != StepClass::kDestructive) return {};
  if (step.kind == StepKind::kDropType) {
    return ": " + Counted(step.rows, "row goes", "rows go");
  }
  if (step.kind == StepKind::kChangeConstraint) return ": rows go when their time has passed";
  if (step.rows == 0) return ": no row loses a value";
  return ": " + Counted(step.rows, "row loses its value", "rows lose their value");
}

std::string StepsText(const SchemaPlan& plan) {
  std::string text;
  for (const SchemaStep& step : plan.change.steps) {
    std::string line(StepClassName(step.step_class));
    line.resize(13, ' ');
    text += line + Printable(step.sentence) + LossText(step);
    if (!step.code.empty()) text += " (" + step.code + ")";
    text += "\n";
  }
  return text;
}

}  // namespace

Status RunSchemaShow(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  MENDFS_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> schema,
                          TableReader(host.store.reader()).GetSchema(View{}));
  const std::string text = SchemaText(*schema);
  return io.Out(request.json ? PlanLine({{"schema", text}}) : text);
}

Status RunSchemaPlan(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  MENDFS_ASSIGN_OR_RETURN(const std::string text, ReadText(request, io));
  const auto plan = PlanSchemaChange(host.store, kMainBranch, text);
  if (!plan.ok()) return plan.status().Annotate(Printable(request.inputs[0].name));
  const Status applicable = plan->change.Applicable(request.allow_data_loss);
  if (request.json) {
    MENDFS_RETURN_IF_ERROR(io.Out(PlanLine(
        {{"plan", plan->id}, {"applicable", applicable.ok()}, {"steps", StepsJson(*plan)}})));
    return applicable;
  }
  const bool same = plan->accepted->schema() == plan->wanted->schema();
  std::string steps = StepsText(*plan);
  if (steps.empty()) steps = same ? "the schema is what it says\n" : "no row is concerned\n";
  MENDFS_RETURN_IF_ERROR(io.Out(steps + "plan " + plan->id + "\n"));
  return applicable;
}

Status RunSchemaApply(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  MENDFS_ASSIGN_OR_RETURN(const std::string text, ReadText(request, io));
  SchemaChangeOptions options;
  options.allow_data_loss = request.allow_data_loss;
  options.act = request.act;
  options.plan = request.confirm;
  options.note = {.actor = ActorOf(request, host),
                  .message = request.message.empty() ? "schema apply" : request.message};
  const auto changed = ApplySchemaChange(host.store, text, options);
  if (!changed.ok()) return changed.status().Annotate(Printable(request.inputs[0].name));
  const SchemaPlan& plan = changed->plan;
  const auto& commit = changed->commit;
  if (changed->applied) MENDFS_RETURN_IF_ERROR(host.store.Flush());
  if (request.json) {
    const Schema& schema = changed->applied ? plan.wanted->schema() : plan.accepted->schema();
    return io.Out(PlanLine({{"commit", commit ? Json(ShortHex(commit->id)) : Json(nullptr)},
                            {"schema", SchemaText(schema)},
                            {"applied", changed->applied},
                            {"plan", plan.id},
                            {"steps", StepsJson(plan)}}));
  }
  if (!changed->applied && plan.change.Has(StepClass::kDestructive)) {
    return io.Out(StepsText(plan) + "plan " + plan.id +
                  "; nothing was changed. To do it, type the same with --confirm " + plan.id +
                  "\n");
  }
  if (!changed->applied) return io.Out("schema unchanged\n");
  return io.Out("schema accepted, " +
                (commit ? "commit " + ShortHex(commit->id).substr(0, 16)
                        : std::string("held by the newest commit or the next one")) +
                "\n");
}

}  // namespace mendfs
