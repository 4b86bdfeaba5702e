#include "meta/pack/pack_files.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mendfs {
namespace {

// Nothing when there is no such name; what is no regular file is damage.
Result<std::shared_ptr<const File>> OpenAt(Disk& disk, const std::string& path) {
  auto file = disk.Open(path, OpenMode::kRead);
  if (file.ok()) return std::shared_ptr<const File>(*std::move(file));
  switch (file.status().code()) {
    case Code::kNotFound: return std::shared_ptr<const File>();
    case Code::kInvalid:
    case Code::kIsDirectory:
    case Code::kNotDirectory:
      return Status(Code::kCorruption, path + ": no regular file stands in a pack's place");
    default: return file.status();
  }
}

}  // namespace

Result<std::shared_ptr<const File>> PackFiles::Open(ObjectKind kind, const Id128& id) const {
  // In staging first: a pack that is renamed between the looks is found by the second one.
  const std::string staged = objects_.StagingPathOf(kind, id);
  const std::string sealed = objects_.PathOf(kind, id);
  for (const std::string& path : {staged, sealed}) {
    MENDFS_ASSIGN_OR_RETURN(auto file, OpenAt(objects_.disk(), path));
    if (file != nullptr) return file;
  }
  return Status(Code::kCorruption, "object " + sealed + " is missing");
}

Result<std::shared_ptr<const File>> PackFiles::Get(ObjectKind kind, const Id128& id) {
  {
    MutexLock lock(mutex_);
    const auto found = slots_.find(id);
    if (found != slots_.end()) {
      found->second.used = ++uses_;
      return found->second.file;
    }
  }
  MENDFS_ASSIGN_OR_RETURN(std::shared_ptr<const File> file, Open(kind, id));
  MutexLock lock(mutex_);
  if (slots_.size() >= kFilesMax) {
    slots_.erase(std::min_element(
        slots_.begin(), slots_.end(),
        [](const auto& left, const auto& right) { return left.second.used < right.second.used; }));
  }
  slots_[id] = {file, ++uses_};
  return file;
}

void PackFiles::Forget(const Id128& id) {
  MutexLock lock(mutex_);
  slots_.erase(id);
}

}  // namespace mendfs
