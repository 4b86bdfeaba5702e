// Scratch files of the tables (Rule 4 of the mount): names in a table directory that are no row
// names. They are ordinary files of the tree in a directory of their table below kScratchRoot, not
// versioned work of the user, and go after kScratchLifeNs without a change.
//
// Lifetime: the context outlives it
// Threads:  safe from any thread
// Errors:   as meta/files.h; kNotFound where the table has no scratch directory
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "fs/ops/plane/plane.h"
#include "meta/base/mutex.h"

namespace mendfs {

inline constexpr int64_t kScratchLifeNs = int64_t{24} * 3600 * 1'000'000'000;
inline constexpr size_t kScratchSweptMax = 1024;  // by one Sweep

class TableScratch {
 public:
  explicit TableScratch(PlaneContext& context);

  // The directory as a node of the files plane, which knows how to work in it.
  Result<Node> Directory(TypeId table) EXCLUDES(mutex_);
  Result<Node> MakeDirectory(TypeId table) EXCLUDES(mutex_);
  Plane& files() { return *files_; }

  Result<Attributes> Lookup(TypeId table, std::string_view name);
  // The whole body, at most `size_max` bytes (kTooBig).
  Result<std::string> Read(const Attributes& file, uint64_t size_max) const;
  // A new file with these bytes under a name that nobody uses.
  struct NewFile {
    std::string_view body;
    uint32_t permissions = 0;
    uint32_t uid = 0;
    uint32_t gid = 0;
    int64_t mtime_ns = 0;
  };
  Result<std::string> Write(TypeId table, const NewFile& file);
  Status Remove(TypeId table, std::string_view name);
  // Takes away what has expired.
  Status Sweep(TypeId table, int64_t now_ns);

 private:
  static std::string NameOf(TypeId table) { return std::to_string(table.value); }

  PlaneContext& context_;
  const std::unique_ptr<Plane> files_;
  Mutex mutex_{LockRank::kHandles};
  std::map<TypeId, InodeNumber> directories_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
