#include "meta/pack/blob_store.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "meta/base/failpoint.h"

namespace mendfs {
namespace {

// Ticks after its last write, and after nobody has it open any more.
constexpr unsigned kRestedTicks = 30;
constexpr unsigned kClosedTicks = 2;
constexpr size_t kSparesAtOnce = 8;

}  // namespace

BlobStore::BlobStore(ObjectStore& objects, PackRows* rows, PackStore& packs,
                     const BlobOptions& options)
    : objects_(objects), rows_(rows), packs_(packs), options_(options) {}

BlobStore::~BlobStore() = default;

// ------------------------------------------------------------------------------------- growing
// A short body that grows long belongs into its blob from its first byte on.
uint64_t BlobStore::StartOf(const BodyGrowth& growth) const {
  return growth.from < options_.begin_bytes ? 0 : growth.from;
}

// In whole blocks, so that a body that is written in small pieces has few of them in the end.
std::optional<uint64_t> BlobStore::GatherFrom(const Session& session) const {
  const uint64_t covered = session.covered();
  const bool wanted = session.blob == nullptr
                          ? session.end - session.start >= options_.begin_bytes
                          : session.end / kBodyBlockBytes * kBodyBlockBytes > covered;
  return wanted ? std::optional<uint64_t>(covered) : std::nullopt;
}

GrowthPlace BlobStore::PlaceOf(const BodyGrowth& growth) const {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(growth.inode);
  const bool goes_on = found != sessions_.end() && found->second.end == growth.from;
  if (goes_on && found->second.blob != nullptr) {
    const uint64_t covered = found->second.covered();
    if (covered == growth.from) return GrowthPlace::kBlob;
    return covered < growth.from ? GrowthPlace::kBehindOthers : GrowthPlace::kAnywhere;
  }
  const uint64_t start = goes_on ? found->second.start : StartOf(growth);
  return growth.to - start >= options_.begin_bytes ? GrowthPlace::kBehindOthers
                                                   : GrowthPlace::kAnywhere;
}

std::optional<uint64_t> BlobStore::Grow(const BodyGrowth& growth) {
  if (rows_ == nullptr) return std::nullopt;
  MutexLock lock(mutex_);
  const auto [found, is_new] = sessions_.try_emplace(growth.inode);
  Session& session = found->second;
  if (is_new || session.end != growth.from) {
    Retire(session);
    session.start = StartOf(growth);
  }
  session.end = growth.to;
  session.used = ++uses_;
  session.rested = 0;
  session.closed = false;
  const std::optional<uint64_t> from = GatherFrom(session);
  if (is_new && sessions_.size() > options_.sessions_max) DropLeastUsed(false);
  return from;
}

// It takes no more; what comes is counted anew.
void BlobStore::Retire(Session& session) {
  if (session.blob != nullptr) full_.push_back(std::exchange(session.blob, nullptr));
  session.start = session.end;
}

// First those that nobody has open.
void BlobStore::DropLeastUsed(bool with_blob) {
  const auto rank = [](const Session& session) { return std::pair(!session.closed, session.used); };
  auto least = sessions_.end();
  for (auto at = sessions_.begin(); at != sessions_.end(); ++at) {
    if ((at->second.blob != nullptr) != with_blob) continue;
    if (least == sessions_.end() || rank(at->second) < rank(least->second)) least = at;
  }
  if (least == sessions_.end()) return;
  Retire(least->second);
  sessions_.erase(least);
}

Result<OpenObjectPtr> BlobStore::TakeSpare() {
  size_t count = 1;
  {
    MutexLock lock(mutex_);
    const size_t room = options_.unsealed_max - std::min(options_.unsealed_max, blobs_.size());
    if (begun_++ > 0) count = std::clamp<size_t>(room, 1, kSparesAtOnce);
    if (!spares_.empty()) {
      OpenObjectPtr spare = std::move(spares_.back());
      spares_.pop_back();
      return spare;
    }
  }
  MENDFS_ASSIGN_OR_RETURN(std::vector<OpenObjectPtr> made,
                          MakeOpenObjects(objects_, *rows_, ObjectKind::kBlob, count));
  OpenObjectPtr first = made.back();
  MutexLock lock(mutex_);
  for (const OpenObjectPtr& blob : made) blobs_[blob->id] = blob;
  made.pop_back();
  spares_.insert(spares_.end(), made.begin(), made.end());
  return first;
}

Status BlobStore::BeginBlob(InodeNumber inode, uint64_t offset) {
  {
    MutexLock lock(mutex_);
    const auto found = sessions_.find(inode);
    if (found == sessions_.end()) return Status::Ok();
    Session& session = found->second;
    if (session.blob != nullptr && session.covered() == offset) return Status::Ok();
    Retire(session);
    if (blobs_.size() - spares_.size() >= options_.unsealed_max) return Status::Ok();
    const auto growing = std::count_if(sessions_.begin(), sessions_.end(), [](const auto& entry) {
      return entry.second.blob != nullptr;
    });
    if (static_cast<size_t>(growing) >= options_.growing_max) DropLeastUsed(true);
  }
  MENDFS_ASSIGN_OR_RETURN(const OpenObjectPtr blob, TakeSpare());
  const Status status = HitFailpoint(Failpoint::kBlobAfterName);
  MutexLock lock(mutex_);
  const auto found = sessions_.find(inode);
  if (!status.ok() || found == sessions_.end()) {
    full_.push_back(blob);  // named already: the next Seal forgets it again
    return status;
  }
  found->second.blob = blob;
  found->second.blob_start = offset;
  return Status::Ok();
}

Result<std::optional<RunRef>> BlobStore::AppendToBlob(InodeNumber inode, uint64_t offset,
                                                      std::string_view bytes) {
  assert(!bytes.empty() && bytes.size() <= kRunBytesMax);
  OpenObjectPtr blob;
  RunRef run{.kind = ObjectKind::kBlob, .run_bytes = bytes.size(), .size_bytes = bytes.size()};
  run.hashes = HashRun(bytes);
  {
    MutexLock lock(mutex_);
    const auto found = sessions_.find(inode);
    if (found == sessions_.end() || found->second.blob == nullptr) return std::optional<RunRef>();
    const Session& session = found->second;
    const bool twice = options_.places_taken_twice && offset >= session.blob_start;
    if (session.covered() != offset && !twice) return std::optional<RunRef>();
    blob = session.blob;
    run.record_offset = blob->Take(bytes.size());
    if (twice) run.record_offset = offset - session.blob_start;
  }
  run.object = blob->id;
  Status status = blob->file->WriteAt(run.record_offset, bytes);
  if (status.ok()) status = HitFailpoint(Failpoint::kBlobAfterAppend);
  if (status.ok()) {
    blob->Filled(run.record_offset);
  } else {
    MutexLock lock(mutex_);
    blob->GiveBack(run.record_offset, bytes.size());
  }
  blob->Done();
  if (!status.ok()) return status.Annotate("append to " + blob->Name());
  return std::optional<RunRef>(std::move(run));
}

std::optional<BodyGrowth> BlobStore::EndGrowth(InodeNumber inode) {
  MutexLock lock(mutex_);
  const auto found = sessions_.find(inode);
  if (found == sessions_.end()) return std::nullopt;
  Session& session = found->second;
  if (session.blob == nullptr) {
    sessions_.erase(found);
    return std::nullopt;
  }
  session.closed = true;
  if (session.covered() >= session.end) return std::nullopt;
  return BodyGrowth{inode, session.covered(), session.end};
}

void BlobStore::Rest() {
  MutexLock lock(mutex_);
  if (std::exchange(begun_, 0) == 0) {
    full_.insert(full_.end(), spares_.begin(), spares_.end());
    spares_.clear();
  }
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    Session& session = at->second;
    if (++session.rested < (session.closed ? kClosedTicks : kRestedTicks)) {
      ++at;
      continue;
    }
    Retire(session);
    at = sessions_.erase(at);
  }
}

