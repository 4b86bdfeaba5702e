// Folding the working set into LevelDB. See manifest.h.
#include <algorithm>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/manifest/fold_chain.h"
#include "meta/manifest/folder.h"
#include "meta/manifest/manifest.h"
#include "meta/manifest/stored_value.h"

namespace mendfs {
namespace {

// A key of LevelDB as its branch knows it; nothing for a global one.
std::optional<std::string> BranchKeyOf(std::string_view full_key) {
  constexpr size_t kPrefixBytes = 5;
  if (full_key.size() <= kPrefixBytes) return std::nullopt;
  const std::string_view rest = full_key.substr(kPrefixBytes);
  if (full_key.front() == 'd') return std::string(rest);
  if (full_key.front() == 'h') return ByteReader(rest).GetKeyBytes();
  return std::nullopt;
}

// What an edit takes away; one that replaces means the same. Damaged values stand for nothing.
void TallyEdit(FoldHooks* hooks, const EntryEdit& edit) {
  const auto branch_key = BranchKeyOf(edit.key);
  if (hooks == nullptr || !branch_key || edit.replacement) return;
  const auto before = DecodeStoredValue(edit.key, edit.expected);
  if (before.ok() && !before->whiteout) hooks->Tally(*branch_key, before->payload, -1);
}

}  // namespace

Status Manifest::ReopenForFold(const Refold& refold) {
  LogLine(LogLevel::kWarning, "manifest",
          "reopening LevelDB, after a failed write or for a full disk");
  MENDFS_RETURN_IF_ERROR(kv_->Reopen());
  Seq expected;
  std::shared_ptr<WorkingSet> folding;
  {
    MutexLock lock(mutex_);
    expected = state_.folded;
    folding = sets_.folding;
  }
  MENDFS_RETURN_IF_ERROR(ReadState());
  const FoldState state = this->folded();
  MENDFS_RETURN_IF_ERROR(CheckFoldChain(*kv_, state));
  const Seq found = state.folded;
  if (found == expected) {
    MutexLock lock(mutex_);
    folding_.kv_failed = false;
    folding_.started = true;
    return Status::Ok();
  }
  // LevelDB fell back behind what it had acknowledged, or the failed write arrived after all: the
  // journal tells what is missing up to the end of the set that waits.
  Seq last = expected;
  if (folding != nullptr) {
    WorkingSet::Iterator iterator(*folding);
    for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
      last = std::max(last, iterator.version().seq);
    }
  }
  auto rebuilt = std::make_shared<WorkingSet>();
  MENDFS_RETURN_IF_ERROR(refold(found, last, [&](Seq seq, const Change& change) {
    for (const ChangeEntry& entry : change.entries) {
      const std::string key =
          entry.scope == EntryScope::kBranch ? CurrentKey(change.branch, entry.key) : entry.key;
      rebuilt->Add({key, entry.value, seq, entry.whiteout, entry.fresh});
    }
  }));
  MutexLock lock(mutex_);
  sets_.folding = rebuilt->empty() ? nullptr : rebuilt;
  folding_.kv_failed = false;
  folding_.started = true;
  return Status::Ok();
}

void Manifest::Recount(Seq commit, uint64_t changed_total) {
  MutexLock lock(mutex_);
  state_.totals[kMainBranch].changed = changed_total;
  folding_.counted = commit;
}

Result<Seq> Manifest::Settle() {
  Seq position;
  {
    MutexLock lock(mutex_);
    position = state_.folded;
    if (folding_.settled == position && folding_.folds_in_log == 0) return position;
  }
  Status settled = kv_->Settle();
  MutexLock lock(mutex_);
  if (!settled.ok()) {
    folding_.kv_failed = true;  // the next fold reopens it, also one without anything to fold
    return settled;
  }
  folding_.settled = std::max(folding_.settled, position);
  folding_.folds_in_log = 0;
  return folding_.settled;
}

void Manifest::SetTight(bool tight) {
  if (!kv_->SetTight(tight)) return;
  MutexLock lock(mutex_);
  folding_.kv_failed = true;  // reopened by the next fold, which looks at what it finds
}

Status Manifest::CompactAll(uint64_t floor_bytes) {
  {
    MutexLock lock(mutex_);
    if (folding_.kv_failed) return Status::Ok();
  }
  Status compacted = kv_->CompactAll(floor_bytes);
  if (compacted.ok()) return compacted;
  MutexLock lock(mutex_);
  folding_.kv_failed = true;
  return compacted;
}

Result<BranchTotals> Manifest::CountApplied() const {
  const Sets sets = GetSets();
  std::map<BranchId, BranchRow> branches;
  FoldState state;
  {
    MutexLock lock(mutex_);
    branches = branches_;
    state = state_;
  }
  Folder folder(*kv_, segments_, std::move(branches), {}, std::move(state), Seq(), true, *this,
                nullptr);
  MENDFS_RETURN_IF_ERROR(folder.RunTotals(*sets.active, true));
  const auto totals = folder.state().totals.find(kMainBranch);
  return totals == folder.state().totals.end() ? BranchTotals{} : totals->second;
}

// Synced: a hole in LevelDB's log that later batches hide cannot come about.
Status Manifest::WriteFold(KvBatch& batch, const FoldState& state) {
  Status written = kv_->Write(batch, true);
  MutexLock lock(mutex_);
  if (written.ok()) {
    state_ = state;
    ++folding_.folds_in_log;
  } else {
    folding_.kv_failed = true;
  }
  return written;
}

// What was written is done; when this fails the next write is refused by LevelDB, and reopens it.
void Manifest::SettleFullLog() {
  {
    MutexLock lock(mutex_);
    if (folding_.folds_in_log < kFoldsInLog) return;
  }
  if (const auto settled = Settle(); !settled.ok()) {
    LogLine(LogLevel::kWarning, "manifest",
            "LevelDB's log stays as it is: " + settled.status().ToString());
  }
}

