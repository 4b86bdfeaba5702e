// Disk: every durable byte of a store passes through here.
//
// The journal, objects, sidecars and LevelDB (through an Env) share this one seam, so one simulated
// disk covers them all. errno is read by the POSIX implementation and turned into a Status; nobody
// above sees it. One contract suite (tests/disk) runs against every implementation.
//
// Units:    offsets and sizes in bytes
// Threads:  Disk is safe from any thread; a File is safe from any thread for ReadAt, Sync and Size,
//           and for WriteAt of ranges that do not overlap; Truncate and Allocate have no other call
//           that changes the bytes they concern beside them
// Errors:   kNotFound, kExists, kNotDirectory, kIsDirectory, kNotEmpty, kNoSpace, kQuota,
//           kReadOnly, kDenied, kBusy (locked by another), else kIo
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

using Bytes = std::span<const uint8_t>;

class File {
 public:
  virtual ~File() = default;

  // Reads up to `size` bytes at `offset` into `target`; fewer only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const = 0;
  // Writes all of `bytes` at `offset`, or fails; on failure the range holds anything.
  virtual Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  virtual Status Truncate(uint64_t size_bytes) = 0;
  // Reserves space without changing the size.
  virtual Status Allocate(uint64_t size_bytes) = 0;
  // The bytes and the size are durable when this returns ok; the name may not be: see SyncDir.
  virtual Status Sync() = 0;
  virtual Result<uint64_t> Size() const = 0;
};

enum class OpenMode {
  kRead,          // must exist
  kReadWrite,     // must exist
  kCreate,        // must not exist
  kCreateOrOpen,  // either
};

enum class FileKind { kRegular, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileKind kind = FileKind::kRegular;
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;
};

struct DirEntry {
  std::string name;
  FileKind kind = FileKind::kRegular;
};

struct SpaceInfo {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;       // for root
  uint64_t available_bytes = 0;  // for the daemon's user
};

// Held while a store is open for writing. Destroying it lets go.
class DiskLock {
 public:
  virtual ~DiskLock() = default;
  // Writes who holds it into the file. For people: nothing is told when it fails.
  virtual void Sign(std::string_view holder) = 0;
};

class Disk {
 public:
  virtual ~Disk() = default;

  // Symlinks in the last component are refused (kInvalid), as everywhere in a store.
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  // Replaces `target` if it exists. Durable after SyncDir of both directories.
  virtual Status Rename(const std::string& source, const std::string& target) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // kExists if it is there already.
  virtual Status MakeDir(const std::string& path) = 0;
  virtual Status RemoveDir(const std::string& path) = 0;
  // Sorted by name; "." and ".." left out.
  virtual Result<std::vector<DirEntry>> List(const std::string& path) = 0;
  // Does not follow a symlink.
  virtual Result<FileInfo> Stat(const std::string& path) = 0;
  // Names made, removed or renamed in this directory are durable when this returns ok.
  virtual Status SyncDir(const std::string& path) = 0;
  // Takes the lock at `path` (made if absent) and signs it with `holder`; the file of one that is
  // taken without a name stays as it is. kBusy names the holder.
  virtual Result<std::unique_ptr<DiskLock>> Lock(const std::string& path,
                                                 std::string_view holder) = 0;
  virtual Result<SpaceInfo> Space(const std::string& path) = 0;
};

// The whole file; kTooBig above `limit_bytes`.
Result<std::string> ReadWholeFile(Disk& disk, const std::string& path, uint64_t limit_bytes);

// 1 writes `path`.new · 2 syncs it · 3 renames it over `path` · 4 syncs the directory. After a
// crash `path` holds the old or the new bytes, whole; a leftover `.new` is overwritten by the next
// call.
Status ReplaceFile(Disk& disk, const std::string& path, std::string_view bytes);

// "a/b/c" -> "a/b"; "c" -> ".".
std::string ParentPath(const std::string& path);

}  // namespace mendfs
