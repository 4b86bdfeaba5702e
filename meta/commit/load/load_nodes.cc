#include "meta/commit/load/load_nodes.h"

#include <utility>

#include "meta/codec/bytes.h"
#include "meta/commit/load/load_lines.h"
#include "meta/manifest/keys.h"
#include "meta/table/index.h"
#include "meta/table/row_format.h"

namespace mendfs {
namespace {

Status BadRecord() {
  return {Code::kInternal, "load: a sorted record does not decode"};
}

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

class NodePass {
 public:
  NodePass(LoadContext& context, const NodeNumbers& numbers, LoadOutput& output)
      : context_(context),
        numbers_(numbers),
        output_(output),
        existing_(context.reader, context.view),
        rows_(output, {.content = SegmentContent::kNodes}),
        row_names_(output, {.content = SegmentContent::kDerived}),
        index_sort_(context.MakeSorter("index", context.sort_bytes / 2)),
        long_name_sort_(context.MakeSorter("names", context.sort_bytes / 8)) {
    new_rows_.first = numbers.first.value;
  }

  Result<NewRows> Run(ExternalSorter& nodes);

 private:
  Status TakeRecord(std::string_view row_key, std::string_view payload);
  Result<bool> IsTaken(std::string_view row_key);
  Status WriteRow(std::string_view row_key, InodeNumber row);
  Status WriteIndexes();
  Status WriteLongNames();
  Status CheckUniqueValue(std::string_view index_key, const LineRef& where);
  bool MayHaveHolders(TypeId type, PropertyId property);
  void UseType(std::string_view row_key);

