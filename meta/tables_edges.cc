// Writes of edge rows, and the sweep of those whose ends are gone.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "meta/base/failpoint.h"
#include "meta/table/edges.h"
#include "meta/tables_core.h"

namespace mendfs {
namespace {

constexpr uint64_t kSweepEdgesPerChange = 500;  // two entries each
constexpr uint64_t kSweepRowsPerCall = 10'000;  // of those that have no edges left

// One edge by the names of its ends.
struct EdgeAddress {
  std::string_view source_key;
  std::string_view target_key;
  uint32_t number = 1;
};

std::string TextOf(const EdgeType& type, const EdgeAddress& name) {
  return EdgeText(type, name.source_key, name.target_key, name.number);
}

std::vector<uint64_t> EntitiesOf(const EdgeType& type, const EdgeAddress& name) {
  // Both ends, so that neither can go meanwhile; nothing else can reach the edge without them.
  std::vector<uint64_t> entities = {RowEntity(type.source, name.source_key),
                                    RowEntity(type.target, name.target_key)};
  AddBoundEntity(type, entities);
  return entities;
}

Result<InodeNumber> FindEnd(const TableCore& core, const NodeType& type, std::string_view key) {
  MENDFS_ASSIGN_OR_RETURN(const auto stored, FindRow(core.reader(), core.view, type.id, key));
  if (stored) return stored->head.row;
  return Status(Code::kInvalid,
                "there is no row " + RowText(type, key) + "; write it before edges to or from it");
}

struct StoredEdge {
  EdgeEnds ends;
  std::optional<std::string> value;  // nothing: both ends are there, the edge is not

  std::string_view body(const EdgeHead& head) const {
    return std::string_view(*value).substr(head.body_offset);
  }
};

// kInvalid names the end that is missing.
Result<StoredEdge> FindEdge(const TableCore& core, const EdgeRules& edge, const EdgeAddress& name) {
  StoredEdge stored;
  MENDFS_ASSIGN_OR_RETURN(stored.ends.source, FindEnd(core, *edge.source, name.source_key));
  MENDFS_ASSIGN_OR_RETURN(stored.ends.target, FindEnd(core, *edge.target, name.target_key));
  stored.ends.number = name.number;
  auto entry = core.reader().Get(core.view, EdgeKey(edge.type->id, stored.ends));
  if (entry.ok()) {
    stored.value = std::move(entry->value);
  } else if (entry.status().code() != Code::kNotFound) {
    return entry.status();
  }
  return stored;
}

// As FindEdge, for an edge that has to be there.
Result<StoredEdge> NeedEdge(const TableCore& core, const EdgeRules& edge, const EdgeAddress& name) {
  auto stored = FindEdge(core, edge, name);
  const bool no_end = !stored.ok() && stored.status().code() == Code::kInvalid;
  if (no_end || (stored.ok() && !stored->value)) {
    return Status(Code::kNotFound, "there is no " + TextOf(*edge.type, name));
  }
  return stored;
}

void PutEdgeEntries(const EdgeType& type, const EdgeEnds& ends, std::string value, bool fresh,
                    Change& change) {
  if (fresh) {
    change.PutFresh(EdgeKey(type.id, ends), std::move(value));
    change.Put(EdgeReverseKey(type.id, ends), {});
  } else {
    change.Put(EdgeKey(type.id, ends), std::move(value));
  }
}

Result<EdgeRow> PutEdgeOnce(TableCore& core, TypeId type, const EdgeAddress& name,
                            std::string_view body, const PutOptions& options) {
  const auto& [source_key, target_key, number] = name;
  const TableHold gate(core.door);
  MENDFS_RETURN_IF_ERROR(gate.status());
  MENDFS_ASSIGN_OR_RETURN(const EdgeRules edge, core.FindEdgeType(type));
  if (number == 0) return Status(Code::kInvalid, "the numbers of parallel edges begin with 1");
  const std::string text = TextOf(*edge.type, name);
  Checking& checking = CheckingFor(edge.rules);
  Status status =
      checking.checker.CheckEdge(*edge.type, body, source_key, target_key, checking.row);
  if (!status.ok()) return status.Annotate(text);
  const EntityLocks::Held held(core.door.locks(), EntitiesOf(*edge.type, name));

  const auto stored = FindEdge(core, edge, name);
  if (!stored.ok()) return stored.status().Annotate(text);
  EdgeRow row;
  row.ends = stored->ends;
  row.source_key = source_key;
  row.target_key = target_key;
  row.size_bytes = body.size();
  if (stored->value) {
    if (options.create_only) return Status(Code::kExists, "there is " + text + " already");
    MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(*stored->value));
    row.attributes = core.Stamp(head.attributes, options.attributes);
  } else {
    status = CheckRoomForEdge(core.reader(), core.view, *edge.type, row.ends.source, source_key);
    if (!status.ok()) return status.Annotate(text);
    row.attributes = core.Stamp({}, options.attributes);
  }
  std::string value;
  AppendEdgeValue(value, row.attributes, body);
  Change change = core.NewChange();
  PutEdgeEntries(*edge.type, row.ends, std::move(value), !stored->value, change);
  MENDFS_RETURN_IF_ERROR(core.Publish(change, Room::kAdds));
  return row;
}

}  // namespace

