#include "meta/commit/load/load_edges.h"

#include <optional>
#include <utility>
#include <vector>

#include "meta/codec/bytes.h"
#include "meta/codec/fingerprint.h"
#include "meta/commit/load/load_cardinality.h"
#include "meta/commit/load/load_gone.h"
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
      : context_(context),
        new_rows_(new_rows),
        output_(output),
        stored_(context.reader, context.view),
        cardinality_(context, new_rows),
        entries_(output, {.content = SegmentContent::kEdges}) {}

  Status JoinSources(ExternalSorter& by_source, ExternalSorter& by_target);
  Status JoinTargets(ExternalSorter& by_target, ExternalSorter& by_key);
  Status WriteEdges(ExternalSorter& by_key, ExternalSorter& by_reverse_key);
  Status WriteReverse(ExternalSorter& by_reverse_key);
  const EdgeCounts& counts() const { return counts_; }

 private:
  // Walks the sorted records and reports progress.
  template <typename Take>
  Status ForEach(ExternalSorter& sorter, std::string_view stage, Take take);
  // The input has it twice: refused, and true.
  bool IsRepeated(std::string_view edge_key, const LineRef& where);
  // The value that the store has under the key. Edges before it that are to go, go.
  Result<std::optional<std::string_view>> Stored(std::string_view edge_key, const EdgeEnds& ends);
  Status TakeEdge(std::string_view key, std::string_view payload, ExternalSorter& by_reverse_key);
  Status ChangeEdge(std::string_view edge_key, const EdgeEnds& ends, std::string_view body,
                    std::string_view stored);
  // Those of whole types and of rows that are gone, before `edge_key`; empty: all that are left.
  Status TakeAwayBefore(std::string_view edge_key);
  Status TakeAway(std::string_view edge_key, std::optional<std::string_view> stored);
  const EdgeType* FindType(TypeId type);

  LoadContext& context_;
  const NewRows& new_rows_;
  LoadOutput& output_;
  StoredEntries stored_;
  CardinalityCheck cardinality_;
  LoadOutput::Stream entries_;
  EdgeCounts counts_;
  // Edges that go, each in the order of EdgeKey.
  std::unique_ptr<StoredWalk> whole_;
  std::unique_ptr<RecordStream> of_gone_rows_;
  ExternalSorter* by_reverse_key_ = nullptr;
  const EdgeType* type_ = nullptr;
  std::string last_key_;
  LineRef last_where_;
  std::string value_;  // scratch, as the next
  std::string held_;
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

bool EdgePasses::IsRepeated(std::string_view edge_key, const LineRef& where) {
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
  return false;
}

// A row that is gone has no edges in the input, so that a key of its edges is none of the input's.
Result<std::optional<std::string_view>> EdgePasses::Stored(std::string_view edge_key,
                                                           const EdgeEnds& ends) {
  MENDFS_RETURN_IF_ERROR(TakeAwayBefore(edge_key));
  FindType(*ParseTypeOf(edge_key));
  if (new_rows_.Holds(ends.source) || new_rows_.Holds(ends.target)) {
    return std::optional<std::string_view>();
  }
  if (!context_.whole.contains(type_->id)) return stored_.Find(edge_key);
  if (!whole_->Valid() || whole_->key() != edge_key) return std::optional<std::string_view>();
  held_.assign(whole_->value());
  MENDFS_RETURN_IF_ERROR(whole_->Next());
  return std::optional<std::string_view>(held_);
}

Status EdgePasses::TakeAwayBefore(std::string_view edge_key) {
  const auto is_before = [&](std::string_view key) { return edge_key.empty() || key < edge_key; };
  while (true) {
    const bool whole = whole_->Valid() && is_before(whole_->key());
    const bool of_gone_row =
        of_gone_rows_ && of_gone_rows_->Valid() && is_before(of_gone_rows_->key());
    if (!whole && !of_gone_row) return Status::Ok();
    // They are of different types, so that no key is in both.
    if (whole && (!of_gone_row || whole_->key() < of_gone_rows_->key())) {
      MENDFS_RETURN_IF_ERROR(TakeAway(whole_->key(), whole_->value()));
      MENDFS_RETURN_IF_ERROR(whole_->Next());
      continue;
    }
    const std::string key(of_gone_rows_->key());
    MENDFS_ASSIGN_OR_RETURN(const auto stored, stored_.Find(key));
    MENDFS_RETURN_IF_ERROR(TakeAway(key, stored));
    // It is found from each of its ends.
    while (of_gone_rows_->Valid() && of_gone_rows_->key() == key) {
      MENDFS_RETURN_IF_ERROR(of_gone_rows_->Next());
    }
  }
}

