#include "meta/store.h"

#include <chrono>

#include "meta/commit/config.h"
#include "meta/commit/engine.h"
#include "meta/commit/identity.h"
#include "meta/commit/load/load_staging.h"
#include "meta/files.h"
#include "meta/table/schema/schema_parser.h"
#include "meta/tables.h"
#include "meta/tree/names.h"

namespace mendfs {
namespace {

constexpr const char* kDirectories[] = {"journal", "manifest", "objects",
                                        "staging", "sidecars", "quarantine"};

Status CheckPlace(Disk& disk, const std::string& path) {
  auto info = disk.Stat(path);
  if (!info.ok()) {
    if (info.status().code() == Code::kNotFound) return Status::Ok();
    return info.status();
  }
  if (info->kind != FileKind::kDirectory) {
    return Status(Code::kExists, path + " is there and is no directory; choose another path");
  }
  MENDFS_ASSIGN_OR_RETURN(const auto entries, disk.List(path));
  if (entries.empty()) return Status::Ok();
  for (const DirEntry& entry : entries) {
    if (entry.name != "mendfs.json") continue;
    return Status(Code::kExists, path + " holds a MendFS store already; nothing was changed");
  }
  return Status(Code::kNotEmpty, path + " is not empty; choose an empty directory");
}

Change FirstChange(const CreateOptions& options, int64_t now_ns, Status& status) {
  Change change;
  BranchRow main;
  main.id = kMainBranch;
  main.incarnation = RandomId();
  change.PutGlobal(BranchKey("main"), EncodeBranchRow(main));
  status = MakeFilesRoot(change, options.owner_uid, options.owner_gid, now_ns);
  return change;
}

Status ApplyFirstSchema(Disk& disk, const std::string& path, const CreateOptions& options) {
  OpenOptions open;
  open.commit_interval_ms = 0;
  open.actor = "mkfs";
  MENDFS_ASSIGN_OR_RETURN(auto store, Store::Open(disk, path, open));
  if (!options.schema_text.empty()) {
    TableWriter tables(store->door(), kMainBranch);
    MENDFS_RETURN_IF_ERROR(tables.ApplySchema(options.schema_text).status());
  }
  return store->CloseCommit(kMainBranch, {"mkfs", "the store was made", Origin::kUser}).status();
}

// Has the manifest an entry for this object?
Result<bool> IsNamed(const Reader& reader, const Id128& object) {
  for (const std::string& key : {ObjectKey(object), OpenPackKey(object)}) {
    auto entry = reader.GetGlobal(key);
    if (entry.ok()) return true;
    if (entry.status().code() != Code::kNotFound) return entry.status();
  }
  return false;
}

}  // namespace

std::string_view HealthName(Health health) {
  switch (health) {
    case Health::kOk: return "ok";
    case Health::kDegraded: return "degraded";
    case Health::kRepairing: return "repairing";
    case Health::kReadOnly: return "readonly";
    case Health::kFailed: return "failed";
  }
  return "failed";
}

Status Store::Create(Disk& disk, const std::string& path, const CreateOptions& options) {
  MENDFS_RETURN_IF_ERROR(CheckPlace(disk, path));
  if (!options.schema_text.empty()) {
    MENDFS_RETURN_IF_ERROR(ParseSchema(options.schema_text).status());
  }
  // 1 directories · 2 manifest and journal with the first change · 3 config · 4 mendfs.json, which
  // makes the directory a store · 5 the schema, as the first commit. A crash before 4 leaves a
  // directory that is no store and that mkfs refuses as not empty.
  Status made = disk.MakeDir(path);
  if (!made.ok() && made.code() != Code::kExists) return made;
  for (const char* name : kDirectories) {
    MENDFS_RETURN_IF_ERROR(disk.MakeDir(path + "/" + name));
  }
  MENDFS_RETURN_IF_ERROR(disk.SyncDir(path));
  MENDFS_RETURN_IF_ERROR(disk.SyncDir(ParentPath(path)));

  StoreIdentity identity;
  const Id128 id = RandomId();
  identity.uuid = ToHex(id);
  identity.owner_uid = options.owner_uid;
  identity.owner_gid = options.owner_gid;
  identity.created_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
  Status status;
  const Change first = FirstChange(options, identity.created_ns, status);
  MENDFS_RETURN_IF_ERROR(status);
  MENDFS_RETURN_IF_ERROR(Engine::Lay(disk, path, id, first, identity.created_ns));
  MENDFS_RETURN_IF_ERROR(ReplaceFile(disk, path + "/config.toml", DefaultConfig()));
  MENDFS_RETURN_IF_ERROR(ReplaceFile(disk, path + "/mendfs.json", EncodeIdentity(identity)));
  return ApplyFirstSchema(disk, path, options);
}

Result<std::unique_ptr<Store>> Store::Open(Disk& disk, const std::string& path,
                                           const OpenOptions& options) {
  MENDFS_ASSIGN_OR_RETURN(const StoreIdentity identity, ReadIdentity(disk, path));
  MENDFS_ASSIGN_OR_RETURN(const StoreConfig config, ReadConfig(disk, path));
  OpenOptions configured = options;
  SpaceOptions& space = configured.space;
  if (!space.garbage_bytes_min) space.garbage_bytes_min = config.garbage_bytes_min;
  if (!space.journal_kept_bytes) space.journal_kept_bytes = config.journal_kept_bytes;
  MENDFS_ASSIGN_OR_RETURN(auto engine, Engine::Open(disk, path, identity, configured));
  if (options.access == OpenAccess::kReadWrite) {
    // What died with the last process: files that were unlinked while open, unfinished loads.
    FileWriter files(engine->door(), kMainBranch);
    MENDFS_RETURN_IF_ERROR(files.FreeOrphans());
    MENDFS_RETURN_IF_ERROR(RemoveStagingResidue(
        disk, path, [&](const Id128& object) { return IsNamed(engine->reader(), object); }));
  }
  engine->Start();
  return std::unique_ptr<Store>(std::move(engine));
}

}  // namespace mendfs
