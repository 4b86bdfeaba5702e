// Export: rows in the order of their keys, not of their numbers, so that the same content gives the
// same bytes whatever way it came into the store.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "meta/bulk.h"
#include "meta/commit/load/load_keys.h"
#include "meta/manifest/keys.h"
#include "meta/table/catalog.h"
#include "meta/table/row_check.h"
#include "meta/table/row_format.h"
#include "meta/table/text/csv_rows.h"
#include "meta/table/text/json_text.h"
#include "meta/table/text/row_line.h"

namespace mendfs {
namespace {

constexpr size_t kOutputBytes = size_t{256} << 10;
constexpr size_t kGroupBytesMax = size_t{64} << 20;  // edges of one source that are sorted at once
constexpr size_t kEdgeOverheadBytes = 96;

using Sink = std::function<Status(std::string_view)>;

// Gathers lines, so that the sink sees large pieces.
class Output {
 public:
  explicit Output(const Sink& sink) : sink_(sink) {}
  std::string& line() { return bytes_; }
  Status EndLine() {
    bytes_.push_back('\n');
    return bytes_.size() < kOutputBytes ? Status::Ok() : Flush();
  }
  Status Flush() {
    if (bytes_.empty()) return Status::Ok();
    const Status status = sink_(bytes_);
    bytes_.clear();
    return status;
  }

 private:
  const Sink& sink_;
  std::string bytes_;
};

// The edges of one type, asked for source by source. Rows that were loaded have numbers in key
// order: then each source's edges stand where the last one's ended, and nothing is searched.
class SourceEdges {
 public:
  SourceEdges(const Reader& reader, const View& view, TypeId type)
      : cursor_(reader.Scan(view, PrefixRange(EdgePrefix(type)))) {}

  // To the first edge under `prefix`, if there is any.
  void Begin(std::string prefix) {
    const bool here = cursor_->Valid() && cursor_->key().starts_with(prefix);
    const bool none =
        !last_.empty() && prefix > last_ && (!cursor_->Valid() || cursor_->key() > prefix);
    last_ = std::move(prefix);
    if (!here && !none) cursor_->Seek(last_);
  }
  bool Valid() const { return cursor_->Valid() && cursor_->key().starts_with(last_); }
  Cursor& cursor() { return *cursor_; }

 private:
  const std::unique_ptr<Cursor> cursor_;
  std::string last_;  // the prefix that was asked for last
};

class Exporter {
 public:
  Exporter(const Reader& reader, const View& view, const ExportOptions& options,
           std::shared_ptr<const RowRules> rules, const Sink& sink)
      : reader_(reader),
        view_(view),
        options_(options),
        rules_(std::move(rules)),
        checker_(rules_),
        output_(sink) {}

  Status Run();

 private:
  // Target key and number, then the body: what a source's edges are sorted by.
  using EdgeGroup = std::map<std::pair<std::string, uint32_t>, std::string>;

  Status Select(std::vector<const NodeType*>& nodes, std::vector<const EdgeType*>& edges) const;
  Status BeginTable(const std::vector<const NodeType*>& nodes,
                    const std::vector<const EdgeType*>& edges);
  Status ExportNodes(const NodeType& type);
  Status AppendBareNode(const NodeType& type, std::string_view key, std::string_view body);
  Status ExportEdges(const EdgeType& type);
  Status ExportEdgesOf(const EdgeType& type, InodeNumber source, std::string_view source_key,
                       SourceEdges& edges, RowKeyTable& targets);
  // Those behind `after`, as many as fit; true: there are more behind them.
  Result<bool> TakeGroup(const EdgeType& type, InodeNumber source, SourceEdges& edges,
                         RowKeyTable& targets, const EdgeGroup::key_type& after,
                         EdgeGroup& group) const;
  Status WriteEdge(const EdgeType& type, std::string_view source_key,
                   const EdgeGroup::value_type& edge);

