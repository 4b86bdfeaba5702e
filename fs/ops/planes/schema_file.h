// schema.graph: the accepted schema as text; a text written to it is planned and applied when it is
// closed, all or nothing.
//
// Threads:  safe from any thread
// Errors:   kInvalid with line and column, or the refused step; the text goes to .mend/rejected
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fs/ops/plane/plane.h"
#include "meta/base/mutex.h"

namespace mendfs {

class SchemaFile {
 public:
  explicit SchemaFile(PlaneContext& context) : context_(context) {}

  Result<Found> GetAttributes();
  // Without a handle it is a change in itself, which is refused.
  Result<Found> Truncate(FileHandle* handle, uint64_t size_bytes);
  Result<Opened> Open(const Caller& caller, const OpenRequest& request);

 private:
  class Target;
  static Status RefuseEmpty();
  // The present text, rendered once for each accepted schema.
  Result<std::shared_ptr<const std::string>> Text() EXCLUDES(mutex_);
  Status Apply(std::string_view text) EXCLUDES(mutex_);

  PlaneContext& context_;
  Mutex mutex_{LockRank::kHandles};
  std::shared_ptr<const Schema> schema_ GUARDED_BY(mutex_);  // that text_ shows
  std::shared_ptr<const std::string> text_ GUARDED_BY(mutex_);
  int64_t changed_ns_ GUARDED_BY(mutex_) = 0;
};

}  // namespace mendfs
