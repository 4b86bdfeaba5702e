#include "meta/disk/promised_space.h"

#include <utility>

namespace mendfs {
namespace {

constexpr uint64_t kMorePart = 16;
constexpr uint64_t kStepBytes = 1 << 20;

}  // namespace

PromisedSpace::PromisedSpace(Disk& disk, const std::string& store_path)
    : disk_(disk), directory_(store_path), path_(store_path + "/set-aside") {}

uint64_t PromisedSpace::FileBytes(uint64_t promised_bytes) {
  if (promised_bytes == 0) return 0;
  const uint64_t most = INT64_MAX - kStepBytes;
  if (promised_bytes > most - most / kMorePart) return most / kStepBytes * kStepBytes;
  const uint64_t bytes = promised_bytes + promised_bytes / kMorePart;
  return (bytes + kStepBytes - 1) / kStepBytes * kStepBytes;
}

Result<uint64_t> PromisedSpace::Size() {
  if (size_bytes_) return *size_bytes_;
  const auto info = disk_.Stat(path_);
  if (!info.ok() && info.status().code() != Code::kNotFound) return info.status();
  size_bytes_ = info.ok() ? info->size_bytes : 0;
  return *size_bytes_;
}

// Its size says what is allocated, so that making it shorter gives that back. Space behind the size
// that a failure leaves goes with the truncation to the size that it had.
Status PromisedSpace::Grow(uint64_t before_bytes, uint64_t file_bytes) {
  Status grown = file_->Allocate(file_bytes);
  if (grown.ok()) grown = file_->Truncate(file_bytes);
  if (grown.ok()) grown = file_->Sync();
  if (grown.ok() && before_bytes == 0) grown = disk_.SyncDir(directory_);
  if (grown.ok()) return grown;
  file_->Truncate(before_bytes).IgnoreError();
  return grown.code() == Code::kUnsupported ? Status::Ok() : grown;
}

Status PromisedSpace::Resize(uint64_t file_bytes) {
  MENDFS_ASSIGN_OR_RETURN(const uint64_t before, Size());
  if (file_bytes == before) return Status::Ok();
  if (file_bytes == 0) {
    file_.reset();
    size_bytes_.reset();
    const Status removed = disk_.Remove(path_);
    if (!removed.ok() && removed.code() != Code::kNotFound) return removed;
    size_bytes_ = 0;
    return Status::Ok();
  }
  if (file_ == nullptr) {
    MENDFS_ASSIGN_OR_RETURN(file_, disk_.Open(path_, OpenMode::kCreateOrOpen));
  }
  const Status resized =
      file_bytes > before ? Grow(before, file_bytes) : file_->Truncate(file_bytes);
  if (resized.ok()) size_bytes_ = file_bytes;
  return resized.Annotate("set space of the disk aside");
}

}  // namespace mendfs
