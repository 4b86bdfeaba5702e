#include "meta/bulk.h"

#include <optional>
#include <utility>

#include "meta/base/failpoint.h"
#include "meta/commit/intent/multi_step.h"
#include "meta/commit/load/load_condition.h"
#include "meta/commit/load/load_context.h"
#include "meta/commit/load/load_edges.h"
#include "meta/commit/load/load_lines.h"
#include "meta/commit/load/load_nodes.h"
#include "meta/commit/load/load_output.h"
#include "meta/commit/table_hold.h"
#include "meta/manifest/keys.h"
#include "meta/object/segment.h"
#include "meta/table/catalog.h"
#include "meta/table/edges.h"
#include "meta/tables.h"

namespace mendfs {
namespace {

using ProgressSink = std::function<void(const LoadProgress&)>;

// Large sorts share the memory: two at a time and the indexes' smaller ones beside them.
constexpr uint64_t LargeSortBytes(uint64_t memory_bytes) {
  return memory_bytes * 3 / 8;
}

std::string WithCommas(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t place = digits.size(); place > 3;) {
    place -= 3;
    digits.insert(place, ",");
  }
  return digits;
}

SourceFormat FormatOf(TableFormat format) {
  switch (format) {
    case TableFormat::kByName: return SourceFormat::kByName;
    case TableFormat::kJsonLines: return SourceFormat::kJsonLines;
    case TableFormat::kCsv: return SourceFormat::kCsv;
    case TableFormat::kTsv: return SourceFormat::kTsv;
  }
  return SourceFormat::kByName;
}

// Which schema a branch has, without decoding it.
Result<Seq> SchemaStart(const Reader& reader, const View& view) {
  const auto entry = reader.Get(view, SchemaKey());
  if (entry.ok()) return entry->start;
  if (entry.status().code() == Code::kNotFound) return Seq();
  return entry.status();
}

class SortingLoader : public Loader {
 public:
  SortingLoader(Store& store, const LoadOptions& options)
      : store_(store),
        options_(options),
        view_{options.branch, kHeadSeq},
        report_(options.errors_max) {}

  Status Open();
  Status Add(std::string_view source, std::string_view bytes) override;
  Status EndSource() override;
  Status Finish(const ProgressSink& progress, LoadSummary& summary) override;

 private:
  LoadContext MakeContext(const ProgressSink& progress);
  Status SortAndPublish(const ProgressSink& progress, LoadSummary& summary);
  Status Build(LoadContext& context, LoadOutput& output, LoadSummary& summary);
  Status CheckConditions(LoadContext& context);
  Status Publish(MultiStepWrite& write, LoadOutput& output, LoadSummary& summary);
  IntentPlan MakePlan(LoadOutput& output) const;
  CommitNote Note(const LoadSummary& summary) const;
  Status RefusedStatus() const;
  void TellRefusals(LoadSummary& summary) const;

