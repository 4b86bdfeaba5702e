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

// What the streams of one export share. Outlives them.
struct ExportSource {
  const Reader& reader;
  const View view;
  const ExportOptions options;
  const std::shared_ptr<const RowRules> rules;

  bool is_table() const {
    return options.format == TableFormat::kCsv || options.format == TableFormat::kTsv;
  }
};

// The lines of one type.
class TypeLines : public LineStream {
 public:
  explicit TypeLines(const ExportSource& source) : source_(source), checker_(source.rules) {}

  Result<bool> Next(std::string& out) final {
    if (begun_) return NextRow(out);
    begun_ = true;
    if (!source_.is_table()) return NextRow(out);
    const char delimiter = source_.options.format == TableFormat::kCsv ? ',' : '\t';
    auto table = CsvRowWriter::Begin(csv_type(), delimiter);
    if (!table.ok()) return table.status().Annotate("export");
    table_.emplace(*std::move(table));
    table_->AppendHeader(out);
    return true;
  }

 protected:
  virtual Result<bool> NextRow(std::string& out) = 0;
  virtual CsvType csv_type() const = 0;

  const ExportSource& source_;
  RowChecker checker_;
  CheckedRow checked_;
  std::optional<CsvRowWriter> table_;  // nothing: JSON lines

 private:
  bool begun_ = false;
};

// ----------------------------------------------------------------------------------------- nodes
class NodeLines final : public TypeLines {
 public:
  NodeLines(const ExportSource& source, const NodeType& type)
      : TypeLines(source),
        type_(type),
        cursor_(source.reader.Scan(source.view, PrefixRange(RowPrefix(type.id)))) {
    begin_ = "{\"type\":";
    AppendJsonString(begin_, type.name);
  }

 private:
  Result<bool> NextRow(std::string& out) override;
  CsvType csv_type() const override { return {&type_, nullptr}; }
  Status AppendRow(std::string_view key, std::string_view body, std::string& out);

  const NodeType& type_;
  const std::unique_ptr<Cursor> cursor_;
  std::string begin_;
};

Result<bool> NodeLines::NextRow(std::string& out) {
  if (!cursor_->Valid()) {
    MENDFS_RETURN_IF_ERROR(cursor_->status());
    return false;
  }
  const std::string_view key = ParseRowKey(cursor_->key()).value_or("");
  MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(cursor_->value()));
  const std::string_view body = cursor_->value().substr(head.body_offset);
  MENDFS_RETURN_IF_ERROR(table_ ? table_->AppendNode(key, body, out) : AppendRow(key, body, out));
  cursor_->Next();
  return true;
}

Status NodeLines::AppendRow(std::string_view key, std::string_view body, std::string& out) {
  // A key that stands only in the row's name must not be lost.
  const bool has_key =
      checker_.CheckNode(type_, body, std::nullopt, checked_).ok() && checked_.key == key;
  if (!source_.options.bare) {
    out.append(begin_);
    if (!has_key) {
      out.append(",\"key\":");
      AppendJsonString(out, key);
    }
    out.append(",\"data\":");
    AppendMinified(out, body);
    out.push_back('}');
    return {};
  }
  if (has_key) {
    AppendMinified(out, body);
    return {};
  }
  if (type_.key.empty()) {
    return {Code::kInvalid, "export: the keys of " + type_.name +
                                " stand in the rows' names only; bare rows would lose them"};
  }
  std::string members;
  MENDFS_RETURN_IF_ERROR(AppendKeyMembers(members, type_, key));
  return AppendWithMembers(out, members, KeyMemberNames(type_), body);
}

// ----------------------------------------------------------------------------------------- edges
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

class EdgeLines final : public TypeLines {
 public:
  EdgeLines(const ExportSource& source, const EdgeType& type, std::unique_ptr<RowKeyTable> targets)
      : TypeLines(source),
        type_(type),
        targets_(std::move(targets)),
        edges_(source.reader, source.view, type.id),
        sources_(source.reader.Scan(source.view, PrefixRange(RowPrefix(type.source)))) {}

 private:
  // Target key and number, then the body: what a source's edges are sorted by.
  using EdgeGroup = std::map<std::pair<std::string, uint32_t>, std::string>;

