// Where bytes of bodies lie that do not ride in an entry: put there before a record refers to them,
// read back through the reference.
//
// The tree sees this and never a disk. BlobStore over PackStore is the store's, tests have one in
// memory.
//
// A body that grows at its end by some size gets a blob: an object that holds bytes of
// this body alone, each as far from the blob's begin as from where the blob begins in the body.
//
// Threads:  safe from any thread
// Errors:   Append: kNoSpace, kIo, kReadOnly: nothing refers to what was written. Read: kCorruption
//           names the object and the block that is missing or fails its hash; kIo
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/pack/run_ref.h"
#include "meta/pack/run_uses.h"

namespace mendfs {

// Whose bytes a run holds when it is written: for whoever has to read a pack without a manifest.
struct RunOwner {
  InodeNumber inode;
  uint32_t generation = 0;
  uint64_t offset = 0;  // in the body; kOffsetUnknown for an append that waits for its turn
  bool folded = false;  // it rode in the journal before
};
inline constexpr uint64_t kOffsetUnknown = UINT64_MAX;

// Bytes [from, to) that come behind the end of a body.
struct BodyGrowth {
  InodeNumber inode;
  uint64_t from = 0;
  uint64_t to = 0;
};

// Where they go.
enum class GrowthPlace {
  kAnywhere,     // where any bytes go
  kBlob,         // AppendToBlob takes them as they come
  kBehindOthers  // to a blob, behind bytes that are not there yet: Grow tells which
};

class BodyStore {
 public:
  virtual ~BodyStore() = default;

  // `bytes`: 1 to kRunBytesMax of them. The answer refers to all of them; they become durable with
  // the record that carries it.
  virtual Result<RunRef> Append(const RunOwner& owner, std::string_view bytes) = 0;
  // The bytes [offset, offset + size_bytes) of the part, verified. On error `target` holds
  // anything.
  virtual Status Read(const RunRef& run, uint64_t offset, size_t size_bytes,
                      char* target) const = 0;

  // ---- bodies that grow; a store without blobs leaves these as they are ----
  // A guess, for whoever holds no lock.
  virtual GrowthPlace PlaceOf(const BodyGrowth&) const { return GrowthPlace::kAnywhere; }
  // The calls below, but for AppendToBlob, are made under the inode's lock.
  //
  // It grows now. Answers from where on its bytes are to be put into the blob, up to the end or the
  // last multiple of a block before it; nothing: all that should be there is.
  virtual std::optional<uint64_t> Grow(const BodyGrowth&) { return std::nullopt; }
  // The next bytes that the body's blob takes are those at `offset`: the blob that ends there
  // stays, else another is begun. Ok without one when too many are open.
  virtual Status BeginBlob(InodeNumber, uint64_t) { return Status::Ok(); }
  // As Append; nothing when the body's blob does not end at `offset`.
  virtual Result<std::optional<RunRef>> AppendToBlob(InodeNumber, uint64_t /*offset*/,
                                                     std::string_view /*bytes*/) {
    return std::optional<RunRef>();
  }
  // Nobody has the body open any more. Answers what it has grown by that is not in its blob.
  virtual std::optional<BodyGrowth> EndGrowth(InodeNumber) { return std::nullopt; }

  // A reader holds a use from before it looks for references until it has read their bytes; whoever
  // appends, from before that until the change that refers to the run was applied.
  virtual RunUses& uses() const { return uses_; }

 private:
  mutable RunUses uses_;
};

}  // namespace mendfs
