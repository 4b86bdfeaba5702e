// Reading a POSIX tree: inodes, names, emptiness.
//
// Errors:   kNotFound, kNotDirectory; kCorruption for entries that do not decode; else as Reader
// Cost:     one or two reads each, flat in the size of the tree
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/manifest/reader.h"
#include "meta/tree/inode_format.h"

namespace mendfs {

// 1 to 255 bytes, neither "." nor "..", without '/' and NUL: else kInvalid, kNameTooLong.
Status CheckFileName(std::string_view name);

Result<Attributes> ReadInode(const Reader& reader, const View& view, InodeNumber inode);
Result<Attributes> ReadDirectory(const Reader& reader, const View& view, InodeNumber inode);
// Nothing when `parent` has no such name; does not look whether `parent` is a directory.
Result<std::optional<Dentry>> FindName(const Reader& reader, const View& view, InodeNumber parent,
                                       std::string_view name);
Result<bool> IsEmptyDirectory(const Reader& reader, const View& view, InodeNumber directory);
// Is `directory` the inode `top` or below it? Stable only while no directory is being moved.
Result<bool> IsWithin(const Reader& reader, const View& view, InodeNumber directory,
                      InodeNumber top);

// A name in user., trusted. or security., or an ACL: else kUnsupported, kInvalid, kNameTooLong.
Status CheckXattrName(std::string_view name);
Result<std::vector<std::string>> ReadXattrNames(const Reader& reader, const View& view,
                                                const Attributes& inode);

// "inode 17", for messages.
std::string InodeText(InodeNumber inode);
// "'name' in inode 5"; what no terminal should see is shown as '?'.
std::string NameText(InodeNumber parent, std::string_view name);

}  // namespace mendfs
