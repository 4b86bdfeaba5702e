// A run: bytes of one body that lie together in an object, and a reference to a part of one.
//
// A reference carries the hash of each 64 KiB block of the run that its part touches, so that bytes
// are verified before they are used, wherever they were read from. To split a run or to share it
// copies nothing: the parts are references with another skip and size.
//
// Shape:    blocks are counted from the run's first byte; the last one may be shorter
// Units:    offsets and sizes in bytes
// Threads:  values, pure functions
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/codec/hash.h"
#include "meta/object/object_format.h"

namespace mendfs {

inline constexpr uint64_t kBodyBlockBytes = 64 << 10;
inline constexpr uint64_t kRunBytesMax = 1 << 20;

struct RunRef {
  ObjectKind kind = ObjectKind::kPack;
  Id128 object;
  uint64_t record_offset = 0;  // of the run's record in a pack; of its bytes in a blob
  uint64_t run_bytes = 0;      // of the whole run; 0: no run at all
  uint64_t skip_bytes = 0;     // where the part begins in the run
  uint64_t size_bytes = 0;     // of the part
  std::vector<Hash128> hashes;

  uint64_t first_block() const { return skip_bytes / kBodyBlockBytes; }
  uint64_t block_count() const {
    return (skip_bytes + size_bytes - 1) / kBodyBlockBytes - first_block() + 1;
  }
  friend bool operator==(const RunRef&, const RunRef&) = default;
};

// Where the run's first byte lies in the object's payload.
uint64_t RunBytesOffset(const RunRef& run);

// The hashes of all blocks of a run.
std::vector<Hash128> HashRun(std::string_view bytes);

// The bytes [from, from + size) of the part that `whole` refers to; they lie inside it.
RunRef PartOf(const RunRef& whole, uint64_t from, uint64_t size_bytes);

// Equal for equal bytes that are cut into blocks alike, wherever they lie.
Hash128 RunDigest(uint64_t size_bytes, uint64_t skip_in_block, const std::vector<Hash128>& hashes);

}  // namespace mendfs
