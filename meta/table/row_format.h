// The values of a row's entries: a small head, then the body exactly as it was written.
//
// Shape:    kRow: version, flags, row number, attributes that are present, body
//           kEdge: version, flags, attributes that are present, body
//           kRowName and kLongName: the row's key; kEdgeReverse and kIndex: nothing
// Errors:   decoders: kCorruption for bytes that no encoder here makes, kUnsupported for a newer
//           version
// Cost:     2 bytes for an edge without attributes, 5 or so for a node: a load writes millions
// Source:   docs/formats/rows.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"

namespace mendfs {

struct RowAttributes {
  // 0: the row has no time of its own; when its segment was made is shown. Loads write such rows.
  int64_t mtime_ns = 0;
  std::optional<uint32_t> permissions;  // the low twelve bits; absent: the table's default
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;

  friend bool operator==(const RowAttributes&, const RowAttributes&) = default;
};

// From which of its ends an edge is looked at.
enum class EdgeSide : unsigned char { kOut, kIn };

struct RowHead {
  InodeNumber row;
  RowAttributes attributes;
  size_t body_offset = 0;  // the body is the rest of the value from here
};
void AppendRowValue(std::string& out, InodeNumber row, const RowAttributes& attributes,
                    std::string_view body);
Result<RowHead> DecodeRowHead(std::string_view value);

struct EdgeHead {
  RowAttributes attributes;
  size_t body_offset = 0;
};
void AppendEdgeValue(std::string& out, const RowAttributes& attributes, std::string_view body);
Result<EdgeHead> DecodeEdgeHead(std::string_view value);

// What a write leaves of the attributes that were there: fields that are not given stay.
RowAttributes MergeAttributes(const RowAttributes& stored, const RowAttributes& given);

}  // namespace mendfs
