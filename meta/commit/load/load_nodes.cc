#include "meta/commit/load/load_nodes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "meta/codec/bytes.h"
#include "meta/codec/fingerprint.h"
#include "meta/commit/load/load_gone.h"
#include "meta/commit/load/load_indexes.h"
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

std::vector<std::string> RowPrefixes(const LoadContext& context) {
  std::vector<std::string> prefixes;
  for (const NodeType& type : context.rules->schema().nodes) {
    if (context.whole.contains(type.id)) prefixes.push_back(RowPrefix(type.id));
  }
  return prefixes;
}

class NodePass {
 public:
  NodePass(LoadContext& context, const NodeNumbers& numbers, LoadOutput& output)
      : context_(context),
        numbers_(numbers),
        output_(output),
        stored_(context.reader, context.view),
        whole_(context.reader, context.view, RowPrefixes(context)),
        checker_(context.rules),
        rows_(output, {.content = SegmentContent::kNodes}),
        row_names_(output, {.content = SegmentContent::kDerived}),
        indexes_(context, output),
        gone_(context),
        long_name_sort_(context.MakeSorter("names", context.sort_bytes / 8)) {
    new_rows_.first = numbers.first.value;
  }

  Result<NewRows> Run(ExternalSorter& nodes);

 private:
  // An index entry that a row is to have.
  struct Wanted {
    std::string key;
    bool unique = false;
  };

  Status TakeRecord(std::string_view row_key, std::string_view payload);
  bool IsRepeated(std::string_view row_key);
  // The value that the store has under the key. Rows of whole types before it go.
  Result<std::optional<std::string_view>> Stored(std::string_view row_key);
  Status AddRow(std::string_view row_key);
  Status ChangeRow(std::string_view row_key, std::string_view stored);
  // Those of whole types that stand before `row_key`; empty: all that are left.
  Status TakeAwayBefore(std::string_view row_key);
  Status TakeAway(std::string_view row_key, std::string_view stored);
  Status NoteRow(std::string_view row_key, InodeNumber row, const LineRef& where);
  Status ChangeIndexesOf(std::string_view key, InodeNumber row, std::string_view stored_body);
  Result<IndexKeys> StoredIndexKeys(std::string_view key, InodeNumber row, std::string_view body);
  void TakeWanted(InodeNumber row);
  Status WriteLongNames();
  void UseType(std::string_view row_key);

  LoadContext& context_;
  const NodeNumbers numbers_;
  LoadOutput& output_;
  StoredEntries stored_;
  StoredWalk whole_;
  RowChecker checker_;
  LoadOutput::Stream rows_;
  LoadOutput::Stream row_names_;
  IndexPass indexes_;
  GonePass gone_;
  std::unique_ptr<ExternalSorter> long_name_sort_;
  std::unique_ptr<RunWriter> run_;
  NewRows new_rows_;
  const NodeType* type_ = nullptr;
  bool type_is_whole_ = false;
  std::string last_key_;
  LineRef last_where_;
  NodeRecord record_;
  CheckedRow checked_;          // scratch, as the next three
  std::vector<Wanted> wanted_;  // in key order
  std::string value_;
  std::string held_;
};

Result<NewRows> NodePass::Run(ExternalSorter& nodes) {
  MENDFS_RETURN_IF_ERROR(whole_.status());
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
  MENDFS_RETURN_IF_ERROR(TakeAwayBefore({}));
  new_rows_.gone_count = gone_.rows();
  MENDFS_ASSIGN_OR_RETURN(new_rows_.gone, gone_.ClearNames(row_names_));
  if (context_.report.clean()) {
    MENDFS_RETURN_IF_ERROR(rows_.Finish());
    MENDFS_RETURN_IF_ERROR(row_names_.Finish());
  }
  MENDFS_ASSIGN_OR_RETURN(new_rows_.run, run_->Finish());
  MENDFS_RETURN_IF_ERROR(indexes_.Finish());
  MENDFS_RETURN_IF_ERROR(WriteLongNames());
  return std::move(new_rows_);
}