// ---------------------------------------------------------------------------- syncing, sealing
std::vector<OpenObjectPtr> BlobStore::All() const {
  std::vector<OpenObjectPtr> all;
  MutexLock lock(mutex_);
  all.reserve(blobs_.size());
  for (const auto& [id, blob] : blobs_) all.push_back(blob);
  return all;
}

uint64_t BlobStore::open_blobs() const {
  MutexLock lock(mutex_);
  return blobs_.size();
}

Status BlobStore::Sync() {
  for (const OpenObjectPtr& blob : All()) MENDFS_RETURN_IF_ERROR(blob->Sync());
  return HitFailpoint(Failpoint::kBlobAfterSync);
}

SyncedPacks BlobStore::Synced() const {
  SyncedPacks synced;
  for (const OpenObjectPtr& blob : All()) {
    const uint64_t end = blob->SyncedBytes();
    if (end > 0) synced[blob->id] = end;
  }
  return synced;
}

Status BlobStore::Recover(const std::vector<Id128>& open, const SyncedPacks& synced) {
  for (const Id128& id : open) {
    const auto known = synced.find(id);
    MENDFS_ASSIGN_OR_RETURN(
        const OpenObjectPtr blob,
        FindOpenObject(objects_, ObjectKind::kBlob, id, known == synced.end() ? 0 : known->second));
    if (blob == nullptr) continue;
    MutexLock lock(mutex_);
    blobs_[id] = blob;
    full_.push_back(blob);
  }
  return Status::Ok();
}

