// What the engine does on a full disk: who may go on, and how space comes back. See space_guard.h.
#include <algorithm>

#include "meta/base/log.h"
#include "meta/commit/change_format.h"
#include "meta/commit/engine.h"

namespace mendfs {
namespace {

// Part of the reserve that is left to the journal when LevelDB's tables are merged.
constexpr uint64_t kTableFloorPart = 4;
// A larger manifest is not merged as a whole: commits wait for it.
constexpr uint64_t kMergedBytesMax = 256 << 20;
// A fold goes to LevelDB in batches of this part of the working set's size.
constexpr uint64_t kFoldPart = 2;
// Part of the reserve that one fold may take for what only commits see; for more they go first.
constexpr uint64_t kEarlierPart = 32;

}  // namespace

// LevelDB puts its log into tables when it is opened, which takes as much space again.
Status Engine::OpenManifest() {
  const bool writable = options_.access == OpenAccess::kReadWrite;
  ManifestOptions options;
  options.cache_bytes = ManifestCacheBytes(options_);
  options.read_only = !writable;
  options.checked = true;
  options.write_buffer_bytes = guard_.BufferBytes(options.write_buffer_bytes);
  options.fold_part_bytes =
      std::min(options.fold_part_bytes, guard_.BufferBytes(options_.working_set_bytes) / kFoldPart);
  options.tight = guard_.tight();
  Disk& disk = writable ? disk_ : *overlay_;
  auto opened = Manifest::Open(disk, path_, options);
  if (writable && IsFull(opened.status()) && guard_.MetNoSpace(opened.status()) && !options.tight) {
    options.tight = true;
    opened = Manifest::Open(disk, path_, options);
  }
  if (writable && IsFull(opened.status())) {
    return opened.status().Annotate(
        "open " + path_ + " for writing: the disk is too full for it; make room on the disk, or " +
        "mount it with -o ro; nothing is lost");
  }
  MENDFS_RETURN_IF_ERROR(opened.status());
  manifest_ = *std::move(opened);
  return Status::Ok();
}

Result<Seq> Engine::Append(RecordKind kind, const Change& change, std::string_view payload,
                           int64_t time_ns, Room room) {
  for (bool again = false;; again = true) {
    Result<Seq> seq = [&] {
      MutexLock lock(door_mutex_);
      return AppendAndApply(kind, change, payload, time_ns);
    }();
    if (seq.ok() || !IsFull(seq.status())) return seq;
    const bool has_room = guard_.MetNoSpace(seq.status());
    if (again || !has_room || room == Room::kAdds) return seq;
  }
}

// The working set has grown to its bound. While a fold finds no room, what frees goes on: it is
// small, and the journal that keeps it bounds it.
Status Engine::FoldWhenFull(Room room) {
  if (guard_.tight() && room != Room::kAdds) {
    MutexLock lock(door_mutex_);
    if (IsFull(trouble_)) return Status::Ok();  // the keeper tries again
  }
  MutexLock fold(fold_mutex_);
  const Status folded = SyncAndFold();
  return IsFull(folded) && room != Room::kAdds ? Status::Ok() : folded;
}

Status Engine::AwaitRoom(bool) {
  return guard_.AwaitReclaim([this] {
    if (options_.commit_interval_ms == 0) {
      Relieve();
    } else {
      keeper_wake_.NotifyOne();
    }
  });
}

// What a fold replaces it moves to h/ for the sake of commits, which takes as much room again.
// While tight that is what is not there, so that 1 the moment that the set ends in gets its commit,
// whose totals are counted ahead · 2 the rows of all commits before it go, but for pinned ones · 3
// both are flushed · 4 the fold keeps nothing for them. A crash behind 1 or 2 loses commits that
// were to go: replay brings the set and its commit.
Status Engine::MakeWay(const CommitNote& note) {
  MENDFS_ASSIGN_OR_RETURN(const auto forecast, manifest_->ForecastFold(MakeRefold()));
  if (!forecast || forecast->earlier_bytes < guard_.reserve_bytes() / kEarlierPart) {
    return Status::Ok();
  }
  Seq head;
  {
    MutexLock lock(door_mutex_);
    if (head_) head = head_->seq;
  }
  if (head < forecast->last) {
    MENDFS_RETURN_IF_ERROR(
        WriteCommitRow(kMainBranch, forecast->last, note, forecast->totals).status());
    head = forecast->last;
  }
  const auto append = [&](const Change& change) {
    return Append(RecordKind::kChange, change, EncodeChange(change), NowNs(), change.room).status();
  };
  MENDFS_ASSIGN_OR_RETURN(const auto kept, history_->DropOlder(kMainBranch, head, append));
  MENDFS_RETURN_IF_ERROR(journal_->Sync());
  manifest_->ForgetCommits(head, kept);
  return Status::Ok();
}

Status Engine::FoldSet(bool tight, const CommitNote& note) {
  manifest_->SetTight(tight);
  if (tight) MENDFS_RETURN_IF_ERROR(MakeWay(note).Annotate("make way for a fold"));
  return manifest_->Fold(MakeRefold());
}

// Deleted entries give their space back only when tables are merged, which LevelDB does not do by
// itself while the disk is full.
void Engine::CompactManifest() {
  uint64_t size_bytes = 0;
  const std::string directory = path_ + "/manifest";
  const auto files = disk_.List(directory);
  if (!files.ok()) return;
  for (const DirEntry& file : *files) {
    const auto info = disk_.Stat(directory + "/" + file.name);
    if (info.ok()) size_bytes += info->size_bytes;
  }
  if (size_bytes > kMergedBytesMax) return;
  MutexLock fold(fold_mutex_);
  const Status compacted = manifest_->CompactAll(guard_.reserve_bytes() / kTableFloorPart);
  if (compacted.ok()) return;
  LogLine(LogLevel::kDebug, "space", "LevelDB was not merged: " + compacted.ToString());
}

// What nothing refers to goes first, then history, and copies are made only where that is not
// enough: of bytes that are going anyhow they would take the last room. Packs are counted when
// something in them became garbage, and once more after history went.
Status Engine::ReclaimAll() {
  const auto enough = [this] {
    guard_.Look();
    return !guard_.tight();
  };
  MENDFS_RETURN_IF_ERROR(ReclaimUntil(ReclaimHow::kDead, enough).status());
  if (enough()) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(Thin(ThinHow::kPressing));
  return ReclaimUntil(ReclaimHow::kPressing, enough).status();
}

uint64_t Engine::DiskBytes() const {
  const auto space = disk_.Space(path_);
  return space.ok() ? space->total_bytes : 0;
}

// What nothing refers to at all goes first, by itself, when there is enough of it.
Result<uint64_t> Engine::CountOlderBytes() {
  MENDFS_RETURN_IF_ERROR(collector_->Measure());
  collector_->Nudge();
  const PackSpace packs = collector_->Describe();
  return packs.older_bytes - std::min(packs.older_bytes, packs.garbage_bytes);
}

// Once a tick, and where somebody waits.
void Engine::Relieve() {
  if (journal_ == nullptr) return;
  guard_.Look();
  if (guard_.BeginReclaim()) {
    const Status reclaimed = reclaim_ ? reclaim_() : ReclaimAll();
    if (!reclaimed.ok()) {
      LogLine(LogLevel::kWarning, "space", "space was not reclaimed: " + reclaimed.ToString());
    }
    CompactManifest();
    guard_.EndReclaim();
  }
  MutexLock fold(fold_mutex_);
  manifest_->SetTight(guard_.tight());
}

}  // namespace mendfs
