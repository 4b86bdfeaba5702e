#include "meta/pack/pack_store.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "meta/base/failpoint.h"
#include "meta/pack/pack_format.h"

namespace mendfs {
namespace {

// A read of at least this many whole blocks goes past the cache.
constexpr uint64_t kBypassBlocks = 2;
// How long a writer that found too many packs sleeps before it looks again.
constexpr unsigned kWaitMs = 50;

size_t BlockBytes(const RunRef& run, uint64_t block) {
  return static_cast<size_t>(
      std::min<uint64_t>(kBodyBlockBytes, run.run_bytes - block * kBodyBlockBytes));
}

uint64_t BlockOffset(const RunRef& run, uint64_t block) {
  return RunBytesOffset(run) + block * kBodyBlockBytes;
}

Status BadBlock(const RunRef& run, uint64_t block, std::string_view what) {
  return Status(Code::kCorruption, std::string(ObjectKindName(run.kind)) + " " + ToHex(run.object) +
                                       ": block " + std::to_string(block) + " of the run at " +
                                       std::to_string(run.record_offset) + " " + std::string(what));
}

}  // namespace

PackStore::PackStore(ObjectStore& objects, PackRows* rows, const PackOptions& options)
    : objects_(objects),
      rows_(rows),
      options_(options),
      cache_(options.cache_bytes),
      files_(objects) {}

PackStore::~PackStore() = default;

// ----------------------------------------------------------------------------------- appending
Result<PackStore::PackPtr> PackStore::OpenNew() {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<PackPtr> made,
                          MakeOpenObjects(objects_, *rows_, ObjectKind::kPack, 1));
  const PackPtr& pack = made.front();
  {
    MutexLock lock(mutex_);
    packs_[pack->id] = pack;
  }
  const Status status = HitFailpoint(Failpoint::kPackAfterName);
  if (status.ok()) return pack;
  MutexLock lock(mutex_);
  full_.push_back(pack);  // named already: the next Seal forgets it again
  return status;
}

void PackStore::Retire(Stripe& stripe) {
  MutexLock lock(mutex_);
  full_.push_back(std::exchange(stripe.pack, nullptr));
}

// Waits for nothing that waits for the caller: what seals folds at most, and a fold's own appends
// do not come here.
Status PackStore::MakeRoom() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (packs_.size() <= kUnsealedMax) return Status::Ok();
      if (sealing_) {
        sealed_.WaitFor(mutex_, kWaitMs);
        continue;
      }
    }
    MENDFS_RETURN_IF_ERROR(Seal(false));
    MutexLock lock(mutex_);
    // Others still write to all of them.
    if (packs_.size() > kUnsealedMax) sealed_.WaitFor(mutex_, kWaitMs);
  }
}

Result<RunRef> PackStore::Append(const RunOwner& owner, std::string_view bytes) {
  assert(!bytes.empty() && bytes.size() <= kRunBytesMax);
  if (rows_ == nullptr) return Status(Code::kReadOnly, "the store is open read-only");
  if (!owner.folded) MENDFS_RETURN_IF_ERROR(MakeRoom());
  RunRef run{.run_bytes = bytes.size(), .size_bytes = bytes.size(), .hashes = HashRun(bytes)};
  const std::string header =
      EncodePackRecord({.inode = owner.inode,
                        .generation = owner.generation,
                        .offset = owner.offset,
                        .seq = 0,
                        .run_bytes = static_cast<uint32_t>(bytes.size()),
                        .fingerprint = HashXxh3Wide(EncodeBlockHashes(run.hashes))});
  const uint64_t wanted = header.size() + bytes.size();
  Stripe& stripe = stripes_[owner.folded ? kStripes - 1 : owner.inode.value % (kStripes - 1)];
  PackPtr pack;
  {
    MutexLock lock(stripe.mutex);
    if (stripe.pack != nullptr && stripe.pack->end + wanted > options_.pack_bytes &&
        stripe.pack->end > 0) {
      Retire(stripe);
    }
    if (stripe.pack == nullptr) {
      MENDFS_ASSIGN_OR_RETURN(stripe.pack, OpenNew());
    }
    pack = stripe.pack;
    run.record_offset = pack->Take(wanted);
  }
  run.object = pack->id;
  Status status = pack->file->WriteAt(run.record_offset, header);
  if (status.ok()) status = pack->file->WriteAt(run.record_offset + header.size(), bytes);
  if (status.ok()) status = HitFailpoint(Failpoint::kPackAfterAppend);
  if (status.ok()) {
    pack->Filled(run.record_offset);
  } else {
    MutexLock lock(stripe.mutex);
    pack->GiveBack(run.record_offset, wanted);
  }
  pack->Done();
  if (!status.ok()) return status.Annotate("append to pack " + ToHex(pack->id));
  return run;
}

