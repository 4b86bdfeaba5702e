#include "meta/commit/load/load_lines.h"

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr uint64_t kUniqueBit = 1;

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
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

LineReader::LineReader(std::shared_ptr<const RowRules> rules, const Target& target)
    : target_(target), checker_(std::move(rules)) {}

Result<std::unique_ptr<LineReader>> LineReader::Begin(std::shared_ptr<const RowRules> rules,
                                                      const std::string& bare_type,
                                                      const Target& target) {
  std::unique_ptr<LineReader> reader(new LineReader(std::move(rules), target));
  if (bare_type.empty()) return reader;
  reader->bare_node_ = reader->checker_.rules().FindNode(bare_type);
  reader->bare_edge_ = reader->checker_.rules().FindEdge(bare_type);
  if (reader->bare_node_ == nullptr && reader->bare_edge_ == nullptr) {
    return Status(Code::kNotFound, "load: no node or edge type \"" + bare_type + "\"");
  }
  return reader;
}

void LineReader::BeginSource(std::string_view source) {
  in_source_ = true;
  source_name_ = source;
  where_ = {target_.report.AddSource(source), 0};
}

void LineReader::Refuse(Status status) {
  target_.report.Refuse(where_, std::move(status));
}

// What is over the limit is not kept: the line is refused at its end whatever it holds.
void LineReader::KeepPart(std::string_view part) {
  if (part_.size() + part.size() > kLoadLineBytesMax) {
    part_too_long_ = true;
    part_.clear();
  } else if (!part_too_long_) {
    part_.append(part);
  }
}

Status LineReader::Add(std::string_view source, std::string_view bytes) {
  if (in_source_ && source != source_name_) MENDFS_RETURN_IF_ERROR(EndSource());
  if (!in_source_) BeginSource(source);
  bytes_ += bytes.size();
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

Status LineReader::EndSource() {
  if (!in_source_) return Status::Ok();
  in_source_ = false;
  if (part_.empty() && !part_too_long_) return Status::Ok();
  const Status status = TakeLine(part_);
  part_.clear();
  part_too_long_ = false;
  return status;
}

Status LineReader::TakeLine(std::string_view line) {
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
  return TakeRow(line);
}

Status LineReader::TakeRow(std::string_view line) {
  const bool bare = bare_node_ != nullptr || bare_edge_ != nullptr;
  Status split = SplitLoadLine(line, {.bare = bare}, line_);
  if (!split.ok()) {
    Refuse(std::move(split));
    return Status::Ok();
  }
  const NodeType* node = bare_node_;
  const EdgeType* edge = bare_edge_;
  if (line_.kind == LoadLine::Kind::kNode) node = checker_.rules().FindNode(line_.type);
  if (line_.kind == LoadLine::Kind::kEdge) edge = checker_.rules().FindEdge(line_.type);
  if (node != nullptr || edge != nullptr) types_.insert(node != nullptr ? node->id : edge->id);
  if (node != nullptr) return TakeNode(*node);
  if (edge != nullptr) return TakeEdge(*edge);
  const std::string name(line_.type);
  Refuse(line_.kind == LoadLine::Kind::kNode
             ? Status(Code::kInvalid, "no node type \"" + name +
                                          "\"; declare it in schema.graph, or make it an open "
                                          "type with mkdir nodes/" +
                                          name)
             : Status(Code::kInvalid, "no edge type \"" + name + "\"; declare it in schema.graph"));
  return Status::Ok();
}

Status LineReader::TakeNode(const NodeType& type) {
  Status checked = checker_.CheckNode(type, line_.data, line_.key, row_);
  if (!checked.ok()) {
    Refuse(std::move(checked));
    return Status::Ok();
  }
  payload_.clear();
  AppendNodeRecord(payload_, where_, row_, line_.data);
  ++nodes_;
  return target_.nodes.Add(RowKey(type.id, row_.key), payload_);
}

Status LineReader::TakeEdge(const EdgeType& type) {
  const bool bare = line_.kind == LoadLine::Kind::kBare;
  const auto source = bare ? std::nullopt : std::optional<std::string_view>(line_.from);
  const auto target = bare ? std::nullopt : std::optional<std::string_view>(line_.to);
  Status checked = checker_.CheckEdge(type, line_.data, source, target, row_);
  if (!checked.ok()) {
    Refuse(std::move(checked));
    return Status::Ok();
  }
  payload_.clear();
  PutLineRef(payload_, where_);
  PutVarint(payload_, type.id.value);
  PutVarint(payload_, line_.n);
  PutBytes(payload_, row_.target_key);
  payload_.append(line_.data);
  ++edges_;
  return target_.edges.Add(RowKey(type.source, row_.source_key), payload_);
}

}  // namespace mendfs
