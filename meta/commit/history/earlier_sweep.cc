#include "meta/commit/history/earlier_sweep.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/manifest/stored_value.h"

namespace mendfs {

EarlierSweep::EarlierSweep(const Kv& kv, BranchId branch, std::vector<Seq> moments, Seq horizon,
                           OutsideBytes outside_bytes)
    : kv_(kv),
      prefix_(EarlierPrefix(branch)),
      moments_(std::move(moments)),
      horizon_(horizon),
      cursor_(prefix_),
      outside_bytes_(std::move(outside_bytes)) {}

bool EarlierSweep::IsNeeded(std::string_view key, std::string_view value) {
  const auto end = ParseEarlierEnd(key);
  const auto stored = DecodeStoredValue(key, value);
  if (!end || !stored.ok()) {
    ++damaged_;
    return true;
  }
  if (*end > horizon_) return true;
  const auto behind = std::lower_bound(moments_.begin(), moments_.end(), *end);
  if (behind == moments_.begin() || *std::prev(behind) < stored->start) return false;
  NoteNeeded(key, *stored, *std::prev(behind), key.size() + value.size());
  return true;
}

void EarlierSweep::NoteNeeded(std::string_view key, const StoredValue& value, Seq moment,
                              uint64_t bytes) {
  if (outside_bytes_ && !value.whiteout) {
    const std::string branch_key = ByteReader(key.substr(prefix_.size())).GetKeyBytes();
    bytes += outside_bytes_(branch_key, value.payload);
  }
  by_newest_[moment] += bytes;
}

Result<std::vector<EntryEdit>> EarlierSweep::NextChunk() {
  std::vector<EntryEdit> edits;
  size_t edit_bytes = 0;
  const auto iterator = kv_.Scan();
  iterator->Seek(cursor_);
  for (size_t visited = 0;; ++visited, iterator->Next()) {
    if (!iterator->Valid()) {
      MENDFS_RETURN_IF_ERROR(iterator->status());
      done_ = true;
      return edits;
    }
    const std::string_view key = iterator->key();
    if (key.substr(0, prefix_.size()) != prefix_) {
      done_ = true;
      return edits;
    }
    if (visited >= kVisitedMax || edits.size() >= kEditsMax || edit_bytes >= kEditBytesMax) {
      cursor_ = key;
      return edits;
    }
    const size_t bytes = key.size() + iterator->value().size();
    if (IsNeeded(key, iterator->value())) {
      ++kept_;
      kept_bytes_ += bytes;
      continue;
    }
    edits.push_back({std::string(key), std::string(iterator->value()), std::nullopt});
    edit_bytes += bytes;
  }
}

}  // namespace mendfs
