#include "meta/commit/load/load_keys.h"

#include <algorithm>

#include "meta/manifest/keys.h"
#include "meta/table/rows.h"

namespace mendfs {
namespace {

constexpr size_t kBytesPerRow = sizeof(uint64_t) + sizeof(uint32_t);

}  // namespace

Result<std::unique_ptr<RowKeyTable>> RowKeyTable::Make(const Reader& reader, const View& view,
                                                       TypeId type) {
  std::unique_ptr<RowKeyTable> table(new RowKeyTable(reader, view, type));
  MENDFS_RETURN_IF_ERROR(table->Fill());
  return table;
}

Status RowKeyTable::Fill() {
  const auto cursor = reader_.Scan(view_, PrefixRange(RowNamePrefix(type_)));
  for (; cursor->Valid(); cursor->Next()) {
    const auto row = ParseRowNameKey(cursor->key());
    if (!row) return {Code::kCorruption, "a row's name entry does not decode"};
    const size_t bytes = numbers_.size() * kBytesPerRow + keys_.size();
    if (bytes + cursor->value().size() + kBytesPerRow > kTableBytesMax) return Status::Ok();
    numbers_.push_back(row->value);
    keys_.append(cursor->value());
    ends_.push_back(static_cast<uint32_t>(keys_.size()));
  }
  complete_ = cursor->status().ok();
  return cursor->status();
}

std::string_view RowKeyTable::KeyAt(size_t index) const {
  const size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(keys_).substr(begin, ends_[index] - begin);
}

Result<std::optional<std::string_view>> RowKeyTable::Find(InodeNumber row) {
  if (!numbers_.empty() && row.value >= numbers_.front() && row.value <= numbers_.back()) {
    // A load's numbers have no gaps: then this is the place.
    const uint64_t guess = row.value - numbers_.front();
    if (guess < numbers_.size() && numbers_[guess] == row.value) {
      return std::optional<std::string_view>(KeyAt(guess));
    }
    const auto found = std::lower_bound(numbers_.begin(), numbers_.end(), row.value);
    if (found == numbers_.end() || *found != row.value) return std::optional<std::string_view>();
    return std::optional<std::string_view>(KeyAt(static_cast<size_t>(found - numbers_.begin())));
  }
  if (complete_) return std::optional<std::string_view>();
  MENDFS_ASSIGN_OR_RETURN(auto key, FindRowKey(reader_, view_, type_, row));
  if (!key) return std::optional<std::string_view>();
  answer_ = *std::move(key);
  return std::optional<std::string_view>(answer_);
}

}  // namespace mendfs
