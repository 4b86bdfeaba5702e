#include "meta/commit/load/load_lines.h"

#include <algorithm>
#include <array>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"
#include "meta/table/text/body_place.h"

namespace mendfs {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr uint64_t kUniqueBit = 1;

// What files begin with that hold no text yet, and what makes it of them.
struct Foreign {
  std::string_view begin;
  std::string_view what;
  std::string_view remedy;
};
constexpr std::array<Foreign, 5> kForeign = {{
    {"\x1F\x8B", "the file is compressed with gzip", "zcat FILE | mendfs load STORE -"},
    {"\x28\xB5\x2F\xFD", "the file is compressed with zstd", "zstdcat FILE | mendfs load STORE -"},
    {{"\xFD\x37\x7A\x58\x5A\x00", 6},
     "the file is compressed with xz",
     "xzcat FILE | mendfs load STORE -"},
    {"\xFF\xFE", "the file is UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | mendfs load STORE -"},
    {"\xFE\xFF", "the file is UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | mendfs load STORE -"},
}};

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// The ending in small letters; the text in any.
bool HasEnding(std::string_view text, std::string_view ending) {
  if (text.size() < ending.size()) return false;
  const std::string_view end = text.substr(text.size() - ending.size());
  return std::equal(end.begin(), end.end(), ending.begin(), [](char one, char small) {
    return one == small || (one >= 'A' && one <= 'Z' && one - 'A' + 'a' == small);
  });
}

void AppendNodeRecord(std::string& out, const LineRef& where, const CheckedRow& row,
                      std::string_view body) {
  PutLineRef(out, where);
  PutVarint(out, row.values.size());
  for (const IndexValue& value : row.values) {
    PutVarint(out, uint64_t{value.property.value} << 1 | (value.unique ? kUniqueBit : 0));
    PutBytes(out, row.BytesOf(value));
  }
  out.append(body);
}

}  // namespace

bool ParseNodeRecord(std::string_view payload, NodeRecord& record) {
  ByteReader in(payload);
  record.where = GetLineRef(in);
  const uint64_t count = in.GetVarint();
  record.values.clear();
  for (uint64_t index = 0; index < count && in.ok(); ++index) {
    const uint64_t property = in.GetVarint();
    record.values.push_back({PropertyId(static_cast<uint32_t>(property >> 1)),
                             (property & kUniqueBit) != 0, in.GetBytes()});
  }
  record.body = in.rest();
  return in.ok();
}

bool ParseEdgeRecord(std::string_view payload, EdgeRecord& record) {
  ByteReader in(payload);
  record.where = GetLineRef(in);
  record.type = TypeId(static_cast<uint32_t>(in.GetVarint()));
  record.number = static_cast<uint32_t>(in.GetVarint());
  record.target_key = in.GetBytes();
  record.body = in.rest();
  return in.ok();
}

RowReader::RowReader(std::shared_ptr<const RowRules> rules, RowReaderOptions options,
                     const Target& target)
    : target_(target), options_(std::move(options)), checker_(std::move(rules)) {}

Result<std::unique_ptr<RowReader>> RowReader::Begin(std::shared_ptr<const RowRules> rules,
                                                    const RowReaderOptions& options,
                                                    const Target& target) {
  std::unique_ptr<RowReader> reader(new RowReader(std::move(rules), options, target));
  if (options.type.empty()) return reader;
  reader->bare_node_ = reader->checker_.rules().FindNode(options.type);
  reader->bare_edge_ = reader->checker_.rules().FindEdge(options.type);
  if (reader->bare_node_ == nullptr && reader->bare_edge_ == nullptr) {
    return Status(Code::kNotFound, "load: no node or edge type \"" + options.type + "\"");
  }
  return reader;
}

// ------------------------------------------------------------------------------------- sources
void RowReader::BeginSource(std::string_view source) {
  in_source_ = true;
  skip_source_ = false;
  source_name_ = source;
  where_ = {target_.report.AddSource(source), 0};
  table_.reset();
  SourceFormat format = options_.format;
  if (format == SourceFormat::kByName && HasEnding(source, ".csv")) format = SourceFormat::kCsv;
  if (format == SourceFormat::kByName && HasEnding(source, ".tsv")) format = SourceFormat::kTsv;
  if (format == SourceFormat::kCsv) BeginTable(',');
  if (format == SourceFormat::kTsv) BeginTable('\t');
}

// One sentence instead of a fault in each of what happen to be its lines.
void RowReader::RefuseForeign(std::string_view begin) {
  const auto* foreign = std::find_if(kForeign.begin(), kForeign.end(), [&](const Foreign& one) {
    return begin.starts_with(one.begin);
  });
  if (skip_source_ || foreign == kForeign.end()) return;
  skip_source_ = true;
  table_.reset();
  where_.line = 1;
  Refuse({Code::kInvalid,
          std::string(foreign->what) + "; read it as text: " + std::string(foreign->remedy)});
}

