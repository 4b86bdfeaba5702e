#include "meta/tree/body.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "meta/tree/extent_walk.h"

namespace mendfs {
namespace {

// What one change copies at most.
constexpr size_t kCopiedPiecesMax = 256;
constexpr uint64_t kCopiedBytesMax = 4 << 20;
// What one change sets aside at most; most files need no second one.
constexpr size_t kSetAsidePiecesMax = 4096;

void Count(const Extent& extent, int sign, BodyDelta& delta) {
  delta.stored_bytes += sign * static_cast<int64_t>(extent.size_bytes());
  delta.set_aside_bytes += sign * static_cast<int64_t>(extent.set_aside_bytes);
}

// The new state of a stretch of a body, built piece by piece in rising order. Extents hold the
// caller's bytes, or copies that live as long as this.
class Stretch {
 public:
  explicit Stretch(const BodyStore& bodies) : bodies_(bodies) {}

  // A copy that stays.
  Extent Own(const Extent& extent) {
    if (!extent.is_inline()) return extent;
    return {.bytes = stored_.emplace_back(extent.bytes), .run = {}};
  }
  // Once all is added.
  BodyDelta Delta() const {
    BodyDelta delta = delta_;
    for (const Piece& piece : pieces_) Count(piece.extent, +1, delta);
    return delta;
  }
  void Keep(uint64_t start, const Extent& extent) {
    Replace(start, extent);
    Add({start, Own(extent), false});
  }
  // Its place is taken by what is added as new.
  void Replace(uint64_t start, const Extent& extent) {
    old_starts_.push_back(start);
    Count(extent, -1, delta_);
  }
  // `extent` is the caller's to keep, or owned.
  void AddRemainder(uint64_t start, const Extent& extent) {
    if (extent.size_bytes() > 0) Add({start, TakeIn(extent), true});
  }
  // Bytes are cut at multiples of the longest piece, so that later writes alike meet the same cuts.
  void AddNew(uint64_t start, const Extent& extent) {
    if (!extent.is_inline()) return Add({start, extent, true});
    std::string_view bytes = extent.bytes;
    while (!bytes.empty()) {
      const uint64_t size =
          std::min<uint64_t>(bytes.size(), kInlineBytesMax - start % kInlineBytesMax);
      Add({start, {.bytes = bytes.substr(0, size), .run = {}}, true});
      start += size;
      bytes.remove_prefix(size);
    }
  }

  void Emit(InodeNumber inode, Change& change) const {
    for (const uint64_t start : old_starts_) {
      const auto at = std::lower_bound(
          pieces_.begin(), pieces_.end(), start,
          [](const Piece& piece, uint64_t wanted) { return piece.start < wanted; });
      if (at == pieces_.end() || at->start != start) change.Clear(ExtentKey(inode, start));
    }
    for (const Piece& piece : pieces_) {
      if (!piece.changed) continue;
      if (std::binary_search(old_starts_.begin(), old_starts_.end(), piece.start)) {
        change.Put(ExtentKey(inode, piece.start), EncodeExtent(piece.extent));
      } else {
        change.PutFresh(ExtentKey(inode, piece.start), EncodeExtent(piece.extent));
      }
    }
  }

 private:
  struct Piece {
    uint64_t start = 0;
    Extent extent;
    bool changed = false;
    uint64_t end() const { return start + extent.size_bytes(); }
  };

  // A small rest of a run becomes bytes. One that cannot be read stays what it is: to overwrite
  // what is damaged must work.
  Extent TakeIn(const Extent& extent) {
    if (!extent.has_run() || extent.run.size_bytes > kCopiedRemainderBytes) return extent;
    std::string bytes(extent.run.size_bytes, '\0');
    if (!bodies_.Read(extent.run, 0, bytes.size(), bytes.data()).ok()) return extent;
    return {.bytes = stored_.emplace_back(std::move(bytes)), .run = {}};
  }

