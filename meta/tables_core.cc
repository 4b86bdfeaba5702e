#include "meta/tables_core.h"

#include <optional>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/table/edges.h"

namespace mendfs {
namespace {

// Tells the kinds of entities apart before they are hashed.
enum class EntityKind : unsigned char { kRow = 1, kNumber = 2, kUnique = 3, kBound = 4 };

std::string EntityText(EntityKind kind, TypeId type) {
  std::string text(1, static_cast<char>(kind));
  PutU32(text, type.value);
  return text;
}

}  // namespace

uint64_t RowEntity(TypeId type, std::string_view key) {
  return HashXxh3(EntityText(EntityKind::kRow, type).append(key));
}

uint64_t NumberEntity(TypeId type, InodeNumber row) {
  std::string text = EntityText(EntityKind::kNumber, type);
  PutU64(text, row.value);
  return HashXxh3(text);
}

void AddUniqueEntities(TypeId type, const CheckedRow& checked, std::vector<uint64_t>& entities) {
  for (const IndexValue& value : checked.values) {
    if (!value.unique) continue;
    std::string text = EntityText(EntityKind::kUnique, type);
    PutU32(text, value.property.value);
    entities.push_back(HashXxh3(text.append(checked.BytesOf(value))));
  }
}

void AddBoundEntity(const EdgeType& type, std::vector<uint64_t>& entities) {
  if (IsBounded(type)) entities.push_back(HashXxh3(EntityText(EntityKind::kBound, type.id)));
}

void AddBoundEntities(const Schema& schema, TypeId type, std::vector<uint64_t>& entities) {
  for (const EdgeType& edge : schema.edges) {
    if (edge.source == type || edge.target == type) AddBoundEntity(edge, entities);
  }
}

std::string RowText(const NodeType& type, std::string_view key) {
  return type.name + "/" + std::string(key);
}

Checking& CheckingFor(const std::shared_ptr<const RowRules>& rules) {
  thread_local std::optional<Checking> checking;
  if (!checking || &checking->checker.rules() != rules.get()) checking.emplace(rules);
  return *checking;
}

// ------------------------------------------------------------------------------------------
// TableCore
Result<NodeRules> TableCore::FindNodeType(TypeId type) {
  NodeRules node;
  MENDFS_ASSIGN_OR_RETURN(node.rules, catalog.RulesAt(view));
  node.type = node.schema().FindNode(type);
  if (node.type != nullptr) return node;
  return Status(Code::kNotFound, "the schema has no node type " + std::to_string(type.value));
}

Result<EdgeRules> TableCore::FindEdgeType(TypeId type) {
  EdgeRules edge;
  MENDFS_ASSIGN_OR_RETURN(edge.rules, catalog.RulesAt(view));
  edge.type = edge.schema().FindEdge(type);
  if (edge.type == nullptr) {
    return Status(Code::kNotFound, "the schema has no edge type " + std::to_string(type.value));
  }
  edge.source = edge.schema().FindNode(edge.type->source);
  edge.target = edge.schema().FindNode(edge.type->target);
  if (edge.source == nullptr || edge.target == nullptr) {
    return Status(Code::kCorruption, "the schema has no ends for " + edge.type->name);
  }
  return edge;
}

Result<StoredRow> TableCore::NeedRow(const NodeType& type, std::string_view key) const {
  auto stored = FindRow(reader(), view, type.id, key);
  if (!stored.ok()) return stored.status().Annotate(RowText(type, key));
  if (*stored) return **std::move(stored);
  return Status(Code::kNotFound, "there is no row " + RowText(type, key));
}

RowAttributes TableCore::Stamp(const RowAttributes& stored, const RowAttributes& given) {
  RowAttributes attributes = MergeAttributes(stored, given);
  if (given.mtime_ns == 0) attributes.mtime_ns = door.NowNs();
  return attributes;
}

Result<IndexKeys> TableCore::StoredIndexKeys(const NodeRules& node, std::string_view key,
                                             const StoredRow& stored) const {
  if (!HasIndexes(*node.type)) return IndexKeys();
  Checking& checking = CheckingFor(node.rules);
  const Status status = checking.checker.CheckNode(*node.type, stored.body(), key, checking.stored);
  if (status.ok()) return IndexKeysOf(node.type->id, stored.head.row, checking.stored);
  // Written under an older schema: only the entries themselves tell what they are.
  return ScanIndexKeys(reader(), view, *node.type, stored.head.row);
}

Result<bool> TableCore::OweSweep(const Schema& schema, TypeId type, InodeNumber row,
                                 Change& change) const {
  MENDFS_ASSIGN_OR_RETURN(const bool has_edges, HasEdges(reader(), view, schema, type, row));
  if (has_edges) change.Put(DeadRowKey(type, row), {});
  return has_edges;
}

void TableCore::NoteGone(TypeId type, InodeNumber row) {
  // A full queue finds it by its entry later.
  static_cast<void>(swept.Add(type, row, door.NowNs()));
}

}  // namespace mendfs