Status BlobStore::Seal(bool all, uint64_t budget_bytes) {
  {
    MutexLock lock(mutex_);
    if (all) {
      for (auto& [inode, session] : sessions_) Retire(session);
      sessions_.clear();
      full_.insert(full_.end(), spares_.begin(), spares_.end());
      spares_.clear();
    }
    while (sealing_ && all) sealed_.Wait(mutex_);
    if (sealing_) return Status::Ok();
    sealing_ = true;
  }
  const Status status = SealSome(budget_bytes);
  MutexLock lock(mutex_);
  sealing_ = false;
  sealed_.NotifyAll();
  return status;
}

std::vector<OpenObjectPtr> BlobStore::Growing() const {
  std::vector<OpenObjectPtr> growing;
  MutexLock lock(mutex_);
  for (const auto& [inode, session] : sessions_) {
    if (session.blob != nullptr) growing.push_back(session.blob);
  }
  return growing;
}

// One after the other, so that the first of them is done soon, however long the others are.
Status BlobStore::SealSome(uint64_t budget_bytes) {
  std::vector<OpenObjectPtr> full;
  {
    MutexLock lock(mutex_);
    full.swap(full_);
  }
  std::vector<OpenObjectPtr> rest;
  Status result;
  for (const OpenObjectPtr& blob : full) {
    // Nobody takes a place in it any more; who has one is waited for until the next call.
    bool sealed = false;
    if (blob->writers.load() == 0 && result.ok() && budget_bytes > 0) {
      const auto done = SealOpenObject(objects_, *rows_, *blob, budget_bytes);
      result = done.status();
      sealed = done.ok() && *done;
    }
    if (!sealed) {
      rest.push_back(blob);
      continue;
    }
    MutexLock lock(mutex_);
    blobs_.erase(blob->id);
  }
  {
    MutexLock lock(mutex_);
    full_.insert(full_.begin(), rest.begin(), rest.end());
  }
  // Bytes before the written end change no more.
  for (const OpenObjectPtr& blob : Growing()) {
    const uint64_t end = blob->written_end.Get() / kObjectBlockBytes * kObjectBlockBytes;
    if (!result.ok() || end < options_.hashed_behind_bytes) continue;
    result = blob->hash.Step(*blob->file, objects_.StagingPathOf(blob->kind, blob->id),
                             end - options_.hashed_behind_bytes, budget_bytes);
  }
  return result;
}

}  // namespace mendfs
