// The body of a file: pieces of bytes by offset, a hole where there is none.
//
// Pieces never overlap, never reach behind the end of the file (but see Attributes::uncleared_tail)
// and are at most kExtentBytesMax long. Neighbours that together span at most kMergedBytes are
// merged when one of them is written, a small hole between them becomes zeros: so a body has few
// pieces however small its writes are, and a small append rewrites at most kMergedBytes.
//
// Plan… functions only read and add entries to a Change. Callers hold the inode's entity lock.
//
// Units:    offsets and sizes in bytes
// Errors:   kCorruption for pieces that overlap or do not decode; else as Reader
// Cost:     follows the range that is read or changed
#pragma once

#include <cstdint>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/tree/inode_format.h"

namespace mendfs {

inline constexpr uint64_t kMergedBytes = 4096;
// A change that only clears holds about this many entries; a longer clearing takes several changes.
inline constexpr size_t kClearedEntriesMax = 1000;

struct BodyRange {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

// Fills all of `target`; the range lies inside the file.
Status ReadBody(const Reader& reader, const View& view, InodeNumber inode, const BodyRange& range,
                char* target);

struct BodyWrite {
  uint64_t offset = 0;
  std::string_view bytes;        // lives until the call returns
  uint64_t file_size_bytes = 0;  // before the write
};
Status PlanBodyWrite(const Reader& reader, const View& view, InodeNumber inode,
                     const BodyWrite& write, Change& change);

// Clears what lies at or behind `size_bytes`, until the change is full. True: there is more.
Result<bool> PlanBodyCut(const Reader& reader, const View& view, InodeNumber inode,
                         uint64_t size_bytes, Change& change);
Result<bool> PlanXattrsClear(const Reader& reader, const View& view, InodeNumber inode,
                             Change& change);

}  // namespace mendfs
