#include "fs/ops/rows/row_renames.h"

#include <sys/stat.h>

#include <optional>
#include <utility>

#include "meta/row_name.h"

namespace mendfs {
namespace {

Status TargetExists(std::string_view name) {
  return Status(Code::kExists, std::string(name) + " is there already");
}

}  // namespace

Status RowRenames::Rename(const Caller& caller, const Names& names) {
  bool from_row = IsRowName(names.source);
  bool to_row = IsRowName(names.target);
  if (!from_row && !to_row) return ScratchToScratch(caller, names);
  if (names.mode == RenameMode::kExchange) {
    return Status(Code::kInvalid, "rows cannot be exchanged; rename one after the other");
  }
  if (from_row && to_row) return RowToRow(names);
  return from_row ? RowToScratch(names) : ScratchToRow(caller, names);
}

Status RowRenames::ScratchToScratch(const Caller& caller, const Names& names) {
  MENDFS_ASSIGN_OR_RETURN(Node directory, scratch_.Directory(names.table));
  return scratch_.files().Rename(caller, directory,
                                 {.name = names.source,
                                  .new_parent = directory,
                                  .new_name = names.target,
                                  .mode = names.mode});
}

Result<RowFile> RowRenames::LiveRow(const Names& names) {
  MENDFS_ASSIGN_OR_RETURN(RowFile row, files_.kind().Look(names.table, names.source));
  if (row.live) return row;
  // One that is being written for the first time is not there yet.
  return Status(Code::kNotFound, std::string(names.source));
}

Status RowRenames::ScratchToRow(const Caller& caller, const Names& names) {
  MENDFS_ASSIGN_OR_RETURN(Attributes file, scratch_.Lookup(names.table, names.source));
  MENDFS_ASSIGN_OR_RETURN(RowFile target, files_.kind().Look(names.table, names.target));
  if (target.live && names.mode == RenameMode::kNoReplace) return TargetExists(names.target);
  MENDFS_ASSIGN_OR_RETURN(std::string body, scratch_.Read(file, kRowBodyBytesMax));
  Place place = target.place;
  std::optional<DetachedRow> detached;
  if (!target.live) {
    detached = files_.detached().Find(place, files_.context().store.door().NowNs());
    if (detached) place.row = detached->row.place.row;
  }
  Result<Place> put =
      files_.kind().Put(place, body, {.attributes = files_.AttributesOf(file, target.live)});
  if (!put.ok()) {
    // Most tools remove their scratch file now.
    files_.Refuse(caller, "rename", place, body, put.status());
    if (detached) files_.PutBack(caller, *detached);
    return put.status();
  }
  files_.detached().Drop(*put);
  files_.Unlink(InodeOf(*put));
  // The row is in place; a scratch file that stays behind expires by itself.
  Status removed = scratch_.Remove(names.table, names.source);
  return removed.code() == Code::kNotFound ? Status() : removed;
}

// 1 a copy beside it 2 the row is taken out 3 the copy gets its name. Crash after 2: the bytes are
// in the copy, and in the history of the row.
Status RowRenames::RowToScratch(const Names& names) {
  MENDFS_ASSIGN_OR_RETURN(RowFile row, LiveRow(names));
  Result<Attributes> target = scratch_.Lookup(names.table, names.target);
  if (!target.ok() && target.status().code() != Code::kNotFound) return target.status();
  if (target.ok()) {
    if (names.mode == RenameMode::kNoReplace) return TargetExists(names.target);
    if (S_ISDIR(target->mode)) return Status(Code::kIsDirectory, std::string(names.target));
  }
  Attributes shown = files_.Answer(row).attributes;
  MENDFS_ASSIGN_OR_RETURN(std::string copy,
                          scratch_.Write(names.table, {.body = row.body,
                                                       .permissions = shown.mode & 07777,
                                                       .uid = shown.uid,
                                                       .gid = shown.gid,
                                                       .mtime_ns = shown.mtime_ns}));
  Status status = files_.Remove(row);
  if (!status.ok()) {
    scratch_.Remove(names.table, copy).IgnoreError();  // else it expires
    return status;
  }
  MENDFS_ASSIGN_OR_RETURN(Node directory, scratch_.Directory(names.table));
  status = files_.context().file_writer.Rename(directory.id, copy, directory.id, names.target,
                                               RenameMode::kReplace);
  if (!status.ok()) {
    Status back = files_.kind().Put(row.place, row.body, {.attributes = row.attributes}).status();
    scratch_.Remove(names.table, copy).IgnoreError();
    return back.ok() ? status : back.Annotate("put the row back under its name");
  }
  return {};
}

Status RowRenames::RowToRow(const Names& names) {
  MENDFS_ASSIGN_OR_RETURN(RowFile source, LiveRow(names));
  MENDFS_ASSIGN_OR_RETURN(RowFile target, files_.kind().Look(names.table, names.target));
  if (target.live && names.mode == RenameMode::kNoReplace) return TargetExists(names.target);
  InodeNumber source_node = InodeOf(source.place);
  if (target.live && InodeOf(target.place) == source_node) return {};
  MENDFS_RETURN_IF_ERROR(files_.kind().Rename(source, target));
  if (target.live || !files_.kind().traits().has_number) {
    // The file is the target's from now on, and so are the drafts of the source.
    files_.Unlink(InodeOf(target.place));
    files_.Move(source_node, target.place);
  }
  files_.detached().Drop(target.place);
  return {};
}

}  // namespace mendfs
