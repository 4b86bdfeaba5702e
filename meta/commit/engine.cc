#include "meta/commit/engine.h"

#include <algorithm>

#include "meta/base/clock.h"
#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/commit/change_format.h"
#include "meta/commit/commit_format.h"
#include "meta/commit/identity.h"

namespace mendfs {
namespace {

// Numbers are reserved in blocks, so that taking one is no journal record of its own.
constexpr uint64_t kNumberBlock = 4096;
// A writer folds by itself when the working set has grown to this many times its size.
constexpr uint64_t kWorkingSetSlack = 4;

std::string NumberKey() {
  return "c";
}

std::string JournalPath(const std::string& store) {
  return store + "/journal";
}

class PinnedSnapshot : public Snapshot {
 public:
  // Takes over a pin.
  PinnedSnapshot(Manifest& manifest, const View& view) : manifest_(manifest), view_(view) {}
  ~PinnedSnapshot() override { manifest_.Unpin(view_.seq); }
  PinnedSnapshot(const PinnedSnapshot&) = delete;
  PinnedSnapshot& operator=(const PinnedSnapshot&) = delete;
  View view() const override { return view_; }

 private:
  Manifest& manifest_;
  const View view_;
};

std::string KeptBySnapshots(uint64_t count) {
  if (count == 0) return "";
  return "; what " + std::to_string(count) +
         (count == 1 ? " snapshot shows is" : " snapshots show is") +
         " kept all the same: `mendfs snapshot list`";
}

std::string LostBytes(const ReadDamage& lost, const std::string& path) {
  std::string text = lost.blocks < DamageLog::kBlocksMax ? "" : "at least ";
  text += std::to_string(lost.blocks) + (lost.blocks == 1 ? " block" : " blocks");
  return text + " of files could not be read since the store was opened, the last: " + lost.last +
         "; readers got EIO. Unmount, then `mendfs fsck --data " + path + "` names the files";
}

std::string LostEntries(const std::string& first, const std::string& path) {
  return "the manifest is damaged: " + first +
         "; who asked for what stood there got EIO. Unmount and put that file back from a copy of "
         "the store, or `mendfs export` what can be read into a new one; `mendfs fsck " +
         path + "` tells what else is damaged";
}

}  // namespace

Engine::Engine(Disk& disk, std::string path, StoreIdentity identity, OpenOptions options)
    : disk_(disk),
      path_(std::move(path)),
      identity_(std::move(identity)),
      options_(std::move(options)),
      store_id_(ParseId(identity_.uuid).value_or(Id128{})),
      guard_(disk_, path_),
      objects_(disk_, path_),
      packs_(objects_, options_.access == OpenAccess::kReadWrite ? this : nullptr,
             {.cache_bytes = options_.cache_bytes - ManifestCacheBytes(options_),
              .pack_bytes = options_.pack_bytes}),
      blobs_(objects_, options_.access == OpenAccess::kReadWrite ? this : nullptr, packs_,
             {.begin_bytes = options_.blob_begin_bytes}),
      user_bodies_(blobs_, guard_) {}

Status Engine::Lay(Disk& disk, const std::string& path, const Id128& store, const Change& first,
                   int64_t now_ns) {
  MENDFS_RETURN_IF_ERROR(Manifest::Lay(disk, path, {}).status());
  MENDFS_ASSIGN_OR_RETURN(auto journal, Journal::Open(disk, JournalPath(path), store, {}, {}));
  MENDFS_RETURN_IF_ERROR(
      journal->Append(RecordKind::kChange, first.branch, now_ns, EncodeChange(first)).status());
  return journal->Sync();
}

BranchTotals Engine::TotalsOf(BranchId branch) const {
  const FoldState state = manifest_->folded();
  const auto totals = state.totals.find(branch);
  return totals == state.totals.end() ? BranchTotals{} : totals->second;
}

Result<CommitRow> Engine::WriteCommitRow(BranchId branch, Seq seq, const CommitNote& note,
                                         const BranchTotals& totals) {
  MENDFS_FAILPOINT(kCommitBeforeClose);
  MENDFS_ASSIGN_OR_RETURN(const std::string branch_bytes, manifest_->GetGlobal(BranchKey("main")));
  MENDFS_ASSIGN_OR_RETURN(BranchRow branch_row, DecodeBranchRow(branch_bytes));

  CommitRow row;
  {
    MutexLock lock(door_mutex_);
    if (head_) {
      row.parents = {head_->id};
      row.parent_seq = head_->seq;
      row.changed_entries = totals.changed - head_->changed_total;
    } else {
      row.changed_entries = totals.changed;
    }
  }
  row.changed_total = totals.changed;
  row.content_root = totals.content_root;
  row.seq = seq;
  row.note = note;
  row.time_ns = note.time_ns != 0 ? note.time_ns : NowNs();
  row.counts = {totals.files, totals.nodes, totals.edges};
  row.id = ComputeCommitId(row);
  branch_row.head = seq;

  Change change;
  change.branch = branch;
  change.PutGlobal(CommitKey(branch, seq), EncodeCommitRow(row));
  change.PutGlobal(BranchKey("main"), EncodeBranchRow(branch_row));
  const std::string payload = EncodeChange(change);
  MENDFS_RETURN_IF_ERROR(
      Append(RecordKind::kCommit, change, payload, row.time_ns, Room::kFrees).status());
  MutexLock lock(door_mutex_);
  head_ = row;
  trouble_ = Status::Ok();
  MENDFS_FAILPOINT(kCommitAfterClose);
  return row;
}

// ------------------------------------------------------------------------------------ the door
int64_t Engine::NowNs() {
  const int64_t now = WallClockNs();
  int64_t last = clock_ns_.load(std::memory_order_relaxed);
  while (now > last && !clock_ns_.compare_exchange_weak(last, now)) {
  }
  return std::max(now, last);
}

Status Engine::CheckWritable() const {
  if (options_.access == OpenAccess::kReadOnly) {
    return Status(Code::kReadOnly, "the store is open read-only");
  }
  if (!options_.damage_stops_writes) return Status::Ok();
  if (!manifest_->read_damage().any() && packs_.read_damage().blocks == 0) return Status::Ok();
  return Status(Code::kReadOnly,
                "damage was met and errors=remount-ro was asked for: " + MetDamage());
}

std::string Engine::MetDamage() const {
  if (manifest_->read_damage().any()) return LostEntries(manifest_->read_damage().Get(), path_);
  const ReadDamage lost = packs_.read_damage();
  return lost.blocks > 0 ? LostBytes(lost, path_) : std::string();
}

Result<Seq> Engine::AppendAndApply(RecordKind kind, const Change& change, std::string_view payload,
                                   int64_t time_ns) {
  MENDFS_ASSIGN_OR_RETURN(const Seq seq, journal_->Append(kind, change.branch, time_ns, payload));
  manifest_->Apply(seq, change);
  if (change.HasContent()) last_change_ = seq;
  return seq;
}

Result<Seq> Engine::Apply(const Change& change) {
  MENDFS_RETURN_IF_ERROR(CheckWritable());
  const std::string payload = EncodeChange(change);
  MENDFS_RETURN_IF_ERROR(guard_.Admit(change.room, payload.size()));
  const uint64_t waiting = manifest_->working_set_bytes();
  const uint64_t wanted = guard_.BufferBytes(options_.working_set_bytes);
  if (waiting > wanted) keeper_wake_.NotifyOne();
  // Folding it takes as much again, which a small disk finds in its reserve only.
  const uint64_t half = std::max(wanted, guard_.reserve_bytes() / 2);
  const uint64_t most = guard_.reserve_bytes() == 0 ? UINT64_MAX : half;
  if (waiting > std::min(wanted * kWorkingSetSlack, most)) {
    MENDFS_RETURN_IF_ERROR(FoldWhenFull(change.room));
  }
  return Append(RecordKind::kChange, change, payload, NowNs(), change.room);
}

Result<InodeNumber> Engine::TakeInodes(uint64_t count) {
  MENDFS_RETURN_IF_ERROR(CheckWritable());
  MutexLock lock(numbers_mutex_);
  if (count > number_limit_ - next_number_) {
    // Reserved before it is handed out: a later record that uses one stands behind this one.
    const uint64_t limit = next_number_ + count + kNumberBlock;
    Change change;
    std::string value;
    PutU64(value, limit);
    change.PutGlobal(NumberKey(), std::move(value));
    MENDFS_RETURN_IF_ERROR(Apply(change).status());
    number_limit_ = limit;
  }
  const InodeNumber first(next_number_);
  next_number_ += count;
  return first;
}

// ----------------------------------------------------------------------------- durable and named
Status Engine::Flush() {
  if (journal_ == nullptr) return Status::Ok();
  return journal_->Sync();
}

Refold Engine::MakeRefold() const {
  return [this](Seq after, Seq last, const std::function<void(Seq, const Change&)>& apply) {
    // A kind of end that is not an error: everything wanted was seen.
    const Status done(Code::kInterrupted, "done");
    auto end = ReplayJournal(
        disk_, JournalPath(path_), store_id_, after, [&](const JournalRecord& record) -> Status {
          if (record.header.seq > last) return done;
          MENDFS_ASSIGN_OR_RETURN(const Change change,
                                  DecodeChange(record.header.branch, record.payload));
          apply(record.header.seq, change);
          return Status::Ok();
        });
    if (end.ok() || end.status().code() == Code::kInterrupted) return Status::Ok();
    return end.status();
  };
}

Status Engine::FoldPending(const CommitNote& note) {
  const bool was_tight = guard_.tight();
  Status folded = FoldSet(was_tight, note);
  if (IsFull(folded) && guard_.MetNoSpace(folded) && !was_tight) folded = FoldSet(true, note);
  if (folded.ok()) {
    moves_.clear();
    return folded;
  }
  bool is_news = false;
  {
    MutexLock lock(door_mutex_);
    is_news = trouble_.code() != folded.code();
    trouble_ = folded;
  }
  if (is_news) LogLine(LogLevel::kError, "commit", "fold failed: " + folded.ToString());
  return folded;
}

Status Engine::SyncAndFold() {
  const CommitNote note{options_.actor, "", Origin::kUser};
  // 1 what was put aside before · 2 the present set · 3 the journal flushed · 4 folded: LevelDB
  // never holds what a power cut could take from the journal.
  MENDFS_RETURN_IF_ERROR(journal_->Sync());
  MENDFS_RETURN_IF_ERROR(FoldPending(note));
  {
    MutexLock lock(door_mutex_);
    manifest_->Rotate();
  }
  MENDFS_RETURN_IF_ERROR(journal_->Sync());
  return FoldPending(note);
}

Result<std::optional<CommitRow>> Engine::CloseLocked(BranchId branch, const CommitNote& note) {
  MENDFS_RETURN_IF_ERROR(journal_->Sync());
  MENDFS_RETURN_IF_ERROR(FoldPending(note));
  Seq seq;
  {
    MutexLock lock(door_mutex_);
    if (head_ && last_change_ <= head_->seq) {
      trouble_ = Status::Ok();
      return std::optional<CommitRow>();
    }
    seq = journal_->last();
    manifest_->NoteCommit(seq);
    manifest_->Rotate();
  }
  MENDFS_RETURN_IF_ERROR(journal_->Sync());
  MENDFS_RETURN_IF_ERROR(FoldPending(note));
  {
    MutexLock lock(door_mutex_);
    if (head_ && head_->seq == seq) return head_;  // closed before the fold, to make way for it
  }
  MENDFS_ASSIGN_OR_RETURN(CommitRow row, WriteCommitRow(branch, seq, note, TotalsOf(branch)));
  return std::optional<CommitRow>(std::move(row));
}

Result<std::optional<CommitRow>> Engine::CloseCommit(BranchId branch, const CommitNote& note) {
  MENDFS_RETURN_IF_ERROR(CheckWritable());
  auto closed = [&] {
    MutexLock fold(fold_mutex_);
    return CloseLocked(branch, note);
  }();
  if (options_.commit_interval_ms == 0) Relieve();
  return closed;
}

Result<std::optional<CommitRow>> Engine::Publish(const Change& change, const CommitNote& note) {
  MENDFS_RETURN_IF_ERROR(CheckWritable());
  if (guard_.tight()) guard_.Look();  // nobody else may be there to see that there is room again
  MENDFS_RETURN_IF_ERROR(guard_.Admit(change.room, 0));
  // The lock keeps the background thread from closing the commit under another name.
  MutexLock fold(fold_mutex_);
  const CommitNote before{options_.actor, "", Origin::kUser};
  MENDFS_RETURN_IF_ERROR(CloseLocked(change.branch, before).status());
  const std::string payload = EncodeChange(change);
  MENDFS_RETURN_IF_ERROR(
      Append(RecordKind::kChange, change, payload, NowNs(), change.room).status());
  auto closed = CloseLocked(change.branch, note);
  if (closed.ok()) return closed;
  LogLine(LogLevel::kWarning, "commit",
          "published, its commit waits: " + closed.status().ToString());
  return std::optional<CommitRow>();
}

Result<std::unique_ptr<Snapshot>> Engine::Pin(BranchId branch, Seq seq) {
  View view{branch, seq};
  if (seq == kHeadSeq) {
    view.seq = manifest_->Pin();
  } else {
    MENDFS_RETURN_IF_ERROR(manifest_->PinCommit(branch, seq));
  }
  return std::unique_ptr<Snapshot>(std::make_unique<PinnedSnapshot>(*manifest_, view));
}

Result<std::vector<CommitRow>> Engine::Log(BranchId branch, Seq before, size_t limit) const {
  MENDFS_ASSIGN_OR_RETURN(const auto found, manifest_->CommitsBelow(branch, before, limit));
  std::vector<CommitRow> rows;
  rows.reserve(found.size());
  for (const std::string& bytes : found) {
    MENDFS_ASSIGN_OR_RETURN(CommitRow row, DecodeCommitRow(bytes));
    rows.push_back(std::move(row));
  }
  return rows;
}

// --------------------------------------------------------------------------------------- history
Status Engine::Thin(ThinHow how) {
  MENDFS_RETURN_IF_ERROR(CheckWritable());
  return history_->Thin(how);
}

Status Engine::FoldAll() {
  MutexLock fold(fold_mutex_);
  return SyncAndFold();
}

StoreStatus Engine::Describe() const {
  StoreStatus status;
  status.identity = identity_;
  status.last_seq = manifest_->applied();
  const FoldState state = manifest_->folded();
  status.folded_seq = state.folded;
  status.durable_seq = journal_ != nullptr ? journal_->durable() : status.last_seq;
  status.journal_bytes = journal_ != nullptr ? journal_->bytes() : 0;
  status.working_set_bytes = manifest_->working_set_bytes();
  status.segments = manifest_->segments();
  status.replayed_records = replayed_records_;
  status.journal_damage = journal_damage_;
  status.history = history_->Describe();
  const auto totals = state.totals.find(kMainBranch);
  if (totals != state.totals.end()) {
    status.counts = {totals->second.files, totals->second.nodes, totals->second.edges};
  }
  if (replayed_counts_) status.counts = *replayed_counts_;
  status.packs = collector_->Describe();
  auto space = disk_.Space(path_);
  if (space.ok()) {
    const bool writable = options_.access == OpenAccess::kReadWrite;
    status.space = guard_.Spendable(*space, writable ? status.packs.on_demand_bytes : 0);
  }
  const IntentCounts sidecars = intents_.counts();
  status.sidecars_live = sidecars.live;
  status.sidecars_left = sidecars.left;
  status.sidecars_reason = sidecars.reason;
  status.snapshots = commit_pins_.count();
  status.snapshots_reason = commit_pins_.CheckTrusted().message();
  MutexLock lock(door_mutex_);
  status.head = head_;
  const bool counted = replayed_counts_ || last_change_ <= state.folded;
  status.counts_as_of = counted ? status.last_seq : state.folded;
  Judge(status);
  return status;
}

// The worst that is known, and why.
void Engine::Judge(StoreStatus& status) const {
  const auto is = [&status](Health health, std::string reason) {
    status.health = health;
    status.reason = std::move(reason);
  };
  const ManifestDamage& damage = manifest_->damage();
  const Status fence = journal_ != nullptr ? journal_->fence() : Status::Ok();
  const std::string met = MetDamage();
  if (!unverified_.empty()) return is(Health::kReadOnly, UnverifiedText());
  if (!options_.refusal.empty()) return is(Health::kReadOnly, options_.refusal);
  if (damage.rows_lost) return is(Health::kFailed, damage.sentence);
  if (!fence.ok()) return is(Health::kReadOnly, fence.message());
  if (!met.empty()) {
    if (!options_.damage_stops_writes) return is(Health::kDegraded, met);
    return is(Health::kReadOnly, "errors=remount-ro: " + met);
  }
  if (guard_.tight()) {
    return is(Health::kDegraded, guard_.sentence() + KeptBySnapshots(status.snapshots));
  }
  if (!trouble_.ok()) {
    return is(Health::kDegraded,
              "the last commit could not be closed (" + trouble_.ToString() +
                  "); it is tried again by itself, and what was acknowledged is in the journal. If "
                  "this stays, unmount and mount again, and run `mendfs fsck " +
                  path_ + "`");
  }
  if (options_.access == OpenAccess::kReadOnly && !damage.sentence.empty()) {
    return is(Health::kDegraded, damage.sentence);
  }
  if (!journal_damage_.empty()) return is(Health::kDegraded, journal_damage_);
  if (!status.sidecars_reason.empty()) return is(Health::kDegraded, status.sidecars_reason);
  if (!status.snapshots_reason.empty()) return is(Health::kDegraded, status.snapshots_reason);
}

}  // namespace mendfs
