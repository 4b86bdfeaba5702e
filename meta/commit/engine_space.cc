// What the engine does on a full disk: who may go on, and how space comes back. See space_guard.h.
#include "meta/base/log.h"
#include "meta/commit/engine.h"

namespace mendfs {
namespace {

// Part of the reserve that is left to the journal when LevelDB's tables are merged.
constexpr uint64_t kTableFloorPart = 4;
// A larger manifest is not merged as a whole: commits wait for it.
constexpr uint64_t kMergedBytesMax = 256 << 20;

}  // namespace

// LevelDB puts its log into tables when it is opened, which takes as much space again.
Status Engine::OpenManifest() {
  const bool writable = options_.access == OpenAccess::kReadWrite;
  ManifestOptions options;
  options.cache_bytes = ManifestCacheBytes(options_);
  options.read_only = !writable;
  options.checked = true;
  options.write_buffer_bytes = guard_.BufferBytes(options.write_buffer_bytes);
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
// enough: of bytes that are going anyhow they would take the last room.
Status Engine::ReclaimAll() {
  MENDFS_RETURN_IF_ERROR(Reclaim(ReclaimHow::kDead).status());
  guard_.Look();
  if (!guard_.tight()) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(Thin(ThinHow::kPressing));
  MENDFS_RETURN_IF_ERROR(Reclaim(ReclaimHow::kDead).status());
  guard_.Look();
  if (!guard_.tight()) return Status::Ok();
  return Reclaim(ReclaimHow::kPressing).status();
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
