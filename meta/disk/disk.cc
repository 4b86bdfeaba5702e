#include "meta/disk/disk.h"

namespace mendfs {

namespace {

constexpr uint64_t kReadChunkBytes = uint64_t{1} << 20;

Status TooBig(const std::string& path, uint64_t limit_bytes) {
  return {Code::kTooBig, "read " + path + ": more than " + std::to_string(limit_bytes) + " bytes"};
}

Status WriteNewFile(Disk& disk, const std::string& path, std::string_view bytes) {
  MENDFS_ASSIGN_OR_RETURN(auto file, disk.Open(path, OpenMode::kCreateOrOpen));
  MENDFS_RETURN_IF_ERROR(file->Truncate(0));
  MENDFS_RETURN_IF_ERROR(file->WriteAt(0, bytes));
  return file->Sync();
}

}  // namespace

Result<std::string> ReadWholeFile(Disk& disk, const std::string& path, uint64_t limit_bytes) {
  MENDFS_ASSIGN_OR_RETURN(auto file, disk.Open(path, OpenMode::kRead));
  MENDFS_ASSIGN_OR_RETURN(const uint64_t size_bytes, file->Size());
  if (size_bytes > limit_bytes) return TooBig(path, limit_bytes);
  std::string bytes;
  // The file may grow or shrink meanwhile: its end is where a read says so, up to the limit.
  while (true) {
    const size_t done = bytes.size();
    const uint64_t wanted = done <= size_bytes ? size_bytes - done + 1 : kReadChunkBytes;
    bytes.resize(done + static_cast<size_t>(wanted));
    MENDFS_ASSIGN_OR_RETURN(const size_t got,
                            file->ReadAt(done, static_cast<size_t>(wanted), bytes.data() + done));
    bytes.resize(done + got);
    if (bytes.size() > limit_bytes) return TooBig(path, limit_bytes);
    if (got < wanted) return bytes;
  }
}

Status ReplaceFile(Disk& disk, const std::string& path, std::string_view bytes) {
  const std::string new_path = path + ".new";
  // 1, 2. A crash leaves `.new` in any state and `path` untouched.
  Status status = WriteNewFile(disk, new_path, bytes);
  // 3. A crash leaves the old or the new bytes under `path`.
  if (status.ok()) status = disk.Rename(new_path, path);
  if (!status.ok()) {
    disk.Remove(new_path).IgnoreError();  // the next call overwrites it anyway
    return status.Annotate("replace " + path);
  }
  // 4. From here on the new bytes stay.
  return disk.SyncDir(ParentPath(path)).Annotate("replace " + path);
}

std::string ParentPath(const std::string& path) {
  const size_t name_end = path.find_last_not_of('/');
  if (name_end == std::string::npos) return path.empty() ? "." : "/";
  const size_t slash = path.rfind('/', name_end);
  if (slash == std::string::npos) return ".";
  const size_t parent_end = path.find_last_not_of('/', slash);
  if (parent_end == std::string::npos) return "/";
  return path.substr(0, parent_end + 1);
}

}  // namespace mendfs
