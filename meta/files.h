// files/: a POSIX tree of inodes, as values. The doors that fs and the tools use.
//
// Permission bits are not checked here: the kernel does (default_permissions), and it is the kernel
// that asks for set-user-id bits to be taken away on a write, truncate or change of owner.
//
// Units:    sizes and offsets in bytes, times in nanoseconds since 1970
// Threads:  safe from any thread
// Errors:   kNotFound, kExists, kNotDirectory, kIsDirectory, kNotEmpty, kNameTooLong (> 255 bytes),
//           kInvalid, kNotPermitted (a hard link to a directory), kTooBig, kManyLinks, kNoSpace,
//           kQuota, kCrossDevice (between trees with quotas), kReadOnly, kCorruption, kIo; a change
//           that fails has changed nothing
// Cost:     flat in the size of the tree and in history; a create is three or four entries
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/commit/door.h"
#include "meta/manifest/reader.h"
#include "meta/tree/attributes.h"
#include "meta/tree/quota.h"

namespace mendfs {

struct FileEntry {
  std::string name;
  InodeNumber inode;
  uint32_t mode_type = 0;  // S_IFMT bits
  uint64_t cookie = 0;     // pass as `after` to go on behind this entry; never 0
};

class FileCursor {
 public:
  virtual ~FileCursor() = default;
  // The next entry, or nothing at the end. "." and ".." are not among them.
  virtual Result<std::optional<FileEntry>> Next() = 0;
};

class FileReader {
 public:
  FileReader(const Reader& reader, const BodyStore& bodies) : reader_(reader), bodies_(bodies) {}
  explicit FileReader(Door& door) : FileReader(door.reader(), door.bodies()) {}

  Result<Attributes> Get(const View& view, InodeNumber inode) const;
  Result<Attributes> Lookup(const View& view, InodeNumber parent, std::string_view name) const;
  // Entries behind the cookie `after` (0: from the start), one state for the cursor's whole life.
  Result<std::unique_ptr<FileCursor>> List(const View& view, InodeNumber directory,
                                           uint64_t after) const;
  // Fewer than `size_bytes` only at the end of the file; holes read as zeros.
  Result<size_t> Read(const View& view, InodeNumber inode, uint64_t offset, size_t size_bytes,
                      char* target) const;
  // lseek(2) for data and holes: the first offset from `offset` on. Nothing: there is none, or the
  // offset is not before the end.
  Result<std::optional<uint64_t>> Find(const View& view, InodeNumber inode, uint64_t offset,
                                       BodySought sought) const;
  Result<std::string> ReadLink(const View& view, InodeNumber inode) const;
  Result<std::string> GetXattr(const View& view, InodeNumber inode, std::string_view name) const;
  Result<std::vector<std::string>> ListXattrs(const View& view, InodeNumber inode) const;
  // The quota that counts what the inode takes, if there is one.
  Result<std::optional<Quota>> GetQuota(const View& view, InodeNumber inode) const;
  Result<std::vector<Quota>> ListQuotas(const View& view) const;

 private:
  const Reader& reader_;
  const BodyStore& bodies_;
};

class FileWriter {
 public:
  FileWriter(Door& door, BranchId branch);
  ~FileWriter();

  Result<Attributes> Make(InodeNumber parent, std::string_view name, const NewInode& inode);
  // A regular file without a name, as if made in `directory` (O_TMPFILE). It comes with one Hold
  // and goes with the last Unhold, unless Link gives it a name before.
  Result<Attributes> MakeUnnamed(InodeNumber directory, const NewInode& inode);
  Result<Attributes> Link(InodeNumber inode, InodeNumber parent, std::string_view name);
  // `directory`: rmdir, else unlink. Answers what the name stood for.
  Result<Attributes> Remove(InodeNumber parent, std::string_view name, bool directory);
  Status Rename(InodeNumber parent, std::string_view name, InodeNumber new_parent,
                std::string_view new_name, RenameMode mode);
  Result<Attributes> Set(InodeNumber inode, const AttributeChange& change);
  // All of `bytes` or nothing; kTooBig above kWriteBytesMax.
  Result<Attributes> Write(InodeNumber inode, uint64_t offset, std::string_view bytes);
  // At the end of the file, wherever that is when the write gets its turn.
  Result<Attributes> Append(InodeNumber inode, std::string_view bytes);
  // fallocate(2). A range of very many pieces is cleared, or set aside, in several changes, from
  // its front. kNoSpace and kQuota: there is not that much; nothing was set aside.
  Result<Attributes> ChangeSpace(InodeNumber inode, const SpaceChange& change);
  // copy_file_range(2): shares the source's runs and copies what is short. Answers how many bytes:
  // fewer than asked for at the source's end, or where an error came after some were copied.
  Result<uint64_t> Clone(const CloneRequest& request);
  // kSet puts; kCreate answers kExists and kReplace kNotFound when it is, or is not, there. The
  // names are those of meta/tree/xattrs.h; an access ACL and the mode bits follow each other.
  Status SetXattr(InodeNumber inode, std::string_view name, std::string_view value,
                  const XattrWrite& write);
  Status RemoveXattr(InodeNumber inode, std::string_view name);
  // The limit of a quota that begins there can be changed at any time. Where the directory is not
  // empty, what is below it is counted by a thread, from now on and while FileWriter lives
  // (Quota::counting). Taking a quota away leaves what is below it uncounted.
  Status SetQuota(InodeNumber directory, uint64_t limit_bytes);
  Status ClearQuota(InodeNumber directory);
  // Goes on with what the last writer did not finish counting. Once, when others write too.
  void ResumeCounting();
  // Returns when nothing is counted any more; ok when all of it is.
  Status AwaitCounting();
  // While held, an unlinked inode keeps its bytes; the last Unhold of one frees it. Both take an
  // entity lock. An inode that Get still finds behind Hold stays until Unhold.
  void Hold(InodeNumber inode);
  void Unhold(InodeNumber inode);
  // Frees what was unlinked while held, or only half freed, when the store was last open, and sets
  // aside on the disk what files have been promised. To be called once after every open for
  // writing; cost follows the number of such inodes.
  Status FreeOrphans();

 private:
  friend class QuotaCounting;
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace mendfs
