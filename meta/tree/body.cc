#include "meta/tree/body.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mendfs {
namespace {

// Where a walk starts that must meet the piece which covers `offset`.
uint64_t FirstThatMayCover(uint64_t offset) {
  return offset < kExtentBytesMax ? 0 : offset - kExtentBytesMax + 1;
}

KeyRange ExtentRange(InodeNumber inode, uint64_t first, uint64_t last) {
  return KeyRange{ExtentKey(inode, first), ExtentKey(inode, last)};
}

KeyRange ExtentsFrom(InodeNumber inode, uint64_t first) {
  KeyRange range = PrefixRange(ExtentPrefix(inode));
  range.first = ExtentKey(inode, first);
  return range;
}

// Walks the pieces of one body and checks each.
class ExtentWalk {
 public:
  ExtentWalk(const Reader& reader, const View& view, InodeNumber inode, const KeyRange& range)
      : inode_(inode), cursor_(reader.Scan(view, range)) {
    Check();
  }

  bool Valid() const { return status_.ok() && cursor_->Valid(); }
  uint64_t start() const { return start_; }
  uint64_t end() const { return start_ + bytes_.size(); }
  std::string_view bytes() const { return bytes_; }
  void Next() {
    lowest_ = end();
    cursor_->Next();
    Check();
  }
  Status status() const { return status_.ok() ? cursor_->status() : status_; }

 private:
  void Check() {
    if (!cursor_->Valid()) return;
    const std::optional<uint64_t> start = ParseExtentKey(cursor_->key());
    Result<std::string_view> bytes = DecodeExtent(cursor_->value());
    if (!bytes.ok()) {
      status_ = bytes.status().Annotate("body of inode " + std::to_string(inode_.value));
    } else if (!start || *start < lowest_ || *start > kFileBytesMax - bytes->size()) {
      status_ = Status(Code::kCorruption, "body of inode " + std::to_string(inode_.value) +
                                              ": a piece overlaps another or the largest size");
    } else {
      start_ = *start;
      bytes_ = *bytes;
    }
  }

  const InodeNumber inode_;
  const std::unique_ptr<Cursor> cursor_;
  uint64_t start_ = 0;
  uint64_t lowest_ = 0;
  std::string_view bytes_;  // inside the cursor's value
  Status status_;
};

// The new state of a stretch of a body, built piece by piece in rising order. Pieces point into
// the caller's bytes, into kept old values or into merged ones; all live as long as this.
class Stretch {
 public:
  void Keep(uint64_t start, std::string_view bytes) {
    old_starts_.push_back(start);
    Add({start, Store(std::string(bytes)), false});
  }
  // Its place is taken by what is added as new.
  void Replace(uint64_t start) { old_starts_.push_back(start); }
  void AddRemainder(uint64_t start, std::string_view bytes) {
    if (!bytes.empty()) Add({start, Store(std::string(bytes)), true});
  }
  // Cuts at multiples of the longest piece, so that later writes alike meet the same cuts.
  void AddNew(uint64_t start, std::string_view bytes) {
    while (!bytes.empty()) {
      const uint64_t size =
          std::min<uint64_t>(bytes.size(), kExtentBytesMax - start % kExtentBytesMax);
      Add({start, bytes.substr(0, size), true});
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
        change.Put(ExtentKey(inode, piece.start), EncodeExtent(piece.bytes));
      } else {
        change.PutFresh(ExtentKey(inode, piece.start), EncodeExtent(piece.bytes));
      }
    }
  }

 private:
  struct Piece {
    uint64_t start = 0;
    std::string_view bytes;
    bool changed = false;
    uint64_t end() const { return start + bytes.size(); }
  };

  std::string_view Store(std::string bytes) { return stored_.emplace_back(std::move(bytes)); }

  void Add(const Piece& piece) {
    if (!pieces_.empty()) {
      Piece& last = pieces_.back();
      if ((last.changed || piece.changed) && piece.end() - last.start <= kMergedBytes) {
        std::string merged(piece.end() - last.start, '\0');
        last.bytes.copy(merged.data(), last.bytes.size());
        piece.bytes.copy(merged.data() + (piece.start - last.start), piece.bytes.size());
        last = {last.start, Store(std::move(merged)), true};
        return;
      }
    }
    pieces_.push_back(piece);
  }

