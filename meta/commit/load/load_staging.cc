#include "meta/commit/load/load_staging.h"

#include <optional>
#include <string_view>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/object/object_store.h"

namespace mendfs {
namespace {

constexpr std::string_view kLoadPrefix = "load-";
constexpr std::string_view kListName = "objects";
constexpr size_t kListEntryBytes = 24;  // id, XXH3
constexpr uint64_t kListBytesMax = uint64_t{64} << 20;

std::string StagingDir(const std::string& store_path) {
  return store_path + "/staging";
}

bool IsLoadDirectory(const DirEntry& entry) {
  const std::string_view name = entry.name;
  return entry.kind == FileKind::kDirectory && name.starts_with(kLoadPrefix) &&
         ParseId(name.substr(kLoadPrefix.size())).has_value();
}

std::string ListEntry(const Id128& id) {
  std::string entry;
  PutId(entry, id);
  PutU64(entry, HashXxh3(entry));
  return entry;
}

// Up to the first entry that a crash tore: what stands behind it was never sealed.
std::vector<Id128> DecodeList(std::string_view bytes) {
  std::vector<Id128> ids;
  while (bytes.size() >= kListEntryBytes) {
    const Id128 id = ByteReader(bytes).GetId();
    if (bytes.substr(0, kListEntryBytes) != ListEntry(id)) break;
    ids.push_back(id);
    bytes.remove_prefix(kListEntryBytes);
  }
  return ids;
}

Status IgnoreNotFound(Status status) {
  return status.code() == Code::kNotFound ? Status::Ok() : status;
}

// The list goes last: while it stands, a second attempt still knows the objects.
Status RemoveLoadDirectory(Disk& disk, const std::string& directory) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<DirEntry> files, disk.List(directory));
  for (const DirEntry& file : files) {
    if (file.name == kListName) continue;
    MENDFS_RETURN_IF_ERROR(IgnoreNotFound(disk.Remove(directory + "/" + file.name)));
  }
  MENDFS_RETURN_IF_ERROR(IgnoreNotFound(disk.Remove(directory + "/" + std::string(kListName))));
  return disk.RemoveDir(directory);
}

Status RemoveLoadResidue(Disk& disk, const std::string& store_path, const std::string& directory,
                         const std::function<Result<bool>(const Id128&)>& is_named) {
  auto list = ReadWholeFile(disk, directory + "/" + std::string(kListName), kListBytesMax);
  if (!list.ok() && list.status().code() != Code::kNotFound) return list.status();
  ObjectStore objects(disk, store_path);
  if (list.ok()) {
    for (const Id128& id : DecodeList(*list)) {
      MENDFS_ASSIGN_OR_RETURN(const bool named, is_named(id));
      if (!named) MENDFS_RETURN_IF_ERROR(objects.Remove(ObjectKind::kSegment, id));
    }
  }
  return RemoveLoadDirectory(disk, directory);
}

// `name` is that of a staging file.
Result<bool> IsSealed(Disk& disk, const std::string& store_path, std::string_view name,
                      const Id128& object) {
  const auto kind = ParseObjectKind(name.substr(0, name.find('-')));
  if (!kind) return false;
  const Status found = disk.Stat(ObjectStore(disk, store_path).PathOf(*kind, object)).status();
  if (found.ok()) return true;
  return found.code() == Code::kNotFound ? Result<bool>(false) : Result<bool>(found);
}

}  // namespace

LoadStaging::LoadStaging(Disk& disk, std::string store_path, std::string directory,
                         std::unique_ptr<File> list)
    : disk_(disk),
      store_path_(std::move(store_path)),
      directory_(std::move(directory)),
      list_(std::move(list)) {}

Result<std::unique_ptr<LoadStaging>> LoadStaging::Begin(Disk& disk, const std::string& store_path) {
  const Status made = disk.MakeDir(StagingDir(store_path));
  if (!made.ok() && made.code() != Code::kExists) return made;
  const std::string directory =
      StagingDir(store_path) + "/" + std::string(kLoadPrefix) + ToHex(RandomId());
  MENDFS_RETURN_IF_ERROR(disk.MakeDir(directory));
  auto list = disk.Open(directory + "/" + std::string(kListName), OpenMode::kCreate);
  Status status = list.status();
  // The list is of use after a crash only if its name is durable before the first object's.
  if (status.ok()) status = disk.SyncDir(directory);
  if (status.ok()) status = disk.SyncDir(StagingDir(store_path));
  if (!status.ok()) {
    RemoveLoadDirectory(disk, directory).IgnoreError();  // residue by its name otherwise
    return status;
  }
  return std::unique_ptr<LoadStaging>(
      new LoadStaging(disk, store_path, directory, *std::move(list)));
}

Status LoadStaging::OwnObject(const Id128& segment) {
  MENDFS_RETURN_IF_ERROR(list_->WriteAt(list_bytes_, ListEntry(segment)));
  MENDFS_RETURN_IF_ERROR(list_->Sync());
  list_bytes_ += kListEntryBytes;
  objects_.push_back(segment);
  return Status::Ok();
}

LoadStaging::~LoadStaging() {
  list_.reset();
  if (leave_all_) return;
  ObjectStore store(disk_, store_path_);
  bool removed = true;
  if (!keep_objects_) {
    for (const Id128& id : objects_) {
      removed = store.Remove(ObjectKind::kSegment, id).ok() && removed;
    }
  }
  // What cannot be removed now, the next open removes by the list.
  if (removed) RemoveLoadDirectory(disk_, directory_).IgnoreError();
}

Status RemoveStagingResidue(Disk& disk, const std::string& store_path,
                            const std::function<Result<bool>(const Id128&)>& is_named) {
  const std::string staging = StagingDir(store_path);
  auto entries = disk.List(staging);
  if (entries.status().code() == Code::kNotFound) return Status::Ok();  // nothing was ever staged
  MENDFS_RETURN_IF_ERROR(entries.status());
  for (const DirEntry& entry : *entries) {
    const std::string path = staging + "/" + entry.name;
    if (IsLoadDirectory(entry)) {
      MENDFS_RETURN_IF_ERROR(RemoveLoadResidue(disk, store_path, path, is_named));
    } else if (entry.kind == FileKind::kRegular) {
      const auto object = ParseObjectStagingName(entry.name);
      if (!object) continue;
      // An open pack is named, though it is not sealed yet. A sealed object may have kept the name
      // that it was renamed from: a power cut can leave both.
      MENDFS_ASSIGN_OR_RETURN(const bool named, is_named(*object));
      MENDFS_ASSIGN_OR_RETURN(const bool sealed, IsSealed(disk, store_path, entry.name, *object));
      if (!named || sealed) MENDFS_RETURN_IF_ERROR(IgnoreNotFound(disk.Remove(path)));
    }
  }
  return Status::Ok();
}

}  // namespace mendfs
