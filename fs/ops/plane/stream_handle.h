// An open generated file that is made while it is read: too long to be held, of no size known
// before. It reads one moment, fixed at open.
//
// Reading on costs what is read; reading earlier bytes than those at hand makes the text anew from
// its start.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "fs/ops/plane/plane.h"
#include "meta/base/mutex.h"
#include "meta/bulk.h"

namespace mendfs {

class StreamHandle final : public FileHandle {
 public:
  // Opens the text at its start; the same text each time.
  using OpenStream = std::function<Result<std::unique_ptr<LineStream>>()>;
  explicit StreamHandle(OpenStream open) : open_(std::move(open)) {}

  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override EXCLUDES(mutex_);

 private:
  Status Restart() REQUIRES(mutex_);
  // Makes text until what is at hand reaches `end` or the text does, and drops what lies before
  // `keep_from`.
  Status ReadTo(uint64_t end, uint64_t keep_from) REQUIRES(mutex_);

  const OpenStream open_;
  Mutex mutex_{LockRank::kOpen};
  std::unique_ptr<LineStream> stream_ GUARDED_BY(mutex_);
  std::string window_ GUARDED_BY(mutex_);  // the text from `window_start_` on
  uint64_t window_start_ GUARDED_BY(mutex_) = 0;
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace mendfs