Result<EdgeRow> TableWriter::PutEdge(TypeId type, std::string_view source_key,
                                     std::string_view target_key, uint32_t number,
                                     std::string_view body, const PutOptions& options) {
  const EdgeAddress name{source_key, target_key, number};
  return AddWithRoom(core_->door, [&] { return PutEdgeOnce(*core_, type, name, body, options); });
}

Status TableWriter::CheckEdge(TypeId type, std::string_view source_key, std::string_view target_key,
                              uint32_t number, std::optional<std::string_view> body) {
  MENDFS_RETURN_IF_ERROR(core_->door.AwaitRoom(false));
  const EdgeAddress name{source_key, target_key, number};
  ReaderLock gate(core_->door.table_gate());
  MENDFS_ASSIGN_OR_RETURN(const EdgeRules edge, core_->FindEdgeType(type));
  if (number == 0) return {Code::kInvalid, "the numbers of parallel edges begin with 1"};
  const std::string text = TextOf(*edge.type, name);
  Status status;
  if (body) {
    Checking& checking = CheckingFor(edge.rules);
    status = checking.checker.CheckEdge(*edge.type, *body, source_key, target_key, checking.row);
  }
  if (!status.ok()) return status.Annotate(text);
  const auto stored = FindEdge(*core_, edge, name);
  if (!stored.ok()) return stored.status().Annotate(text);
  if (stored->value) return status;
  status =
      CheckRoomForEdge(core_->reader(), core_->view, *edge.type, stored->ends.source, source_key);
  return status.ok() ? status : status.Annotate(text);
}

Status TableWriter::DeleteEdge(TypeId type, std::string_view source_key,
                               std::string_view target_key, uint32_t number) {
  const EdgeAddress name{source_key, target_key, number};
  const TableHold gate(core_->door, TableHold::Mode::kShared, TableHold::Purpose::kDelete);
  MENDFS_RETURN_IF_ERROR(gate.status());
  MENDFS_ASSIGN_OR_RETURN(const EdgeRules edge, core_->FindEdgeType(type));
  const EntityLocks::Held held(core_->door.locks(), EntitiesOf(*edge.type, name));
  MENDFS_ASSIGN_OR_RETURN(const StoredEdge stored, NeedEdge(*core_, edge, name));
  const Status status =
      CheckEdgeMayGo(core_->reader(), core_->view, *edge.type, stored.ends.source, source_key);
  if (!status.ok()) return status.Annotate("delete " + TextOf(*edge.type, name));
  Change change = core_->NewChange();
  change.Clear(EdgeKey(type, stored.ends));
  change.Clear(EdgeReverseKey(type, stored.ends));
  return core_->Publish(change, Room::kFrees);
}

