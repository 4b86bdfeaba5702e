#include "meta/commit/space/garbage_estimate.h"

#include <algorithm>

#include "meta/manifest/keys.h"
#include "meta/tree/extent_format.h"

namespace mendfs {

void GarbageEstimate::Tally(std::string_view key, std::string_view value, int sign) {
  if (KindOf(key) != KeyKind::kExtent) return;
  const Result<Extent> extent = DecodeExtent(value);
  if (!extent.ok() || !extent->has_run()) return;
  const RunRef& run = extent->run;
  batch_[{run.object, run.record_offset}] += sign * static_cast<int64_t>(run.size_bytes);
}

void GarbageEstimate::End() {
  uint64_t gone = 0;
  for (const auto& [run, net_bytes] : batch_) {
    if (net_bytes < 0) gone += static_cast<uint64_t>(-net_bytes);
  }
  batch_.clear();
  bytes_.fetch_add(gone);
}

void GarbageEstimate::Take(uint64_t counted) {
  bytes_.fetch_sub(std::min(counted, bytes_.load()));
}

}  // namespace mendfs
