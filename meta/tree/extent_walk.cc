#include "meta/tree/extent_walk.h"

#include <optional>
#include <string>

#include "meta/tree/attributes.h"

namespace mendfs {
namespace {

// Steps in which the nearest piece before an offset is looked for. Pieces do not overlap, so the
// last one that begins before the offset is the only one that may cover it.
constexpr uint64_t kLookBackBytes[] = {4096, 64 << 10};

uint64_t Before(uint64_t offset, uint64_t distance) {
  return offset < distance ? 0 : offset - distance;
}

}  // namespace

ExtentWalk::ExtentWalk(const Reader& reader, const View& view, InodeNumber inode, uint64_t offset,
                       uint64_t last)
    : inode_(inode),
      cursor_(reader.Scan(view, KeyRange{ExtentKey(inode, Before(offset, kPieceBytesMax)),
                                         ExtentKey(inode, last)})) {
  SeekNear(offset);
  Check();
}

void ExtentWalk::SeekNear(uint64_t offset) {
  const auto starts_behind = [&] {
    if (!cursor_->Valid()) return true;
    const std::optional<uint64_t> start = ParseExtentKey(cursor_->key());
    return start && *start > offset;
  };
  if (starts_behind()) return;  // nothing at all that could cover it
  for (const uint64_t distance : kLookBackBytes) {
    cursor_->Seek(ExtentKey(inode_, Before(offset, distance)));
    if (!starts_behind()) return;
  }
  cursor_->Seek(ExtentKey(inode_, Before(offset, kPieceBytesMax)));
}

void ExtentWalk::Next() {
  lowest_ = end();
  cursor_->Next();
  Check();
}

void ExtentWalk::Check() {
  if (!cursor_->Valid()) return;
  const std::optional<uint64_t> start = ParseExtentKey(cursor_->key());
  Result<Extent> extent = DecodeExtent(cursor_->value());
  if (!extent.ok()) {
    status_ = extent.status().Annotate("body of inode " + std::to_string(inode_.value));
  } else if (!start || *start < lowest_ || *start > kFileBytesMax - extent->size_bytes()) {
    status_ = Status(Code::kCorruption, "body of inode " + std::to_string(inode_.value) +
                                            ": a piece overlaps another or the largest size");
  } else {
    start_ = *start;
    extent_ = *std::move(extent);
  }
}

}  // namespace mendfs
