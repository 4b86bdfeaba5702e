#include "meta/commit/load/load_lookup.h"

#include <algorithm>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"
#include "meta/table/row_format.h"

namespace mendfs {
namespace {

constexpr size_t kTypePrefixBytes = 5;  // kind, type
constexpr int kStepsBeforeSeek = 8;

}  // namespace

Result<std::optional<std::string_view>> StoredEntries::Find(std::string_view key) {
  const std::string_view type_prefix = key.substr(0, kTypePrefixBytes);
  if (!cursor_ || type_prefix != type_prefix_) {
    type_prefix_ = type_prefix;
    cursor_ = reader_.Scan(view_, PrefixRange(type_prefix));
  }
  for (int step = 0; cursor_->Valid() && cursor_->key() < key; ++step) {
    if (step < kStepsBeforeSeek) {
      cursor_->Next();
    } else {
      cursor_->Seek(key);
    }
  }
  if (!cursor_->Valid()) {
    MENDFS_RETURN_IF_ERROR(cursor_->status());
    return std::optional<std::string_view>();
  }
  if (cursor_->key() != key) return std::optional<std::string_view>();
  return std::optional<std::string_view>(cursor_->value());
}

StoredWalk::StoredWalk(const Reader& reader, const View& view, std::vector<std::string> prefixes)
    : reader_(reader), view_(view), prefixes_(std::move(prefixes)) {
  std::sort(prefixes_.rbegin(), prefixes_.rend());
  status_ = SkipEmpty();
}

Status StoredWalk::SkipEmpty() {
  while (cursor_ == nullptr || !cursor_->Valid()) {
    if (cursor_ != nullptr) MENDFS_RETURN_IF_ERROR(cursor_->status());
    cursor_.reset();
    if (prefixes_.empty()) return Status::Ok();
    cursor_ = reader_.Scan(view_, PrefixRange(prefixes_.back()));
    prefixes_.pop_back();
  }
  return Status::Ok();
}

Status StoredWalk::Next() {
  cursor_->Next();
  return SkipEmpty();
}

RowResolver::RowResolver(std::unique_ptr<RunReader> new_rows, const Reader& reader,
                         const View& view)
    : new_rows_(std::move(new_rows)), existing_(reader, view) {}

Result<std::unique_ptr<RowResolver>> RowResolver::Begin(Disk& disk, const NewRows& new_rows,
                                                        const Reader& reader, const View& view) {
  MENDFS_ASSIGN_OR_RETURN(auto run, RunReader::Open(disk, new_rows.run));
  return std::unique_ptr<RowResolver>(new RowResolver(std::move(run), reader, view));
}

Result<std::optional<InodeNumber>> RowResolver::Search(std::string_view row_key) {
  while (new_rows_->Valid() && new_rows_->key() < row_key) {
    MENDFS_RETURN_IF_ERROR(new_rows_->Next());
  }
  if (new_rows_->Valid() && new_rows_->key() == row_key) {
    const InodeNumber row(ByteReader(new_rows_->payload()).GetU64());
    return row.value == 0 ? std::optional<InodeNumber>() : std::optional<InodeNumber>(row);
  }
  MENDFS_ASSIGN_OR_RETURN(const auto stored, existing_.Find(row_key));
  if (!stored) return std::optional<InodeNumber>();
  MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(*stored));
  return std::optional<InodeNumber>(head.row);
}

Result<std::optional<InodeNumber>> RowResolver::Find(std::string_view row_key) {
  if (!last_key_.empty() && row_key == last_key_) return last_answer_;
  MENDFS_ASSIGN_OR_RETURN(last_answer_, Search(row_key));
  last_key_.assign(row_key);
  return last_answer_;
}

}  // namespace mendfs
