// Where a load's entries go: sorted streams become segments; streams so small that a segment would
// cost more than it holds become plain entries of the publishing change. What is set and what is
// cleared go to segments of their own, side by side (docs/decisions/0016-load-modes.md).
//
// Lifetime: the LoadOutput outlives its streams; what it refers to outlives both
// Threads:  one
// Errors:   as SegmentBuilder
// Cost:     memory: at most kPlainBytesMax of plain entries, and a block and filters per open
// stream
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/commit/intent/multi_step.h"
#include "meta/manifest/change.h"
#include "meta/object/object_store.h"
#include "meta/object/segment.h"

namespace mendfs {

struct LoadOutputOptions {
  BranchId branch = kMainBranch;
  int64_t time_ns = 0;
  // A stream begins another segment beyond either.
  uint64_t segment_entries_max = uint64_t{8} << 20;
  uint64_t segment_bytes_max = uint64_t{512} << 20;
  // All streams together.
  uint64_t plain_entries_max = 10'000;
  uint64_t plain_bytes_max = uint64_t{1} << 20;
};

class LoadOutput {
 public:
  // Without a write no segments are made: all that comes is kept in memory, to be thrown away.
  LoadOutput(ObjectStore& objects, MultiStepWrite* write, const LoadOutputOptions& options)
      : objects_(objects), write_(write), options_(options) {}

  // One kind of key, ascending over all types. Keys that are set ascend, and so do those that are
  // cleared; none is both.
  class Stream {
   public:
    Stream(LoadOutput& output, const SegmentOptions& options);
    // `hidden`: the ContentLeaf of what is visible under the key until now; nothing: none is.
    Status Add(std::string_view key, std::string_view value,
               const std::optional<Hash128>& hidden = std::nullopt);
    // Derived keys need no `hidden`.
    Status Clear(std::string_view key, const std::optional<Hash128>& hidden = std::nullopt);
    Status Finish();

   private:
    struct Plain {
      ChangeEntry entry;
      std::optional<Hash128> hidden;
    };
    struct OpenSegment {
      std::unique_ptr<SegmentBuilder> builder;
      std::string type_prefix;  // kind and type of its keys
    };

    Status Take(ChangeEntry entry, const std::optional<Hash128>& hidden);
    Status AddToSegment(OpenSegment& open, std::string_view key, std::string_view value,
                        const std::optional<Hash128>& hidden);
    Status FinishSegment(OpenSegment& open);
    Status MovePlainToSegments();

    LoadOutput& output_;
    const SegmentOptions options_;
    bool segmented_ = false;
    std::vector<Plain> plain_;
    uint64_t plain_bytes_ = 0;
    OpenSegment sets_;
    OpenSegment clears_;
  };

  // All that was written, as one change. Empties the output.
  Change TakeChange();
  int64_t time_ns() const { return options_.time_ns; }

 private:
  ObjectStore& objects_;
  MultiStepWrite* const write_;  // owns the segments until they are published
  const LoadOutputOptions options_;
  std::vector<SealedSegment> segments_;
  std::vector<ChangeEntry> plain_;  // of finished streams
  uint64_t plain_entries_ = 0;      // of all streams
  uint64_t plain_bytes_ = 0;
};

}  // namespace mendfs
