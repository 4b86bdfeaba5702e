// Names and link targets below graph/: `graph/<Type>/<key>/out/<Edge>/<key>[~<n>]`.
//
// The neighbour's directory name stands for the edge to it; the second and later parallel edges
// carry their number, as in edges/. The symlink that lies there leads to
// `../../../../<Type>/<key>`.
//
// Threads:  pure functions
// Errors:   kInvalid with the reason
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/row_name.h"

namespace mendfs {

// "bob", "bob~2". kOverflow when the number does not fit behind a long key.
Result<std::string> EncodeEndName(std::string_view key, size_t part_count, uint32_t n);

struct EndName {
  NodeName node;  // as DecodeNodeName answers it
  uint32_t n = 1;
  std::string_view directory;  // the name without its number; points into the name
};
Result<EndName> DecodeEndName(std::string_view name, size_t part_count);

// Where a symlink written below graph/ leads, as a person may write it: relative to its directory,
// or absolute through the mount.
struct LinkTarget {
  std::string type;
  std::string directory;  // the neighbour's name in graph/<type>/
};
// `from` is the directory of the link from the mount point: "graph/Person/alice/out/Knows".
std::optional<LinkTarget> ResolveLink(std::string_view from, std::string_view target);

}  // namespace mendfs
