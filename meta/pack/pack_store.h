// The packs of one open store: runs of bytes, appended to a few open packs, read back verified.
//
//   Append   1 a place is taken at the end of an open pack · 2 header and bytes are written there ·
//            3 the caller's record refers to them
//   Sync     the bytes of all packs, before the flush that makes the records durable
//   Seal     full packs become objects
//
// How a pack is made, synced and sealed, and what a crash leaves of one, is said in open_object.h.
//
// Threads:  Append, Read, Sync and Seal from any thread, Recover before all of them. Writers of
//           different files go to different packs where they can; places are taken under a lock,
//           bytes are written outside of it
// Cost:     at most about kUnsealedMax packs wait to be sealed: then writers seal, or wait
// Errors:   as BodyStore; a write that fails gives its place back when it was the last one
// Source:   docs/formats/pack.md
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/object/object_store.h"
#include "meta/pack/block_cache.h"
#include "meta/pack/body_store.h"
#include "meta/pack/damage_log.h"
#include "meta/pack/open_object.h"
#include "meta/pack/pack_files.h"
#include "meta/pack/pack_format.h"

namespace mendfs {

struct PackOptions {
  uint64_t cache_bytes = 192 << 20;
  uint64_t pack_bytes = 64 << 20;  // full at this size
};

class PackStore final : public BodyStore {
 public:
  // `rows` may be null when nothing is ever appended.
  PackStore(ObjectStore& objects, PackRows* rows, const PackOptions& options);
  ~PackStore() override;

  Result<RunRef> Append(const RunOwner& owner, std::string_view bytes) override;
  Status Read(const RunRef& run, uint64_t offset, size_t size_bytes, char* target) const override;

  // What Append has answered before the call is durable when this returns ok.
  Status Sync();
  // How far the packs that are not sealed are known to be durable.
  SyncedPacks Synced() const;
  // Are the bytes there, and do they fit their hashes? Errors tell that it could not be seen.
  Result<bool> Holds(const RunRef& run) const;

  // Packs that the manifest calls open after a crash: synced now, sealed by the next Seal.
  // `synced`: what was durable of them. One that is shorter is damaged, and keeps its name also
  // when nothing is left of it.
  Status Recover(const std::vector<Id128>& open, const SyncedPacks& synced = {});
  // Packs that are full; with `all` also those that could take more. Ok without doing anything
  // while another thread seals, but with `all`, which waits for it.
  Status Seal(bool all);
  static constexpr size_t kUnsealedMax = 64;

  // A sealed pack was removed: nothing of it stays open.
  void Forget(const Id128& pack) { files_.Forget(pack); }

  // What reads met since the open that did not fit its hash, or was not there.
  ReadDamage read_damage() const { return damage_.Get(); }

  const BlockCache& cache() const { return cache_; }
  uint64_t open_packs() const;
  // How much the packs hold that take more.
  std::map<Id128, uint64_t> OpenBytes();

 private:
  using PackPtr = OpenObjectPtr;
  struct Stripe {
    Mutex mutex{LockRank::kPack};
    PackPtr pack GUARDED_BY(mutex);
  };
  // Files spread over the first ones; what a fold moves stays together in the last.
  static constexpr size_t kStripes = 5;

  Status MakeRoom();
  Status SealFull();
  Result<PackPtr> OpenNew();
  void Retire(Stripe& stripe) REQUIRES(stripe.mutex);
  std::vector<PackPtr> All() const;
  Result<std::shared_ptr<const File>> FileOf(const RunRef& run) const;
  Status ReadNoted(const File& file, const RunRef& run, uint64_t block, size_t count,
                   char* target) const;
  Status ReadWhole(const File& file, const RunRef& run, uint64_t block, size_t count,
                   char* target) const;

  ObjectStore& objects_;
  PackRows* const rows_;
  const PackOptions options_;
  mutable BlockCache cache_;
  mutable PackFiles files_;
  mutable DamageLog damage_;
  std::array<Stripe, kStripes> stripes_;
  mutable Mutex mutex_{LockRank::kCache};
  std::map<Id128, PackPtr> packs_ GUARDED_BY(mutex_);  // not sealed
  std::vector<PackPtr> full_ GUARDED_BY(mutex_);
  bool sealing_ GUARDED_BY(mutex_) = false;
  CondVar sealed_;
};

}  // namespace mendfs
