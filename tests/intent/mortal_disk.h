// A disk as a process sees it that can die: from then on no call of its reaches the disk below,
// which keeps what there is, synced or not.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "meta/disk/disk.h"

namespace mendfs {

class MortalDisk final : public Disk {
 public:
  explicit MortalDisk(Disk& disk) : disk_(disk) {}

  void Die() { *dead_ = true; }
  // The next process. What the one before had open stays dead.
  void Revive() { dead_ = std::make_shared<std::atomic<bool>>(false); }

  // Syncs of files and directories whose path holds this answer ok and do nothing.
  void LieAboutSyncs(std::string part) { lie_about_ = std::move(part); }
  // Every listing of this directory fails; empty: none does.
  void FailListing(std::string path) { fail_listing_ = std::move(path); }

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    if (*dead_) return Gone();
    MENDFS_ASSIGN_OR_RETURN(auto file, disk_.Open(path, mode));
    return std::unique_ptr<File>(std::make_unique<MortalFile>(std::move(file), dead_, Lies(path)));
  }
  Status Rename(const std::string& source, const std::string& target) override {
    return *dead_ ? Gone() : disk_.Rename(source, target);
  }
  Status Remove(const std::string& path) override { return *dead_ ? Gone() : disk_.Remove(path); }
  Status MakeDir(const std::string& path) override { return *dead_ ? Gone() : disk_.MakeDir(path); }
  Status RemoveDir(const std::string& path) override {
    return *dead_ ? Gone() : disk_.RemoveDir(path);
  }
  Result<std::vector<DirEntry>> List(const std::string& path) override {
    if (*dead_) return Gone();
    if (path == fail_listing_) return Status(Code::kIo, path + ": the listing was made to fail");
    return disk_.List(path);
  }
  Result<FileInfo> Stat(const std::string& path) override {
    if (*dead_) return Gone();
    return disk_.Stat(path);
  }
  Status SyncDir(const std::string& path) override {
    if (*dead_) return Gone();
    return Lies(path) ? Status::Ok() : disk_.SyncDir(path);
  }
  Result<std::unique_ptr<DiskLock>> Lock(const std::string& path,
                                         std::string_view holder) override {
    if (*dead_) return Gone();
    return disk_.Lock(path, holder);
  }
  Result<SpaceInfo> Space(const std::string& path) override {
    if (*dead_) return Gone();
    return disk_.Space(path);
  }

 private:
  using Flag = std::shared_ptr<std::atomic<bool>>;
  bool Lies(const std::string& path) const {
    return !lie_about_.empty() && path.find(lie_about_) != std::string::npos;
  }
  static Status Gone() { return {Code::kIo, "the process is dead"}; }

  class MortalFile final : public File {
   public:
    MortalFile(std::unique_ptr<File> file, Flag dead, bool lies)
        : file_(std::move(file)), dead_(std::move(dead)), lies_(lies) {}
    Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const override {
      if (*dead_) return Gone();
      return file_->ReadAt(offset, size, target);
    }
    Status WriteAt(uint64_t offset, std::string_view bytes) override {
      return *dead_ ? Gone() : file_->WriteAt(offset, bytes);
    }
    Status Truncate(uint64_t size_bytes) override {
      return *dead_ ? Gone() : file_->Truncate(size_bytes);
    }
    Status Allocate(uint64_t size_bytes) override {
      return *dead_ ? Gone() : file_->Allocate(size_bytes);
    }
    Status Sync() override {
      if (*dead_) return Gone();
      return lies_ ? Status::Ok() : file_->Sync();
    }
    Result<uint64_t> Size() const override {
      if (*dead_) return Gone();
      return file_->Size();
    }

   private:
    const std::unique_ptr<File> file_;
    const Flag dead_;
    const bool lies_;
  };

  Disk& disk_;
  std::string fail_listing_;
  std::string lie_about_;
  Flag dead_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace mendfs