  LoadContext& context_;
  const NodeNumbers numbers_;
  LoadOutput& output_;
  ExistingRows existing_;
  LoadOutput::Stream rows_;
  LoadOutput::Stream row_names_;
  std::unique_ptr<ExternalSorter> index_sort_;
  std::unique_ptr<ExternalSorter> long_name_sort_;
  std::unique_ptr<RunWriter> run_;
  NewRows new_rows_;
  NewRows::Range* range_ = nullptr;
  const NodeType* type_ = nullptr;
  std::string last_key_;
  LineRef last_where_;
  NodeRecord record_;
  std::string value_;  // scratch
  // Of the index that is being checked.
  std::string unique_prefix_;
  LineRef unique_where_;
  std::string holders_prefix_;
  bool holders_possible_ = false;
};

Result<NewRows> NodePass::Run(ExternalSorter& nodes) {
  MENDFS_ASSIGN_OR_RETURN(run_,
                          RunWriter::Begin(context_.disk, context_.staging.directory() + "/rows"));
  context_.progress("sort", 0, nodes.records());
  MENDFS_ASSIGN_OR_RETURN(auto stream, nodes.Finish());
  uint64_t done = 0;
  for (; stream->Valid(); ++done) {
    if (done % kLoadProgressStep == 0) context_.progress("write", done, nodes.records());
    MENDFS_RETURN_IF_ERROR(TakeRecord(stream->key(), stream->payload()));
    MENDFS_RETURN_IF_ERROR(stream->Next());
  }
  if (context_.report.clean()) {
    MENDFS_RETURN_IF_ERROR(rows_.Finish());
    MENDFS_RETURN_IF_ERROR(row_names_.Finish());
  }
  MENDFS_ASSIGN_OR_RETURN(new_rows_.run, run_->Finish());
  MENDFS_RETURN_IF_ERROR(WriteIndexes());
  MENDFS_RETURN_IF_ERROR(WriteLongNames());
  return std::move(new_rows_);
}

void NodePass::UseType(std::string_view row_key) {
  const TypeId type = *ParseTypeOf(row_key);
  if (type_ != nullptr && type_->id == type) return;
  type_ = context_.rules->schema().FindNode(type);
  range_ = &new_rows_.types[type];
  range_->first = new_rows_.first + new_rows_.count;
}

// A key that the input has twice, or the store has: refused, and true.
Result<bool> NodePass::IsTaken(std::string_view row_key) {
  const auto name = [&] { return type_->name + " " + Quoted(*ParseRowKey(row_key)); };
  if (row_key == last_key_) {
    context_.report.Refuse(
        record_.where,
        {Code::kExists,
         name() + ": " + context_.report.Where(last_where_, record_.where) + " has the same key"});
    return true;
  }
  last_key_.assign(row_key);
  last_where_ = record_.where;
  MENDFS_ASSIGN_OR_RETURN(const auto stored, existing_.Find(row_key));
  if (stored) {
    context_.report.Refuse(record_.where, {Code::kExists, name() + " is in the store already"});
  }
  return stored.has_value();
}

Status NodePass::TakeRecord(std::string_view row_key, std::string_view payload) {
  if (!ParseNodeRecord(payload, record_)) return BadRecord();
  UseType(row_key);
  MENDFS_ASSIGN_OR_RETURN(const bool taken, IsTaken(row_key));
  if (taken) return Status::Ok();
  if (new_rows_.count == numbers_.count) return BadRecord();

  const InodeNumber row(new_rows_.first + new_rows_.count);
  ++new_rows_.count;
  ++range_->count;
  // Edges are joined with this, also when something was refused: their own faults are told too.
  value_.clear();
  PutU64(value_, row.value);
  PutLineRef(value_, record_.where);
  MENDFS_RETURN_IF_ERROR(run_->Add(row_key, value_));
  return WriteRow(row_key, row);
}

Status NodePass::WriteRow(std::string_view row_key, InodeNumber row) {
  const std::string_view key = *ParseRowKey(row_key);
  for (const NodeRecord::Value& value : record_.values) {
    value_.clear();
    PutU8(value_, value.unique ? 1 : 0);
    PutLineRef(value_, record_.where);
    MENDFS_RETURN_IF_ERROR(
        index_sort_->Add(IndexKey(type_->id, value.property, value.bytes, row), value_));
  }
  if (!context_.report.clean()) return Status::Ok();
  value_.clear();
  AppendRowValue(value_, row, {}, record_.body);
  MENDFS_RETURN_IF_ERROR(rows_.Add(row_key, value_));
  MENDFS_RETURN_IF_ERROR(row_names_.Add(RowNameKey(type_->id, row), key));
  if (const auto hash = context_.long_name(*type_, key)) {
    MENDFS_RETURN_IF_ERROR(long_name_sort_->Add(LongNameKey(type_->id, *hash), key));
  }
  return Status::Ok();
}

// Whether the store has any entry under this index; asked once an index.
bool NodePass::MayHaveHolders(TypeId type, PropertyId property) {
  std::string prefix = IndexPrefix(type, property);
  if (prefix != holders_prefix_) {
    const auto cursor = context_.reader.Scan(context_.view, PrefixRange(prefix));
    // A cursor that failed is not valid: then the question is asked, and answers why.
    holders_possible_ = cursor->Valid() || !cursor->status().ok();
    holders_prefix_ = std::move(prefix);
  }
  return holders_possible_;
}

Status NodePass::CheckUniqueValue(std::string_view index_key, const LineRef& where) {
  const std::string_view prefix = index_key.substr(0, index_key.size() - sizeof(uint64_t));
  const bool repeated = prefix == unique_prefix_;
  ByteReader in(index_key.substr(1));
  const TypeId type(in.GetU32BigEndian());
  const PropertyId property(in.GetU32BigEndian());
  const NodeType* node = context_.rules->schema().FindNode(type);
  if (node == nullptr) return BadRecord();
  const auto refuse = [&](const std::string& holder) {
    std::string name = std::to_string(property.value);
    for (const Property& one : node->properties) {
      if (one.id == property) name = one.name;
    }
    context_.report.Refuse(where, {Code::kExists, "property " + Quoted(name) + " is unique: " +
                                                      holder + " has the same value"});
  };
  if (repeated) {
    refuse(context_.report.Where(unique_where_, where));
    return Status::Ok();
  }
  unique_prefix_.assign(prefix);
  unique_where_ = where;
  if (!MayHaveHolders(type, property)) return Status::Ok();
  const std::string value = in.GetKeyBytes();
  MENDFS_ASSIGN_OR_RETURN(const auto holder,
                          FindHolder(context_.reader, context_.view, type, property, value, {}));
  if (holder) refuse(node->name + " " + Quoted(holder->key));
  return Status::Ok();
}

Status NodePass::WriteIndexes() {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kDerived, .filter = false});
  const uint64_t total = index_sort_->records();
  MENDFS_ASSIGN_OR_RETURN(auto stream, index_sort_->Finish());
  for (uint64_t done = 0; stream->Valid(); ++done) {
    if (done % kLoadProgressStep == 0) context_.progress("check", done, total);
    ByteReader in(stream->payload());
    const bool unique = in.GetU8() != 0;
    const LineRef where = GetLineRef(in);
    if (!in.AtEnd()) return BadRecord();
    if (unique) MENDFS_RETURN_IF_ERROR(CheckUniqueValue(stream->key(), where));
    if (context_.report.clean()) MENDFS_RETURN_IF_ERROR(entries.Add(stream->key(), {}));
    MENDFS_RETURN_IF_ERROR(stream->Next());
  }
  index_sort_.reset();
  return context_.report.clean() ? entries.Finish() : Status::Ok();
}

Status NodePass::WriteLongNames() {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kDerived});
  MENDFS_ASSIGN_OR_RETURN(auto stream, long_name_sort_->Finish());
  while (stream->Valid() && context_.report.clean()) {
    MENDFS_RETURN_IF_ERROR(entries.Add(stream->key(), stream->payload()));
    MENDFS_RETURN_IF_ERROR(stream->Next());
  }
  long_name_sort_.reset();
  return context_.report.clean() ? entries.Finish() : Status::Ok();
}

}  // namespace

Result<NewRows> LoadNodes(LoadContext& context, ExternalSorter& nodes, const NodeNumbers& numbers,
                          LoadOutput& output) {
  return NodePass(context, numbers, output).Run(nodes);
}

}  // namespace mendfs
