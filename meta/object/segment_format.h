// What stands behind the table in a segment's payload: filters, their index, and the end that finds
// both. (The forms of single entries and of SegmentRef are in segment.h.)
//
// Shape:    table · filters · index · end of kSegmentEndBytes
// Threads:  pure functions
// Errors:   kCorruption; kUnsupported for a newer version
// Source:   docs/formats/segment.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

inline constexpr size_t kSegmentEndBytes = 56;
inline constexpr size_t kSegmentFilterKeys = 65536;  // keys under one filter

struct SegmentFilter {
  std::string last_key;  // of the keys it covers; the one before covers up to its own
  uint64_t offset = 0;   // in the payload
  uint32_t size_bytes = 0;
};

std::string EncodeFilterIndex(const std::vector<SegmentFilter>& filters);
// Filters lie in order inside [first_offset, end_offset) and their keys ascend.
Result<std::vector<SegmentFilter>> DecodeFilterIndex(std::string_view bytes, uint64_t first_offset,
                                                     uint64_t end_offset);

struct SegmentEnd {
  uint64_t table_bytes = 0;
  uint64_t index_offset = 0;
  uint64_t index_bytes = 0;
  uint64_t index_checksum = 0;  // XXH3 of the index
};
std::string EncodeSegmentEnd(const SegmentEnd& end);
Result<SegmentEnd> DecodeSegmentEnd(std::string_view bytes, uint64_t payload_bytes);

}  // namespace mendfs