  Store& store_;
  const LoadOptions options_;
  const View view_;
  std::shared_ptr<const RowRules> rules_;
  Seq schema_start_;
  LoadReport report_;
  // Removed last: the sorts' runs lie in it.
  std::unique_ptr<LoadStaging> staging_;
  std::unique_ptr<ExternalSorter> nodes_;
  std::unique_ptr<ExternalSorter> edges_;
  std::unique_ptr<RowReader> lines_;
  Status failed_;
};

Status SortingLoader::Open() {
  MENDFS_RETURN_IF_ERROR(store_.door().TakeInodes(0).status());  // refused where nothing is written
  MENDFS_RETURN_IF_ERROR(store_.door().Heal());
  MENDFS_RETURN_IF_ERROR(store_.door().AwaitRoom(false));
  MENDFS_ASSIGN_OR_RETURN(schema_start_, SchemaStart(store_.reader(), view_));
  MENDFS_ASSIGN_OR_RETURN(rules_, Catalog(store_.reader()).RulesAt(view_));
  MENDFS_ASSIGN_OR_RETURN(staging_, LoadStaging::Begin(store_.disk(), store_.path()));
  const LoadContext context = MakeContext({});
  nodes_ = context.MakeSorter("nodes", context.sort_bytes);
  edges_ = context.MakeSorter("edges-by-source", context.sort_bytes);
  MENDFS_ASSIGN_OR_RETURN(lines_, RowReader::Begin(rules_,
                                                   {.type = options_.type,
                                                    .named_lines = options_.named_lines,
                                                    .format = FormatOf(options_.format)},
                                                   {report_, *nodes_, *edges_}));
  return Status::Ok();
}

LoadContext SortingLoader::MakeContext(const ProgressSink& progress) {
  const uint64_t rows = lines_ ? lines_->nodes() + lines_->edges() : 0;
  return {
      .disk = store_.disk(),
      .reader = store_.reader(),
      .view = view_,
      .rules = rules_,
      .report = report_,
      .staging = *staging_,
      .upsert = options_.mode != LoadMode::kAppend,
      .whole = options_.mode == LoadMode::kReplace && lines_ ? lines_->types() : std::set<TypeId>(),
      .sort_bytes = LargeSortBytes(options_.memory_bytes),
      .long_name = &LongNameHash,
      .progress = [progress, rows](std::string_view stage, uint64_t done, uint64_t total) {
        if (progress) progress({.stage = stage, .done = done, .total = total, .rows = rows});
      }};
}

Status SortingLoader::Add(std::string_view source, std::string_view bytes) {
  if (failed_.ok()) failed_ = lines_->Add(source, bytes);
  return failed_;
}

Status SortingLoader::EndSource() {
  if (failed_.ok()) failed_ = lines_->EndSource();
  return failed_;
}

Status SortingLoader::Finish(const ProgressSink& progress, LoadSummary& summary) {
  summary = {};
  Status status = EndSource();
  if (status.ok()) {
    summary.nodes = lines_->nodes();
    summary.edges = lines_->edges();
    status = SortAndPublish(progress, summary);
  }
  if (!status.ok()) summary = {};
  TellRefusals(summary);
  edges_.reset();
  nodes_.reset();
  staging_.reset();
  failed_ = Status(Code::kInvalid, "load: it is over; begin another one");
  return status;
}

// Row writers wait from the first look at what the store has until the load is part of it. The
// steps are those of MultiStepWrite; a load that dies before them leaves its staging directory
// alone.
Status SortingLoader::SortAndPublish(const ProgressSink& progress, LoadSummary& summary) {
  LoadContext context = MakeContext(progress);
  context.progress("read", lines_->bytes(), lines_->bytes());
  MENDFS_FAILPOINT(kLoadAfterInput);
  ObjectStore objects(store_.disk(), store_.path());
  const TableHold gate(store_.door(), TableHold::Mode::kExclusive);
  MENDFS_RETURN_IF_ERROR(gate.status());
  MENDFS_ASSIGN_OR_RETURN(const Seq schema_now, SchemaStart(store_.reader(), view_));
  if (schema_now != schema_start_) {
    return {Code::kConditionLost,
            "load: the schema changed meanwhile; nothing was loaded, load "
            "again"};
  }
  MENDFS_RETURN_IF_ERROR(CheckConditions(context));
  std::unique_ptr<MultiStepWrite> write;  // none where nothing is made
  if (!options_.check_only) {
    MENDFS_ASSIGN_OR_RETURN(write,
                            MultiStepWrite::Begin(store_, {.operation = staging_->operation(),
                                                           .kind = IntentKind::kLoad,
                                                           .branch = options_.branch,
                                                           .note = Note(summary)}));
  }
  LoadOutput output(objects, write.get(),
                    {.branch = options_.branch,
                     .time_ns = store_.door().NowNs(),
                     .plain_entries_max = options_.plain_entries_max});
  MENDFS_RETURN_IF_ERROR(Build(context, output, summary));
  if (!report_.clean()) return RefusedStatus();
  return write ? Publish(*write, output, summary) : Status::Ok();
}

Status SortingLoader::CheckConditions(LoadContext& context) {
  if (!options_.if_commit.empty()) {
    MENDFS_RETURN_IF_ERROR(CheckNewestCommit(store_, options_.branch, options_.if_commit));
  }
  if (options_.from.empty()) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const CommitRow base,
                          FindCommitById(store_, options_.branch, options_.from));
  return CheckUnchangedSince(context, base, lines_->types());
}

