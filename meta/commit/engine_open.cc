// Opening, closing and the background thread of the engine. See engine.h.
#include <algorithm>

#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/commit/change_format.h"
#include "meta/commit/commit_format.h"
#include "meta/commit/engine.h"
#include "meta/commit/history/snapshot_rows.h"
#include "meta/commit/identity.h"
#include "meta/disk/overlay_disk.h"
#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

constexpr unsigned kRestTicksMax = 31;
// What one tick or an open reads of blobs to seal them: a blob may be long, the keeper has other
// work, and whoever opens a store waits for it.
constexpr uint64_t kSealedAtOnceBytes = 128 << 20;

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Open(Disk& disk, const std::string& path,
                                             const StoreIdentity& identity,
                                             const StoreConfig& config, const OpenOptions& options,
                                             const std::function<Status()>& before_writing) {
  std::unique_ptr<Engine> engine(new Engine(disk, path, identity, options));
  const bool writable = options.access == OpenAccess::kReadWrite;
  // 1 lock; what speaks against the store is looked for, so that it is refused unwritten; the
  // reserve taken or given up · 2 manifest · 3 replay · 4 the journal goes on
  // behind what was replayed · 5 packs and blobs, then the journal synced, so that nothing that was
  // replayed can be lost to a power cut after it was seen · 6 packs that were open are sealed, and
  // blobs as far as that is quick: the keeper goes on with them · 7 objects that are doomed are
  // removed.
  if (writable) {
    const auto check = [&]() -> Status {
      MENDFS_RETURN_IF_ERROR(before_writing());
      return engine->CheckBeforeWriting();
    };
    // A copy may come without LOCK: it is made for a store that will be written to.
    if (disk.Stat(path + "/LOCK").status().code() == Code::kNotFound) {
      MENDFS_RETURN_IF_ERROR(check());
    }
    MENDFS_ASSIGN_OR_RETURN(engine->lock_, disk.Lock(path + "/LOCK", ""));
    MENDFS_RETURN_IF_ERROR(check());
    engine->lock_->Sign(HolderText());
    engine->guard_.Begin();
  } else {
    engine->overlay_ = std::make_unique<OverlayDisk>(disk);
  }
  const bool verified = !writable && options.last_good;
  MENDFS_RETURN_IF_ERROR(verified ? engine->OpenVerified() : engine->OpenManifest());
  engine->manifest_->UseFoldHooks(*engine);
  engine->collector_ = std::make_unique<Collector>(
      SpaceParts{*engine, *engine->manifest_, engine->packs_, engine->objects_}, options.space);
  MENDFS_RETURN_IF_ERROR(engine->ReadHead());
  MENDFS_RETURN_IF_ERROR(engine->Replay());
  engine->PinSnapshots();
  HistoryHost& host = *engine;
  engine->history_ =
      std::make_unique<History>(*engine->manifest_, host, engine->commit_pins_, config.history);
  MENDFS_RETURN_IF_ERROR(engine->history_->Load());
  engine->intents_.UseJournal(engine->MakeRefold());
  if (writable) {
    engine->SealBodies(true, kSealedAtOnceBytes);
    engine->collector_->Recover();
  } else {
    engine->CountReplayed();
  }
  return engine;
}

// Whether every fold is there, and every record behind them: nothing is written before.
Status Engine::CheckBeforeWriting() const {
  MENDFS_ASSIGN_OR_RETURN(const Seq folded, Manifest::Check(disk_, path_));
  const auto pass = [](const JournalRecord&) { return Status::Ok(); };
  return ReplayJournal(disk_, path_ + "/journal", store_id_, folded, pass).status();
}

// The manifest where all its folds are there; else, as far as the journal goes back to the first
// change, an empty one in memory, which replay fills.
Status Engine::OpenVerified() {
  Status opened = OpenManifest();
  if (opened.ok() && !manifest_->damage().rows_lost) return opened;
  if (!opened.ok() && opened.code() != Code::kCorruption) return opened;
  const std::string why = opened.ok() ? manifest_->damage().sentence : opened.message();
  const std::string directory = "manifest-of-the-journal";
  MENDFS_ASSIGN_OR_RETURN(const Seq first, FirstOfJournal(disk_, path_ + "/journal"));
  if (first > Seq(1)) {
    return {Code::kCorruption,
            why + "; the journal does not go back to the first change, so that no state of the " +
                "store verifies"};
  }
  MENDFS_RETURN_IF_ERROR(overlay_->MakeDir(path_ + "/" + directory));
  ManifestOptions options;
  options.cache_bytes = ManifestCacheBytes(options_);
  options.read_only = true;
  options.directory = directory;
  MENDFS_ASSIGN_OR_RETURN(manifest_, Manifest::Lay(*overlay_, path_, options));
  unverified_ = why + "; what is shown was read from the journal instead";
  return Status::Ok();
}