void NodePass::UseType(std::string_view row_key) {
  const TypeId type = *ParseTypeOf(row_key);
  if (type_ != nullptr && type_->id == type) return;
  type_ = context_.rules->schema().FindNode(type);
  type_is_whole_ = context_.whole.contains(type);
}

// A key that the input has twice: refused, and true.
bool NodePass::IsRepeated(std::string_view row_key) {
  if (row_key == last_key_) {
    context_.report.Refuse(
        record_.where, {Code::kExists, type_->name + " " + Quoted(*ParseRowKey(row_key)) + ": " +
                                           context_.report.Where(last_where_, record_.where) +
                                           " has the same key"});
    return true;
  }
  last_key_.assign(row_key);
  last_where_ = record_.where;
  return false;
}

Result<std::optional<std::string_view>> NodePass::Stored(std::string_view row_key) {
  MENDFS_RETURN_IF_ERROR(TakeAwayBefore(row_key));
  UseType(row_key);
  if (!type_is_whole_) return stored_.Find(row_key);
  if (!whole_.Valid() || whole_.key() != row_key) return std::optional<std::string_view>();
  held_.assign(whole_.value());
  MENDFS_RETURN_IF_ERROR(whole_.Next());
  return std::optional<std::string_view>(held_);
}

Status NodePass::TakeRecord(std::string_view row_key, std::string_view payload) {
  if (!ParseNodeRecord(payload, record_)) return BadRecord();
  UseType(row_key);
  if (type_ == nullptr) return BadRecord();
  if (IsRepeated(row_key)) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const auto stored, Stored(row_key));
  if (!stored) return AddRow(row_key);
  if (context_.upsert) return ChangeRow(row_key, *stored);
  context_.report.Refuse(record_.where,
                         {Code::kExists, type_->name + " " + Quoted(*ParseRowKey(row_key)) +
                                             " is in the store already"});
  return Status::Ok();
}

// Edges are joined with this, also when something was refused: their own faults are told too.
Status NodePass::NoteRow(std::string_view row_key, InodeNumber row, const LineRef& where) {
  value_.clear();
  PutU64(value_, row.value);
  PutLineRef(value_, where);
  return run_->Add(row_key, value_);
}

void NodePass::TakeWanted(InodeNumber row) {
  wanted_.clear();
  for (const NodeRecord::Value& value : record_.values) {
    wanted_.push_back({IndexKey(type_->id, value.property, value.bytes, row), value.unique});
  }
}

Status NodePass::AddRow(std::string_view row_key) {
  if (new_rows_.count == numbers_.count) return BadRecord();
  const InodeNumber row(new_rows_.first + new_rows_.count);
  NewRows::Range& range = new_rows_.types[type_->id];
  if (range.count == 0) range.first = row.value;
  ++new_rows_.count;
  ++range.count;
  MENDFS_RETURN_IF_ERROR(NoteRow(row_key, row, record_.where));
  TakeWanted(row);
  for (const Wanted& wanted : wanted_) {
    MENDFS_RETURN_IF_ERROR(indexes_.Claim(wanted.key, wanted.unique, record_.where));
  }
  if (!context_.report.clean()) return Status::Ok();
  const std::string_view key = *ParseRowKey(row_key);
  value_.clear();
  AppendRowValue(value_, row, {}, record_.body);
  MENDFS_RETURN_IF_ERROR(rows_.Add(row_key, value_));
  MENDFS_RETURN_IF_ERROR(row_names_.Add(RowNameKey(type_->id, row), key));
  if (const auto hash = context_.long_name(*type_, key)) {
    MENDFS_RETURN_IF_ERROR(
        long_name_sort_->Add(LongNameKey(type_->id, *hash), std::string("+").append(key)));
  }
  return Status::Ok();
}

