#include "meta/commit/load/load_edges.h"

#include <utility>

#include "meta/codec/bytes.h"
#include "meta/commit/load/load_cardinality.h"
#include "meta/commit/load/load_lines.h"
#include "meta/manifest/keys.h"
#include "meta/table/row_format.h"

namespace mendfs {
namespace {

Status BadRecord() {
  return {Code::kInternal, "load: a sorted record does not decode"};
}

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

Status NoEnd(const EdgeType& type, const Schema& schema, TypeId end_type,
             std::string_view row_key) {
  const NodeType* node = schema.FindNode(end_type);
  return {Code::kInvalid, "edge " + type.name + ": there is no " +
                              (node == nullptr ? "row" : node->name) + " " +
                              Quoted(*ParseRowKey(row_key)) +
                              ", neither in the input nor in the "
                              "store"};
}

// Between the joins a record is: line, edge type, number, source row, body.
struct HalfJoined {
  LineRef where;
  TypeId type;
  uint32_t number = 1;
  InodeNumber source;
  std::string_view body;
};

void AppendHalfJoined(std::string& out, const EdgeRecord& record, InodeNumber source) {
  PutLineRef(out, record.where);
  PutVarint(out, record.type.value);
  PutVarint(out, record.number);
  PutVarint(out, source.value);
  out.append(record.body);
}

bool ParseHalfJoined(std::string_view payload, HalfJoined& record) {
  ByteReader in(payload);
  record.where = GetLineRef(in);
  record.type = TypeId(static_cast<uint32_t>(in.GetVarint()));
  record.number = static_cast<uint32_t>(in.GetVarint());
  record.source = InodeNumber(in.GetVarint());
  record.body = in.rest();
  return in.ok();
}

class EdgePasses {
 public:
  EdgePasses(LoadContext& context, const NewRows& new_rows, LoadOutput& output)
      : context_(context), new_rows_(new_rows), output_(output) {}

  Status JoinSources(ExternalSorter& by_source, ExternalSorter& by_target);
  Status JoinTargets(ExternalSorter& by_target, ExternalSorter& by_key);
  Status WriteEdges(ExternalSorter& by_key, ExternalSorter& by_reverse_key);
  Status WriteReverse(ExternalSorter& by_reverse_key);

 private:
  // Walks the sorted records and reports progress.
  template <typename Take>
  Status ForEach(ExternalSorter& sorter, std::string_view stage, Take take);
  // Refused, and true: the input has it twice, or the store has it.
  Result<bool> IsTaken(std::string_view edge_key, const EdgeEnds& ends, const LineRef& where);
  const EdgeType* FindType(TypeId type);