Status TableWriter::SetEdgeAttributes(TypeId type, std::string_view source_key,
                                      std::string_view target_key, uint32_t number,
                                      const RowAttributes& attributes) {
  const EdgeAddress name{source_key, target_key, number};
  const TableHold gate(core_->door);
  MENDFS_RETURN_IF_ERROR(gate.status());
  MENDFS_ASSIGN_OR_RETURN(const EdgeRules edge, core_->FindEdgeType(type));
  const EntityLocks::Held held(core_->door.locks(), EntitiesOf(*edge.type, name));
  MENDFS_ASSIGN_OR_RETURN(const StoredEdge stored, NeedEdge(*core_, edge, name));
  MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(*stored.value));
  const RowAttributes merged = MergeAttributes(head.attributes, attributes);
  if (merged == head.attributes) return Status::Ok();
  std::string value;
  AppendEdgeValue(value, merged, stored.body(head));
  Change change = core_->NewChange();
  PutEdgeEntries(*edge.type, stored.ends, std::move(value), false, change);
  return core_->Publish(change, Room::kKeeps);
}

namespace {

// What an earlier open left. Nobody deletes meanwhile, so that what this one does is in the queue.
Status ReadOwed(TableCore& core) {
  WriterLock gate(core.door.table_gate());
  core.swept.BeginOwed();
  const auto cursor = core.reader().Scan(core.view, PrefixRange(DeadRowPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    const auto type = ParseTypeOf(cursor->key());
    const auto row = ParseDeadRowKey(cursor->key());
    if (!type || !row) return {Code::kCorruption, "read what the sweep owes: malformed key"};
    if (!core.swept.AddOwed(*type, *row)) break;
  }
  return cursor->status();
}

// Clears up to `edges_max` edges of the first row that waits, gone since `before_ns`.
//
//   1 collected, with the entry that says they are owed when none is left · 2 published · 3 noted
//
// A crash before 2 leaves all of them owed, one after 2 the rest; the next open goes on from there.
Result<uint64_t> SweepSome(TableCore& core, const GoneRow& gone, int64_t before_ns,
                           uint64_t edges_max) {
  ReaderLock gate(core.door.table_gate());
  const std::array<uint64_t, 1> entities = {NumberEntity(gone.type, gone.row)};
  const EntityLocks::Held held(core.door.locks(), entities);
  MENDFS_ASSIGN_OR_RETURN(const auto live,
                          FindRowKey(core.reader(), core.view, gone.type, gone.row));
  if (live) {
    core.swept.Drop(gone);
    return uint64_t{0};
  }
  // It may have come back and gone again before it was locked: then it waits anew.
  const auto first = core.swept.First(before_ns);
  if (!first || first->type != gone.type || first->row != gone.row) return uint64_t{0};
  MENDFS_ASSIGN_OR_RETURN(const auto rules, core.catalog.RulesAt(core.view));
  Change change = core.NewChange();
  MENDFS_ASSIGN_OR_RETURN(
      const SweptChunk chunk,
      CollectSwept(core.reader(), core.view, rules->schema(), *first, edges_max, change));
  core.swept.Begin(*first);
  MENDFS_FAILPOINT(kSweepBeforeChunk);
  MENDFS_RETURN_IF_ERROR(core.Publish(change, Room::kFrees));
  MENDFS_FAILPOINT(kSweepAfterChunk);
  if (chunk.done) {
    core.swept.Drop(*first);
  } else {
    core.swept.Advance(*first, chunk.last);
  }
  return chunk.edges;
}

}  // namespace

Result<uint64_t> TableWriter::SweepEdges(uint64_t limit) {
  if (core_->swept.WantsOwed()) MENDFS_RETURN_IF_ERROR(ReadOwed(*core_));
  uint64_t cleared = 0;
  uint64_t empty_rows = 0;
  while (cleared < limit && empty_rows < kSweepRowsPerCall) {
    const int64_t before_ns = core_->door.NowNs() - kReattachNs;
    const auto gone = core_->swept.First(before_ns);
    if (!gone) break;
    const uint64_t edges_max = std::min(limit - cleared, kSweepEdgesPerChange);
    MENDFS_ASSIGN_OR_RETURN(const uint64_t edges, SweepSome(*core_, *gone, before_ns, edges_max));
    cleared += edges;
    if (edges == 0) ++empty_rows;
  }
  return cleared;
}

}  // namespace mendfs
