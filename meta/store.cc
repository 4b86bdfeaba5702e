#include "meta/store.h"

#include <algorithm>

#include "meta/audit.h"
#include "meta/base/clock.h"
#include "meta/base/log.h"
#include "meta/commit/config.h"
#include "meta/commit/engine.h"
#include "meta/commit/identity.h"
#include "meta/commit/intent/recovery.h"
#include "meta/commit/load/load_staging.h"
#include "meta/disk/reserve.h"
#include "meta/files.h"
#include "meta/table/schema/schema_parser.h"
#include "meta/tables.h"
#include "meta/tree/names.h"

namespace mendfs {
namespace {

// What an empty store takes beside its reserve, and as much again.
constexpr uint64_t kFirstBytes = 1 << 20;
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

// Refused whole where the disk has not even that: what was made so far goes again.
Status TakeReserve(Disk& disk, const std::string& path, bool directory_is_new) {
  MENDFS_ASSIGN_OR_RETURN(const SpaceInfo space, disk.Space(path));
  const uint64_t size_bytes = ReserveBytes(space.total_bytes);
  const uint64_t wanted_bytes = size_bytes + kFirstBytes;
  Reserve reserve(disk, path);
  Status taken =
      space.available_bytes < wanted_bytes
          ? Status(Code::kNoSpace,
                   "the disk has " + std::to_string(space.available_bytes) + " bytes free")
          : reserve.Take(size_bytes);
  if (taken.ok()) return taken;
  reserve.GiveUp().IgnoreError();
  if (directory_is_new) disk.RemoveDir(path).IgnoreError();
  return taken.Annotate("make a store in " + path + ": it needs " + std::to_string(wanted_bytes) +
                        " bytes to begin with; nothing was made, choose a disk with more room");
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

// What died with the last process: multi-step writes, files that were unlinked while open, what was
// staged.
Status RecoverAll(Engine& engine) {
  engine.intents().UseHeal([&engine] { return HealSidecars(engine); });
  MENDFS_RETURN_IF_ERROR(RecoverAtOpen(engine));
  FileWriter files(engine.door(), kMainBranch);
  if (Status freed = files.FreeOrphans(); !freed.ok()) {
    // They wait for the next open; a disk without any room must not keep this one from working.
    if (!MetNoSpace(freed)) return freed;
    LogLine(LogLevel::kWarning, "commit", "files without a name stay: " + freed.ToString());
  }
  return RemoveStagingResidue(engine.disk(), engine.path(), engine.reader());
}

// Of what is on the disk, which reading can do without; who may, and what only a newer program
// understands, is none.
bool IsDamage(Disk& disk, const std::string& path, const Status& refused) {
  if (refused.code() == Code::kCorruption) return true;
  if (refused.code() != Code::kRecoveryNeeded) return false;
  const auto sidecars = LookAtSidecars(disk, path);
  if (!sidecars.ok()) return sidecars.status().code() != Code::kDenied;
  return std::none_of(sidecars->damaged.begin(), sidecars->damaged.end(),
                      [](const SidecarReport::Damaged& damaged) { return damaged.newer; });
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
  // 0 the reserve, so that a disk that is full is found out first · 1 directories · 2 manifest and
  // journal with the first change · 3 config · 4 mendfs.json, which makes the directory a store · 5
  // the schema, as the first commit. A crash before 4 leaves a directory that is no store and that
  // mkfs refuses as not empty.
  Status made = disk.MakeDir(path);
  if (!made.ok() && made.code() != Code::kExists) return made;
  MENDFS_RETURN_IF_ERROR(TakeReserve(disk, path, made.ok()));
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
  identity.created_ns = WallClockNs();
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
  MENDFS_ASSIGN_OR_RETURN(auto engine, Engine::Open(disk, path, identity, config, configured,
                                                    [&] { return CheckSidecars(disk, path); }));
  if (options.access == OpenAccess::kReadWrite) {
    MENDFS_RETURN_IF_ERROR(RecoverAll(*engine));
  } else {
    NoteSidecars(*engine);
  }
  engine->Start();
  return std::unique_ptr<Store>(std::move(engine));
}

Result<std::unique_ptr<Store>> Store::OpenWhatVerifies(
    Disk& disk, const std::string& path, OpenOptions options,
    const std::function<Status()>& before_reading) {
  auto opened = Open(disk, path, options);
  if (opened.ok() || !IsDamage(disk, path, opened.status())) return opened;
  options.access = OpenAccess::kReadOnly;
  options.last_good = true;
  options.refusal = opened.status().message();
  MENDFS_RETURN_IF_ERROR(before_reading());
  return Open(disk, path, options);
}

}  // namespace mendfs
