// What the engine does for bodies in packs and blobs: naming, recovering, sealing, moving, and
// giving their space back. See engine.h.
#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/commit/change_format.h"
#include "meta/commit/engine.h"
#include "meta/pack/pack_format.h"
#include "meta/tree/body_fold.h"
#include "meta/tree/extent_format.h"

namespace mendfs {
namespace {

// A read or write of a body that takes longer makes a cycle end; another one goes on.
constexpr unsigned kQuiesceMs = 10'000;
// A segment of the journal that has less is not worth an object of its own.
constexpr uint64_t kEndedSegmentBytesMin = 1 << 20;
// What a new one can take at once, name and header.
constexpr uint64_t kNewSegmentBytes = 64 << 10;

}  // namespace

// Under the pack's lock, so without the fold that Apply may begin with.
Status Engine::NameOpen(ObjectKind kind, const Id128& object) {
  Change change;
  change.PutGlobal(OpenPackKey(object), EncodeOpenObject(kind));
  const std::string payload = EncodeChange(change);
  MENDFS_ASSIGN_OR_RETURN(const Seq seq,
                          Append(RecordKind::kChange, change, payload, NowNs(), Room::kFrees));
  pack_named_.store(seq.value);
  return Status::Ok();
}

Status Engine::SyncNames() {
  return journal_->durable().value < pack_named_.load() ? journal_->Sync() : Status::Ok();
}

Status Engine::NameSealed(const ObjectInfo& object) {
  Change change;
  change.PutGlobal(ObjectKey(object.id), EncodeObjectInfo(object));
  change.ClearGlobal(OpenPackKey(object.id));
  change.room = Room::kFrees;
  return Apply(change).status();
}

Status Engine::ForgetOpen(const Id128& object) {
  Change change;
  change.ClearGlobal(OpenPackKey(object));
  change.room = Room::kFrees;
  return Apply(change).status();
}

// ---------------------------------------------------------------------------------- folding
// Called within Manifest::Fold, with the fold's lock held.
Result<std::optional<std::string>> Engine::Move(std::string_view key,
                                                std::string_view value) NO_THREAD_SAFETY_ANALYSIS {
  if (value.size() <= kFoldedPieceBytesMax) return std::optional<std::string>();
  std::string known(key);
  const Hash128 hash = HashXxh3Wide(value);
  PutU64(known, hash.low);
  PutU64(known, hash.high);
  const auto found = moves_.find(known);
  if (found != moves_.end()) return std::optional<std::string>(found->second);
  MENDFS_ASSIGN_OR_RETURN(auto moved, MoveBody(key, value, packs_));
  if (!moved) return moved;
  moved_.store(true);
  moves_.emplace(std::move(known), *moved);
  return moved;
}

// LevelDB must not refer to bytes that a power cut could take, nor to a pack whose name it could
// take: the next open would remove it as nobody's.
Status Engine::SyncMoved() {
  if (!moved_.exchange(false)) return Status::Ok();
  Status synced = packs_.Sync();
  if (synced.ok()) synced = SyncNames();
  if (!synced.ok()) moved_.store(true);
  return synced;
}

std::optional<Hash128> Engine::Digest(std::string_view key, std::string_view value) const {
  return BodyDigest(key, value);
}

uint64_t Engine::PackedBytesOf(std::string_view key, std::string_view value) const {
  if (KindOf(key) != KeyKind::kExtent) return 0;
  const Result<Extent> extent = DecodeExtent(value);
  return extent.ok() && extent->has_run() ? extent->run.size_bytes : 0;
}

// ------------------------------------------------------------------------------ giving back
Status Engine::FoldAndSettle() {
  MENDFS_RETURN_IF_ERROR(FoldAll());
  return manifest_->Settle().status();
}

Result<size_t> Engine::RewriteEntries(const std::vector<EntryEdit>& edits) {
  MutexLock fold(fold_mutex_);
  return manifest_->Rewrite(edits, MakeRefold());
}

bool Engine::MayCopy(uint64_t size_bytes) {
  if (!guard_.tight()) return true;
  const auto space = disk_.Space(path_);
  return space.ok() && space->available_bytes >= guard_.reserve_bytes() / 2 + size_bytes;
}

// Changes hold the locks of what they read and change, bytes are read and appended within a use.
bool Engine::Quiesce() {
  entity_locks_.PassAll();
  return packs_.uses().WaitForEarlier(kQuiesceMs);
}

Result<Reclaimed> Engine::Reclaim(ReclaimHow how) {
  MENDFS_RETURN_IF_ERROR(CheckWritable());
  return ReclaimUntil(how, {});
}

Result<Reclaimed> Engine::ReclaimUntil(ReclaimHow how, const std::function<bool()>& enough) {
  if (how != ReclaimHow::kNormal) {
    // On a small disk the open segment alone may be what it lacks.
    const auto space = disk_.Space(path_);
    Status ended = space.status();
    if (ended.ok() && space->available_bytes >= kNewSegmentBytes) {
      ended = journal_->EndSegment(kEndedSegmentBytesMin);
    }
    if (ended.ok()) ended = FoldAll();
    if (!ended.ok()) LogLine(LogLevel::kDebug, "space", "journal stays: " + ended.ToString());
    collector_->sealed_journal().Seal(*journal_, intents_.OldestBase());
  }
  return collector_->Collect(how, enough);
}

// ---------------------------------------------------------------------------- opening, sealing
// Only bytes that were perhaps never durable can be those that a power cut took. A record also
// names runs that are much older: rests of what it overwrites, parts that it shares. Damage to them
// ends nothing, readers are told.
Result<bool> Engine::MayBeTorn(const RunRef& run, const SyncedPacks& synced) const {
  const Status open = manifest_->GetGlobal(OpenPackKey(run.object)).status();
  if (open.code() == Code::kNotFound) return false;  // sealed, and synced for that
  MENDFS_RETURN_IF_ERROR(open);
  const auto found = synced.find(run.object);
  const uint64_t durable_end = found == synced.end() ? 0 : found->second;
  if (RunBytesOffset(run) + run.run_bytes <= durable_end) return false;
  // A staging file is durable before its pack is named, and leaves its place only when it is
  // sealed: what is not there, or shorter than it was, is old damage.
  const auto staged = objects_.disk().Stat(objects_.StagingPathOf(run.kind, run.object));
  if (staged.status().code() == Code::kNotFound) return false;
  MENDFS_RETURN_IF_ERROR(staged.status());
  return staged->kind == FileKind::kRegular && staged->size_bytes >= durable_end;
}

Result<bool> Engine::HoldsBodies(const JournalRecord& record, const SyncedPacks& synced) const {
  MENDFS_ASSIGN_OR_RETURN(const Change change, DecodeChange(record.header.branch, record.payload));
  for (const ChangeEntry& entry : change.entries) {
    if (entry.scope != EntryScope::kBranch || entry.whiteout) continue;
    if (KindOf(entry.key) != KeyKind::kExtent) continue;
    const Result<Extent> extent = DecodeExtent(entry.value);
    if (!extent.ok() || !extent->has_run()) continue;  // told to whoever reads it
    MENDFS_ASSIGN_OR_RETURN(const bool may_be_torn, MayBeTorn(extent->run, synced));
    if (!may_be_torn) continue;
    MENDFS_ASSIGN_OR_RETURN(const bool holds, packs_.Holds(extent->run));
    if (holds) continue;
    LogLine(LogLevel::kWarning, "commit", "a run that was not flushed is not whole",
            {{"seq", std::to_string(record.header.seq.value)},
             {std::string(ObjectKindName(extent->run.kind)), ToHex(extent->run.object)},
             {"place", std::to_string(extent->run.record_offset)}});
    return false;
  }
  return true;
}

Status Engine::RecoverPacks(const SyncedPacks& synced) {
  std::vector<Id128> packs;
  std::vector<Id128> blobs;
  const auto cursor = manifest_->ScanGlobal(PrefixRange(OpenPackPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    const auto object = ParseOpenPackKey(cursor->key());
    if (!object) return Status(Code::kCorruption, "a row of open objects has a malformed key");
    MENDFS_ASSIGN_OR_RETURN(const ObjectKind kind, DecodeOpenObject(*object, cursor->value()));
    (kind == ObjectKind::kBlob ? blobs : packs).push_back(*object);
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  MENDFS_RETURN_IF_ERROR(packs_.Recover(packs, synced));
  return blobs_.Recover(blobs, synced);
}

Status Engine::SyncBodies() {
  MENDFS_RETURN_IF_ERROR(blobs_.Sync());
  return packs_.Sync();
}

SyncedPacks Engine::SyncedBodies() const {
  SyncedPacks synced = packs_.Synced();
  synced.merge(blobs_.Synced());
  return synced;
}

void Engine::SealBodies(bool all, uint64_t blob_bytes) {
  Status sealed = packs_.Seal(all);
  Status blobs_sealed = blobs_.Seal(all, blob_bytes);
  if (sealed.ok()) sealed = std::move(blobs_sealed);
  // Each tick tries again; it is said once.
  if (sealed.code() == unsealed_.exchange(sealed.code()) || sealed.ok()) return;
  LogLine(LogLevel::kWarning, "commit", "packs or blobs stay open: " + sealed.ToString());
}

}  // namespace mendfs