  void Add(const Piece& piece) {
    if (!pieces_.empty()) {
      Piece& last = pieces_.back();
      const bool bytes = last.extent.is_inline() && piece.extent.is_inline();
      if (bytes && (last.changed || piece.changed) && piece.end() - last.start <= kMergedBytes) {
        std::string merged(piece.end() - last.start, '\0');
        last.extent.bytes.copy(merged.data(), last.extent.bytes.size());
        piece.extent.bytes.copy(merged.data() + (piece.start - last.start),
                                piece.extent.bytes.size());
        last.extent.bytes = stored_.emplace_back(std::move(merged));
        last.changed = true;
        return;
      }
    }
    pieces_.push_back(piece);
  }

  const BodyStore& bodies_;
  std::vector<Piece> pieces_;
  std::vector<uint64_t> old_starts_;  // rising
  std::deque<std::string> stored_;
  BodyDelta delta_;  // of what was there
};

// Where the walk begins that meets every piece which the range overlaps, and the neighbours it may
// be merged with.
uint64_t WalkFrom(const BodyRange& range, uint64_t end) {
  return std::min(range.offset, end < kMergedBytes ? 0 : end - kMergedBytes);
}

// Looks at keys only: a value that does not decode must not keep a file from being removed.
Result<bool> ClearAll(const Reader& reader, const View& view, const KeyRange& range,
                      Change& change) {
  const std::unique_ptr<Cursor> cursor = reader.Scan(view, range);
  for (; cursor->Valid() && change.entries.size() < kClearedEntriesMax; cursor->Next()) {
    change.Clear(std::string(cursor->key()));
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return cursor->Valid();
}

KeyRange ExtentsFrom(InodeNumber inode, uint64_t first) {
  KeyRange range = PrefixRange(ExtentPrefix(inode));
  range.first = ExtentKey(inode, first);
  return range;
}

Status ReadExtent(const BodySource& source, const Extent& extent, const BodyRange& part,
                  char* target) {
  if (extent.is_set_aside()) {
    std::memset(target, 0, part.size_bytes);
    return Status::Ok();
  }
  if (extent.is_inline()) {
    std::memcpy(target, extent.bytes.data() + part.offset, part.size_bytes);
    return Status::Ok();
  }
  const Status read = source.bodies.Read(extent.run, part.offset, part.size_bytes, target);
  if (read.ok()) return read;
  return read.Annotate("read inode " + std::to_string(source.inode.value));
}

}  // namespace

Status ReadBody(const BodySource& source, const BodyRange& range, char* target) {
  const uint64_t range_end = range.offset + range.size_bytes;
  uint64_t done = range.offset;
  const auto fill_hole = [&](uint64_t until) {
    std::memset(target + (done - range.offset), 0, until - done);
    done = until;
  };
  ExtentWalk walk(source.reader, source.view, source.inode, range.offset, range_end);
  for (; walk.Valid(); walk.Next()) {
    const uint64_t first = std::max(walk.start(), range.offset);
    const uint64_t last = std::min(walk.end(), range_end);
    if (first >= last) continue;
    fill_hole(first);
    MENDFS_RETURN_IF_ERROR(ReadExtent(source, walk.extent(),
                                      {.offset = first - walk.start(), .size_bytes = last - first},
                                      target + (first - range.offset)));
    done = last;
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  fill_hole(range_end);
  return Status::Ok();
}

Result<BodyDelta> PlanBodyReplace(const BodySource& source, const BodyChange& body,
                                  Change& change) {
  const BodyRange& range = body.range;
  const uint64_t end = range.offset + range.size_bytes;
  Stretch stretch(source.bodies);
  const auto add_new = [&] {
    for (const BodyPiece& piece : body.pieces) stretch.AddNew(piece.start, piece.extent);
  };
  const bool behind_the_end = range.offset >= body.body_end;
  if (body.body_end == 0 || (behind_the_end && range.size_bytes >= kMergedBytes)) {
    add_new();
    stretch.Emit(source.inode, change);
    return stretch.Delta();
  }
  ExtentWalk walk(source.reader, source.view, source.inode, WalkFrom(range, end),
                  end + kMergedBytes);
  std::optional<BodyPiece> before;
  for (; walk.Valid() && walk.end() <= range.offset; walk.Next()) {
    if (range.offset - walk.start() > kMergedBytes) continue;
    before = BodyPiece{walk.start(), stretch.Own(walk.extent())};
  }
  if (before) stretch.Keep(before->start, before->extent);

  Extent tail;  // what the last overlapped piece has behind the range
  uint64_t meets_before = std::max(end, range.offset + kMergedBytes);
  bool placed = false;
  const auto place = [&] {
    if (std::exchange(placed, true)) return;
    add_new();
    stretch.AddRemainder(end, tail);
  };
  for (; walk.Valid() && walk.start() < meets_before; walk.Next()) {
    if (walk.start() >= end) {
      place();
      stretch.Keep(walk.start(), walk.extent());
      continue;
    }
    stretch.Replace(walk.start(), walk.extent());
    if (walk.start() < range.offset) {
      stretch.AddRemainder(walk.start(),
                           stretch.Own(CutExtent(walk.extent(), 0, range.offset - walk.start())));
    }
    if (walk.end() > end) {
      tail = stretch.Own(CutExtent(walk.extent(), end - walk.start(), walk.end() - end));
      meets_before = end + kMergedBytes;
    }
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  place();
  stretch.Emit(source.inode, change);
  return stretch.Delta();
}

BodyDelta CountBodyBehind(const BodySource& source, uint64_t offset) {
  BodyDelta delta;
  ExtentWalk walk(source.reader, source.view, source.inode, offset, kFileBytesMax);
  for (; walk.Valid(); walk.Next()) {
    if (walk.end() <= offset) continue;
    const uint64_t first = std::max(walk.start(), offset);
    Count(CutExtent(walk.extent(), first - walk.start(), walk.end() - first), +1, delta);
  }
  return delta;
}

Result<bool> IsSetAside(const BodySource& source, const BodyRange& range) {
  const uint64_t end = range.offset + range.size_bytes;
  uint64_t at = range.offset;
  ExtentWalk walk(source.reader, source.view, source.inode, range.offset, end);
  for (; walk.Valid() && at < end; walk.Next()) {
    if (walk.end() <= at) continue;
    if (walk.start() > at || !walk.extent().is_set_aside()) return false;
    at = walk.end();
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  return at >= end;
}

Result<uint64_t> CountHoles(const BodySource& source, const BodyRange& range) {
  const uint64_t end = range.offset + range.size_bytes;
  uint64_t holes = range.size_bytes;
  ExtentWalk walk(source.reader, source.view, source.inode, range.offset, end);
  for (; walk.Valid(); walk.Next()) {
    const uint64_t first = std::max(walk.start(), range.offset);
    const uint64_t last = std::min(walk.end(), end);
    if (first < last) holes -= last - first;
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  return holes;
}

Result<uint64_t> PlanSetAside(const BodySource& source, BodyRange& range, Change& change) {
  const uint64_t end = range.offset + range.size_bytes;
  uint64_t at = range.offset;
  uint64_t set_aside = 0;
  size_t pieces = 0;
  const auto fill = [&](uint64_t until) {
    while (at < until && pieces < kSetAsidePiecesMax) {
      const uint64_t size = std::min(until - at, kPieceBytesMax - at % kPieceBytesMax);
      change.PutFresh(ExtentKey(source.inode, at), EncodeSetAside(size));
      at += size;
      set_aside += size;
      ++pieces;
    }
    return at >= until;
  };
  ExtentWalk walk(source.reader, source.view, source.inode, range.offset, end);
  bool whole = true;
  for (; whole && walk.Valid(); walk.Next()) {
    if (walk.end() <= at) continue;
    whole = fill(std::min(walk.start(), end));
    if (whole) at = walk.end();
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  if (whole) fill(end);
  at = std::min(at, end);
  range = {.offset = at, .size_bytes = end - at};
  return set_aside;
}

Result<uint64_t> BodyStepBytes(const BodySource& source, const BodyRange& range) {
  const std::unique_ptr<Cursor> cursor = source.reader.Scan(
      source.view, KeyRange{ExtentKey(source.inode, range.offset),
                            ExtentKey(source.inode, range.offset + range.size_bytes)});
  for (size_t pieces = 0; cursor->Valid(); cursor->Next()) {
    const std::optional<uint64_t> start = ParseExtentKey(cursor->key());
    if (!start || *start == range.offset || ++pieces < kClearedEntriesMax) continue;
    return *start - range.offset;
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return range.size_bytes;
}

Result<BodyCopy> CopyBody(const BodySource& source, const BodyRange& range) {
  const uint64_t range_end = range.offset + range.size_bytes;
  BodyCopy copy;
  uint64_t copied_bytes = 0;
  ExtentWalk walk(source.reader, source.view, source.inode, range.offset, range_end);
  for (; walk.Valid(); walk.Next()) {
    const uint64_t first = std::max(walk.start(), range.offset);
    const uint64_t last = std::min(walk.end(), range_end);
    if (first >= last) continue;
    if (copy.pieces.size() == kCopiedPiecesMax || copied_bytes >= kCopiedBytesMax) {
      copy.size_bytes = first - range.offset;
      return copy;
    }
    if (walk.extent().is_set_aside()) continue;  // room is not shared
    Extent part = CutExtent(walk.extent(), first - walk.start(), last - first);
    if (part.is_inline()) {
      copied_bytes += part.bytes.size();
      part.bytes = copy.kept.emplace_back(part.bytes);
    }
    copy.pieces.push_back({first, std::move(part)});
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  copy.size_bytes = range.size_bytes;
  return copy;
}

Result<std::optional<uint64_t>> FindInBody(const BodySource& source, uint64_t offset,
                                           uint64_t file_size_bytes, BodySought sought) {
  if (offset >= file_size_bytes) return std::optional<uint64_t>();
  ExtentWalk walk(source.reader, source.view, source.inode, offset, file_size_bytes);
  uint64_t at = offset;  // everything from `offset` to here is data
  for (; walk.Valid(); walk.Next()) {
    if (walk.end() <= at || walk.extent().is_set_aside()) continue;
    if (sought == BodySought::kData) return std::optional<uint64_t>(std::max(at, walk.start()));
    if (walk.start() > at) break;
    at = walk.end();
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  if (sought == BodySought::kData) return std::optional<uint64_t>();
  return std::optional<uint64_t>(std::min(at, file_size_bytes));
}

Result<bool> PlanBodyCut(const Reader& reader, const View& view, InodeNumber inode,
                         uint64_t size_bytes, Change& change) {
  if (size_bytes > 0) {
    ExtentWalk walk(reader, view, inode, size_bytes, size_bytes);
    for (; walk.Valid(); walk.Next()) {
      if (walk.end() <= size_bytes) continue;
      change.Put(ExtentKey(inode, walk.start()),
                 EncodeExtent(CutExtent(walk.extent(), 0, size_bytes - walk.start())));
    }
    MENDFS_RETURN_IF_ERROR(walk.status());
  }
  return ClearAll(reader, view, ExtentsFrom(inode, size_bytes), change);
}

Result<bool> PlanXattrsClear(const Reader& reader, const View& view, InodeNumber inode,
                             Change& change) {
  return ClearAll(reader, view, PrefixRange(XattrPrefix(inode)), change);
}

}  // namespace mendfs
