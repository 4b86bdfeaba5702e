#include "meta/commit/migrate/schema_write.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/codec/fingerprint.h"
#include "meta/commit/load/external_sort.h"
#include "meta/commit/migrate/row_rewrite.h"
#include "meta/manifest/keys.h"
#include "meta/table/index.h"
#include "meta/table/row_format.h"

namespace mendfs {
namespace {

constexpr uint64_t kIndexSortBytes = uint64_t{32} << 20;

std::string LongNamePrefix(TypeId type) {
  std::string key = LongNameKey(type, {});
  key.resize(key.size() - sizeof(Hash128));
  return key;
}

bool IsIndexedIn(const NodeType& type, PropertyId id) {
  return std::any_of(type.properties.begin(), type.properties.end(),
                     [&](const Property& column) { return column.id == id && IsIndexed(column); });
}

class DataLoss {
 public:
  DataLoss(const Reader& reader, const WriteOptions& options,
           const std::shared_ptr<const RowRules>& accepted,
           const std::shared_ptr<const RowRules>& wanted, const SchemaChange& change,
           RowRewrite rewrite, LoadOutput& output)
      : reader_(reader),
        view_(options.view),
        accepted_(accepted->schema()),
        wanted_(wanted->schema()),
        rewrite_(std::move(rewrite)),
        output_(output),
        old_checker_(accepted),
        new_checker_(wanted),
        index_sort_(options.disk, {options.staging, "index"}, kIndexSortBytes) {
    for (const SchemaStep& step : change.steps) {
      if (step.kind == StepKind::kDropType) dropped_.insert(step.type);
      if (step.kind == StepKind::kRetypeProperty) reindexed_.insert(step.type);
    }
  }

  Status Run();

 private:
  // Of one kind, in key order: what is dropped is cleared, all else rewritten.
  template <typename Type>
  Status WriteTypes(const std::vector<Type>& all, std::string (*prefix_of)(TypeId),
                    Status (DataLoss::*rewrite)(const Type&, const Cursor&, LoadOutput::Stream&),
                    LoadOutput::Stream& out);
  Status WriteRows();
  Status RewriteRow(const NodeType& type, const Cursor& cursor, LoadOutput::Stream& rows);
  Status NoteIndexes(const NodeType& type, std::string_view key, InodeNumber row,
                     std::string_view had, std::string_view has);
  Status WriteEdges();
  Status RewriteEdge(const EdgeType& type, const Cursor& cursor, LoadOutput::Stream& edges);
  Status ClearDerived(std::vector<std::string> prefixes, bool filter);
  Status ClearIndexes();
  Status WriteIndexes();

