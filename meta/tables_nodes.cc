// Writes of node rows.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "meta/table/edges.h"
#include "meta/tables_core.h"
#include "meta/tables_rekey.h"

namespace mendfs {
namespace {

constexpr int kRenameAttemptsMax = 16;

NodeRow Written(const RowWrite& write) {
  NodeRow row;
  row.row = write.row;
  row.key = write.key;
  row.size_bytes = write.body.size();
  row.attributes = write.attributes;
  return row;
}

NodeRow Standing(std::string_view key, const StoredRow& stored) {
  NodeRow row;
  row.row = stored.head.row;
  row.key = key;
  row.size_bytes = stored.body().size();
  row.attributes = stored.head.attributes;
  return row;
}

}  // namespace

TableWriter::TableWriter(Door& door, BranchId branch)
    : core_(std::make_unique<Core>(door, branch)) {}
TableWriter::~TableWriter() = default;

namespace {

// May this dead number come back with its edges? The caller holds its entity.
Result<bool> MayReuse(const Reader& reader, const View& view, const NodeRules& node,
                      const SweepQueue& swept, InodeNumber row) {
  MENDFS_ASSIGN_OR_RETURN(const auto live, FindRowKey(reader, view, node.type->id, row));
  if (live || swept.IsBeingSwept(node.type->id, row)) return false;
  if (!swept.Holds(node.type->id, row)) {
    // Owed by an earlier open, which may have cleared some of its edges.
    const auto owed = reader.Get(view, DeadRowKey(node.type->id, row));
    if (owed.ok()) return false;
    if (owed.status().code() != Code::kNotFound) return owed.status();
  }
  return FitsBack(reader, view, node.schema(), node.type->id, row);
}

Result<NodeRow> PutNodeOnce(TableCore& core, TypeId type, std::string_view key,
                            std::string_view body, const PutOptions& options) {
  ReaderLock gate(core.door.table_gate());
  MENDFS_ASSIGN_OR_RETURN(const NodeRules node, core.FindNodeType(type));
  Checking& checking = CheckingFor(node.rules);
  Status status = checking.checker.CheckNode(*node.type, body, key, checking.row);
  if (!status.ok()) return status.Annotate(RowText(*node.type, key));

  std::vector<uint64_t> entities = {RowEntity(type, key)};
  AddUniqueEntities(type, checking.row, entities);
  if (options.reuse_row) {
    entities.push_back(NumberEntity(type, *options.reuse_row));
    AddBoundEntities(node.schema(), type, entities);
  }
  const EntityLocks::Held held(core.door.locks(), entities);

  MENDFS_ASSIGN_OR_RETURN(const auto stored, FindRow(core.reader(), core.view, type, key));
  if (stored && options.create_only) {
    return Status(Code::kExists, "there is a row " + RowText(*node.type, key) + " already");
  }
  const std::array<InodeNumber, 1> own = {stored ? stored->head.row : InodeNumber(0)};
  status = CheckUnique(core.reader(), core.view, *node.type, checking.row, own);
  if (!status.ok()) return status.Annotate(RowText(*node.type, key));

  Change change = core.NewChange();
  RowWrite write;
  write.key = key;
  write.body = body;
  write.fresh_key = !stored;
  write.named = stored.has_value();
  write.attributes =
      core.Stamp(stored ? stored->head.attributes : RowAttributes(), options.attributes);
  IndexKeys had;
  if (stored) {
    write.row = stored->head.row;
    MENDFS_ASSIGN_OR_RETURN(had, core.StoredIndexKeys(node, key, *stored));
  } else {
    bool reuse = false;
    if (options.reuse_row) {
      MENDFS_ASSIGN_OR_RETURN(
          reuse, MayReuse(core.reader(), core.view, node, core.swept, *options.reuse_row));
    }
    if (reuse) {
      write.row = *options.reuse_row;
      change.Clear(DeadRowKey(type, write.row));
    } else {
      MENDFS_ASSIGN_OR_RETURN(write.row, core.door.TakeInodes(1));
      write.fresh_number = true;
    }
    write.long_name = LongNameHash(*node.type, key);
  }

  PutRowEntries(type, write, change);
  ChangeIndexes(had, IndexKeysOf(type, write.row, checking.row), write.fresh_number, change);
  MENDFS_RETURN_IF_ERROR(core.Publish(change, Room::kAdds));
  return Written(write);
}

}  // namespace

Result<NodeRow> TableWriter::PutNode(TypeId type, std::string_view key, std::string_view body,
                                     const PutOptions& options) {
  return AddWithRoom(core_->door, [&] { return PutNodeOnce(*core_, type, key, body, options); });
}

Result<InodeNumber> TableWriter::DeleteNode(TypeId type, std::string_view key) {
  ReaderLock gate(core_->door.table_gate());
  MENDFS_ASSIGN_OR_RETURN(const NodeRules node, core_->FindNodeType(type));
  std::vector<uint64_t> entities = {RowEntity(type, key)};
  AddBoundEntities(node.schema(), type, entities);
  const EntityLocks::Held held(core_->door.locks(), entities);

  MENDFS_ASSIGN_OR_RETURN(const StoredRow stored, core_->NeedRow(*node.type, key));
  const InodeNumber row = stored.head.row;
  const Status status = CheckRowMayGo(core_->reader(), core_->view, node.schema(), type, row);
  if (!status.ok()) return status.Annotate("delete " + RowText(*node.type, key));
  MENDFS_ASSIGN_OR_RETURN(const IndexKeys had, core_->StoredIndexKeys(node, key, stored));

  Change change = core_->NewChange();
  ClearRowKey(type, key, LongNameHash(*node.type, key), change);
  ClearRowNumber(type, row, change);
  MENDFS_ASSIGN_OR_RETURN(const bool owes, core_->OweSweep(node.schema(), type, row, change));
  ChangeIndexes(had, {}, false, change);
  MENDFS_RETURN_IF_ERROR(core_->Publish(change, Room::kFrees));
  if (owes) core_->NoteGone(type, row);
  return row;
}

namespace {

// One rename, with everything it needs read under the locks.
struct Renaming {
  std::string_view key;
  std::string_view new_key;
  std::string body;
  bool body_is_new = false;
  StoredRow source;
  std::optional<StoredRow> target;
};

// The body under the new key, judged.
Status PutRenamedBody(const NodeRules& node, std::optional<std::string_view> given,
                      const StoredRow& stored, Renaming& renaming, Checking& checking) {
  if (given) {
    renaming.body = *given;
  } else {
    MENDFS_ASSIGN_OR_RETURN(renaming.body,
                            RekeyBody(*node.type, stored.body(), renaming.key, renaming.new_key));
  }
  return checking.checker.CheckNode(*node.type, renaming.body, renaming.new_key, checking.row);
}

// The number and edges are the target's if there is one; everything else is the source's.
Result<NodeRow> ApplyRename(TableCore& core, const NodeRules& node, const Renaming& renaming,
                            const CheckedRow& checked) {
  const TypeId type = node.type->id;
  const InodeNumber old_row = renaming.source.head.row;
  const bool replaces = renaming.target.has_value();
  const bool moves = renaming.key != renaming.new_key;
  RowWrite write;
  write.key = renaming.new_key;
  write.row = replaces ? renaming.target->head.row : old_row;
  write.body = renaming.body;
  write.attributes = renaming.source.head.attributes;
  if (renaming.body_is_new) write.attributes.mtime_ns = core.door.NowNs();
  write.fresh_key = moves && !replaces;
  write.named = !moves;
  write.long_name = LongNameHash(*node.type, renaming.new_key);

  const std::array<InodeNumber, 2> own = {old_row, write.row};
  Status status = CheckUnique(core.reader(), core.view, *node.type, checked, own);
  if (status.ok() && replaces) {
    status = CheckRowMayGo(core.reader(), core.view, node.schema(), type, old_row);
  }
  if (!status.ok()) return status.Annotate("rename " + RowText(*node.type, renaming.key));

  MENDFS_ASSIGN_OR_RETURN(IndexKeys had, core.StoredIndexKeys(node, renaming.key, renaming.source));
  if (replaces) {
    MENDFS_ASSIGN_OR_RETURN(IndexKeys more,
                            core.StoredIndexKeys(node, renaming.new_key, *renaming.target));
    had.insert(had.end(), more.begin(), more.end());
    std::sort(had.begin(), had.end());
  }
  Change change = core.NewChange();
  if (moves) ClearRowKey(type, renaming.key, LongNameHash(*node.type, renaming.key), change);
  bool owes = false;
  if (replaces) {
    ClearRowNumber(type, old_row, change);
    MENDFS_ASSIGN_OR_RETURN(owes, core.OweSweep(node.schema(), type, old_row, change));
  }
  PutRowEntries(type, write, change);
  ChangeIndexes(had, IndexKeysOf(type, write.row, checked), false, change);
  MENDFS_RETURN_IF_ERROR(core.Publish(change, renaming.body_is_new ? Room::kAdds : Room::kKeeps));
  if (owes) core.NoteGone(type, old_row);
  return Written(write);
}

}  // namespace

Result<NodeRow> TableWriter::RenameNode(TypeId type, std::string_view key, std::string_view new_key,
                                        std::optional<std::string_view> body) {
  ReaderLock gate(core_->door.table_gate());
  MENDFS_ASSIGN_OR_RETURN(const NodeRules node, core_->FindNodeType(type));
  Checking& checking = CheckingFor(node.rules);
  Renaming renaming{.key = key, .new_key = new_key};
  renaming.body_is_new = body.has_value();
  for (int attempt = 0; attempt < kRenameAttemptsMax; ++attempt) {
    // The body tells which unique values to lock, so it is read before and compared after.
    MENDFS_ASSIGN_OR_RETURN(const StoredRow before, core_->NeedRow(*node.type, key));
    if (!body && key == new_key) return Standing(key, before);
    const Status status = PutRenamedBody(node, body, before, renaming, checking);
    if (!status.ok()) {
      return status.Annotate("rename " + RowText(*node.type, key) + " to " +
                             RowText(*node.type, new_key));
    }
    std::vector<uint64_t> entities = {RowEntity(type, key), RowEntity(type, new_key)};
    AddUniqueEntities(type, checking.row, entities);
    AddBoundEntities(node.schema(), type, entities);
    const EntityLocks::Held held(core_->door.locks(), entities);
    MENDFS_ASSIGN_OR_RETURN(renaming.source, core_->NeedRow(*node.type, key));
    if (!body && renaming.source.start != before.start) continue;
    renaming.target.reset();
    if (key != new_key) {
      MENDFS_ASSIGN_OR_RETURN(renaming.target,
                              FindRow(core_->reader(), core_->view, type, new_key));
    }
    return ApplyRename(*core_, node, renaming, checking.row);
  }
  return Status(Code::kBusy, "rename " + RowText(*node.type, key) +
                                 ": other writers keep changing it; try again");
}

Status TableWriter::SetNodeAttributes(TypeId type, std::string_view key,
                                      const RowAttributes& attributes) {
  ReaderLock gate(core_->door.table_gate());
  MENDFS_ASSIGN_OR_RETURN(const NodeRules node, core_->FindNodeType(type));
  const std::array<uint64_t, 1> entities = {RowEntity(type, key)};
  const EntityLocks::Held held(core_->door.locks(), entities);
  MENDFS_ASSIGN_OR_RETURN(const StoredRow stored, core_->NeedRow(*node.type, key));

  RowWrite write;
  write.key = key;
  write.row = stored.head.row;
  write.attributes = MergeAttributes(stored.head.attributes, attributes);
  write.body = stored.body();
  write.named = true;
  if (write.attributes == stored.head.attributes) return Status::Ok();
  Change change = core_->NewChange();
  PutRowEntries(type, write, change);
  return core_->Publish(change, Room::kKeeps);
}

Status TableWriter::CheckNode(TypeId type, std::string_view key, std::string_view body) {
  MENDFS_RETURN_IF_ERROR(core_->door.AwaitRoom(false));
  ReaderLock gate(core_->door.table_gate());
  MENDFS_ASSIGN_OR_RETURN(const NodeRules node, core_->FindNodeType(type));
  Checking& checking = CheckingFor(node.rules);
  Status status = checking.checker.CheckNode(*node.type, body, key, checking.row);
  if (status.ok()) {
    MENDFS_ASSIGN_OR_RETURN(const auto stored, FindRow(core_->reader(), core_->view, type, key));
    const std::array<InodeNumber, 1> own = {stored ? stored->head.row : InodeNumber(0)};
    status = CheckUnique(core_->reader(), core_->view, *node.type, checking.row, own);
  }
  return status.ok() ? status : status.Annotate(RowText(*node.type, key));
}

}  // namespace mendfs
