// A piece of a body as the value of its entry: the bytes themselves, a reference to a run, or only
// room that is set aside for them, which reads as zeros.
//
// Threads:  pure functions
// Errors:   kCorruption for bytes that no encoder here makes; kUnsupported for a newer version
// Source:   docs/formats/tree.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/codec/hash.h"
#include "meta/pack/run_ref.h"

namespace mendfs {

// Bytes of one write that ride in the journal; more are put into a pack before it.
inline constexpr uint64_t kInlineBytesMax = 64 << 10;
// What stays in an entry when it is folded: a whole small body, which begins at 0, and of others
// the pieces that a run would make little shorter.
inline constexpr uint64_t kFoldedInlineBytesMax = 4096;
inline constexpr uint64_t kFoldedPieceBytesMax = 1024;
// No inline piece is longer; stores from before there were packs hold such.
inline constexpr uint64_t kExtentBytesMax = 128 << 10;
// No piece at all is longer: a reader at `offset` need not look further back than this.
inline constexpr uint64_t kPieceBytesMax = kRunBytesMax;

// Lifetime: `bytes` views what was decoded, or what its maker keeps
struct Extent {
  std::string_view bytes;  // empty: they are in `run`, or there are none
  RunRef run;
  uint64_t set_aside_bytes = 0;  // not 0: there are no bytes

  bool is_set_aside() const { return set_aside_bytes != 0; }
  bool has_run() const { return run.run_bytes != 0; }
  bool is_inline() const { return !has_run() && !is_set_aside(); }
  uint64_t size_bytes() const {
    return has_run() ? run.size_bytes : bytes.size() + set_aside_bytes;
  }
};

// `bytes`: 1 to kExtentBytesMax of them.
std::string EncodeExtent(std::string_view bytes);
std::string EncodeExtent(const RunRef& run);
std::string EncodeExtent(const Extent& extent);
// Room for 1 to kPieceBytesMax bytes.
std::string EncodeSetAside(uint64_t size_bytes);
Result<Extent> DecodeExtent(std::string_view value);

// The piece's bytes [from, from + size_bytes), which are inside it and not empty.
Extent CutExtent(const Extent& extent, uint64_t from, uint64_t size_bytes);

// Stands for the bytes in the content sum: the same before and after they were put into a pack.
Hash128 ExtentDigest(const Extent& extent);

}  // namespace mendfs
