// The values of a POSIX tree as bytes: attributes, directory entries, pieces of a body.
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

// No inline piece of a body is longer: a reader at `offset` need not look further back than this.
inline constexpr uint64_t kExtentBytesMax = 128 << 10;

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

// `bytes`: 1 to kExtentBytesMax of them.
std::string EncodeExtent(std::string_view bytes);
// The bytes, inside `value`.
Result<std::string_view> DecodeExtent(std::string_view value);

}  // namespace mendfs
