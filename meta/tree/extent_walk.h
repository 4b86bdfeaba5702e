// Walks the pieces of one body in rising order and checks each.
//
// Begins at the piece that covers `offset`, or at the nearest one that stands before it, or at the
// first behind it; ends before `last`.
//
// Lifetime: extent() is valid until Next
// Threads:  one
// Errors:   kCorruption for a piece that does not decode or overlaps another; else as Reader
#pragma once

#include <cstdint>
#include <memory>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/reader.h"
#include "meta/tree/extent_format.h"

namespace mendfs {

class ExtentWalk {
 public:
  ExtentWalk(const Reader& reader, const View& view, InodeNumber inode, uint64_t offset,
             uint64_t last);

  bool Valid() const { return status_.ok() && cursor_->Valid(); }
  uint64_t start() const { return start_; }
  uint64_t end() const { return start_ + extent_.size_bytes(); }
  const Extent& extent() const { return extent_; }
  void Next();
  Status status() const { return status_.ok() ? cursor_->status() : status_; }

 private:
  void SeekNear(uint64_t offset);
  void Check();

  const InodeNumber inode_;
  const std::unique_ptr<Cursor> cursor_;
  uint64_t start_ = 0;
  uint64_t lowest_ = 0;
  Extent extent_;  // its bytes are inside the cursor's value
  Status status_;
};

}  // namespace mendfs
