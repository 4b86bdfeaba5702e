// How far LevelDB's own log can be believed: up to the first thing that does not verify.
//
// LevelDB by itself drops the rest of a bad block and takes the batches behind it: a batch that it
// acknowledged vanishes from the middle. Read to here and no further, what is lost is always the
// end, and the journal brings the end back.
//
// Shape:    blocks of 32 KiB; records of 7 bytes (masked CRC32C, length u16, type u8) and a piece
//           of a batch; a batch is one record of type 1, or 2 (first), 3 … 3, 4 (last)
// Errors:   as File::ReadAt; damage is an answer, not an error
// Cost:     one read of the file, memory for one block
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/disk/disk.h"

namespace mendfs {

struct LogEnd {
  uint64_t size_bytes = 0;
  uint64_t whole_bytes = 0;  // whole batches, one behind the other, end here
  // A batch begins behind what does not verify. Each is synced before the next is written, so what
  // lies between had been durable: damage, and no torn end.
  bool damaged = false;
};

Result<LogEnd> FindLogEnd(const File& file);

// Whether a block of a table fits the checksum behind it. `bytes`: with its kind and checksum.
bool IsWholeBlock(std::string_view bytes);

// Takes a torn end off the newest log of LevelDB's directory, before LevelDB is opened: what a full
// disk tore would hold the room that the open needs. Damage, and what stands before it, stays.
Status CutTornLog(Disk& disk, const std::string& directory);

}  // namespace mendfs