  Result<bool> NextRow(std::string& out) override;
  CsvType csv_type() const override { return {nullptr, &type_}; }
  // The next edges of a source, sorted; false when there are none left.
  Result<bool> NextGroup();
  // Those behind `after`, as many as fit.
  Status TakeGroup(const EdgeGroup::key_type& after);
  Status AppendEdge(const EdgeGroup::value_type& edge, std::string& out);
  Status AppendBareEdge(const EdgeGroup::value_type& edge, std::string& out);

  const EdgeType& type_;
  const std::unique_ptr<RowKeyTable> targets_;
  SourceEdges edges_;
  const std::unique_ptr<Cursor> sources_;
  std::string source_key_;  // of the group
  InodeNumber source_row_;
  EdgeGroup group_;           // of one source; what was handed out is gone from it
  bool more_ = false;         // the source has edges behind the group
  EdgeGroup::key_type last_;  // that was handed out
};

Result<bool> EdgeLines::NextRow(std::string& out) {
  if (group_.empty()) {
    MENDFS_ASSIGN_OR_RETURN(const bool found, NextGroup());
    if (!found) return false;
  }
  MENDFS_RETURN_IF_ERROR(AppendEdge(*group_.begin(), out));
  last_ = group_.begin()->first;
  group_.erase(group_.begin());
  return true;
}

// One pass a source, but for one with so many edges that they do not fit at once.
Result<bool> EdgeLines::NextGroup() {
  while (group_.empty()) {
    if (more_) {
      MENDFS_RETURN_IF_ERROR(TakeGroup(last_));
      continue;
    }
    if (!sources_->Valid()) {
      MENDFS_RETURN_IF_ERROR(sources_->status());
      return false;
    }
    source_key_ = ParseRowKey(sources_->key()).value_or("");
    MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(sources_->value()));
    source_row_ = head.row;
    MENDFS_RETURN_IF_ERROR(TakeGroup({}));
    sources_->Next();
  }
  return true;
}

Status EdgeLines::TakeGroup(const EdgeGroup::key_type& after) {
  edges_.Begin(EdgePrefix(type_.id, source_row_));
  Cursor& cursor = edges_.cursor();
  more_ = false;
  size_t bytes = 0;
  for (; edges_.Valid(); cursor.Next()) {
    const auto ends = ParseEdgeKey(cursor.key());
    if (!ends) return Status(Code::kCorruption, "export: an edge's key does not decode");
    MENDFS_ASSIGN_OR_RETURN(const auto target, targets_->Find(ends->target));
    if (!target) continue;  // its row is gone, and it with it
    MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(cursor.value()));
    EdgeGroup::key_type place(*target, ends->number);
    if (place <= after) continue;
    const auto added = group_.emplace_hint(group_.end(), std::move(place),
                                           cursor.value().substr(head.body_offset));
    bytes += added->first.first.size() + added->second.size() + kEdgeOverheadBytes;
    while (bytes > kGroupBytesMax && group_.size() > 1) {
      const auto last = std::prev(group_.end());
      bytes -= last->first.first.size() + last->second.size() + kEdgeOverheadBytes;
      group_.erase(last);
      more_ = true;
    }
  }
  return cursor.status();
}

Status EdgeLines::AppendEdge(const EdgeGroup::value_type& edge, std::string& out) {
  const auto& [place, body] = edge;
  const auto& [target_key, number] = place;
  if (table_) {
    return table_->AppendEdge({.from = source_key_, .to = target_key, .n = number}, body, out);
  }
  if (source_.options.bare) return AppendBareEdge(edge, out);
  out.append("{\"edge\":");
  AppendJsonString(out, type_.name);
  out.append(",\"from\":");
  AppendJsonString(out, source_key_);
  out.append(",\"to\":");
  AppendJsonString(out, target_key);
  if (number > 1) out.append(",\"n\":").append(std::to_string(number));
  if (!body.empty()) {
    out.append(",\"data\":");
    AppendMinified(out, body);
  }
  out.push_back('}');
  return {};
}

Status EdgeLines::AppendBareEdge(const EdgeGroup::value_type& edge, std::string& out) {
  const auto& [place, body] = edge;
  const auto& [target_key, number] = place;
  if (number > 1) {
    return {Code::kInvalid,
            "export: bare rows cannot tell parallel edges apart, and " + type_.name + " has some"};
  }
  const bool has_ends =
      !body.empty() && checker_.CheckEdge(type_, body, std::nullopt, std::nullopt, checked_).ok() &&
      checked_.source_key == source_key_ && checked_.target_key == target_key;
  if (has_ends) {
    AppendMinified(out, body);
    return {};
  }
  std::string members;
  AppendEndMembers(members, source_key_, target_key);
  return AppendWithMembers(out, members, kEndMemberNames, body);
}

