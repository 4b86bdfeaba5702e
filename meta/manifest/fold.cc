// Folding the working set into LevelDB. See manifest.h.
#include <algorithm>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/codec/fingerprint.h"
#include "meta/manifest/fold_chain.h"
#include "meta/manifest/manifest.h"
#include "meta/manifest/stored_value.h"

namespace mendfs {
namespace {

Hash128 LeafOf(const FoldHooks* hooks, std::string_view key, std::string_view value) {
  const auto digest = hooks != nullptr ? hooks->Digest(key, value) : std::nullopt;
  return digest ? ContentLeaf(key, *digest) : ContentLeaf(key, value);
}

// Adds (sign +1) or takes away (-1) one visible entry.
void Count(const FoldHooks* hooks, BranchTotals& totals, std::string_view key,
           std::string_view value, int sign) {
  const auto kind = KindOf(key);
  if (!kind || IsDerived(*kind)) return;
  uint64_t none = 0;
  uint64_t* nodes = &none;
  uint64_t* edges = &none;
  uint64_t* files = &none;
  uint64_t node_count = 0;
  uint64_t edge_count = 0;
  Hash128 leaf;
  switch (*kind) {
    case KeyKind::kSegment: {
      // A segment stands for what its entries change; the reference itself is no content.
      auto ref = DecodeSegmentRef(value);
      if (!ref.ok()) return;
      if (ref->clears) sign = -sign;
      leaf = ref->content_sum;
      nodes = &totals.nodes;
      edges = &totals.edges;
      node_count = ref->nodes;
      edge_count = ref->edges;
      break;
    }
    case KeyKind::kRow:
      nodes = &totals.nodes;
      node_count = 1;
      leaf = ContentLeaf(key, value);
      break;
    case KeyKind::kEdge:
      edges = &totals.edges;
      edge_count = 1;
      leaf = ContentLeaf(key, value);
      break;
    case KeyKind::kInode: {
      const auto inode = ParseInodeKey(key);
      if (inode && inode->value >= kFirstFreeInode) files = &totals.files;
      leaf = ContentLeaf(key, value);
      break;
    }
    default: leaf = LeafOf(hooks, key, value);
  }
  if (sign > 0) {
    totals.content_root += leaf;
    *nodes += node_count;
    *edges += edge_count;
    *files += 1;
  } else {
    totals.content_root -= leaf;
    *nodes -= node_count;
    *edges -= edge_count;
    *files -= 1;
  }
}

void TallyOne(FoldHooks* hooks, std::string_view key, const StoredValue& value, int sign) {
  if (hooks != nullptr && !value.whiteout) hooks->Tally(key, value.payload, sign);
}

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
  if (before.ok()) TallyOne(hooks, *branch_key, *before, -1);
}

}  // namespace

// One fold: walks the set that was put aside, key by key, and fills a batch.
class Folder {
 public:
  Folder(const Kv& kv, const SegmentSet& segments, std::map<BranchId, BranchRow> branches,
         std::vector<Seq> pins, FoldState state, Seq counted, const Reader& reader,
         FoldHooks* hooks)
      : kv_(kv),
        segments_(segments),
        branches_(std::move(branches)),
        pins_(std::move(pins)),
        before_(state),
        state_(std::move(state)),
        counted_(counted),
        reader_(reader),
        hooks_(hooks),
        batch_(kv.NewBatch()) {}