Status EdgePasses::TakeAway(std::string_view edge_key, std::optional<std::string_view> stored) {
  const auto ends = ParseEdgeKey(edge_key);
  const auto id = ParseTypeOf(edge_key);
  const EdgeType* type = id ? FindType(*id) : nullptr;
  if (!ends || type == nullptr) return {Code::kCorruption, "an edge's key does not decode"};
  MENDFS_RETURN_IF_ERROR(cardinality_.TakeAway(*type, ends->source));
  ++counts_.gone;
  if (!context_.report.clean()) return Status::Ok();
  if (stored) {
    MENDFS_RETURN_IF_ERROR(entries_.Clear(edge_key, ContentLeaf(edge_key, *stored)));
  }
  return by_reverse_key_->Add(EdgeReverseKey(type->id, *ends), "-");
}

Status EdgePasses::ChangeEdge(std::string_view edge_key, const EdgeEnds& ends,
                              std::string_view body, std::string_view stored) {
  if (context_.whole.contains(type_->id)) {
    MENDFS_RETURN_IF_ERROR(cardinality_.Keep(*type_, ends.source));
  }
  MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(stored));
  if (stored.substr(head.body_offset) == body) return Status::Ok();
  ++counts_.changed;
  if (!context_.report.clean()) return Status::Ok();
  RowAttributes attributes = head.attributes;
  attributes.mtime_ns = 0;  // that of the load
  value_.clear();
  AppendEdgeValue(value_, attributes, body);
  return entries_.Add(edge_key, value_, ContentLeaf(edge_key, stored));
}

Status EdgePasses::TakeEdge(std::string_view key, std::string_view payload,
                            ExternalSorter& by_reverse_key) {
  ByteReader in(payload);
  const LineRef where = GetLineRef(in);
  const auto ends = ParseEdgeKey(key);
  if (!in.ok() || !ends || FindType(*ParseTypeOf(key)) == nullptr) return BadRecord();
  if (IsRepeated(key, where)) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const auto stored, Stored(key, *ends));
  if (stored && context_.upsert) return ChangeEdge(key, *ends, in.rest(), *stored);
  if (stored) {
    context_.report.Refuse(
        where, {Code::kExists, "edge " + type_->name + ": the store has one with the same ends"});
    return Status::Ok();
  }
  MENDFS_RETURN_IF_ERROR(cardinality_.Count(*type_, ends->source, where));
  if (!context_.report.clean()) return Status::Ok();
  value_.clear();
  AppendEdgeValue(value_, {}, in.rest());
  MENDFS_RETURN_IF_ERROR(entries_.Add(key, value_));
  return by_reverse_key.Add(EdgeReverseKey(type_->id, *ends), "+");
}

Status EdgePasses::WriteEdges(ExternalSorter& by_key, ExternalSorter& by_reverse_key) {
  std::vector<std::string> prefixes;
  for (const EdgeType& type : context_.rules->schema().edges) {
    if (context_.whole.contains(type.id)) prefixes.push_back(EdgePrefix(type.id));
  }
  whole_ = std::make_unique<StoredWalk>(context_.reader, context_.view, std::move(prefixes));
  MENDFS_RETURN_IF_ERROR(whole_->status());
  by_reverse_key_ = &by_reverse_key;
  std::unique_ptr<ExternalSorter> gone;
  if (new_rows_.gone_count > 0) {
    MENDFS_ASSIGN_OR_RETURN(gone, GonePass::CollectEdges(context_, new_rows_.gone));
    MENDFS_ASSIGN_OR_RETURN(of_gone_rows_, gone->Finish());
  }
  MENDFS_RETURN_IF_ERROR(
      ForEach(by_key, "write", [&](std::string_view key, std::string_view payload) {
        return TakeEdge(key, payload, by_reverse_key);
      }));
  MENDFS_RETURN_IF_ERROR(TakeAwayBefore({}));
  of_gone_rows_.reset();
  MENDFS_RETURN_IF_ERROR(cardinality_.Finish());
  return context_.report.clean() ? entries_.Finish() : Status::Ok();
}

Status EdgePasses::WriteReverse(ExternalSorter& by_reverse_key) {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kDerived, .filter = false});
  const auto take = [&](std::string_view key, std::string_view payload) {
    return payload == "+" ? entries.Add(key, {}) : entries.Clear(key);
  };
  MENDFS_RETURN_IF_ERROR(ForEach(by_reverse_key, "write", take));
  return entries.Finish();
}

}  // namespace

Result<EdgeCounts> LoadEdges(LoadContext& context, std::unique_ptr<ExternalSorter> edges,
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
  if (context.report.clean()) MENDFS_RETURN_IF_ERROR(passes.WriteReverse(*by_reverse_key));
  return passes.counts();
}

}  // namespace mendfs