  const Reader& reader_;
  const View view_;
  const Schema& accepted_;
  const Schema& wanted_;
  RowRewrite rewrite_;
  LoadOutput& output_;
  RowChecker old_checker_;
  RowChecker new_checker_;
  ExternalSorter index_sort_;
  std::set<TypeId> dropped_;
  std::set<TypeId> reindexed_;  // a value that stays may have other bytes in an index
  CheckedRow checked_;          // scratch, as the rest
  std::string body_;
  std::string value_;
};

Status DataLoss::Run() {
  MENDFS_RETURN_IF_ERROR(WriteRows());
  MENDFS_RETURN_IF_ERROR(WriteEdges());
  std::vector<std::string> names;
  std::vector<std::string> long_names;
  std::vector<std::string> reverse;
  for (const TypeId type : dropped_) {
    names.push_back(RowNamePrefix(type));
    long_names.push_back(LongNamePrefix(type));
    reverse.push_back(EdgeReversePrefix(type));
  }
  MENDFS_RETURN_IF_ERROR(ClearDerived(std::move(names), true));
  MENDFS_RETURN_IF_ERROR(ClearDerived(std::move(long_names), true));
  MENDFS_RETURN_IF_ERROR(ClearDerived(std::move(reverse), false));
  MENDFS_RETURN_IF_ERROR(ClearIndexes());
  return WriteIndexes();
}

template <typename Type>
Status DataLoss::WriteTypes(const std::vector<Type>& all, std::string (*prefix_of)(TypeId),
                            Status (DataLoss::*rewrite)(const Type&, const Cursor&,
                                                        LoadOutput::Stream&),
                            LoadOutput::Stream& out) {
  std::vector<const Type*> types;
  for (const Type& type : all) {
    if (dropped_.contains(type.id) || rewrite_.Touches(type.id)) types.push_back(&type);
  }
  std::sort(types.begin(), types.end(),
            [](const Type* left, const Type* right) { return left->id < right->id; });
  for (const Type* type : types) {
    const bool dropped = dropped_.contains(type->id);
    const auto cursor = reader_.Scan(view_, PrefixRange(prefix_of(type->id)));
    for (; cursor->Valid(); cursor->Next()) {
      if (dropped) {
        MENDFS_RETURN_IF_ERROR(
            out.Clear(cursor->key(), ContentLeaf(cursor->key(), cursor->value())));
      } else {
        MENDFS_RETURN_IF_ERROR((this->*rewrite)(*type, *cursor, out));
      }
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
  }
  return out.Finish();
}

Status DataLoss::WriteRows() {
  LoadOutput::Stream rows(output_, {.content = SegmentContent::kNodes});
  return WriteTypes<NodeType>(accepted_.nodes, RowPrefix, &DataLoss::RewriteRow, rows);
}

Status DataLoss::RewriteRow(const NodeType& type, const Cursor& cursor, LoadOutput::Stream& rows) {
  const auto key = ParseRowKey(cursor.key());
  if (!key) return {Code::kCorruption, "read " + type.name + ": the key of a row is malformed"};
  MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(cursor.value()));
  const std::string_view body = cursor.value().substr(head.body_offset);
  const bool changes = rewrite_.Run(type.id, body, body_);
  if (changes || reindexed_.contains(type.id)) {
    MENDFS_RETURN_IF_ERROR(
        NoteIndexes(type, *key, head.row, body, changes ? std::string_view(body_) : body));
  }
  if (!changes) return Status::Ok();
  RowAttributes attributes = head.attributes;
  attributes.mtime_ns = 0;  // that of the change
  value_.clear();
  AppendRowValue(value_, head.row, attributes, body_);
  return rows.Add(cursor.key(), value_, ContentLeaf(cursor.key(), cursor.value()));
}

// Entries of columns that are indexed before and after; indexes that come or go are made and
// cleared whole.
Status DataLoss::NoteIndexes(const NodeType& type, std::string_view key, InodeNumber row,
                             std::string_view had, std::string_view has) {
  const NodeType* const wanted = wanted_.FindNode(type.id);
  if (wanted == nullptr || !HasIndexes(type) || !HasIndexes(*wanted)) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(old_checker_.CheckNode(type, had, key, checked_));
  for (const IndexValue& value : checked_.values) {
    if (!IsIndexedIn(*wanted, value.property)) continue;
    MENDFS_RETURN_IF_ERROR(
        index_sort_.Add(IndexKey(type.id, value.property, checked_.BytesOf(value), row), "-"));
  }
  MENDFS_RETURN_IF_ERROR(new_checker_.CheckNode(*wanted, has, key, checked_));
  for (const IndexValue& value : checked_.values) {
    if (!IsIndexedIn(type, value.property)) continue;
    MENDFS_RETURN_IF_ERROR(
        index_sort_.Add(IndexKey(type.id, value.property, checked_.BytesOf(value), row), "+"));
  }
  return Status::Ok();
}

Status DataLoss::WriteEdges() {
  LoadOutput::Stream edges(output_, {.content = SegmentContent::kEdges});
  return WriteTypes<EdgeType>(accepted_.edges, EdgePrefix, &DataLoss::RewriteEdge, edges);
}

// Those that wait to be swept, too: one of them may come back with its row.
Status DataLoss::RewriteEdge(const EdgeType& type, const Cursor& cursor,
                             LoadOutput::Stream& edges) {
  MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(cursor.value()));
  if (!rewrite_.Run(type.id, cursor.value().substr(head.body_offset), body_)) return Status::Ok();
  RowAttributes attributes = head.attributes;
  attributes.mtime_ns = 0;  // that of the change
  value_.clear();
  AppendEdgeValue(value_, attributes, body_);
  return edges.Add(cursor.key(), value_, ContentLeaf(cursor.key(), cursor.value()));
}

// `prefixes` are of one kind of key and rising.
Status DataLoss::ClearDerived(std::vector<std::string> prefixes, bool filter) {
  LoadOutput::Stream stream(output_, {.content = SegmentContent::kDerived, .filter = filter});
  for (const std::string& prefix : prefixes) {
    const auto cursor = reader_.Scan(view_, PrefixRange(prefix));
    for (; cursor->Valid(); cursor->Next()) {
      MENDFS_RETURN_IF_ERROR(stream.Clear(cursor->key()));
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
  }
  return stream.Finish();
}

Status DataLoss::ClearIndexes() {
  std::vector<std::string> prefixes;
  for (const NodeType& type : accepted_.nodes) {
    const NodeType* const wanted = wanted_.FindNode(type.id);
    for (const Property& property : type.properties) {
      if (!IsIndexed(property)) continue;
      if (wanted != nullptr && IsIndexedIn(*wanted, property.id)) continue;
      prefixes.push_back(IndexPrefix(type.id, property.id));
    }
  }
  std::sort(prefixes.begin(), prefixes.end());
  return ClearDerived(std::move(prefixes), false);
}

// What a row had ("-") and has ("+") under one key cancels out.
Status DataLoss::WriteIndexes() {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kDerived, .filter = false});
  MENDFS_ASSIGN_OR_RETURN(auto stream, index_sort_.Finish());
  std::string key;
  bool had = false;
  bool has = false;
  const auto flush = [&]() -> Status {
    if (had == has) return Status::Ok();
    return has ? entries.Add(key, {}) : entries.Clear(key);
  };
  while (stream->Valid()) {
    if (stream->key() != key) {
      MENDFS_RETURN_IF_ERROR(flush());
      key.assign(stream->key());
      had = has = false;
    }
    (stream->payload() == "+" ? has : had) = true;
    MENDFS_RETURN_IF_ERROR(stream->Next());
  }
  MENDFS_RETURN_IF_ERROR(flush());
  return entries.Finish();
}

}  // namespace

Status WriteDataLoss(const Reader& reader, const WriteOptions& options,
                     const std::shared_ptr<const RowRules>& accepted,
                     const std::shared_ptr<const RowRules>& wanted, const SchemaChange& change,
                     LoadOutput& output) {
  MENDFS_ASSIGN_OR_RETURN(RowRewrite rewrite, RowRewrite::Make(wanted->schema(), change));
  return DataLoss(reader, options, accepted, wanted, change, std::move(rewrite), output).Run();
}

}  // namespace mendfs
