#include "meta/disk/reserve.h"

#include <algorithm>

namespace mendfs {
namespace {

constexpr uint64_t kPartOfDisk = 16;
constexpr size_t kChunkBytes = 1 << 20;

// For file systems that cannot allocate: what is written is there.
Status Fill(File& file, uint64_t size_bytes) {
  const std::string zeros(kChunkBytes, '\0');
  MENDFS_ASSIGN_OR_RETURN(uint64_t at, file.Size());
  while (at < size_bytes) {
    const uint64_t size = std::min<uint64_t>(zeros.size(), size_bytes - at);
    MENDFS_RETURN_IF_ERROR(file.WriteAt(at, std::string_view(zeros).substr(0, size)));
    at += size;
  }
  return Status::Ok();
}

}  // namespace

uint64_t ReserveBytes(uint64_t disk_bytes) {
  return std::clamp(disk_bytes / kPartOfDisk, kReserveBytesMin, kReserveBytesMax);
}

Reserve::Reserve(Disk& disk, const std::string& store_path)
    : disk_(disk), directory_(store_path), path_(store_path + "/reserve") {}

bool Reserve::IsThere() const {
  return disk_.Stat(path_).ok();
}

Status Reserve::Allocate(uint64_t size_bytes) {
  MENDFS_ASSIGN_OR_RETURN(const auto file, disk_.Open(path_, OpenMode::kCreateOrOpen));
  Status allocated = file->Allocate(size_bytes);
  if (allocated.code() == Code::kUnsupported) allocated = Fill(*file, size_bytes);
  MENDFS_RETURN_IF_ERROR(allocated);
  MENDFS_RETURN_IF_ERROR(file->Sync());
  return disk_.SyncDir(directory_);
}

Status Reserve::Take(uint64_t size_bytes) {
  Status taken = Allocate(size_bytes);
  if (!taken.ok()) GiveUp().IgnoreError();
  return taken.Annotate("take the reserve");
}

Status Reserve::GiveUp() {
  const Status removed = disk_.Remove(path_);
  if (removed.code() == Code::kNotFound) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(removed.Annotate("give up the reserve"));
  return disk_.SyncDir(directory_).Annotate("give up the reserve");
}

}  // namespace mendfs