  Status Run(const WorkingSet& set) {
    WorkingSet::Iterator iterator(set);
    std::vector<WorkingSet::Version> versions;  // of one key, newest first
    for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
      const WorkingSet::Version version = iterator.version();
      state_.folded = std::max(state_.folded, version.seq);
      if (!versions.empty() && versions.front().key != version.key) {
        MENDFS_RETURN_IF_ERROR(FoldKey(versions));
        versions.clear();
      }
      // A change that names a key twice means its last word.
      if (!versions.empty() && versions.back().seq == version.seq) continue;
      versions.push_back(version);
    }
    if (!versions.empty()) MENDFS_RETURN_IF_ERROR(FoldKey(versions));
    const FoldRow row = ChainFold(before_, state_);
    batch_->Put(FoldRowKey(row.number), EncodeFoldRow(row));
    batch_->Put(FoldStateKey(), EncodeFoldState(state_));
    return Status::Ok();
  }

  // Only what the totals of rows, edges and files become; the batch stays empty.
  Status RunCounts(const WorkingSet& set) {
    WorkingSet::Iterator iterator(set);
    Versions versions;
    for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
      const WorkingSet::Version version = iterator.version();
      if (!versions.empty() && versions.front().key != version.key) {
        MENDFS_RETURN_IF_ERROR(CountKey(versions));
        versions.clear();
      }
      if (!versions.empty() && versions.back().seq == version.seq) continue;
      versions.push_back(version);
    }
    return versions.empty() ? Status::Ok() : CountKey(versions);
  }

  KvBatch& batch() { return *batch_; }
  const FoldState& state() const { return state_; }

 private:
  static constexpr size_t kCurrentPrefixBytes = 5;  // 'd' and the branch
  using Versions = std::vector<WorkingSet::Version>;

  static StoredValue Stored(const WorkingSet::Version& version) {
    return {version.seq, version.whiteout, version.value};
  }

  // Does anything that is kept see a value valid in [start, end)?
  bool Pinned(Seq start, Seq end) const {
    const auto pin = std::lower_bound(pins_.begin(), pins_.end(), start);
    return pin != pins_.end() && *pin < end;
  }

  // A whiteout is needed while something below would show the key.
  bool MustKeepWhiteout(BranchId branch, std::string_view key) const {
    const auto row = branches_.find(branch);
    if (row != branches_.end() && row->second.parent) return true;
    return segments_.MayHold(branch, key);
  }

  // Of a key of LevelDB; nothing for a global one.
  static std::optional<BranchId> BranchOf(std::string_view full_key) {
    if (full_key.front() != 'd' || full_key.size() <= kCurrentPrefixBytes) return std::nullopt;
    return BranchId(ByteReader(full_key.substr(1)).GetU32BigEndian());
  }

  static bool IsCounted(std::string_view key) {
    const auto kind = KindOf(key);
    return kind == KeyKind::kRow || kind == KeyKind::kEdge || kind == KeyKind::kInode ||
           kind == KeyKind::kSegment;
  }

  Status CountKey(const Versions& versions) {
    const std::string_view full_key = versions.front().key;
    const auto branch = BranchOf(full_key);
    if (!branch || !IsCounted(full_key.substr(kCurrentPrefixBytes))) return Status::Ok();
    std::string base_bytes;
    MENDFS_ASSIGN_OR_RETURN(const auto base, Base(full_key, base_bytes));
    return CountChange(*branch, full_key.substr(kCurrentPrefixBytes), base, false, versions);
  }

  Status FoldKey(const Versions& versions) {
    const std::string_view full_key = versions.front().key;
    const auto branch = BranchOf(full_key);
    if (!branch) return FoldGlobal(versions.front());
    return FoldBranchKey(*branch, full_key, full_key.substr(kCurrentPrefixBytes), versions);
  }

  // What LevelDB holds under the key; the answer views `bytes`.
  Result<std::optional<StoredValue>> Base(std::string_view full_key, std::string& bytes) const {
    auto got = kv_.Get(full_key);
    if (!got.ok()) {
      if (got.status().code() == Code::kNotFound) return std::optional<StoredValue>();
      return got.status();
    }
    bytes = *std::move(got);
    MENDFS_ASSIGN_OR_RETURN(const StoredValue value, DecodeStoredValue(full_key, bytes));
    return std::optional<StoredValue>(value);
  }

  Status FoldGlobal(const WorkingSet::Version& newest) {
    if (newest.whiteout) {
      batch_->Delete(newest.key);
    } else {
      batch_->Put(newest.key, EncodeStoredValue(Stored(newest)));
    }
    return Status::Ok();
  }

  Status FoldBranchKey(BranchId branch, std::string_view full_key, std::string_view key,
                       const Versions& versions) {
    const WorkingSet::Version& newest = versions.front();
    const bool keep_whiteouts = MustKeepWhiteout(branch, key);
    const bool known_absent = versions.back().fresh && !keep_whiteouts;

    std::string base_bytes;
    std::optional<StoredValue> base;
    if (!known_absent) {
      MENDFS_ASSIGN_OR_RETURN(base, Base(full_key, base_bytes));
    }
    MENDFS_RETURN_IF_ERROR(CountChange(branch, key, base, known_absent, versions));
    MENDFS_RETURN_IF_ERROR(KeepEarlier(branch, key, base, keep_whiteouts, versions));

    if (!newest.whiteout || keep_whiteouts) {
      MENDFS_ASSIGN_OR_RETURN(const std::string value, Moved(key, Stored(newest)));
      batch_->Put(full_key, value);
      TallyOne(hooks_, key, Stored(newest), +1);
    } else if (base) {
      batch_->Delete(full_key);
    }
    return Status::Ok();
  }

  // Takes off what each version hides and adds it. A segment may have come between two of them: it
  // has counted what it hid itself.
  Status CountChange(BranchId branch, std::string_view key, const std::optional<StoredValue>& base,
                     bool known_absent, const Versions& versions) {
    BranchTotals& totals = state_.totals[branch];
    const WorkingSet::Version& newest = versions.front();
    if (branch != kMainBranch || newest.seq > counted_) ++totals.changed;
    if (known_absent) {  // and no segment holds it
      if (!newest.whiteout) Count(hooks_, totals, key, newest.value, +1);
      return Status::Ok();
    }
    std::optional<StoredValue> before = base;
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      // The newer of what LevelDB and the segments hold; then what the parent shows.
      const Seq above = before ? before->start : Seq();
      MENDFS_ASSIGN_OR_RETURN(const auto held, segments_.Get(branch, above, version->seq, key));
      if (held) {
        if (!held->whiteout) Count(hooks_, totals, key, held->value, -1);
      } else if (before) {
        if (!before->whiteout) Count(hooks_, totals, key, before->payload, -1);
      } else {
        MENDFS_ASSIGN_OR_RETURN(const auto inherited, Inherited(branch, key));
        if (inherited) Count(hooks_, totals, key, inherited->value, -1);
      }
      if (!version->whiteout) Count(hooks_, totals, key, version->value, +1);
      before = Stored(*version);
    }
    return Status::Ok();
  }

  // What a child branch shows while it has no entry of its own.
  Result<std::optional<Entry>> Inherited(BranchId branch, std::string_view key) const {
    const auto row = branches_.find(branch);
    if (row == branches_.end() || !row->second.parent) return std::optional<Entry>();
    auto inherited = reader_.Get({*row->second.parent, row->second.fork}, key);
    if (inherited.ok()) return std::optional<Entry>(*std::move(inherited));
    if (inherited.status().code() == Code::kNotFound) return std::optional<Entry>();
    return inherited.status();
  }

  // The value as LevelDB holds it: what is long may lie elsewhere from now on.
  Result<std::string> Moved(std::string_view key, StoredValue value) {
    std::optional<std::string> moved;
    if (hooks_ != nullptr && !value.whiteout) {
      MENDFS_ASSIGN_OR_RETURN(moved, hooks_->Move(key, value.payload));
      if (moved) value.payload = *moved;
    }
    return EncodeStoredValue(value);
  }

  Status KeepEarlier(BranchId branch, std::string_view key, const std::optional<StoredValue>& base,
                     bool keep_whiteouts, const Versions& versions) {
    std::optional<StoredValue> earlier = base;
    bool in_leveldb = true;
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (earlier && (!earlier->whiteout || keep_whiteouts) &&
          Pinned(earlier->start, version->seq)) {
        MENDFS_ASSIGN_OR_RETURN(const std::string value, Moved(key, *earlier));
        batch_->Put(EarlierKey(branch, key, version->seq), value);
        if (!in_leveldb) TallyOne(hooks_, key, *earlier, +1);
      } else if (earlier) {
        TallyOne(hooks_, key, *earlier, -1);
      }
      earlier = Stored(*version);
      in_leveldb = false;
    }
    return Status::Ok();
  }

  const Kv& kv_;
  const SegmentSet& segments_;
  const std::map<BranchId, BranchRow> branches_;
  const std::vector<Seq> pins_;  // sorted
  const FoldState before_;
  FoldState state_;
  const Seq counted_;  // changes of main up to here are in `changed` already
  const Reader& reader_;
  FoldHooks* const hooks_;
  const std::unique_ptr<KvBatch> batch_;
};

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
  Folder folder(*kv_, segments_, std::move(branches), {}, std::move(state), Seq(), *this, nullptr);
  MENDFS_RETURN_IF_ERROR(folder.RunCounts(*sets.active));
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