  const Reader& reader_;
  const View view_;
  const ExportOptions& options_;
  const std::shared_ptr<const RowRules> rules_;
  RowChecker checker_;
  CheckedRow checked_;
  Output output_;
  std::optional<CsvRowWriter> table_;  // nothing: JSON lines
};

Status Exporter::Select(std::vector<const NodeType*>& nodes,
                        std::vector<const EdgeType*>& edges) const {
  const Schema& schema = rules_->schema();
  if (options_.bare && options_.types.size() != 1) {
    return {Code::kInvalid, "export: bare rows do not tell their type; name exactly one"};
  }
  if (options_.types.empty()) {
    for (const NodeType& type : schema.nodes) nodes.push_back(&type);
    for (const EdgeType& type : schema.edges) edges.push_back(&type);
  }
  for (const std::string& name : options_.types) {
    const NodeType* node = schema.FindNode(name);
    const EdgeType* edge = schema.FindEdge(name);
    if (node != nullptr) nodes.push_back(node);
    if (edge != nullptr) edges.push_back(edge);
    if (node == nullptr && edge == nullptr) {
      return {Code::kNotFound, "export: no type \"" + name + "\""};
    }
  }
  const auto by_name = [](const auto* one, const auto* other) { return one->name < other->name; };
  std::sort(nodes.begin(), nodes.end(), by_name);
  std::sort(edges.begin(), edges.end(), by_name);
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return Status::Ok();
}

Status Exporter::Run() {
  std::vector<const NodeType*> nodes;
  std::vector<const EdgeType*> edges;
  MENDFS_RETURN_IF_ERROR(Select(nodes, edges));
  if (options_.format == TableFormat::kCsv || options_.format == TableFormat::kTsv) {
    MENDFS_RETURN_IF_ERROR(BeginTable(nodes, edges));
  }
  for (const NodeType* type : nodes) MENDFS_RETURN_IF_ERROR(ExportNodes(*type));
  for (const EdgeType* type : edges) MENDFS_RETURN_IF_ERROR(ExportEdges(*type));
  return output_.Flush();
}

Status Exporter::BeginTable(const std::vector<const NodeType*>& nodes,
                            const std::vector<const EdgeType*>& edges) {
  if (nodes.size() + edges.size() != 1) {
    return {Code::kInvalid,
            "export: a CSV or TSV file holds the rows of one type; name exactly one"};
  }
  const CsvType type =
      nodes.empty() ? CsvType{nullptr, edges.front()} : CsvType{nodes.front(), nullptr};
  const char delimiter = options_.format == TableFormat::kCsv ? ',' : '\t';
  auto table = CsvRowWriter::Begin(type, delimiter);
  if (!table.ok()) return table.status().Annotate("export");
  table_.emplace(*std::move(table));
  table_->AppendHeader(output_.line());
  return output_.EndLine();
}

// ----------------------------------------------------------------------------------------- nodes
Status Exporter::ExportNodes(const NodeType& type) {
  std::string begin = "{\"type\":";
  AppendJsonString(begin, type.name);
  const auto cursor = reader_.Scan(view_, PrefixRange(RowPrefix(type.id)));
  for (; cursor->Valid(); cursor->Next()) {
    const std::string_view key = ParseRowKey(cursor->key()).value_or("");
    MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(cursor->value()));
    const std::string_view body = cursor->value().substr(head.body_offset);
    if (table_) {
      MENDFS_RETURN_IF_ERROR(table_->AppendNode(key, body, output_.line()));
      MENDFS_RETURN_IF_ERROR(output_.EndLine());
      continue;
    }
    // A key that stands only in the row's name must not be lost.
    const bool has_key =
        checker_.CheckNode(type, body, std::nullopt, checked_).ok() && checked_.key == key;
    std::string& line = output_.line();
    if (options_.bare) {
      if (has_key) {
        AppendMinified(line, body);
      } else {
        MENDFS_RETURN_IF_ERROR(AppendBareNode(type, key, body));
      }
    } else {
      line.append(begin);
      if (!has_key) {
        line.append(",\"key\":");
        AppendJsonString(line, key);
      }
      line.append(",\"data\":");
      AppendMinified(line, body);
      line.push_back('}');
    }
    MENDFS_RETURN_IF_ERROR(output_.EndLine());
  }
  return cursor->status();
}

Status Exporter::AppendBareNode(const NodeType& type, std::string_view key, std::string_view body) {
  if (type.key.empty()) {
    return {Code::kInvalid, "export: the keys of " + type.name +
                                " stand in the rows' names only; bare rows would lose them"};
  }
  std::string members;
  MENDFS_RETURN_IF_ERROR(AppendKeyMembers(members, type, key));
  AppendWithMembers(output_.line(), members, body);
  return Status::Ok();
}

// ----------------------------------------------------------------------------------------- edges
Status Exporter::ExportEdges(const EdgeType& type) {
  MENDFS_ASSIGN_OR_RETURN(auto targets, RowKeyTable::Make(reader_, view_, type.target));
  SourceEdges edges(reader_, view_, type.id);
  const auto sources = reader_.Scan(view_, PrefixRange(RowPrefix(type.source)));
  for (; sources->Valid(); sources->Next()) {
    const std::string_view key = ParseRowKey(sources->key()).value_or("");
    MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(sources->value()));
    MENDFS_RETURN_IF_ERROR(ExportEdgesOf(type, head.row, key, edges, *targets));
  }
  return sources->status();
}

