#include "fs/ops/plane/stream_handle.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mendfs {
namespace {

// Kept before the offset of a read: the kernel may ask for two neighbouring pieces in either order.
constexpr uint64_t kKeptBehindBytes = uint64_t{1} << 20;

}  // namespace

Status StreamHandle::Restart() {
  MENDFS_ASSIGN_OR_RETURN(stream_, open_());
  window_.clear();
  window_start_ = 0;
  ended_ = false;
  return {};
}

Status StreamHandle::ReadTo(uint64_t end, uint64_t keep_from) {
  while (!ended_ && window_start_ + window_.size() < end) {
    // Dropped in large pieces, so that each byte is moved a bounded number of times.
    if (keep_from > window_start_ + kKeptBehindBytes) {
      const uint64_t count = std::min<uint64_t>(keep_from - window_start_, window_.size());
      window_.erase(0, count);
      window_start_ += count;
    }
    MENDFS_ASSIGN_OR_RETURN(const bool more, stream_->Next(window_));
    if (more) {
      window_.push_back('\n');
    } else {
      ended_ = true;
    }
  }
  return {};
}

Result<size_t> StreamHandle::Read(uint64_t offset, size_t size_bytes, char* target) {
  MutexLock lock(mutex_);
  if (!stream_ || offset < window_start_) MENDFS_RETURN_IF_ERROR(Restart());
  const uint64_t keep_from = offset < kKeptBehindBytes ? 0 : offset - kKeptBehindBytes;
  const Status status = ReadTo(offset + size_bytes, keep_from);
  if (!status.ok()) {
    stream_.reset();  // the next read begins anew: an error is no end
    return status;
  }
  const uint64_t end = window_start_ + window_.size();
  if (offset >= end) return size_t{0};
  const size_t count = std::min<uint64_t>(size_bytes, end - offset);
  std::memcpy(target, window_.data() + (offset - window_start_), count);
  return count;
}

}  // namespace mendfs
