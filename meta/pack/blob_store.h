// The blobs of one open store: objects that each hold bytes of one large body, as they are, from
// where the blob begins in the body. It stands before the packs: what has no place in a blob goes
// there.
//
//   Grow           a body got longer; when it has grown by begin_bytes, or when a block
//                  more is there, its owner is told to put it into the blob
//   BeginBlob      as open_object.h says of New
//   AppendToBlob   1 the place at the blob's end is taken, if that is the place of these bytes ·
//                  2 they are written there · 3 the caller's record refers to them
//   Seal           blobs that nobody writes to any more become objects
//
// A place is taken once and never given to other bytes, whatever becomes of the body: truncated and
// grown again it begins another blob. Of the bytes that a body has grown by, those behind the last
// multiple of a block ride in the journal until there are more, or until nobody has it open.
//
// Whoever begins many blobs within one tick makes some at once, ready for the next ones: what costs
// most of a short blob is to sync its name.
//
// What a body grows by is remembered from its first write at its end to when it is open no more or
// rests for a while, for growing_max bodies with a blob and sessions_max without.
//
// Threads:  safe from any thread but for Recover, which comes first; Grow, BeginBlob and EndGrowth
//           of one body by one at a time (the inode's lock)
// Errors:   as BodyStore
// Cost:     Seal reads at most budget_bytes and goes on in the next call
// Source:   docs/decisions/0015-blobs.md, docs/formats/pack.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/pack/body_store.h"
#include "meta/pack/open_object.h"
#include "meta/pack/pack_store.h"

namespace mendfs {

struct BlobOptions {
  uint64_t begin_bytes = 1 << 20;
  size_t growing_max = 32;     // blobs that may grow at once; the least recently grown are sealed
  size_t unsealed_max = 256;   // with those that wait to be sealed; then bytes go to packs
  size_t sessions_max = 1024;  // bodies without a blob whose growth is remembered
  // While it grows a blob is hashed up to so far behind its end: a file that is soon written leaves
  // the processor to its writer, a long one does not keep whoever closes the store waiting. In
  // whole blocks.
  uint64_t hashed_behind_bytes = 64 << 20;
  bool places_taken_twice = false;  // a defect; tests only
};

class BlobStore final : public BodyStore {
 public:
  // `rows` may be null when nothing is ever appended.
  BlobStore(ObjectStore& objects, PackRows* rows, PackStore& packs, const BlobOptions& options);
  ~BlobStore() override;

  Result<RunRef> Append(const RunOwner& owner, std::string_view bytes) override {
    return packs_.Append(owner, bytes);
  }
  Status Read(const RunRef& run, uint64_t offset, size_t size_bytes, char* target) const override {
    return packs_.Read(run, offset, size_bytes, target);
  }
  RunUses& uses() const override { return packs_.uses(); }
  GrowthPlace PlaceOf(const BodyGrowth& growth) const override;
  std::optional<uint64_t> Grow(const BodyGrowth& growth) override;
  Status BeginBlob(InodeNumber inode, uint64_t offset) override;
  Result<std::optional<RunRef>> AppendToBlob(InodeNumber inode, uint64_t offset,
                                             std::string_view bytes) override;
  std::optional<BodyGrowth> EndGrowth(InodeNumber inode) override;

  // As PackStore's.
  Status Sync();
  SyncedPacks Synced() const;
  Status Recover(const std::vector<Id128>& open, const SyncedPacks& synced = {});
  uint64_t open_blobs() const;

  // A tick is over, and a fold before it: growth that rests ends.
  void Rest();
  // Blobs that take no more; with `all` also those that could. What is left of the budget hashes
  // ahead those that grow. Ok without doing anything while another thread seals, but with `all`,
  // which waits for it.
  Status Seal(bool all, uint64_t budget_bytes);

 private:
  // One body's growth.
  struct Session {
    uint64_t start = 0;  // in the body
    uint64_t end = 0;
    OpenObjectPtr blob;       // null: none yet
    uint64_t blob_start = 0;  // in the body
    uint64_t used = 0;
    unsigned rested = 0;  // ticks since it grew
    bool closed = false;

    uint64_t covered() const { return blob == nullptr ? start : blob_start + blob->end.load(); }
  };
  using Sessions = std::map<InodeNumber, Session>;

  uint64_t StartOf(const BodyGrowth& growth) const;
  std::optional<uint64_t> GatherFrom(const Session& session) const;
  void Retire(Session& session) REQUIRES(mutex_);
  void DropLeastUsed(bool with_blob) REQUIRES(mutex_);
  std::vector<OpenObjectPtr> All() const;
  Result<OpenObjectPtr> TakeSpare();
  std::vector<OpenObjectPtr> Growing() const;
  Status SealSome(uint64_t budget_bytes);

  ObjectStore& objects_;
  PackRows* const rows_;
  PackStore& packs_;
  const BlobOptions options_;
  mutable Mutex mutex_{LockRank::kCache};
  Sessions sessions_ GUARDED_BY(mutex_);
  std::map<Id128, OpenObjectPtr> blobs_ GUARDED_BY(mutex_);  // not sealed
  std::vector<OpenObjectPtr> full_ GUARDED_BY(mutex_);       // those that take no more
  std::vector<OpenObjectPtr> spares_ GUARDED_BY(mutex_);     // named, and empty
  size_t begun_ GUARDED_BY(mutex_) = 0;                      // since the last tick
  uint64_t uses_ GUARDED_BY(mutex_) = 0;
  bool sealing_ GUARDED_BY(mutex_) = false;
  CondVar sealed_;
};

}  // namespace mendfs