// What does not change is not written, so that loading the same twice changes nothing.
Status NodePass::ChangeRow(std::string_view row_key, std::string_view stored) {
  MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(stored));
  const std::string_view body = stored.substr(head.body_offset);
  if (body == record_.body) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(ChangeIndexesOf(*ParseRowKey(row_key), head.row, body));
  ++new_rows_.changed_count;
  if (!context_.report.clean()) return Status::Ok();
  RowAttributes attributes = head.attributes;
  attributes.mtime_ns = 0;  // that of the load
  value_.clear();
  AppendRowValue(value_, head.row, attributes, record_.body);
  return rows_.Add(row_key, value_, ContentLeaf(row_key, stored));
}

Result<IndexKeys> NodePass::StoredIndexKeys(std::string_view key, InodeNumber row,
                                            std::string_view body) {
  if (!HasIndexes(*type_)) return IndexKeys();
  if (checker_.CheckNode(*type_, body, key, checked_).ok()) {
    return IndexKeysOf(type_->id, row, checked_);
  }
  // Written under an older schema: only the entries themselves tell what they are.
  return ScanIndexKeys(context_.reader, context_.view, *type_, row);
}

Status NodePass::ChangeIndexesOf(std::string_view key, InodeNumber row,
                                 std::string_view stored_body) {
  MENDFS_ASSIGN_OR_RETURN(const IndexKeys had, StoredIndexKeys(key, row, stored_body));
  TakeWanted(row);
  for (const std::string& old : had) {
    const bool stays = std::any_of(wanted_.begin(), wanted_.end(),
                                   [&](const Wanted& wanted) { return wanted.key == old; });
    if (!stays) MENDFS_RETURN_IF_ERROR(indexes_.Free(old));
  }
  for (const Wanted& wanted : wanted_) {
    if (std::binary_search(had.begin(), had.end(), wanted.key)) continue;
    MENDFS_RETURN_IF_ERROR(indexes_.Claim(wanted.key, wanted.unique, record_.where));
  }
  return Status::Ok();
}

Status NodePass::TakeAwayBefore(std::string_view row_key) {
  while (whole_.Valid() && (row_key.empty() || whole_.key() < row_key)) {
    MENDFS_RETURN_IF_ERROR(TakeAway(whole_.key(), whole_.value()));
    MENDFS_RETURN_IF_ERROR(whole_.Next());
  }
  return Status::Ok();
}

Status NodePass::TakeAway(std::string_view row_key, std::string_view stored) {
  UseType(row_key);
  const auto key = ParseRowKey(row_key);
  if (type_ == nullptr || !key) return BadRecord();
  MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(stored));
  MENDFS_RETURN_IF_ERROR(NoteRow(row_key, InodeNumber(), {}));
  MENDFS_RETURN_IF_ERROR(gone_.Add(type_->id, head.row, *key));
  MENDFS_ASSIGN_OR_RETURN(const IndexKeys had,
                          StoredIndexKeys(*key, head.row, stored.substr(head.body_offset)));
  for (const std::string& old : had) MENDFS_RETURN_IF_ERROR(indexes_.Free(old));
  if (!context_.report.clean()) return Status::Ok();
  if (const auto hash = context_.long_name(*type_, *key)) {
    MENDFS_RETURN_IF_ERROR(long_name_sort_->Add(LongNameKey(type_->id, *hash), "-"));
  }
  return rows_.Clear(row_key, ContentLeaf(row_key, stored));
}

Status NodePass::WriteLongNames() {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kDerived});
  MENDFS_ASSIGN_OR_RETURN(auto stream, long_name_sort_->Finish());
  while (stream->Valid() && context_.report.clean()) {
    const std::string_view payload = stream->payload();
    if (payload.empty()) return BadRecord();
    MENDFS_RETURN_IF_ERROR(payload.front() == '+' ? entries.Add(stream->key(), payload.substr(1))
                                                  : entries.Clear(stream->key()));
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