Status Manifest::Compact(std::string_view first, std::string_view last) {
  Status compacted = kv_->Compact(first, last);
  if (compacted.ok()) return compacted;
  MutexLock lock(mutex_);
  folding_.kv_failed = true;
  return compacted.Annotate("compact the manifest");
}

Result<size_t> Manifest::Rewrite(const std::vector<EntryEdit>& edits, const Refold& refold) {
  bool failed = false;
  {
    MutexLock lock(mutex_);
    failed = folding_.kv_failed;
  }
  if (failed) MENDFS_RETURN_IF_ERROR(ReopenForFold(refold));
  auto batch = kv_->NewBatch();
  size_t edited = 0;
  if (hooks_ != nullptr) hooks_->BeginTally();
  for (const EntryEdit& edit : edits) {
    const auto found = kv_->Get(edit.key);
    if (!found.ok() && found.status().code() != Code::kNotFound) return found.status();
    if (!found.ok() || *found != edit.expected) continue;
    if (edit.replacement) {
      batch->Put(edit.key, *edit.replacement);
    } else {
      batch->Delete(edit.key);
    }
    TallyEdit(hooks_, edit);
    ++edited;
  }
  if (edited == 0) return edited;
  const FoldState before = folded();
  FoldState state = before;
  const FoldRow row = ChainFold(before, state);
  batch->Put(FoldRowKey(row.number), EncodeFoldRow(row));
  batch->Put(FoldStateKey(), EncodeFoldState(state));
  MENDFS_FAILPOINT(kRewriteBeforeWrite);
  MENDFS_RETURN_IF_ERROR(WriteFold(*batch, state).Annotate("rewrite entries of the manifest"));
  if (hooks_ != nullptr) hooks_->EndTally();
  SettleFullLog();
  MENDFS_FAILPOINT(kRewriteAfterWrite);
  return edited;
}

Status Manifest::ReadyToFold(const Refold& refold) {
  {
    MutexLock lock(mutex_);
    if (!folding_.kv_failed) return Status::Ok();
  }
  return ReopenForFold(refold);
}

Manifest::Folding Manifest::GetFolding(std::shared_ptr<WorkingSet>& set,
                                       std::map<BranchId, BranchRow>& branches,
                                       FoldState& state) const {
  MutexLock lock(mutex_);
  set = sets_.folding;
  branches = branches_;
  state = state_;
  return folding_;
}

Result<std::optional<FoldForecast>> Manifest::ForecastFold(const Refold& refold) {
  MENDFS_RETURN_IF_ERROR(ReadyToFold(refold));
  std::shared_ptr<WorkingSet> set;
  std::map<BranchId, BranchRow> branches;
  FoldState state;
  const Folding folding = GetFolding(set, branches, state);
  if (set == nullptr) return std::optional<FoldForecast>();
  Folder folder(*kv_, segments_, std::move(branches), Moments(), std::move(state), folding.counted,
                folding.started, *this, hooks_);
  MENDFS_RETURN_IF_ERROR(folder.RunTotals(*set, false));
  FoldForecast forecast;
  forecast.last = folder.last();
  forecast.earlier_bytes = folder.earlier_bytes();
  const auto totals = folder.state().totals.find(kMainBranch);
  if (totals != folder.state().totals.end()) forecast.totals = totals->second;
  return std::optional<FoldForecast>(forecast);
}

// One synced batch of a fold. A crash behind any but the last: the position is that of before, the
// totals are those of what LevelDB holds, and folding what replay brings finds what is done.
Status Manifest::WritePart(KvBatch& batch, const FoldState& part) {
  if (hooks_ != nullptr) MENDFS_RETURN_IF_ERROR(hooks_->SyncMoved());
  MENDFS_FAILPOINT(kFoldBeforeWrite);
  {
    MutexLock lock(mutex_);
    folding_.started = true;
  }
  MENDFS_RETURN_IF_ERROR(WriteFold(batch, part).Annotate("fold the journal into the manifest"));
  if (hooks_ != nullptr) hooks_->EndTally();
  return Status::Ok();
}

Status Manifest::Fold(const Refold& refold) {
  MENDFS_RETURN_IF_ERROR(ReadyToFold(refold));
  std::shared_ptr<WorkingSet> set;
  std::map<BranchId, BranchRow> branches;
  FoldState state;
  const Folding folding = GetFolding(set, branches, state);
  if (set == nullptr) return Status::Ok();
  const Seq before = state.folded;
  Folder folder(*kv_, segments_, std::move(branches), Moments(), std::move(state), folding.counted,
                folding.started, *this, hooks_);
  if (hooks_ != nullptr) hooks_->BeginTally();
  const auto write = [&](KvBatch& batch, const FoldState& part) -> Status {
    MENDFS_RETURN_IF_ERROR(WritePart(batch, part));
    if (part.folded != before) return Status::Ok();
    SettleFullLog();
    if (hooks_ != nullptr) hooks_->BeginTally();
    return HitFailpoint(Failpoint::kFoldBetweenParts);
  };
  MENDFS_RETURN_IF_ERROR(folder.Run(*set, part_bytes_, write));
  {
    MutexLock lock(mutex_);
    sets_.folding = nullptr;
    folding_.started = false;
    // One folded commit is enough to tell that older values are seen by it.
    while (commits_.size() > 1 && *std::next(commits_.begin()) <= state_.folded) {
      commits_.erase(commits_.begin());
    }
  }
  SettleFullLog();
  return HitFailpoint(Failpoint::kFoldAfterWrite);
}

}  // namespace mendfs