void Engine::NoteUnverified(const ReplayEnd& end) {
  if (end.lost.empty()) return;
  if (!unverified_.empty()) unverified_ += "; ";
  unverified_ += end.lost + "; what was changed behind change " + std::to_string(end.last.value);
  unverified_ += end.lost_to > end.last
                     ? " is missing: " + std::to_string(end.lost_to.value - end.last.value) +
                           " changes or more"
                     : " may be missing";
}

std::string Engine::UnverifiedText() const {
  std::string text = "the newest state does not verify: " + unverified_ + ". Shown is change " +
                     std::to_string(manifest_->applied().value);
  if (head_) {
    text += head_->seq < last_change_ ? ", made after commit " : ", commit ";
    text += ToHex(head_->id).substr(0, 16) + " of " +
            FormatDateTime({.seconds = head_->time_ns / 1'000'000'000, .nanoseconds = 0});
  }
  return text + ". Nothing was written. Copy " + path_ +
         " as it is, `mendfs export` what you need from this mount into a new store; `mendfs fsck` "
         "tells what else is damaged";
}

// The newest commit that is folded; replay brings later ones.
Status Engine::ReadHead() {
  MENDFS_ASSIGN_OR_RETURN(auto bytes, [&]() -> Result<std::optional<std::string>> {
    auto got = manifest_->GetGlobal(BranchKey("main"));
    if (got.ok()) return std::optional<std::string>(*std::move(got));
    if (got.status().code() == Code::kNotFound) return std::optional<std::string>();
    return got.status();
  }());
  MutexLock lock(door_mutex_);
  const FoldState state = manifest_->folded();
  last_change_ = state.folded;
  if (!bytes) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const BranchRow branch, DecodeBranchRow(*bytes));
  if (branch.head == Seq()) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const std::string commit,
                          manifest_->GetGlobal(CommitKey(kMainBranch, branch.head)));
  MENDFS_ASSIGN_OR_RETURN(head_, DecodeCommitRow(commit));
  // What was folded behind the head may be no more than the head's own row.
  const auto totals = state.totals.find(kMainBranch);
  if (totals != state.totals.end() && totals->second.changed == head_->changed_total) {
    last_change_ = head_->seq;
  }
  return Status::Ok();
}

Status Engine::Replay() {
  const Seq folded = manifest_->folded().folded;
  Disk& disk = overlay_ != nullptr ? *overlay_ : disk_;
  const std::string directory = path_ + "/journal";
  bool head_moved = false;
  auto visit = [&](const JournalRecord& record) -> Status {
    MENDFS_ASSIGN_OR_RETURN(const Change change,
                            DecodeChange(record.header.branch, record.payload));
    manifest_->Apply(record.header.seq, change);
    MutexLock lock(door_mutex_);
    if (record.header.kind == RecordKind::kChange) {
      if (change.HasContent()) last_change_ = record.header.seq;
      return Status::Ok();
    }
    for (const ChangeEntry& entry : change.entries) {
      if (!ParseCommitKey(entry.key)) continue;
      MENDFS_ASSIGN_OR_RETURN(head_, DecodeCommitRow(entry.value));
      head_moved = true;
    }
    return Status::Ok();
  };
  SyncedPacks synced;
  const auto is_whole = [&](const JournalRecord& record) { return HoldsBodies(record, synced); };
  const auto on_mark = [&](std::string_view said) -> Status {
    MENDFS_ASSIGN_OR_RETURN(const SyncedPacks packs, DecodeSyncedPacks(said));
    for (const auto& [pack, end] : packs) synced[pack] = std::max(synced[pack], end);
    return Status::Ok();
  };
  const bool verified = overlay_ != nullptr && options_.last_good;
  const ReplayReach reach = verified ? ReplayReach::kVerified : ReplayReach::kAll;
  MENDFS_ASSIGN_OR_RETURN(const ReplayEnd end, ReplayJournal(disk, directory, store_id_, folded,
                                                             visit, is_whole, on_mark, reach));
  NoteUnverified(end);
  replayed_records_ = end.records;
  if (end.unneeded_damaged > 0) {
    journal_damage_ = end.damage + "; " + std::to_string(end.unneeded_damaged) +
                      (end.unneeded_damaged == 1 ? " place" : " places") +
                      " in records that are in the manifest already: nothing is lost, the disk may "
                      "be failing: copy the store to another one";
  }
  {
    // When LevelDB lost folds, what several brought is folded at once now and counted once.
    MutexLock lock(door_mutex_);
    if (head_moved) manifest_->Recount(head_->seq, head_->changed_total);
  }
  if (end.records > 0) {
    LogLine(LogLevel::kInfo, "commit", "replayed the journal",
            {{"records", std::to_string(end.records)}, {"torn", end.torn ? "yes" : "no"}});
  }
  if (overlay_ == nullptr) {
    JournalOptions options;
    options.segment_bytes = [this] { return guard_.SegmentBytes(options_.journal_segment_bytes); };
    options.before_flush = [this]() -> Result<std::string> {
      MENDFS_RETURN_IF_ERROR(SyncBodies());
      return EncodeSyncedPacks(SyncedBodies());
    };
    MENDFS_ASSIGN_OR_RETURN(journal_, Journal::Open(disk_, directory, store_id_, end, options));
    // What records refer to, then the records, then the mark that says so.
    MENDFS_RETURN_IF_ERROR(RecoverPacks(synced));
    MENDFS_RETURN_IF_ERROR(journal_->Sync());
  }
  auto limit = manifest_->GetGlobal("c");
  if (!limit.ok() && limit.status().code() != Code::kNotFound) return limit.status();
  if (limit.ok()) {
    ByteReader in(*limit);
    const uint64_t next = in.GetU64();
    if (!in.AtEnd() || next < kFirstFreeInode || next >= kDerivedInodeBit) {
      return Status(Code::kCorruption, "the counter of inode numbers does not decode");
    }
    MutexLock lock(numbers_mutex_);
    next_number_ = next;
    number_limit_ = next;
  }
  return Status::Ok();
}

