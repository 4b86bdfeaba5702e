// Refused bodies, kept so that no accepted write is lost: .mend/rejected/<directory>/<name>.<n>
// with the reason beside it in <name>.<n>.why. They are ordinary files of the tree below
// kScratchRoot, so they survive a restart and people may read, copy and remove them.
//
// Shape:    at most kRejectedEntriesMax bodies and kRejectedBytesMax bytes; the oldest go
// Threads:  safe from any thread
// Errors:   Add answers where the bytes are, or why they could not be kept
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/files.h"

namespace mendfs {

inline constexpr size_t kRejectedEntriesMax = 64;
inline constexpr uint64_t kRejectedBytesMax = 32 << 20;

struct RejectedBody {
  std::string_view directory;  // type name, or "schema"
  std::string_view name;
  std::string_view body;
  std::string_view reason;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

class Rejected {
 public:
  Rejected(const FileReader& reader, FileWriter& writer, BranchId branch);

  // Where it is now, from the mount point: ".mend/rejected/Person/bob.json.1".
  Result<std::string> Add(const RejectedBody& rejected) EXCLUDES(mutex_);
  // The directory that .mend/rejected shows; kNotFound before the first body was kept.
  Result<Attributes> Directory() EXCLUDES(directories_mutex_);
  // Names in this directory come and go without a request of the kernel, which must not keep them.
  // Knows every directory that Directory and OwnsChild answered for.
  bool Owns(InodeNumber directory) const EXCLUDES(directories_mutex_);
  // The kernel was given `child`, a directory below one of them.
  void OwnsChild(InodeNumber child) EXCLUDES(directories_mutex_);

 private:
  struct Kept {
    InodeNumber directory;
    std::string name;  // without ".why"
    uint64_t size_bytes = 0;
    int64_t time_ns = 0;
  };
  Result<Attributes> MakeDirectory(InodeNumber parent, std::string_view name, uint32_t uid,
                                   uint32_t gid);
  Status LoadLocked() REQUIRES(mutex_);
  Status LoadDirectoryLocked(InodeNumber directory) REQUIRES(mutex_);
  void DropOldestLocked() REQUIRES(mutex_);
  Result<Attributes> MakeFile(InodeNumber directory, const std::string& name, const NewInode& file,
                              std::string_view bytes);

  const FileReader& reader_;
  FileWriter& writer_;
  const BranchId branch_;
  Mutex mutex_{LockRank::kPlane};
  bool loaded_ GUARDED_BY(mutex_) = false;
  std::deque<Kept> kept_ GUARDED_BY(mutex_);  // oldest first
  uint64_t kept_bytes_ GUARDED_BY(mutex_) = 0;
  std::atomic<bool> shown_{false};  // a mount that never looked at them asks nothing further
  mutable Mutex directories_mutex_{LockRank::kHandles};
  std::set<InodeNumber> directories_ GUARDED_BY(directories_mutex_);
};

}  // namespace mendfs