// nodes/City.csv, edges/LivesIn.csv: the folder decides where both kinds have a type of the name.
CsvType RowReader::FindTableType(std::string_view path) const {
  if (!options_.type.empty()) return {bare_node_, bare_node_ != nullptr ? nullptr : bare_edge_};
  const size_t slash = path.rfind('/');
  const std::string_view folder = slash == std::string_view::npos ? "" : path.substr(0, slash);
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  name = name.substr(0, name.rfind('.'));
  const NodeType* node = checker_.rules().FindNode(name);
  const EdgeType* edge = checker_.rules().FindEdge(name);
  if (node != nullptr && edge != nullptr && HasEnding(folder, "edges")) node = nullptr;
  return {node, node != nullptr ? nullptr : edge};
}

void RowReader::BeginTable(char delimiter) {
  const CsvType type = FindTableType(source_name_);
  if (type.node != nullptr || type.edge != nullptr) {
    table_ = std::make_unique<Table>(delimiter, type);
    return;
  }
  skip_source_ = true;
  where_.line = 1;
  Refuse({Code::kInvalid, "whose rows are these? Name the file <Type>" +
                              std::string(delimiter == ',' ? ".csv" : ".tsv") +
                              " after a type of schema.graph, or give --type"});
}

void RowReader::Refuse(Status status, uint64_t column) {
  target_.report.Refuse(where_, std::move(status), column);
}

// The fault's place within the body becomes its place in the file.
void RowReader::RefuseBody(const Status& status, std::string_view body) {
  std::string message(status.message());
  const BodyPlace place = TakeBodyPlace(message);
  LineRef where = where_;
  uint64_t column = 0;
  if (table_) {
    CsvPlace in_file = fields_.front().place;
    if (place.line == 1) in_file = table_->maker.PlaceOf(fields_, place.column - 1);
    where.line = in_file.line;
    column = place.line == 1 ? in_file.column : 0;
  } else if (place.line == 1 && body.data() >= text_.data()) {
    column = static_cast<uint64_t>(body.data() - text_.data()) + place.column;
  }
  target_.report.Refuse(where, {status.code(), std::move(message)}, column);
}

// What is over the limit is not kept: the line is refused at its end whatever it holds.
void RowReader::KeepPart(std::string_view part) {
  if (part_.size() + part.size() > kLoadLineBytesMax) {
    part_too_long_ = true;
    part_.clear();
  } else if (!part_too_long_) {
    part_.append(part);
  }
}

Status RowReader::Add(std::string_view source, std::string_view bytes) {
  if (in_source_ && source != source_name_) MENDFS_RETURN_IF_ERROR(EndSource());
  if (!in_source_) {
    BeginSource(source);
    RefuseForeign(bytes);
  }
  bytes_ += bytes.size();
  if (skip_source_) return Status::Ok();
  return table_ ? table_->reader.Add(bytes, *this) : AddLines(bytes);
}

Status RowReader::AddLines(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      KeepPart(bytes);
      break;
    }
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (part_.empty() && !part_too_long_) {
      MENDFS_RETURN_IF_ERROR(TakeLine(line));
      continue;
    }
    KeepPart(line);
    MENDFS_RETURN_IF_ERROR(TakeLine(part_));
    part_.clear();
    part_too_long_ = false;
  }
  return Status::Ok();
}

Status RowReader::EndSource() {
  if (!in_source_) return Status::Ok();
  in_source_ = false;
  if (table_) {
    const Status ended = table_->reader.End(*this);
    table_.reset();
    return ended;
  }
  if (part_.empty() && !part_too_long_) return Status::Ok();
  const Status status = TakeLine(part_);
  part_.clear();
  part_too_long_ = false;
  return status;
}

// -------------------------------------------------------------------------------------- records
Status RowReader::TakeFault(const CsvPlace& place, const Status& fault) {
  where_.line = place.line;
  Refuse(fault, place.column);
  return Status::Ok();
}

Status RowReader::TakeRecord(std::span<const CsvField> fields) {
  Table& table = *table_;
  if (table.useless) return Status::Ok();
  fields_ = fields;
  where_.line = fields.front().place.line;
  CsvFault fault;
  if (!table.begun) {
    table.begun = true;
    table.useless = !table.maker.Begin(fields, fault);
    if (table.useless) return TakeFault(fault.place, fault.status);
    types_.insert(table.type.node != nullptr ? table.type.node->id : table.type.edge->id);
    return Status::Ok();
  }
  if (!table.maker.Make(fields, table.row, fault)) return TakeFault(fault.place, fault.status);
  if (table.type.edge != nullptr) return TakeTableEdge(*table.type.edge, table.row);
  return TakeNode(*table.type.node, table.row.body, table.row.key);
}

