#include "meta/commit/load/load_staging.h"

#include <string_view>
#include <utility>

#include "meta/base/log.h"
#include "meta/codec/hash.h"
#include "meta/object/object_store.h"

namespace mendfs {
namespace {

constexpr std::string_view kLoadPrefix = "load-";

std::string StagingDir(const std::string& store_path) {
  return store_path + "/staging";
}

bool IsLoadDirectory(const DirEntry& entry) {
  const std::string_view name = entry.name;
  return entry.kind == FileKind::kDirectory && name.starts_with(kLoadPrefix) &&
         ParseId(name.substr(kLoadPrefix.size())).has_value();
}

Status IgnoreNotFound(Status status) {
  return status.code() == Code::kNotFound ? Status::Ok() : status;
}

void TellForeign(const std::string& path) {
  LogLine(LogLevel::kWarning, "load", "something in staging/ is none of the store's; it is left",
          {{"path", path}});
}

// Sort runs are regular files. A directory with anything else in it stays, with that.
Status RemoveLoadDirectory(Disk& disk, const std::string& directory) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<DirEntry> files, disk.List(directory));
  bool empty = true;
  for (const DirEntry& file : files) {
    const std::string path = directory + "/" + file.name;
    if (file.kind == FileKind::kRegular) {
      MENDFS_RETURN_IF_ERROR(IgnoreNotFound(disk.Remove(path)));
    } else {
      TellForeign(path);
      empty = false;
    }
  }
  return empty ? IgnoreNotFound(disk.RemoveDir(directory)) : Status::Ok();
}

}  // namespace

Result<std::unique_ptr<LoadStaging>> LoadStaging::Begin(Disk& disk, const std::string& store_path) {
  const Status made = disk.MakeDir(StagingDir(store_path));
  if (!made.ok() && made.code() != Code::kExists) return made;
  const Id128 operation = RandomId();
  const std::string directory =
      StagingDir(store_path) + "/" + std::string(kLoadPrefix) + ToHex(operation);
  MENDFS_RETURN_IF_ERROR(disk.MakeDir(directory));
  return std::unique_ptr<LoadStaging>(new LoadStaging(disk, operation, directory));
}

LoadStaging::~LoadStaging() {
  // What cannot be removed now, the next open removes by its name.
  RemoveLoadDirectory(disk_, directory_).IgnoreError();
}

Status RemoveStagingResidue(Disk& disk, const std::string& store_path,
                            const std::function<Result<bool>(const Id128&)>& is_named) {
  const std::string staging = StagingDir(store_path);
  auto entries = disk.List(staging);
  if (entries.status().code() == Code::kNotFound) return Status::Ok();  // nothing was ever staged
  MENDFS_RETURN_IF_ERROR(entries.status());
  for (const DirEntry& entry : *entries) {
    const std::string path = staging + "/" + entry.name;
    const auto object = ParseObjectStagingName(entry.name);
    if (IsLoadDirectory(entry)) {
      MENDFS_RETURN_IF_ERROR(RemoveLoadDirectory(disk, path));
    } else if (object && entry.kind == FileKind::kRegular) {
      // An open pack is named, though it is not sealed yet.
      MENDFS_ASSIGN_OR_RETURN(const bool named, is_named(*object));
      if (!named) MENDFS_RETURN_IF_ERROR(IgnoreNotFound(disk.Remove(path)));
    } else {
      TellForeign(path);
    }
  }
  return Status::Ok();
}

}  // namespace mendfs
