#include "meta/bulk.h"

#include <optional>
#include <utility>

#include "meta/base/failpoint.h"
#include "meta/commit/load/load_context.h"
#include "meta/commit/load/load_edges.h"
#include "meta/commit/load/load_lines.h"
#include "meta/commit/load/load_nodes.h"
#include "meta/commit/load/load_output.h"
#include "meta/manifest/keys.h"
#include "meta/table/catalog.h"
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
  Status Build(LoadContext& context, LoadOutput& output);
  Status Publish(LoadOutput& output, LoadSummary& summary);
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
  std::unique_ptr<LineReader> lines_;
  Status failed_;
};

Status SortingLoader::Open() {
  MENDFS_RETURN_IF_ERROR(store_.door().TakeInodes(0).status());  // refused where nothing is written
  MENDFS_RETURN_IF_ERROR(store_.door().AwaitRoom(false));
  MENDFS_ASSIGN_OR_RETURN(schema_start_, SchemaStart(store_.reader(), view_));
  MENDFS_ASSIGN_OR_RETURN(rules_, Catalog(store_.reader()).RulesAt(view_));
  MENDFS_ASSIGN_OR_RETURN(staging_, LoadStaging::Begin(store_.disk(), store_.path()));
  const LoadContext context = MakeContext({});
  nodes_ = context.MakeSorter("nodes", context.sort_bytes);
  edges_ = context.MakeSorter("edges-by-source", context.sort_bytes);
  MENDFS_ASSIGN_OR_RETURN(lines_,
                          LineReader::Begin(rules_, options_.type, {report_, *nodes_, *edges_}));
  return Status::Ok();
}

LoadContext SortingLoader::MakeContext(const ProgressSink& progress) {
  const uint64_t rows = lines_ ? lines_->nodes() + lines_->edges() : 0;
  return {.disk = store_.disk(),
          .reader = store_.reader(),
          .view = view_,
          .rules = rules_,
          .report = report_,
          .staging = *staging_,
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
  if (status.ok()) {
    status = store_.Flush();
  } else {
    summary.nodes = summary.edges = 0;
  }
  TellRefusals(summary);
  edges_.reset();
  nodes_.reset();
  staging_.reset();
  failed_ = Status(Code::kInvalid, "load: it is over; begin another one");
  return status;
}

// Row writers wait from the first look at what the store has until the load is part of it.
Status SortingLoader::SortAndPublish(const ProgressSink& progress, LoadSummary& summary) {
  LoadContext context = MakeContext(progress);
  context.progress("read", lines_->bytes(), lines_->bytes());
  ObjectStore objects(store_.disk(), store_.path());
  LoadOutput output(objects, *staging_,
                    {.branch = options_.branch, .time_ns = store_.door().NowNs()});
  WriterLock gate(store_.door().table_gate());
  MENDFS_ASSIGN_OR_RETURN(const Seq schema_now, SchemaStart(store_.reader(), view_));
  if (schema_now != schema_start_) {
    return {Code::kConditionLost,
            "load: the schema changed meanwhile; nothing was loaded, load "
            "again"};
  }
  MENDFS_RETURN_IF_ERROR(Build(context, output));
  if (!report_.clean()) return RefusedStatus();
  return Publish(output, summary);
}

Status SortingLoader::Build(LoadContext& context, LoadOutput& output) {
  NodeNumbers numbers;
  numbers.count = nodes_->records();
  MENDFS_ASSIGN_OR_RETURN(numbers.first, store_.door().TakeInodes(numbers.count));
  MENDFS_ASSIGN_OR_RETURN(const NewRows new_rows, LoadNodes(context, *nodes_, numbers, output));
  nodes_.reset();
  return LoadEdges(context, std::move(edges_), new_rows, output);
}

Status SortingLoader::Publish(LoadOutput& output, LoadSummary& summary) {
  const Change change = output.TakeChange();
  if (change.empty()) {
    MENDFS_ASSIGN_OR_RETURN(auto newest, store_.Log(options_.branch, kHeadSeq, 1));
    if (!newest.empty()) summary.commit = std::move(newest.front());
    return Status::Ok();
  }
  // Crash before the record: the objects are this load's residue, removed at the next open.
  MENDFS_FAILPOINT(kLoadBeforePublish);
  auto commit = store_.Publish(change, Note(summary));
  if (!commit.ok()) {
    // A fenced journal may hold the record all the same.
    if (store_.Describe().health == Health::kReadOnly) staging_->LeaveToNextOpen();
    return commit.status();
  }
  staging_->KeepObjects();
  if (commit->has_value()) summary.commit = **std::move(commit);
  // Crash from here on: replay brings the load back, or, if the record was not durable, the objects
  // are residue again.
  return HitFailpoint(Failpoint::kLoadAfterPublish);
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
    message += "; " + report_.SourceName(first.where.source) + " line " +
               std::to_string(first.where.line) + ": " + first.status.message();
  }
  return {Code::kInvalid, std::move(message)};
}

void SortingLoader::TellRefusals(LoadSummary& summary) const {
  summary.refused = report_.refused();
  for (const RefusedLine& refusal : report_.Sorted()) {
    summary.errors.push_back(
        {report_.SourceName(refusal.where.source), refusal.where.line, refusal.status});
  }
}

}  // namespace

Result<std::unique_ptr<Loader>> Loader::Begin(Store& store, const LoadOptions& options) {
  if (options.mode != LoadMode::kAppend) {
    return Status(Code::kUnsupported,
                  "load: this version knows --mode append only, which refuses keys that are there");
  }
  auto loader = std::make_unique<SortingLoader>(store, options);
  MENDFS_RETURN_IF_ERROR(loader->Open());
  return std::unique_ptr<Loader>(std::move(loader));
}

}  // namespace mendfs