Status Manifest::Fold(const Refold& refold) {
  bool failed = false;
  {
    MutexLock lock(mutex_);
    failed = folding_.kv_failed;
    if (sets_.folding == nullptr && !failed) return Status::Ok();
  }
  if (failed) MENDFS_RETURN_IF_ERROR(ReopenForFold(refold));

  std::shared_ptr<WorkingSet> folding;
  std::map<BranchId, BranchRow> branches;
  FoldState state;
  Seq counted;
  {
    MutexLock lock(mutex_);
    folding = sets_.folding;
    branches = branches_;
    state = state_;
    counted = folding_.counted;
  }
  if (folding == nullptr) return Status::Ok();
  Folder folder(*kv_, segments_, std::move(branches), Moments(), std::move(state), counted, *this,
                hooks_);
  if (hooks_ != nullptr) hooks_->BeginTally();
  MENDFS_RETURN_IF_ERROR(folder.Run(*folding));
  if (hooks_ != nullptr) MENDFS_RETURN_IF_ERROR(hooks_->SyncMoved());
  MENDFS_FAILPOINT(kFoldBeforeWrite);
  MENDFS_RETURN_IF_ERROR(
      WriteFold(folder.batch(), folder.state()).Annotate("fold the journal into the manifest"));
  if (hooks_ != nullptr) hooks_->EndTally();
  {
    MutexLock lock(mutex_);
    sets_.folding = nullptr;
    // One folded commit is enough to tell that older values are seen by it.
    while (commits_.size() > 1 && *std::next(commits_.begin()) <= state_.folded) {
      commits_.erase(commits_.begin());
    }
  }
  SettleFullLog();
  return HitFailpoint(Failpoint::kFoldAfterWrite);
}

}  // namespace mendfs
