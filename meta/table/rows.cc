#include "meta/table/rows.h"

#include <utility>

namespace mendfs {
namespace {

constexpr size_t kSlotsMin = 64;

}  // namespace

Result<std::optional<StoredRow>> FindRow(const Reader& reader, const View& view, TypeId type,
                                         std::string_view key) {
  auto entry = reader.Get(view, RowKey(type, key));
  if (!entry.ok()) {
    if (entry.status().code() == Code::kNotFound) return std::optional<StoredRow>();
    return entry.status();
  }
  MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(entry->value));
  return std::optional<StoredRow>({head, std::move(entry->value), entry->start});
}

Result<std::optional<std::string>> FindRowKey(const Reader& reader, const View& view, TypeId type,
                                              InodeNumber row) {
  auto entry = reader.Get(view, RowNameKey(type, row));
  if (entry.ok()) return std::optional<std::string>(std::move(entry->value));
  if (entry.status().code() == Code::kNotFound) return std::optional<std::string>();
  return entry.status();
}

void PutRowEntries(TypeId type, const RowWrite& write, Change& change) {
  std::string value;
  AppendRowValue(value, write.row, write.attributes, write.body);
  const auto put = [&change](bool fresh, std::string key, std::string bytes) {
    if (fresh) {
      change.PutFresh(std::move(key), std::move(bytes));
    } else {
      change.Put(std::move(key), std::move(bytes));
    }
  };
  put(write.fresh_key, RowKey(type, write.key), std::move(value));
  if (write.named) return;
  put(write.fresh_number, RowNameKey(type, write.row), std::string(write.key));
  if (write.long_name) {
    change.Put(LongNameKey(type, *write.long_name), std::string(write.key));
  }
}

void ClearRowKey(TypeId type, std::string_view key, const std::optional<Hash128>& long_name,
                 Change& change) {
  change.Clear(RowKey(type, key));
  if (long_name) change.Clear(LongNameKey(type, *long_name));
}

void ClearRowNumber(TypeId type, InodeNumber row, Change& change) {
  change.Clear(RowNameKey(type, row));
}

// ---------------------------------------------------------------------------------- RowKeyCache
void RowKeyCache::GrowIfWorthwhile() {
  ++misses_;
  if (slots_.empty()) {
    slots_.resize(kSlotsMin);
  } else if (misses_ > slots_.size() * 2 && slots_.size() < kSlotsMax) {
    // What was there is not worth moving: it would be found again in a few reads.
    const size_t size = slots_.size() * 4;
    slots_.clear();
    slots_.resize(size);
    misses_ = 0;
  }
}

Result<const std::string*> RowKeyCache::Find(InodeNumber row) {
  if (!slots_.empty()) {
    const Slot& slot = slots_[row.value % slots_.size()];
    if (slot.row == row) return slot.live ? &slot.key : nullptr;
  }
  MENDFS_ASSIGN_OR_RETURN(auto key, FindRowKey(reader_, view_, type_, row));
  if (key && key->size() > kKeyBytesMax) {
    long_key_ = *std::move(key);
    return &long_key_;
  }
  GrowIfWorthwhile();
  Slot& slot = slots_[row.value % slots_.size()];
  slot.row = row;
  slot.live = key.has_value();
  slot.key = slot.live ? *std::move(key) : std::string();
  return slot.live ? &slot.key : nullptr;
}

// -------------------------------------------------------------------------------------- NodeWalk
NodeWalk::NodeWalk(const Reader& reader, const View& view, TypeId type, InodeNumber after) {
  KeyRange range = PrefixRange(RowNamePrefix(type));
  if (after.value == UINT64_MAX) {
    range.first = range.last;
  } else if (after.value > 0) {
    range.first = RowNameKey(type, InodeNumber(after.value + 1));
  }
  cursor_ = reader.Scan(view, range);
}

Result<std::optional<NodeWalk::Row>> NodeWalk::Next() {
  if (!cursor_->Valid()) {
    MENDFS_RETURN_IF_ERROR(cursor_->status());
    return std::optional<Row>();
  }
  const auto row = ParseRowNameKey(cursor_->key());
  if (!row) return Status(Code::kCorruption, "list rows: malformed key of a row name");
  Row found{*row, std::string(cursor_->value())};
  cursor_->Next();
  return std::optional<Row>(std::move(found));
}

}  // namespace mendfs