Status RowReader::TakeTableEdge(const EdgeType& type, const CsvRow& row) {
  const Status checked = checker_.CheckEdge(type, row.body, row.from, row.to, row_);
  if (checked.ok()) return KeepEdge(type, row.n, row.body);
  RefuseBody(checked, row.body);
  return Status::Ok();
}

// ---------------------------------------------------------------------------------------- lines
Status RowReader::TakeLine(std::string_view line) {
  ++where_.line;
  if (part_too_long_ || line.size() > kLoadLineBytesMax) {
    Refuse({Code::kTooBig, "the line is longer than " + std::to_string(kLoadLineBytesMax) +
                               " bytes; a row may have " + std::to_string(kRowBodyBytesMax)});
    return Status::Ok();
  }
  if (where_.line == 1 && line.starts_with(kByteOrderMark)) {
    Refuse(
        {Code::kInvalid, "the file begins with a byte order mark; save it as UTF-8 without one"});
    return Status::Ok();
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (IsBlank(line)) return Status::Ok();
  text_ = line;
  return TakeRow(line);
}

Status RowReader::TakeRow(std::string_view line) {
  const Status split = SplitLine(line);
  if (!split.ok()) {
    RefuseBody(split, line);
    return Status::Ok();
  }
  const NodeType* node = bare_node_;
  const EdgeType* edge = bare_edge_;
  if (line_.kind != LoadLine::Kind::kBare) {
    const bool is_node = line_.kind == LoadLine::Kind::kNode;
    node = is_node ? checker_.rules().FindNode(line_.type) : nullptr;
    edge = is_node ? nullptr : checker_.rules().FindEdge(line_.type);
  }
  if (options_.named_lines && line_.kind != LoadLine::Kind::kBare &&
      (node != bare_node_ || edge != bare_edge_)) {
    Refuse({Code::kInvalid, "a row of \"" + std::string(line_.type) + "\" is none of " +
                                options_.type + ", whose rows these are"});
    return Status::Ok();
  }
  if (node != nullptr || edge != nullptr) types_.insert(node != nullptr ? node->id : edge->id);
  if (node != nullptr) return TakeNode(*node, line_.data, line_.key);
  if (edge != nullptr) return TakeEdge(*edge, line_, line_.kind == LoadLine::Kind::kBare);
  const std::string name(line_.type);
  Refuse(line_.kind == LoadLine::Kind::kNode
             ? Status(Code::kInvalid, "no node type \"" + name +
                                          "\"; declare it in schema.graph, or make it an open "
                                          "type with mkdir nodes/" +
                                          name)
             : Status(Code::kInvalid, "no edge type \"" + name + "\"; declare it in schema.graph"));
  return Status::Ok();
}

bool RowReader::HasColumn(std::string_view name) const {
  const auto& properties = bare_node_ != nullptr ? bare_node_->properties : bare_edge_->properties;
  return FindProperty(properties, name).has_value();
}

// With a type, what is no whole line of an export is a body; but one that begins to name a type is
// told what is wrong with that, unless it speaks of a column.
Status RowReader::SplitLine(std::string_view line) {
  const bool bare = bare_node_ != nullptr || bare_edge_ != nullptr;
  if (bare && options_.named_lines) {
    Status named = SplitLoadLine(line, {.bare = false}, line_);
    if (named.ok()) return named;
    const bool is_named = !line_.type.empty() && !HasColumn("type") && !HasColumn("edge");
    if (is_named) return named;
  }
  return SplitLoadLine(line, {.bare = bare}, line_);
}

Status RowReader::TakeNode(const NodeType& type, std::string_view body,
                           std::optional<std::string_view> key) {
  const Status checked = checker_.CheckNode(type, body, key, row_);
  if (!checked.ok()) {
    RefuseBody(checked, body);
    return Status::Ok();
  }
  payload_.clear();
  AppendNodeRecord(payload_, where_, row_, body);
  ++nodes_;
  return target_.nodes.Add(RowKey(type.id, row_.key), payload_);
}

Status RowReader::TakeEdge(const EdgeType& type, const LoadLine& line, bool bare) {
  const auto source = bare ? std::nullopt : std::optional<std::string_view>(line.from);
  const auto target = bare ? std::nullopt : std::optional<std::string_view>(line.to);
  const Status checked = checker_.CheckEdge(type, line.data, source, target, row_);
  if (checked.ok()) return KeepEdge(type, line.n, line.data);
  RefuseBody(checked, line.data);
  return Status::Ok();
}

Status RowReader::KeepEdge(const EdgeType& type, uint32_t number, std::string_view body) {
  payload_.clear();
  PutLineRef(payload_, where_);
  PutVarint(payload_, type.id.value);
  PutVarint(payload_, number);
  PutBytes(payload_, row_.target_key);
  payload_.append(body);
  ++edges_;
  return target_.edges.Add(RowKey(type.source, row_.source_key), payload_);
}

}  // namespace mendfs
