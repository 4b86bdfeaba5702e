#include "meta/commit/load/load_lookup.h"

#include <utility>

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"
#include "meta/table/row_format.h"

namespace mendfs {
namespace {

constexpr size_t kTypePrefixBytes = 5;  // kind, type
constexpr int kStepsBeforeSeek = 8;

}  // namespace

Result<std::optional<InodeNumber>> ExistingRows::Find(std::string_view row_key) {
  const std::string_view type_prefix = row_key.substr(0, kTypePrefixBytes);
  if (!cursor_ || type_prefix != type_prefix_) {
    type_prefix_ = type_prefix;
    cursor_ = reader_.Scan(view_, PrefixRange(type_prefix));
  }
  for (int step = 0; cursor_->Valid() && cursor_->key() < row_key; ++step) {
    if (step < kStepsBeforeSeek) {
      cursor_->Next();
    } else {
      cursor_->Seek(row_key);
    }
  }
  if (!cursor_->Valid()) {
    MENDFS_RETURN_IF_ERROR(cursor_->status());
    return std::optional<InodeNumber>();
  }
  if (cursor_->key() != row_key) return std::optional<InodeNumber>();
  MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(cursor_->value()));
  return std::optional<InodeNumber>(head.row);
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
    return std::optional<InodeNumber>(InodeNumber(ByteReader(new_rows_->payload()).GetU64()));
  }
  return existing_.Find(row_key);
}

Result<std::optional<InodeNumber>> RowResolver::Find(std::string_view row_key) {
  if (!last_key_.empty() && row_key == last_key_) return last_answer_;
  MENDFS_ASSIGN_OR_RETURN(last_answer_, Search(row_key));
  last_key_.assign(row_key);
  return last_answer_;
}

}  // namespace mendfs