Status SortingLoader::Build(LoadContext& context, LoadOutput& output, LoadSummary& summary) {
  NodeNumbers numbers;
  numbers.count = nodes_->records();
  MENDFS_ASSIGN_OR_RETURN(numbers.first, store_.door().TakeInodes(numbers.count));
  MENDFS_ASSIGN_OR_RETURN(const NewRows new_rows, LoadNodes(context, *nodes_, numbers, output));
  nodes_.reset();
  summary.nodes_changed = new_rows.changed_count;
  summary.nodes_gone = new_rows.gone_count;
  MENDFS_ASSIGN_OR_RETURN(const EdgeCounts edges,
                          LoadEdges(context, std::move(edges_), new_rows, output));
  summary.edges_changed = edges.changed;
  summary.edges_gone = edges.gone;
  return Status::Ok();
}

// What the load depends on beyond the keys that it writes: values that must be free, edges that
// were counted.
IntentPlan SortingLoader::MakePlan(LoadOutput& output) const {
  IntentPlan plan;
  plan.change = output.TakeChange();
  if (options_.mode == LoadMode::kReplace) {
    plan.whole.assign(lines_->types().begin(), lines_->types().end());
  }
  for (const EdgeType& type : rules_->schema().edges) {
    if (IsBounded(type)) plan.bounded.push_back(type.id);
  }
  for (const NodeType& type : rules_->schema().nodes) {
    for (const Property& property : type.properties) {
      if (property.unique) plan.unique.push_back({type.id, property.id});
    }
  }
  return plan;
}

Status SortingLoader::Publish(MultiStepWrite& write, LoadOutput& output, LoadSummary& summary) {
  IntentPlan plan = MakePlan(output);
  if (plan.change.empty()) {
    MENDFS_ASSIGN_OR_RETURN(auto newest, store_.Log(options_.branch, kHeadSeq, 1));
    if (!newest.empty()) summary.commit = std::move(newest.front());
    return Status::Ok();
  }
  MENDFS_RETURN_IF_ERROR(write.Confirm(std::move(plan), Note(summary)));
  MENDFS_ASSIGN_OR_RETURN(auto commit, write.Publish());
  if (commit) summary.commit = *std::move(commit);
  return Status::Ok();
}

CommitNote SortingLoader::Note(const LoadSummary& summary) const {
  CommitNote note = options_.note;
  if (note.message.empty()) {
    note.message =
        "load " + WithCommas(summary.nodes) + " nodes, " + WithCommas(summary.edges) + " edges";
  }
  return note;
}

Status SortingLoader::RefusedStatus() const {
  std::string message = "load: " + WithCommas(report_.refused()) +
                        (report_.refused() == 1 ? " line was" : " lines were") +
                        " refused, nothing was loaded";
  const auto refusals = report_.Sorted();
  if (!refusals.empty()) {
    const RefusedLine& first = refusals.front();
    message += "; ";
    if (first.where.line > 0) {
      message += report_.SourceName(first.where.source) + " line " +
                 std::to_string(first.where.line) + ": ";
    }
    message += first.status.message();
  }
  return {Code::kInvalid, std::move(message)};
}

void SortingLoader::TellRefusals(LoadSummary& summary) const {
  summary.refused = report_.refused();
  for (const RefusedLine& refusal : report_.Sorted()) {
    const bool has_line = refusal.where.line > 0;
    summary.errors.push_back({has_line ? report_.SourceName(refusal.where.source) : std::string(),
                              refusal.where.line, refusal.column, refusal.status});
  }
}

}  // namespace

Result<std::unique_ptr<Loader>> Loader::Begin(Store& store, const LoadOptions& options) {
  auto loader = std::make_unique<SortingLoader>(store, options);
  MENDFS_RETURN_IF_ERROR(loader->Open());
  return std::unique_ptr<Loader>(std::move(loader));
}

Result<std::optional<int64_t>> LoadTimeOf(const Reader& reader, BranchId branch, Seq seq) {
  auto cursor = reader.Scan({branch, kHeadSeq}, PrefixRange(SegmentPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    if (cursor->start() != seq) continue;
    MENDFS_ASSIGN_OR_RETURN(const SegmentRef ref, DecodeSegmentRef(cursor->value()));
    return std::optional<int64_t>(ref.time_ns);
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return std::optional<int64_t>();
}

}  // namespace mendfs
