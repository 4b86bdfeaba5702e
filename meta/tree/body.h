// The body of a file: pieces of bytes by offset, a hole where there is none.
//
// A piece holds its bytes or refers to a run of a pack (docs/formats/tree.md). Pieces never
// overlap, never reach behind the end of the file (but see Attributes::uncleared_tail) and are at
// most kPieceBytesMax long. Neighbours that hold their bytes and together span at most kMergedBytes
// are merged when one of them is written, a small hole between them becomes zeros: so a body has
// few pieces however small its writes are, and a small append rewrites at most kMergedBytes. A run
// that is overwritten in part is split and not copied, but for remainders of at most
// kCopiedRemainderBytes, which are taken in so that they can be merged.
//
// A piece may be room that is set aside (fallocate(2)): it reads as zeros, counts as a hole for who
// seeks data, and may stand behind the end of the file.
//
// Plan… functions only read and add entries to a Change. Callers hold the inode's entity lock.
//
// Units:    offsets and sizes in bytes
// Errors:   kCorruption for pieces that overlap or do not decode, for bytes that fail their hash or
//           are missing; else as Reader
// Cost:     follows the range that is read or changed
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/pack/body_store.h"
#include "meta/tree/attributes.h"
#include "meta/tree/extent_format.h"

namespace mendfs {

inline constexpr uint64_t kMergedBytes = 4096;
inline constexpr uint64_t kCopiedRemainderBytes = 1024;
// A change that only clears holds about this many entries; a longer clearing takes several changes.
inline constexpr size_t kClearedEntriesMax = 1000;

struct BodyRange {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

// Where a body is read from.
struct BodySource {
  const Reader& reader;
  const BodyStore& bodies;
  View view;
  InodeNumber inode;
};

// Fills all of `target`; the range lies inside the file.
Status ReadBody(const BodySource& source, const BodyRange& range, char* target);

// Lifetime: what an extent holds in bytes lives elsewhere
struct BodyPiece {
  uint64_t start = 0;
  Extent extent;
};

struct BodyChange {
  BodyRange range;
  std::span<const BodyPiece> pieces;  // inside the range, rising; between them come holes
  uint64_t body_end = 0;              // before the change: BodyEnd
};
// By how much what is stored, or set aside of it, becomes more.
struct BodyDelta {
  int64_t stored_bytes = 0;
  int64_t set_aside_bytes = 0;
};
// Puts `pieces` in place of what the range holds.
Result<BodyDelta> PlanBodyReplace(const BodySource& source, const BodyChange& body, Change& change);
// What lies at or behind `offset`, to be taken away. What does not decode ends the count.
BodyDelta CountBodyBehind(const BodySource& source, uint64_t offset);

// Does all of the range have room, and no bytes yet?
Result<bool> IsSetAside(const BodySource& source, const BodyRange& range);
// How much of the range has neither.
Result<uint64_t> CountHoles(const BodySource& source, const BodyRange& range);
// Sets holes of the range aside, as many as one change takes, from its front. Answers how many
// bytes; `range` becomes what is left to do.
Result<uint64_t> PlanSetAside(const BodySource& source, BodyRange& range, Change& change);

// As much of the range as one change may replace, from its front: at most kClearedEntriesMax pieces
// are in it.
Result<uint64_t> BodyStepBytes(const BodySource& source, const BodyRange& range);

// The pieces of a range, cut at its ends, to be put elsewhere: runs are shared, bytes are copied.
// `size_bytes` tells how far it reaches: it is bounded in pieces and bytes, and at least one piece.
struct BodyCopy {
  std::vector<BodyPiece> pieces;
  std::deque<std::string> kept;
  uint64_t size_bytes = 0;
};
Result<BodyCopy> CopyBody(const BodySource& source, const BodyRange& range);

// The first offset from `offset` on that has what is sought; the end of the file counts as a hole.
// Nothing: there is none.
Result<std::optional<uint64_t>> FindInBody(const BodySource& source, uint64_t offset,
                                           uint64_t file_size_bytes, BodySought sought);

// Clears what lies at or behind `size_bytes`, until the change is full. True: there is more.
Result<bool> PlanBodyCut(const Reader& reader, const View& view, InodeNumber inode,
                         uint64_t size_bytes, Change& change);
Result<bool> PlanXattrsClear(const Reader& reader, const View& view, InodeNumber inode,
                             Change& change);

}  // namespace mendfs