Status Exporter::ExportEdgesOf(const EdgeType& type, InodeNumber source,
                               std::string_view source_key, SourceEdges& edges,
                               RowKeyTable& targets) {
  EdgeGroup group;
  EdgeGroup::key_type after;
  bool more = true;
  // One pass, but for a source with so many edges that they do not fit at once.
  while (more) {
    group.clear();
    MENDFS_ASSIGN_OR_RETURN(more, TakeGroup(type, source, edges, targets, after, group));
    for (const auto& edge : group) MENDFS_RETURN_IF_ERROR(WriteEdge(type, source_key, edge));
    if (more) after = group.rbegin()->first;
  }
  return Status::Ok();
}

Result<bool> Exporter::TakeGroup(const EdgeType& type, InodeNumber source, SourceEdges& edges,
                                 RowKeyTable& targets, const EdgeGroup::key_type& after,
                                 EdgeGroup& group) const {
  edges.Begin(EdgePrefix(type.id, source));
  Cursor& cursor = edges.cursor();
  bool more = false;
  size_t bytes = 0;
  for (; edges.Valid(); cursor.Next()) {
    const auto ends = ParseEdgeKey(cursor.key());
    if (!ends) return Status(Code::kCorruption, "export: an edge's key does not decode");
    MENDFS_ASSIGN_OR_RETURN(const auto target, targets.Find(ends->target));
    if (!target) continue;  // its row is gone, and it with it
    MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(cursor.value()));
    EdgeGroup::key_type place(*target, ends->number);
    if (place <= after) continue;
    const auto added =
        group.emplace_hint(group.end(), std::move(place), cursor.value().substr(head.body_offset));
    bytes += added->first.first.size() + added->second.size() + kEdgeOverheadBytes;
    while (bytes > kGroupBytesMax && group.size() > 1) {
      const auto last = std::prev(group.end());
      bytes -= last->first.first.size() + last->second.size() + kEdgeOverheadBytes;
      group.erase(last);
      more = true;
    }
  }
  MENDFS_RETURN_IF_ERROR(cursor.status());
  return more;
}

Status Exporter::WriteEdge(const EdgeType& type, std::string_view source_key,
                           const EdgeGroup::value_type& edge) {
  const auto& [place, body] = edge;
  const auto& [target_key, number] = place;
  std::string& line = output_.line();
  if (table_) {
    MENDFS_RETURN_IF_ERROR(
        table_->AppendEdge({.from = source_key, .to = target_key, .n = number}, body, line));
    return output_.EndLine();
  }
  if (!options_.bare) {
    line.append("{\"edge\":");
    AppendJsonString(line, type.name);
    line.append(",\"from\":");
    AppendJsonString(line, source_key);
    line.append(",\"to\":");
    AppendJsonString(line, target_key);
    if (number > 1) line.append(",\"n\":").append(std::to_string(number));
    if (!body.empty()) {
      line.append(",\"data\":");
      AppendMinified(line, body);
    }
    line.push_back('}');
    return output_.EndLine();
  }
  if (number > 1) {
    return {Code::kInvalid,
            "export: bare rows cannot tell parallel edges apart, and " + type.name + " has some"};
  }
  const bool has_ends = !body.empty() &&
                        checker_.CheckEdge(type, body, std::nullopt, std::nullopt, checked_).ok() &&
                        checked_.source_key == source_key && checked_.target_key == target_key;
  if (has_ends) {
    AppendMinified(line, body);
    return output_.EndLine();
  }
  std::string members = "\"$from\":";
  AppendJsonString(members, source_key);
  members.append(",\"$to\":");
  AppendJsonString(members, target_key);
  AppendWithMembers(line, members, body);
  return output_.EndLine();
}

}  // namespace

Status Export(const Reader& reader, const View& view, const ExportOptions& options,
              const std::function<Status(std::string_view)>& sink) {
  MENDFS_ASSIGN_OR_RETURN(auto rules, Catalog(reader).RulesAt(view));
  return Exporter(reader, view, options, std::move(rules), sink).Run();
}

}  // namespace mendfs
