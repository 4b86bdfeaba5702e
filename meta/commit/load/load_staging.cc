#include "meta/commit/load/load_staging.h"

#include <string_view>
#include <utility>

#include "meta/base/log.h"
#include "meta/codec/hash.h"
#include "meta/commit/intent/owned_objects.h"
#include "meta/manifest/keys.h"
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

namespace {

// A rename that a power cut tore may leave both names of an object that is sealed and named.
Result<bool> IsResidue(Disk& disk, const std::string& store_path, const Reader& reader,
                       ObjectKind kind, const Id128& id) {
  MENDFS_ASSIGN_OR_RETURN(const bool named, IsObjectNamed(reader, id));
  if (!named) return true;
  const Status open = reader.GetGlobal(OpenPackKey(id)).status();
  if (open.ok()) return false;  // a pack that is written to
  if (open.code() != Code::kNotFound) return open;
  const auto sealed = disk.Stat(ObjectStore(disk, store_path).PathOf(kind, id));
  return sealed.ok() && sealed->kind == FileKind::kRegular;
}

}  // namespace

Status RemoveStagingResidue(Disk& disk, const std::string& store_path, const Reader& reader) {
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
      const auto kind =
          ParseObjectKind(std::string_view(entry.name).substr(0, entry.name.find('-')));
      MENDFS_ASSIGN_OR_RETURN(const bool residue,
                              IsResidue(disk, store_path, reader, *kind, *object));
      if (residue) MENDFS_RETURN_IF_ERROR(IgnoreNotFound(disk.Remove(path)));
    } else {
      TellForeign(path);
    }
  }
  return Status::Ok();
}

}  // namespace mendfs
