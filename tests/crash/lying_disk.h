// A disk over another one that leaves out what the store asks for: what the store would do to its
// files if a line of its code were missing. Planted defects are made of it, without touching the
// code.
//
// Threads:  as the disk below
// Lifetime: ends before the disk below; files that it opened may outlive it
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "meta/disk/disk.h"

namespace mendfs {

// Each names the paths that it holds for; empty: none.
struct Lies {
  using Paths = std::function<bool(const std::string& path)>;
  Paths skip_sync;             // Sync answers ok and does nothing
  Paths late_sync;             // Sync answers ok and is done behind the next write to the file
  Paths skip_sync_dir;         // SyncDir answers ok and does nothing
  Paths ignore_write_failure;  // WriteAt answers ok
  Paths failed_list_is_empty;  // List answers no names where it fails
};

class LyingDisk final : public Disk {
 public:
  LyingDisk(Disk& base, Lies lies);

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status Rename(const std::string& source, const std::string& target) override {
    return base_.Rename(source, target);
  }
  Status Remove(const std::string& path) override { return base_.Remove(path); }
  Status MakeDir(const std::string& path) override { return base_.MakeDir(path); }
  Status RemoveDir(const std::string& path) override { return base_.RemoveDir(path); }
  Result<std::vector<DirEntry>> List(const std::string& path) override;
  Result<FileInfo> Stat(const std::string& path) override { return base_.Stat(path); }
  Status SyncDir(const std::string& path) override;
  Result<std::unique_ptr<DiskLock>> Lock(const std::string& path,
                                         std::string_view holder) override {
    return base_.Lock(path, holder);
  }
  Result<SpaceInfo> Space(const std::string& path) override { return base_.Space(path); }

 private:
  Disk& base_;
  const std::shared_ptr<const Lies> lies_;
};

}  // namespace mendfs
