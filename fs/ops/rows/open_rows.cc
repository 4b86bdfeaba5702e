#include "fs/ops/rows/open_rows.h"

namespace mendfs {

namespace {

OpenRows::Ref MakeRow(const Place& place, InodeNumber node) {
  auto row = std::make_shared<OpenRow>();
  row->node = node;
  MutexLock lock(row->mutex);
  row->place = place;
  return row;
}

// Is it still the row of that node? Then its size is noted.
bool IsLinked(OpenRow& row, uint64_t size_bytes) {
  MutexLock lock(row.mutex);
  if (row.unlinked) return false;
  if (!row.is_new) row.size_bytes = size_bytes;
  return true;
}

}  // namespace

OpenRows::Ref OpenRows::Open(const Opening& opening) {
  // Rows are looked into outside of the table's lock, whose rank is above theirs.
  Ref fresh = MakeRow(opening.place, opening.node);
  {
    MutexLock lock(fresh->mutex);
    fresh->size_bytes = opening.size_bytes;
  }
  for (;;) {
    Ref known = Find(opening.node);
    if (known && IsLinked(*known, opening.size_bytes) && Reopen(known)) {
      return known;
    }
    MutexLock lock(mutex_);
    auto [kept, is_first] = rows_.try_emplace(opening.node);
    // Another request was faster.
    if (!is_first && kept->second.row != known) continue;
    // An unlinked one stays with its own handles only.
    kept->second = {.row = fresh, .handles = 1};
    return fresh;
  }
}

OpenRows::Ref OpenRows::Create(const Creating& creating) {
  Ref fresh = MakeRow(creating.place, creating.node);
  fresh->directory = creating.directory;
  fresh->name = creating.name;
  {
    MutexLock lock(fresh->mutex);
    fresh->is_new = true;
    fresh->attributes = creating.attributes;
  }
  MutexLock lock(mutex_);
  NameKey name(creating.directory, creating.name);
  if (!new_names_.emplace(std::move(name), fresh).second) return nullptr;
  rows_[creating.node] = {.row = fresh, .handles = 1};
  return fresh;
}

bool OpenRows::Reopen(const Ref& row) {
  MutexLock lock(mutex_);
  auto found = rows_.find(row->node);
  if (found == rows_.end() || found->second.row != row) return false;
  ++found->second.handles;
  return true;
}

void OpenRows::Close(const Ref& row) {
  MutexLock lock(mutex_);
  auto found = rows_.find(row->node);
  // Replaced in the table after it was unlinked: only its handles know it.
  if (found == rows_.end() || found->second.row != row) return;
  if (--found->second.handles > 0) return;
  rows_.erase(found);
  auto name = new_names_.find(NameKey(row->directory, row->name));
  if (name != new_names_.end() && name->second == row) new_names_.erase(name);
}

OpenRows::Ref OpenRows::Find(InodeNumber node) const {
  MutexLock lock(mutex_);
  auto found = rows_.find(node);
  return found == rows_.end() ? nullptr : found->second.row;
}

OpenRows::Ref OpenRows::FindNew(InodeNumber directory, std::string_view name) const {
  MutexLock lock(mutex_);
  auto found = new_names_.find(NameKey(directory, name));
  return found == new_names_.end() ? nullptr : found->second;
}

void OpenRows::DropName(const Ref& row) {
  MutexLock lock(mutex_);
  auto name = new_names_.find(NameKey(row->directory, row->name));
  if (name != new_names_.end() && name->second == row) new_names_.erase(name);
}

Status OpenRows::Reserve(uint64_t& held_bytes, uint64_t size_bytes) {
  MutexLock lock(mutex_);
  uint64_t others = draft_bytes_ - held_bytes;
  if (size_bytes > held_bytes && size_bytes > kDraftBytesMax - others) {
    return Status(Code::kNoSpace, "all rows that are being written hold " +
                                      std::to_string(draft_bytes_) + " bytes, and at most " +
                                      std::to_string(kDraftBytesMax) +
                                      " are kept; close some of them first");
  }
  draft_bytes_ = others + size_bytes;
  held_bytes = size_bytes;
  return {};
}

}  // namespace mendfs