std::vector<PackStore::PackPtr> PackStore::All() const {
  std::vector<PackPtr> all;
  MutexLock lock(mutex_);
  all.reserve(packs_.size());
  for (const auto& [id, pack] : packs_) all.push_back(pack);
  return all;
}

std::map<Id128, uint64_t> PackStore::OpenBytes() {
  std::map<Id128, uint64_t> bytes;
  for (Stripe& stripe : stripes_) {
    MutexLock lock(stripe.mutex);
    if (stripe.pack != nullptr) bytes[stripe.pack->id] = stripe.pack->end;
  }
  return bytes;
}

uint64_t PackStore::open_packs() const {
  MutexLock lock(mutex_);
  return packs_.size();
}

Status PackStore::Sync() {
  for (const PackPtr& pack : All()) {
    MENDFS_RETURN_IF_ERROR(pack->Sync());
  }
  return HitFailpoint(Failpoint::kPackAfterSync);
}

SyncedPacks PackStore::Synced() const {
  SyncedPacks synced;
  for (const PackPtr& pack : All()) {
    const uint64_t end = pack->SyncedBytes();
    if (end > 0) synced[pack->id] = end;
  }
  return synced;
}

// ------------------------------------------------------------------------------------- sealing
Status PackStore::Seal(bool all) {
  for (Stripe& stripe : stripes_) {
    MutexLock lock(stripe.mutex);
    if (all && stripe.pack != nullptr) Retire(stripe);
  }
  {
    MutexLock lock(mutex_);
    while (sealing_ && all) sealed_.Wait(mutex_);
    if (sealing_) return Status::Ok();
    sealing_ = true;
  }
  const Status status = SealFull();
  MutexLock lock(mutex_);
  sealing_ = false;
  sealed_.NotifyAll();
  return status;
}

Status PackStore::SealFull() {
  std::vector<PackPtr> full;
  {
    MutexLock lock(mutex_);
    full.swap(full_);
  }
  // An object under a final name is found by its row alone.
  Status result = full.empty() ? Status::Ok() : rows_->SyncNames();
  for (const PackPtr& pack : full) {
    // Nobody takes a place in it any more; who has one is waited for until the next call.
    Status status;
    const bool busy = pack->writers.load() > 0;
    uint64_t budget_bytes = UINT64_MAX;  // a pack is not long
    if (!busy && result.ok()) {
      status = SealOpenObject(objects_, *rows_, *pack, budget_bytes).status();
    }
    MutexLock lock(mutex_);
    if (busy || !result.ok() || !status.ok()) {
      full_.push_back(pack);
      if (result.ok()) result = status;
    } else {
      packs_.erase(pack->id);
    }
  }
  return result;
}

Status PackStore::Recover(const std::vector<Id128>& open, const SyncedPacks& synced) {
  for (const Id128& id : open) {
    const auto known = synced.find(id);
    MENDFS_ASSIGN_OR_RETURN(
        const PackPtr pack,
        FindOpenObject(objects_, ObjectKind::kPack, id, known == synced.end() ? 0 : known->second));
    if (pack == nullptr) continue;
    MutexLock lock(mutex_);
    packs_[id] = pack;
    full_.push_back(pack);
  }
  return Status::Ok();
}

// ------------------------------------------------------------------------------------- reading
Result<std::shared_ptr<const File>> PackStore::FileOf(const RunRef& run) const {
  {
    MutexLock lock(mutex_);
    const auto found = packs_.find(run.object);
    if (found != packs_.end() && found->second->file != nullptr) {
      return std::shared_ptr<const File>(found->second->file);
    }
  }
  return files_.Get(run.kind, run.object);
}

