#include "meta/tree/tree_read.h"

#include <sys/stat.h>

#include <memory>
#include <string>

#include "meta/base/printable.h"
#include "meta/tree/acl.h"

namespace mendfs {
namespace {

// Deeper than any tree that can be made by walking; only a damaged one has a longer way up.
constexpr uint64_t kDepthMax = 1 << 20;

}  // namespace

Status CheckXattrName(std::string_view name) {
  if (name.size() > kXattrNameBytesMax) {
    return Status(Code::kNameTooLong, "xattr name of " + std::to_string(name.size()) + " bytes");
  }
  if (name.empty() || name.find('\0') != std::string_view::npos) {
    return Status(Code::kInvalid, "an xattr name is not empty and holds no zero byte");
  }
  if (name == kAccessAclXattr || name == kDefaultAclXattr) return Status::Ok();
  for (const std::string_view prefix : {"user.", "trusted.", "security."}) {
    if (!name.starts_with(prefix)) continue;
    if (name.size() > prefix.size()) return Status::Ok();
    return Status(Code::kInvalid, "an xattr name goes on behind '" + std::string(prefix) + "'");
  }
  return Status(Code::kUnsupported,
                "xattr " + Printable(name) + ": user, trusted, security and POSIX ACLs only");
}

std::string InodeText(InodeNumber inode) {
  return "inode " + std::to_string(inode.value);
}

std::string NameText(InodeNumber parent, std::string_view name) {
  return "'" + Printable(name.substr(0, kTreeNameBytesMax)) + "' in " + InodeText(parent);
}

Status CheckFileName(std::string_view name) {
  if (name.size() > kTreeNameBytesMax) {
    return Status(Code::kNameTooLong, "name of " + std::to_string(name.size()) +
                                          " bytes, at most " + std::to_string(kTreeNameBytesMax));
  }
  if (name.empty()) return Status(Code::kInvalid, "empty name");
  if (name == "." || name == "..") {
    return Status(Code::kInvalid, "name '" + std::string(name) + "' is reserved");
  }
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return Status(Code::kInvalid, "a name holds neither '/' nor a zero byte");
  }
  return Status::Ok();
}

Result<Attributes> ReadInode(const Reader& reader, const View& view, InodeNumber inode) {
  Result<Entry> entry = reader.Get(view, InodeKey(inode));
  if (!entry.ok()) return entry.status().Annotate("read " + InodeText(inode));
  return DecodeAttributes(inode, entry->value);
}

Result<Attributes> ReadDirectory(const Reader& reader, const View& view, InodeNumber inode) {
  MENDFS_ASSIGN_OR_RETURN(Attributes attributes, ReadInode(reader, view, inode));
  if (!S_ISDIR(attributes.mode)) {
    return Status(Code::kNotDirectory, InodeText(inode) + " is not a directory");
  }
  return attributes;
}

Result<std::optional<Dentry>> FindName(const Reader& reader, const View& view, InodeNumber parent,
                                       std::string_view name) {
  MENDFS_RETURN_IF_ERROR(CheckFileName(name));
  Result<Entry> entry = reader.Get(view, DentryKey(parent, name));
  if (!entry.ok()) {
    if (entry.status().code() == Code::kNotFound) return std::optional<Dentry>();
    return entry.status().Annotate("look up " + NameText(parent, name));
  }
  Result<Dentry> dentry = DecodeDentry(entry->value);
  if (!dentry.ok()) return dentry.status().Annotate("look up " + NameText(parent, name));
  return std::optional<Dentry>(*dentry);
}

Result<bool> IsEmptyDirectory(const Reader& reader, const View& view, InodeNumber directory) {
  const std::unique_ptr<Cursor> cursor = reader.Scan(view, PrefixRange(DentryPrefix(directory)));
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return !cursor->Valid();
}

Result<bool> IsWithin(const Reader& reader, const View& view, InodeNumber directory,
                      InodeNumber top) {
  for (uint64_t depth = 0; depth < kDepthMax; ++depth) {
    if (directory == top) return true;
    MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, ReadDirectory(reader, view, directory));
    if (attributes.parent == directory) return false;  // a root
    directory = attributes.parent;
  }
  return Status(Code::kCorruption, "the way up from " + InodeText(directory) + " does not end");
}

Result<std::vector<std::string>> ReadXattrNames(const Reader& reader, const View& view,
                                                const Attributes& inode) {
  std::vector<std::string> names;
  if (!inode.has_xattrs) return names;
  const std::unique_ptr<Cursor> cursor = reader.Scan(view, PrefixRange(XattrPrefix(inode.inode)));
  for (; cursor->Valid(); cursor->Next()) {
    const std::optional<std::string_view> name = ParseXattrKey(cursor->key());
    if (!name) return Status(Code::kCorruption, "malformed xattr of " + InodeText(inode.inode));
    // Of the tree's root: records of quotas, which are no xattrs.
    if (CheckXattrName(*name).ok()) names.emplace_back(*name);
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return names;
}

}  // namespace mendfs