// Before anything can thin. What cannot be read keeps all of history, and the store opens.
void Engine::PinSnapshots() {
  const Status seen =
      EachSnapshotRow(*manifest_, [&](std::string_view name, const Result<SnapshotRow>& row) {
        if (row.ok()) {
          commit_pins_.Pin(row->branch, row->seq);
        } else {
          commit_pins_.Distrust(name, row.status().message());
        }
        return Status::Ok();
      });
  if (!seen.ok()) commit_pins_.Distrust("", "list snapshots: " + seen.ToString());
}

// Nothing is ever folded here, so that the totals of the last fold would stay what is shown. Where
// a lost table keeps them from being counted they do, and status says as of when they are.
void Engine::CountReplayed() {
  const auto totals = manifest_->CountApplied();
  if (totals.ok()) {
    replayed_counts_ = ContentCounts{totals->files, totals->nodes, totals->edges};
    return;
  }
  LogLine(LogLevel::kWarning, "commit",
          "counts are those of the last fold: " + totals.status().ToString());
}

void Engine::Start() {
  started_ = journal_ != nullptr;
  if (!started_ || options_.commit_interval_ms == 0) return;
  keeper_ = std::thread([this] { KeeperLoop(); });
  history_->Start();
  collector_->Start();
}

void Engine::KeeperLoop() {
  keeper_mutex_.Lock();
  while (!keeper_stop_) {
    keeper_wake_.WaitFor(keeper_mutex_, options_.commit_interval_ms);
    if (keeper_stop_) break;
    keeper_mutex_.Unlock();
    Tick();
    keeper_mutex_.Lock();
  }
  keeper_mutex_.Unlock();
}

void Engine::Tick() {
  bool closed = false;
  if (rest_.left > 0 && guard_.tight()) {
    --rest_.left;
  } else {
    const auto commit = CloseCommit(kMainBranch, {options_.actor, "", Origin::kUser});
    closed = commit.ok();
    rest_.ticks = !IsFull(commit.status()) ? 0 : std::min(2 * rest_.ticks + 1, kRestTicksMax);
    rest_.left = rest_.ticks;
    MutexLock lock(door_mutex_);
    if (!closed) trouble_ = commit.status();
  }
  if (journal_->durable() < journal_->last()) Flush().IgnoreError();  // a failure fences
  if (closed) {
    // Recovery asks the journal what was changed since a multi-step write began.
    collector_->sealed_journal().Seal(*journal_, intents_.OldestBase());
    blobs_.Rest();
    SealBodies(false, kSealedAtOnceBytes);
    collector_->Nudge();
  }
  Relieve();
}

void Engine::Close() {
  if (!started_) return;
  auto commit = CloseCommit(kMainBranch, {options_.actor, "", Origin::kUser});
  if (!commit.ok()) {
    LogLine(LogLevel::kWarning, "commit",
            "closed without a commit, the journal holds everything: " + commit.status().ToString());
    return;
  }
  SealBodies(true, UINT64_MAX);
  MutexLock fold(fold_mutex_);
  SyncAndFold().IgnoreError();
}

Engine::~Engine() {
  if (history_ != nullptr) history_->Stop();
  {
    MutexLock lock(keeper_mutex_);
    keeper_stop_ = true;
  }
  keeper_wake_.NotifyAll();
  if (collector_ != nullptr) collector_->Stop();
  if (keeper_.joinable()) keeper_.join();
  Close();
}

}  // namespace mendfs
