// Where bytes of bodies lie that do not ride in an entry: put there before a record refers to them,
// read back through the reference.
//
// The tree sees this and never a disk. PackStore is the store's, tests have one in memory.
//
// Threads:  safe from any thread
// Errors:   Append: kNoSpace, kIo, kReadOnly: nothing refers to what was written. Read: kCorruption
//           names the object and the block that is missing or fails its hash; kIo
#pragma once

#include <cstddef>
#include <cstdint>
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

  // A reader holds a use from before it looks for references until it has read their bytes; whoever
  // appends, from before that until the change that refers to the run was applied.
  RunUses& uses() const { return uses_; }

 private:
  mutable RunUses uses_;
};

}  // namespace mendfs
