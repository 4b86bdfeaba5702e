#include "tests/crash/lying_disk.h"

#include <atomic>
#include <utility>

namespace mendfs {
namespace {

bool Holds(const Lies::Paths& paths, const std::string& path) {
  return paths && paths(path);
}

class LyingFile final : public File {
 public:
  LyingFile(std::unique_ptr<File> base, std::string path, std::shared_ptr<const Lies> lies)
      : base_(std::move(base)), path_(std::move(path)), lies_(std::move(lies)) {}

  Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const override {
    return base_->ReadAt(offset, size, target);
  }
  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    Status written = base_->WriteAt(offset, bytes);
    if (sync_is_due_.exchange(false)) base_->Sync().IgnoreError();
    return Holds(lies_->ignore_write_failure, path_) ? Status::Ok() : written;
  }
  Status Truncate(uint64_t size_bytes) override { return base_->Truncate(size_bytes); }
  Status Allocate(uint64_t size_bytes) override { return base_->Allocate(size_bytes); }
  Status Sync() override {
    if (Holds(lies_->skip_sync, path_)) return Status::Ok();
    if (!Holds(lies_->late_sync, path_)) return base_->Sync();
    sync_is_due_.store(true);
    return Status::Ok();
  }
  Result<uint64_t> Size() const override { return base_->Size(); }

 private:
  const std::unique_ptr<File> base_;
  const std::string path_;
  const std::shared_ptr<const Lies> lies_;
  std::atomic<bool> sync_is_due_{false};
};

}  // namespace

LyingDisk::LyingDisk(Disk& base, Lies lies)
    : base_(base), lies_(std::make_shared<const Lies>(std::move(lies))) {}

Result<std::unique_ptr<File>> LyingDisk::Open(const std::string& path, OpenMode mode) {
  MENDFS_ASSIGN_OR_RETURN(auto file, base_.Open(path, mode));
  return std::unique_ptr<File>(std::make_unique<LyingFile>(std::move(file), path, lies_));
}

Result<std::vector<DirEntry>> LyingDisk::List(const std::string& path) {
  auto listed = base_.List(path);
  if (!listed.ok() && Holds(lies_->failed_list_is_empty, path)) return std::vector<DirEntry>();
  return listed;
}

Status LyingDisk::SyncDir(const std::string& path) {
  if (Holds(lies_->skip_sync_dir, path)) return Status::Ok();
  return base_.SyncDir(path);
}

}  // namespace mendfs