  std::vector<Piece> pieces_;
  std::vector<uint64_t> old_starts_;  // rising
  std::deque<std::string> stored_;
};

// The walk meets every piece that the write overlaps, and the neighbours it may be merged with.
KeyRange RangeAround(InodeNumber inode, const BodyWrite& write, uint64_t end) {
  uint64_t first = FirstThatMayCover(write.offset);
  if (write.offset >= write.file_size_bytes) {
    // Behind the end nothing overlaps: only a neighbour that ends up inside one merged piece
    // counts.
    first = end < kMergedBytes ? 0 : end - kMergedBytes;
    first = std::min(first, write.offset);
  }
  return ExtentRange(inode, first, end + kMergedBytes);
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

}  // namespace

Status ReadBody(const Reader& reader, const View& view, InodeNumber inode, const BodyRange& range,
                char* target) {
  std::memset(target, 0, range.size_bytes);
  const uint64_t range_end = range.offset + range.size_bytes;
  ExtentWalk walk(reader, view, inode,
                  ExtentRange(inode, FirstThatMayCover(range.offset), range_end));
  for (; walk.Valid(); walk.Next()) {
    const uint64_t first = std::max(walk.start(), range.offset);
    const uint64_t last = std::min(walk.end(), range_end);
    if (first >= last) continue;
    std::memcpy(target + (first - range.offset), walk.bytes().data() + (first - walk.start()),
                last - first);
  }
  return walk.status();
}

Status PlanBodyWrite(const Reader& reader, const View& view, InodeNumber inode,
                     const BodyWrite& write, Change& change) {
  const uint64_t end = write.offset + write.bytes.size();
  Stretch stretch;
  const bool behind_the_end = write.offset >= write.file_size_bytes;
  if (write.file_size_bytes == 0 || (behind_the_end && write.bytes.size() >= kMergedBytes)) {
    stretch.AddNew(write.offset, write.bytes);
    stretch.Emit(inode, change);
    return Status::Ok();
  }
  ExtentWalk walk(reader, view, inode, RangeAround(inode, write, end));
  std::optional<std::pair<uint64_t, std::string>> before;
  for (; walk.Valid() && walk.end() <= write.offset; walk.Next()) {
    if (write.offset - walk.start() <= kMergedBytes) before.emplace(walk.start(), walk.bytes());
  }
  if (before) stretch.Keep(before->first, before->second);

  std::string tail;  // what the last overlapped piece has behind the write
  uint64_t meets_before = std::max(end, write.offset + kMergedBytes);
  bool placed = false;
  const auto place = [&] {
    if (placed) return;
    stretch.AddNew(write.offset, write.bytes);
    stretch.AddRemainder(end, tail);
    placed = true;
  };
  for (; walk.Valid() && walk.start() < meets_before; walk.Next()) {
    if (walk.start() >= end) {
      place();
      stretch.Keep(walk.start(), walk.bytes());
      continue;
    }
    stretch.Replace(walk.start());
    if (walk.start() < write.offset) {
      stretch.AddRemainder(walk.start(), walk.bytes().substr(0, write.offset - walk.start()));
    }
    if (walk.end() > end) {
      tail = walk.bytes().substr(end - walk.start());
      meets_before = end + kMergedBytes;
    }
  }
  MENDFS_RETURN_IF_ERROR(walk.status());
  place();
  stretch.Emit(inode, change);
  return Status::Ok();
}

Result<bool> PlanBodyCut(const Reader& reader, const View& view, InodeNumber inode,
                         uint64_t size_bytes, Change& change) {
  if (size_bytes > 0) {
    ExtentWalk walk(reader, view, inode,
                    ExtentRange(inode, FirstThatMayCover(size_bytes), size_bytes));
    for (; walk.Valid(); walk.Next()) {
      if (walk.end() <= size_bytes) continue;
      change.Put(ExtentKey(inode, walk.start()),
                 EncodeExtent(walk.bytes().substr(0, size_bytes - walk.start())));
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
