#include "meta/pack/open_object.h"

#include <algorithm>
#include <utility>

#include "meta/base/log.h"

namespace mendfs {
namespace {

struct Points {
  Failpoint after_create;
  Failpoint after_name;
  Failpoint after_seal;
};

Points PointsOf(ObjectKind kind) {
  if (kind == ObjectKind::kBlob) {
    return {Failpoint::kBlobAfterCreate, Failpoint::kBlobAfterName, Failpoint::kBlobAfterSeal};
  }
  return {Failpoint::kPackAfterCreate, Failpoint::kPackAfterName, Failpoint::kPackAfterSeal};
}

void Raise(std::atomic<uint64_t>& value, uint64_t to) {
  uint64_t before = value.load();
  while (before < to && !value.compare_exchange_weak(before, to)) {
  }
}

// A footer that a crash left behind the payload is none of it; anything else is. A blob has none.
Result<uint64_t> PayloadBytes(const File& file, ObjectKind kind, const Id128& id) {
  MENDFS_ASSIGN_OR_RETURN(const uint64_t file_bytes, file.Size());
  if (kind == ObjectKind::kBlob || file_bytes < kObjectTailBytes) return file_bytes;
  std::string tail(kObjectTailBytes, '\0');
  MENDFS_ASSIGN_OR_RETURN(const size_t got,
                          file.ReadAt(file_bytes - tail.size(), tail.size(), tail.data()));
  const auto info = DecodeObjectTail(std::string_view(tail).substr(0, got));
  const bool ours = info.ok() && info->id == id && info->file_size_bytes == file_bytes;
  return ours ? info->size_bytes : file_bytes;
}

// What an unfinished sealing may have left of a blob whose bytes are an object, or none.
void RemoveStagedMeta(ObjectStore& objects, const OpenObject& object) {
  if (object.kind != ObjectKind::kBlob) return;
  objects.disk().Remove(BlobMetaPath(objects.StagingPathOf(object.kind, object.id))).IgnoreError();
}

}  // namespace

// ------------------------------------------------------------------------------------- places
uint64_t OpenObject::Take(uint64_t size_bytes) {
  const uint64_t offset = end.fetch_add(size_bytes);
  written_end.Take(offset, size_bytes);
  writers.fetch_add(1);
  return offset;
}

// In this order: a sync that counts the run also counts its place.
void OpenObject::Filled(uint64_t offset) {
  written_end.Fill(offset);
  written.fetch_add(1);
}

void OpenObject::GiveBack(uint64_t offset, uint64_t size_bytes) {
  if (end.load() == offset + size_bytes && file->Truncate(offset).ok()) {
    end.store(offset);
    written_end.GiveBack(offset);
  } else {
    written_end.Fill(offset);
  }
}

Status OpenObject::Sync() {
  const uint64_t written_before = written.load();
  const uint64_t end_before = written_end.Get();
  if (file == nullptr || synced.load() >= written_before) return Status::Ok();
  // Two that sync at once both do: each answers for what was written before it began. A failed one
  // may have dropped bytes that no later one brings back.
  Status status = lost.load() ? Status(Code::kIo, "an earlier sync of it failed") : file->Sync();
  if (!status.ok()) {
    lost.store(true);
    return status.Annotate("sync " + Name());
  }
  Raise(synced_end, end_before);
  Raise(synced, written_before);
  return Status::Ok();
}

// ------------------------------------------------------------------------------------- making
Result<std::vector<OpenObjectPtr>> MakeOpenObjects(ObjectStore& objects, PackRows& rows,
                                                   ObjectKind kind, size_t count) {
  Disk& disk = objects.disk();
  std::vector<OpenObjectPtr> made;
  Status status;
  for (size_t i = 0; i < count && status.ok(); ++i) {
    auto object = std::make_shared<OpenObject>();
    object->kind = kind;
    object->id = RandomId();
    auto file = disk.Open(objects.StagingPathOf(kind, object->id), OpenMode::kCreate);
    status = file.status();
    if (!file.ok()) break;
    object->file = *std::move(file);
    made.push_back(std::move(object));
    status = HitFailpoint(PointsOf(kind).after_create);
  }
  for (const OpenObjectPtr& object : made) {
    if (status.ok()) status = object->file->Sync();
  }
  if (status.ok()) {
    status = disk.SyncDir(ParentPath(objects.StagingPathOf(kind, made.front()->id)));
  }
  size_t named = 0;
  while (status.ok() && named < made.size()) {
    status = rows.NameOpen(kind, made[named]->id);
    if (status.ok()) ++named;
  }
  for (; made.size() > named; made.pop_back()) {
    // Residue by its name otherwise.
    disk.Remove(objects.StagingPathOf(kind, made.back()->id)).IgnoreError();
  }
  if (!made.empty()) return made;
  return status.Annotate("open a " + std::string(ObjectKindName(kind)));
}

Result<OpenObjectPtr> FindOpenObject(ObjectStore& objects, ObjectKind kind, const Id128& id,
                                     uint64_t synced_bytes) {
  auto object = std::make_shared<OpenObject>();
  object->kind = kind;
  object->id = id;
  const std::string path = objects.StagingPathOf(kind, id);
  const std::string word(ObjectKindName(kind));
  auto file = objects.disk().Open(path, OpenMode::kReadWrite);
  if (file.ok()) {
    object->file = *std::move(file);
    MENDFS_RETURN_IF_ERROR(object->file->Sync());
    MENDFS_ASSIGN_OR_RETURN(const uint64_t end, PayloadBytes(*object->file, kind, id));
    object->end.store(end);
    object->synced_end.store(end);
    object->is_short = end < synced_bytes;
    if (object->is_short) {
      LogLine(LogLevel::kError, "pack",
              "an open " + word +
                  " is shorter than what was synced of it; run fsck.mendfs to see what refers to "
                  "the missing bytes",
              {{word, ToHex(id)},
               {"path", path},
               {"bytes", std::to_string(end)},
               {"synced_bytes", std::to_string(synced_bytes)}});
    }
    return object;
  }
  if (objects.Open(kind, id).ok()) return object;
  // Reads of what it held answer the damage; the store is of use without it.
  LogLine(LogLevel::kError, "pack", "an open " + word + " is damaged or missing",
          {{word, ToHex(id)}, {"path", path}, {"reason", file.status().ToString()}});
  return OpenObjectPtr();
}

// ------------------------------------------------------------------------------------- sealing
namespace {

Result<bool> SealStaged(ObjectStore& objects, OpenObject& object, uint64_t& budget_bytes,
                        ObjectInfo& info) {
  const std::string path = objects.StagingPathOf(object.kind, object.id);
  uint64_t payload_bytes = object.end.load();
  if (object.file != nullptr && object.kind == ObjectKind::kBlob) {
    // Places at the end that were not filled, and could not be given back.
    MENDFS_ASSIGN_OR_RETURN(const uint64_t file_bytes, object.file->Size());
    payload_bytes = std::min(payload_bytes, file_bytes);
  }
  if (payload_bytes < object.hash.hashed_bytes()) {
    return Status(Code::kCorruption, "seal " + path + ": it became shorter");
  }
  MENDFS_RETURN_IF_ERROR(object.hash.Step(*object.file, path, payload_bytes, budget_bytes));
  if (object.hash.hashed_bytes() < payload_bytes) return false;
  MENDFS_ASSIGN_OR_RETURN(info, objects.SealStaged(object.kind, object.id, object.hash));
  return true;
}

}  // namespace

Result<bool> SealOpenObject(ObjectStore& objects, PackRows& rows, OpenObject& object,
                            uint64_t& budget_bytes) {
  if (object.lost.load()) return Status(Code::kIo, object.Name() + " was not synced");
  // An object under a final name is found by its row alone.
  MENDFS_RETURN_IF_ERROR(rows.SyncNames());
  Disk& disk = objects.disk();
  const std::string staged = objects.StagingPathOf(object.kind, object.id);
  ObjectInfo info;
  if (object.file == nullptr || disk.Stat(staged).status().code() == Code::kNotFound) {
    // It was renamed, and then somebody died or failed: the names are made durable first.
    MENDFS_ASSIGN_OR_RETURN(auto sealed, objects.Open(object.kind, object.id));
    info = sealed->info();
    RemoveStagedMeta(objects, object);
    MENDFS_RETURN_IF_ERROR(disk.SyncDir(ParentPath(sealed->path())));
    MENDFS_RETURN_IF_ERROR(disk.SyncDir(ParentPath(staged)));
  } else if (object.end.load() == 0 && !object.is_short) {
    // Manifest first: a file that no row names is residue by its id. But a .meta that an unfinished
    // sealing has named would have no owner.
    if (object.kind == ObjectKind::kBlob) {
      MENDFS_RETURN_IF_ERROR(objects.Remove(object.kind, object.id));
    }
    MENDFS_RETURN_IF_ERROR(rows.ForgetOpen(object.id));
    RemoveStagedMeta(objects, object);
    disk.Remove(staged).IgnoreError();
    return true;
  } else {
    MENDFS_ASSIGN_OR_RETURN(const bool done, SealStaged(objects, object, budget_bytes, info));
    if (!done) return false;
  }
  MENDFS_RETURN_IF_ERROR(HitFailpoint(PointsOf(object.kind).after_seal));
  MENDFS_RETURN_IF_ERROR(rows.NameSealed(info));
  return true;
}

}  // namespace mendfs
