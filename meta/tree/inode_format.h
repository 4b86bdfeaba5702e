// The values of a POSIX tree as bytes: attributes and directory entries.
//
// Threads:  pure functions
// Errors:   kCorruption for bytes that no encoder here makes; kUnsupported for a newer version
// Source:   docs/formats/tree.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/tree/attributes.h"

namespace mendfs {

std::string EncodeAttributes(const Attributes& attributes);
Result<Attributes> DecodeAttributes(InodeNumber inode, std::string_view value);

// What a name stands for.
struct Dentry {
  InodeNumber inode;
  uint32_t mode_type = 0;  // S_IFMT bits
  friend bool operator==(const Dentry&, const Dentry&) = default;
};
std::string EncodeDentry(const Dentry& dentry);
Result<Dentry> DecodeDentry(std::string_view value);

}  // namespace mendfs