// Whole blocks, verified one by one.
Status PackStore::ReadWhole(const File& file, const RunRef& run, uint64_t block, size_t count,
                            char* target) const {
  size_t size = 0;
  for (size_t i = 0; i < count; ++i) size += BlockBytes(run, block + i);
  MENDFS_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(BlockOffset(run, block), size, target));
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t bytes = BlockBytes(run, block + i);
    if (at + bytes > got) return BadBlock(run, block + i, "is cut short");
    if (HashXxh3Wide({target + at, bytes}) != run.hashes[block + i - run.first_block()]) {
      return BadBlock(run, block + i, "fails its hash");
    }
    at += bytes;
  }
  return Status::Ok();
}

// For somebody who wants the bytes: what cannot be had is noted, block by block.
Status PackStore::ReadNoted(const File& file, const RunRef& run, uint64_t block, size_t count,
                            char* target) const {
  Status status = ReadWhole(file, run, block, count, target);
  if (status.code() != Code::kCorruption) return status;
  for (uint64_t end = block + count; block < end; ++block) {
    const Status one = ReadWhole(file, run, block, 1, target);
    if (one.code() == Code::kCorruption) damage_.Note(run.object, BlockOffset(run, block), one);
  }
  return status;
}

Status PackStore::Read(const RunRef& run, uint64_t offset, size_t size_bytes, char* target) const {
  assert(offset <= run.size_bytes && size_bytes <= run.size_bytes - offset);
  std::shared_ptr<const File> file;
  const uint64_t end = run.skip_bytes + offset + size_bytes;
  for (uint64_t at = run.skip_bytes + offset; at < end;) {
    const uint64_t block = at / kBodyBlockBytes;
    const size_t block_bytes = BlockBytes(run, block);
    const size_t from = at - block * kBodyBlockBytes;
    const size_t wanted = std::min<size_t>(block_bytes - from, end - at);
    size_t done = wanted;
    if (!cache_.Copy(run.object, BlockOffset(run, block), from, wanted, target)) {
      if (file == nullptr) {
        auto opened = FileOf(run);
        if (opened.status().code() == Code::kCorruption) {
          damage_.Note(run.object, BlockOffset(run, block), opened.status());
        }
        MENDFS_RETURN_IF_ERROR(opened.status());
        file = *std::move(opened);
      }
      // How many blocks from here are wanted whole?
      uint64_t whole = 0;
      for (uint64_t next = at; from == 0 && next < end; ++whole) {
        const size_t bytes = BlockBytes(run, block + whole);
        if (end - next < bytes) break;
        next += bytes;
      }
      if (whole >= kBypassBlocks) {
        MENDFS_RETURN_IF_ERROR(ReadNoted(*file, run, block, whole, target));
        done = 0;
        for (uint64_t i = 0; i < whole; ++i) done += BlockBytes(run, block + i);
      } else {
        std::string bytes(block_bytes, '\0');
        MENDFS_RETURN_IF_ERROR(ReadNoted(*file, run, block, 1, bytes.data()));
        std::memcpy(target, bytes.data() + from, wanted);
        cache_.Insert(run.object, BlockOffset(run, block), std::move(bytes));
      }
    }
    target += done;
    at += done;
  }
  return Status::Ok();
}

Result<bool> PackStore::Holds(const RunRef& run) const {
  auto file = FileOf(run);
  Status status = file.status();
  for (uint64_t i = 0; status.ok() && i < run.block_count(); ++i) {
    const uint64_t block = run.first_block() + i;
    // Records of small writes refer to the rests of one run again and again.
    if (cache_.Contains(run.object, BlockOffset(run, block))) continue;
    std::string bytes(BlockBytes(run, block), '\0');
    status = ReadWhole(**file, run, block, 1, bytes.data());
    if (status.ok()) cache_.Insert(run.object, BlockOffset(run, block), std::move(bytes));
  }
  if (status.ok()) return true;
  if (status.code() == Code::kCorruption) return false;
  return status;
}

}  // namespace mendfs
