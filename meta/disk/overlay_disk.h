// A Disk that reads from another one and keeps every change in memory: the base never gets a
// mutating call. Read-only mounts and `fsck -n` open LevelDB on it, which cannot open without
// writing.
//
// Shape:    a changed file is kept as the 4 KiB pages that were written over the base's bytes; a
//           file opened for reading before its first change keeps showing the base's bytes
// Lifetime: the base outlives the overlay and its handles; what was written goes with the overlay
// Threads:  safe from any thread
// Errors:   as the base; kNoSpace when the changes outgrow memory_bytes_max, kBusy from Lock for a
//           second holder through the same overlay. Syncs of changes succeed and do nothing
// Cost:     memory for what was changed, and for the directories that were walked
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/disk/disk.h"

namespace mendfs {

struct OverlayState;

inline constexpr uint64_t kOverlayBytesMax = uint64_t{1} << 30;

class OverlayDisk final : public Disk {
 public:
  explicit OverlayDisk(Disk& base, uint64_t memory_bytes_max = kOverlayBytesMax);
  ~OverlayDisk() override;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status Rename(const std::string& source, const std::string& target) override;
  Status Remove(const std::string& path) override;
  Status MakeDir(const std::string& path) override;
  Status RemoveDir(const std::string& path) override;
  Result<std::vector<DirEntry>> List(const std::string& path) override;
  Result<FileInfo> Stat(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  // Between users of this overlay only: the base's lock file is neither read nor written.
  Result<std::unique_ptr<DiskLock>> Lock(const std::string& path, std::string_view holder) override;
  Result<SpaceInfo> Space(const std::string& path) override;

 private:
  std::shared_ptr<OverlayState> state_;  // shared with the handles
};

}  // namespace mendfs