  LoadContext& context_;
  const NewRows& new_rows_;
  LoadOutput& output_;
  const EdgeType* type_ = nullptr;
  std::string last_key_;
  LineRef last_where_;
};

template <typename Take>
Status EdgePasses::ForEach(ExternalSorter& sorter, std::string_view stage, Take take) {
  const uint64_t total = sorter.records();
  MENDFS_ASSIGN_OR_RETURN(auto stream, sorter.Finish());
  for (uint64_t done = 0; stream->Valid(); ++done) {
    if (done % kLoadProgressStep == 0) context_.progress(stage, done, total);
    MENDFS_RETURN_IF_ERROR(take(stream->key(), stream->payload()));
    MENDFS_RETURN_IF_ERROR(stream->Next());
  }
  return Status::Ok();
}

const EdgeType* EdgePasses::FindType(TypeId type) {
  if (type_ == nullptr || type_->id != type) type_ = context_.rules->schema().FindEdge(type);
  return type_;
}

Status EdgePasses::JoinSources(ExternalSorter& by_source, ExternalSorter& by_target) {
  MENDFS_ASSIGN_OR_RETURN(
      auto rows, RowResolver::Begin(context_.disk, new_rows_, context_.reader, context_.view));
  EdgeRecord record;
  std::string joined;
  return ForEach(by_source, "check", [&](std::string_view key, std::string_view payload) {
    if (!ParseEdgeRecord(payload, record)) return BadRecord();
    const EdgeType* type = FindType(record.type);
    if (type == nullptr) return BadRecord();
    MENDFS_ASSIGN_OR_RETURN(const auto source, rows->Find(key));
    if (!source) {
      context_.report.Refuse(record.where,
                             NoEnd(*type, context_.rules->schema(), type->source, key));
      return Status::Ok();
    }
    joined.clear();
    AppendHalfJoined(joined, record, *source);
    return by_target.Add(RowKey(type->target, record.target_key), joined);
  });
}

Status EdgePasses::JoinTargets(ExternalSorter& by_target, ExternalSorter& by_key) {
  MENDFS_ASSIGN_OR_RETURN(
      auto rows, RowResolver::Begin(context_.disk, new_rows_, context_.reader, context_.view));
  HalfJoined record;
  std::string joined;
  return ForEach(by_target, "check", [&](std::string_view key, std::string_view payload) {
    if (!ParseHalfJoined(payload, record)) return BadRecord();
    const EdgeType* type = FindType(record.type);
    if (type == nullptr) return BadRecord();
    MENDFS_ASSIGN_OR_RETURN(const auto target, rows->Find(key));
    if (!target) {
      context_.report.Refuse(record.where,
                             NoEnd(*type, context_.rules->schema(), type->target, key));
      return Status::Ok();
    }
    joined.clear();
    PutLineRef(joined, record.where);
    joined.append(record.body);
    return by_key.Add(EdgeKey(type->id, {record.source, *target, record.number}), joined);
  });
}

Result<bool> EdgePasses::IsTaken(std::string_view edge_key, const EdgeEnds& ends,
                                 const LineRef& where) {
  if (edge_key == last_key_) {
    context_.report.Refuse(
        where,
        {Code::kExists, "edge " + type_->name + ": " + context_.report.Where(last_where_, where) +
                            " has the same ends and number; tell parallel edges apart "
                            "with \"n\""});
    return true;
  }
  last_key_.assign(edge_key);
  last_where_ = where;
  if (new_rows_.Holds(ends.source) || new_rows_.Holds(ends.target)) return false;
  const auto stored = context_.reader.Get(context_.view, edge_key);
  if (!stored.ok() && stored.status().code() == Code::kNotFound) return false;
  MENDFS_RETURN_IF_ERROR(stored.status());
  context_.report.Refuse(
      where, {Code::kExists, "edge " + type_->name + ": the store has one with the same ends"});
  return true;
}

Status EdgePasses::WriteEdges(ExternalSorter& by_key, ExternalSorter& by_reverse_key) {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kEdges});
  CardinalityCheck cardinality(context_, new_rows_);
  std::string value;
  const auto take = [&](std::string_view key, std::string_view payload) {
    ByteReader in(payload);
    const LineRef where = GetLineRef(in);
    const auto ends = ParseEdgeKey(key);
    if (!in.ok() || !ends || FindType(*ParseTypeOf(key)) == nullptr) return BadRecord();
    MENDFS_ASSIGN_OR_RETURN(const bool taken, IsTaken(key, *ends, where));
    if (taken) return Status::Ok();
    MENDFS_RETURN_IF_ERROR(cardinality.Count(*type_, ends->source, where));
    if (!context_.report.clean()) return Status::Ok();
    value.clear();
    AppendEdgeValue(value, {}, in.rest());
    MENDFS_RETURN_IF_ERROR(entries.Add(key, value));
    return by_reverse_key.Add(EdgeReverseKey(type_->id, *ends), {});
  };
  MENDFS_RETURN_IF_ERROR(ForEach(by_key, "write", take));
  MENDFS_RETURN_IF_ERROR(cardinality.Finish());
  return context_.report.clean() ? entries.Finish() : Status::Ok();
}

Status EdgePasses::WriteReverse(ExternalSorter& by_reverse_key) {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kDerived, .filter = false});
  const auto take = [&](std::string_view key, std::string_view) { return entries.Add(key, {}); };
  MENDFS_RETURN_IF_ERROR(ForEach(by_reverse_key, "write", take));
  return entries.Finish();
}

}  // namespace

Status LoadEdges(LoadContext& context, std::unique_ptr<ExternalSorter> edges,
                 const NewRows& new_rows, LoadOutput& output) {
  EdgePasses passes(context, new_rows, output);
  auto by_target = context.MakeSorter("edges-by-target", context.sort_bytes);
  MENDFS_RETURN_IF_ERROR(passes.JoinSources(*edges, *by_target));
  edges.reset();
  auto by_key = context.MakeSorter("edges", context.sort_bytes);
  MENDFS_RETURN_IF_ERROR(passes.JoinTargets(*by_target, *by_key));
  by_target.reset();
  auto by_reverse_key = context.MakeSorter("edges-reverse", context.sort_bytes);
  MENDFS_RETURN_IF_ERROR(passes.WriteEdges(*by_key, *by_reverse_key));
  by_key.reset();
  return context.report.clean() ? passes.WriteReverse(*by_reverse_key) : Status::Ok();
}

}  // namespace mendfs
