#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "meta/files.h"
#include "meta/tree/body.h"
#include "meta/tree/tree_read.h"

namespace mendfs {
namespace {

class DentryCursor final : public FileCursor {
 public:
  DentryCursor(std::unique_ptr<Cursor> cursor, InodeNumber directory)
      : cursor_(std::move(cursor)), directory_(directory) {}

  Result<std::optional<FileEntry>> Next() override {
    if (!cursor_->Valid()) {
      MENDFS_RETURN_IF_ERROR(cursor_->status());
      return std::optional<FileEntry>();
    }
    const std::optional<DentryName> key = ParseDentryKey(cursor_->key());
    if (!key) {
      return Status(Code::kCorruption, "list " + InodeText(directory_) + ": malformed name entry");
    }
    Result<Dentry> dentry = DecodeDentry(cursor_->value());
    if (!dentry.ok()) return dentry.status().Annotate("list " + InodeText(directory_));
    FileEntry entry{.name = std::string(key->name),
                    .inode = dentry->inode,
                    .mode_type = dentry->mode_type,
                    .cookie = key->cookie};
    cursor_->Next();
    // Two names of one hash: whoever goes on between them meets the first again, and misses none.
    const std::optional<DentryName> next =
        cursor_->Valid() ? ParseDentryKey(cursor_->key()) : std::nullopt;
    if (next && next->cookie == entry.cookie) --entry.cookie;
    return std::optional<FileEntry>(std::move(entry));
  }

 private:
  const std::unique_ptr<Cursor> cursor_;
  const InodeNumber directory_;
};

}  // namespace

Result<Attributes> FileReader::Get(const View& view, InodeNumber inode) const {
  return ReadInode(reader_, view, inode);
}

Result<Attributes> FileReader::Lookup(const View& view, InodeNumber parent,
                                      std::string_view name) const {
  MENDFS_ASSIGN_OR_RETURN(const std::optional<Dentry> dentry,
                          FindName(reader_, view, parent, name));
  if (dentry) return ReadInode(reader_, view, dentry->inode);
  MENDFS_RETURN_IF_ERROR(ReadDirectory(reader_, view, parent).status());
  return Status(Code::kNotFound, NameText(parent, name) + " does not exist");
}

Result<std::unique_ptr<FileCursor>> FileReader::List(const View& view, InodeNumber directory,
                                                     uint64_t after) const {
  MENDFS_RETURN_IF_ERROR(ReadDirectory(reader_, view, directory).status());
  KeyRange range = PrefixRange(DentryPrefix(directory));
  if (after != 0) range.first = DentryAfter(directory, after);
  return std::unique_ptr<FileCursor>(
      std::make_unique<DentryCursor>(reader_.Scan(view, range), directory));
}

Result<size_t> FileReader::Read(const View& view, InodeNumber inode, uint64_t offset,
                                size_t size_bytes, char* target) const {
  const RunUses::Use use(bodies_.uses());
  MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, ReadInode(reader_, view, inode));
  if (S_ISDIR(attributes.mode)) {
    return Status(Code::kIsDirectory, "read: " + InodeText(inode) + " is a directory");
  }
  if (!S_ISREG(attributes.mode)) {
    return Status(Code::kInvalid, "read: " + InodeText(inode) + " is not a regular file");
  }
  if (offset >= attributes.size_bytes) return size_t{0};
  const size_t count = std::min<uint64_t>(size_bytes, attributes.size_bytes - offset);
  MENDFS_RETURN_IF_ERROR(
      ReadBody({reader_, bodies_, view, inode}, {.offset = offset, .size_bytes = count}, target));
  return count;
}

Result<std::optional<uint64_t>> FileReader::Find(const View& view, InodeNumber inode,
                                                 uint64_t offset, BodySought sought) const {
  MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, ReadInode(reader_, view, inode));
  if (!S_ISREG(attributes.mode)) {
    return Status(Code::kInvalid, "seek: " + InodeText(inode) + " is not a regular file");
  }
  return FindInBody({reader_, bodies_, view, inode}, offset, attributes.size_bytes, sought);
}

Result<std::string> FileReader::ReadLink(const View& view, InodeNumber inode) const {
  MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, ReadInode(reader_, view, inode));
  if (!S_ISLNK(attributes.mode)) {
    return Status(Code::kInvalid, "read link: " + InodeText(inode) + " is not a symbolic link");
  }
  if (attributes.size_bytes > kLinkTargetBytesMax) {
    return Status(Code::kCorruption,
                  "read link: the target of " + InodeText(inode) + " is too long");
  }
  const RunUses::Use use(bodies_.uses());
  std::string target(attributes.size_bytes, '\0');
  MENDFS_RETURN_IF_ERROR(ReadBody({reader_, bodies_, view, inode},
                                  {.offset = 0, .size_bytes = target.size()}, target.data()));
  return target;
}

Result<std::string> FileReader::GetXattr(const View& view, InodeNumber inode,
                                         std::string_view name) const {
  MENDFS_RETURN_IF_ERROR(CheckXattrName(name));
  Result<Entry> entry = reader_.Get(view, XattrKey(inode, name));
  if (!entry.ok()) return entry.status().Annotate("read an xattr of " + InodeText(inode));
  return std::move(entry->value);
}

Result<std::optional<Quota>> FileReader::GetQuota(const View& view, InodeNumber inode) const {
  MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, ReadInode(reader_, view, inode));
  return FindQuota(reader_, view, attributes.quota);
}

Result<std::vector<Quota>> FileReader::ListQuotas(const View& view) const {
  return mendfs::ListQuotas(reader_, view);
}

Result<std::vector<std::string>> FileReader::ListXattrs(const View& view, InodeNumber inode) const {
  MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, ReadInode(reader_, view, inode));
  return ReadXattrNames(reader_, view, attributes);
}

}  // namespace mendfs
