// How bytes come into a body: short ones ride in the change, long ones are put into a pack before
// it, and those that make a large body longer into its blob.
//
//   StageBytes   before the inode's lock: long bytes are put where they can be put at once
//   PlaceBytes   under it: where that is due, what stands in small pieces or in a pack before the
//                write goes to the blob with it, so that one change points to all of it
//   PlanSettled  nobody has the body open any more: so does the rest of what it has grown by
//
// A blob's place is that of its bytes in the body. So pieces in it end at multiples of a block but
// for the last, however the body was written; and a body that was written in one go is its blob.
//
// Lifetime: pieces view the write's bytes
// Errors:   as BodyStore and body.h; what is damaged stays where it is and is no error
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/tree/body.h"

namespace mendfs {

// Bytes for a body that is `size_bytes` long; without an offset: to its end, wherever that will be.
struct BodyWrite {
  InodeNumber inode;
  uint32_t generation = 0;
  uint64_t size_bytes = 0;
  std::optional<uint64_t> offset;
  std::string_view bytes;

  uint64_t first() const { return offset.value_or(size_bytes); }
  uint64_t end() const { return first() + bytes.size(); }
};

// The pieces begin at 0.
Result<std::vector<BodyPiece>> StageBytes(BodyStore& bodies, const BodyWrite& write);

// What a change puts into a body.
struct PlacedBytes {
  BodyRange range;
  std::vector<BodyPiece> pieces;
};
// `staged`: by StageBytes, when the body may have been shorter or longer.
Result<PlacedBytes> PlaceBytes(BodyStore& bodies, const BodySource& source, const BodyWrite& write,
                               std::vector<BodyPiece> staged);

// `rest`: what BodyStore::EndGrowth answered; the body ends where it does.
Status PlanSettled(BodyStore& bodies, const BodySource& source, const BodyGrowth& rest,
                   Change& change);

}  // namespace mendfs
