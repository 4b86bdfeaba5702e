#include "tests/support/memory_door.h"

#include <set>
#include <utility>

#include "meta/tree/body_fold.h"

namespace mendfs {
namespace {

constexpr BranchId kGlobalTable{0};

}  // namespace

// Holds no position but its key: each step looks up what follows it in the state it was made for.
class MemoryDoor::MemoryCursor final : public Cursor {
 public:
  MemoryCursor(const MemoryDoor& door, BranchId table, Seq seq, KeyRange range)
      : door_(door), table_(table), seq_(seq), range_(std::move(range)) {
    Find(range_.first, true);
  }

  bool Valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  Seq start() const override { return start_; }
  void Next() override { Find(std::string(key_), false); }
  void Seek(std::string_view key) override {
    if (!status_.ok()) return;
    Find(key < range_.first ? range_.first : std::string(key), true);
  }
  Status status() const override { return status_; }

 private:
  void Find(const std::string& from, bool inclusive) {
    MutexLock lock(door_.mutex_);
    valid_ = false;
    const auto found = door_.tables_.find(table_);
    if (found == door_.tables_.end()) return;
    const Table& table = found->second;
    auto at = inclusive ? table.lower_bound(from) : table.upper_bound(from);
    for (; at != table.end(); ++at) {
      if (!range_.last.empty() && at->first >= range_.last) return;
      const Version* version = VisibleIn(at->second, seq_);
      if (version == nullptr) continue;
      if (!door_.fail_read_.empty() && at->first == door_.fail_read_) {
        status_ = Status(Code::kIo, "scan: the test refuses this key");
        return;
      }
      key_ = at->first;
      value_ = *version->value;
      start_ = version->start;
      valid_ = true;
      return;
    }
  }

  const MemoryDoor& door_;
  const BranchId table_;
  const Seq seq_;
  const KeyRange range_;
  bool valid_ = false;
  std::string key_;
  std::string value_;
  Seq start_;
  Status status_;
};

const MemoryDoor::Version* MemoryDoor::VisibleIn(const std::vector<Version>& versions, Seq seq) {
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (version->start <= seq) return version->value ? &*version : nullptr;
  }
  return nullptr;
}

void MemoryDoor::ApplyEntryLocked(const ChangeEntry& entry, BranchId branch) {
  const BranchId table = entry.scope == EntryScope::kGlobal ? kGlobalTable : branch;
  std::vector<Version>& versions = tables_[table][entry.key];
  Version version{.start = last_seq_, .value = std::nullopt};
  if (!entry.whiteout) version.value = entry.value;
  // Of one change, the last word on a key counts.
  if (!versions.empty() && versions.back().start == last_seq_) versions.pop_back();
  versions.push_back(std::move(version));
}

Status MemoryDoor::CheckFreshLocked(const Change& change) const {
  std::set<std::string_view> cleared;
  for (const ChangeEntry& entry : change.entries) {
    if (entry.scope == EntryScope::kGlobal) continue;
    if (entry.whiteout) cleared.insert(entry.key);
    if (!entry.fresh || cleared.count(entry.key) > 0) continue;
    const auto table = tables_.find(change.branch);
    if (table == tables_.end()) continue;
    const auto found = table->second.find(entry.key);
    if (found != table->second.end() && VisibleIn(found->second, last_seq_) != nullptr) {
      return Status(Code::kInternal, "apply: an entry called fresh stands over a visible one");
    }
  }
  return Status::Ok();
}

Result<Seq> MemoryDoor::Apply(const Change& change) {
  MutexLock lock(mutex_);
  if (fail_in_ > 0 && --fail_in_ == 0) {
    return Status(fail_code_, "apply: the test refuses this change");
  }
  MENDFS_RETURN_IF_ERROR(CheckFreshLocked(change));
  ++last_seq_.value;
  for (const ChangeEntry& entry : change.entries) ApplyEntryLocked(entry, change.branch);
  ++applied_;
  last_change_ = change;
  return last_seq_;
}

Result<InodeNumber> MemoryDoor::TakeInodes(uint64_t count) {
  MutexLock lock(mutex_);
  const InodeNumber first(next_inode_);
  next_inode_ += count;
  return first;
}

Status MemoryDoor::FoldBodies(BranchId branch) {
  Change change;
  change.branch = branch;
  for (const auto& [key, value] : Dump({branch, kHeadSeq})) {
    MENDFS_ASSIGN_OR_RETURN(auto moved, MoveBody(key, value, bodies_));
    if (moved) change.Put(key, *std::move(moved));
  }
  return change.empty() ? Status::Ok() : Apply(change).status();
}

int64_t MemoryDoor::NowNs() {
  MutexLock lock(mutex_);
  return ++now_ns_;
}

Result<Entry> MemoryDoor::Get(const View& view, std::string_view key) const {
  MutexLock lock(mutex_);
  if (!fail_read_.empty() && key == fail_read_) {
    return Status(Code::kIo, "get: the test refuses this key");
  }
  const auto table = tables_.find(view.branch);
  if (table != tables_.end()) {
    const auto found = table->second.find(key);
    if (found != table->second.end()) {
      if (const Version* version = VisibleIn(found->second, view.seq)) {
        return Entry{*version->value, version->start};
      }
    }
  }
  return Status(Code::kNotFound, "get: no such entry");
}

std::unique_ptr<Cursor> MemoryDoor::MakeCursor(BranchId table, Seq seq,
                                               const KeyRange& range) const {
  const Seq last = LastSeq();
  return std::make_unique<MemoryCursor>(*this, table, seq < last ? seq : last, range);
}

std::unique_ptr<Cursor> MemoryDoor::Scan(const View& view, const KeyRange& range) const {
  return MakeCursor(view.branch, view.seq, range);
}

Result<std::string> MemoryDoor::GetGlobal(std::string_view key) const {
  MENDFS_ASSIGN_OR_RETURN(Entry entry, Get(View{kGlobalTable, kHeadSeq}, key));
  return std::move(entry.value);
}

std::unique_ptr<Cursor> MemoryDoor::ScanGlobal(const KeyRange& range) const {
  return MakeCursor(kGlobalTable, kHeadSeq, range);
}

void MemoryDoor::SetNowNs(int64_t now_ns) {
  MutexLock lock(mutex_);
  now_ns_ = now_ns;
}

void MemoryDoor::FailApply(Code code, unsigned count) {
  MutexLock lock(mutex_);
  fail_code_ = code;
  fail_in_ = count;
}

void MemoryDoor::FailReadsOf(std::string key) {
  MutexLock lock(mutex_);
  fail_read_ = std::move(key);
}

Seq MemoryDoor::LastSeq() const {
  MutexLock lock(mutex_);
  return last_seq_;
}

uint64_t MemoryDoor::applied_changes() const {
  MutexLock lock(mutex_);
  return applied_;
}

Change MemoryDoor::last_change() const {
  MutexLock lock(mutex_);
  return last_change_;
}

std::map<std::string, std::string> MemoryDoor::Dump(const View& view) const {
  std::map<std::string, std::string> entries;
  for (auto cursor = Scan(view, KeyRange{}); cursor->Valid(); cursor->Next()) {
    entries.emplace(cursor->key(), cursor->value());
  }
  return entries;
}

}  // namespace mendfs