// ----------------------------------------------------------------------------------------- whole
// The types one after the other, nodes first.
class ExportLines final : public LineStream {
 public:
  explicit ExportLines(ExportSource source) : source_(std::move(source)) {}

  Status Select();
  Result<bool> Next(std::string& out) override {
    while (true) {
      if (!current_) {
        MENDFS_ASSIGN_OR_RETURN(current_, OpenNext());
        if (!current_) return false;
      }
      MENDFS_ASSIGN_OR_RETURN(const bool more, current_->Next(out));
      if (more) return true;
      current_.reset();
    }
  }

 private:
  Result<std::unique_ptr<LineStream>> OpenNext();

  const ExportSource source_;
  std::vector<const NodeType*> nodes_;
  std::vector<const EdgeType*> edges_;
  size_t next_ = 0;  // in both
  std::unique_ptr<LineStream> current_;
};

Status ExportLines::Select() {
  const Schema& schema = source_.rules->schema();
  const ExportOptions& options = source_.options;
  if (options.bare && options.types.size() != 1) {
    return {Code::kInvalid, "export: bare rows do not tell their type; name exactly one"};
  }
  if (options.types.empty()) {
    for (const NodeType& type : schema.nodes) nodes_.push_back(&type);
    for (const EdgeType& type : schema.edges) edges_.push_back(&type);
  }
  for (const std::string& name : options.types) {
    const NodeType* node = schema.FindNode(name);
    const EdgeType* edge = schema.FindEdge(name);
    if (node != nullptr) nodes_.push_back(node);
    if (edge != nullptr) edges_.push_back(edge);
    if (node == nullptr && edge == nullptr) {
      return {Code::kNotFound, "export: no type \"" + name + "\""};
    }
  }
  const auto by_name = [](const auto* one, const auto* other) { return one->name < other->name; };
  std::sort(nodes_.begin(), nodes_.end(), by_name);
  std::sort(edges_.begin(), edges_.end(), by_name);
  nodes_.erase(std::unique(nodes_.begin(), nodes_.end()), nodes_.end());
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  if (source_.is_table() && nodes_.size() + edges_.size() != 1) {
    return {Code::kInvalid,
            "export: a CSV or TSV file holds the rows of one type; name exactly one"};
  }
  return {};
}

Result<std::unique_ptr<LineStream>> ExportLines::OpenNext() {
  const size_t index = next_++;
  if (index < nodes_.size()) {
    return std::unique_ptr<LineStream>(std::make_unique<NodeLines>(source_, *nodes_[index]));
  }
  if (index - nodes_.size() >= edges_.size()) return std::unique_ptr<LineStream>();
  const EdgeType& type = *edges_[index - nodes_.size()];
  MENDFS_ASSIGN_OR_RETURN(auto targets,
                          RowKeyTable::Make(source_.reader, source_.view, type.target));
  return std::unique_ptr<LineStream>(
      std::make_unique<EdgeLines>(source_, type, std::move(targets)));
}

}  // namespace

Result<std::unique_ptr<LineStream>> OpenExport(const Reader& reader, const View& view,
                                               const ExportOptions& options) {
  MENDFS_ASSIGN_OR_RETURN(auto rules, Catalog(reader).RulesAt(view));
  auto lines = std::make_unique<ExportLines>(ExportSource{reader, view, options, std::move(rules)});
  MENDFS_RETURN_IF_ERROR(lines->Select());
  return std::unique_ptr<LineStream>(std::move(lines));
}

Status Export(const Reader& reader, const View& view, const ExportOptions& options,
              const std::function<Status(std::string_view)>& sink) {
  MENDFS_ASSIGN_OR_RETURN(const auto lines, OpenExport(reader, view, options));
  // Lines are gathered, so that the sink sees large pieces.
  std::string bytes;
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const bool more, lines->Next(bytes));
    if (!more) return bytes.empty() ? Status::Ok() : sink(bytes);
    bytes.push_back('\n');
    if (bytes.size() < kOutputBytes) continue;
    MENDFS_RETURN_IF_ERROR(sink(bytes));
    bytes.clear();
  }
}

}  // namespace mendfs
