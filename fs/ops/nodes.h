// Operations on nodes: attributes, symlink targets, extended attributes, and the space of the
// whole.
//
// Threads:  safe from any thread
// Errors:   as meta/files.h and meta/tables.h; kNotFound for an absent xattr; kReadOnly on a
//           read-only mount
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fs/ops/plane/plane.h"
#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/store.h"

namespace mendfs {

class Operations;
class Handles;

inline constexpr uint64_t kNoHandle = 0;

class Nodes {
 public:
  Nodes(Operations& operations, Handles& handles) : operations_(operations), handles_(handles) {}

  Result<Found> GetAttributes(const Caller& caller, InodeNumber node, uint64_t handle);
  Result<Found> SetAttributes(const Caller& caller, InodeNumber node, const AttributeChange& change,
                              uint64_t handle);
  Result<std::string> ReadLink(const Caller& caller, InodeNumber node);
  Result<std::string> GetXattr(const Caller& caller, InodeNumber node, std::string_view name);
  Result<std::vector<std::string>> ListXattrs(const Caller& caller, InodeNumber node);
  Status SetXattr(const Caller& caller, InodeNumber node, std::string_view name,
                  std::string_view value, XattrMode mode);
  Status RemoveXattr(const Caller& caller, InodeNumber node, std::string_view name);
  StoreStatus Describe() const;
  // The space that is there for a node: the disk's, or less where a quota says so.
  SpaceInfo SpaceAt(InodeNumber node) const;

 private:
  Operations& operations_;
  Handles& handles_;
};

}  // namespace mendfs
