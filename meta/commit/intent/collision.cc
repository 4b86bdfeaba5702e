#include "meta/commit/intent/collision.h"

#include <algorithm>

#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

constexpr size_t kRowNumberBytes = 8;

std::string Shown(const ChangeEntry& entry, KeyKind kind) {
  const auto type = ParseTypeOf(entry.key);
  std::string text;
  switch (kind) {
    case KeyKind::kSchema: return "the schema";
    case KeyKind::kSegment: text = "a bulk write of type "; break;
    case KeyKind::kRow: text = "a row of type "; break;
    case KeyKind::kRowName:
    case KeyKind::kDeadRow: text = "a row that it joins, of type "; break;
    case KeyKind::kEdge:
    case KeyKind::kEdgeReverse: text = "an edge of type "; break;
    case KeyKind::kIndex: text = "a unique value of type "; break;
    default: text = "an entry of type "; break;
  }
  return text + (type ? std::to_string(type->value) : "?");
}

}  // namespace

Result<std::unique_ptr<PlanTouch>> PlanTouch::Open(const ObjectStore& objects,
                                                   const IntentPlan& plan) {
  std::unique_ptr<PlanTouch> touch(new PlanTouch(plan));
  for (const ChangeEntry& entry : plan.change.entries) {
    if (entry.scope == EntryScope::kGlobal) {
      if (entry.whiteout || !entry.key.starts_with(ObjectPrefix())) continue;
      const auto id = ParseObjectKey(entry.key);
      if (!id) return Status(Code::kCorruption, "the plan names an object by a malformed key");
      MENDFS_ASSIGN_OR_RETURN(const ObjectInfo info, DecodeObjectInfo(*id, entry.value));
      MENDFS_RETURN_IF_ERROR(objects.Open(info).status());
      continue;
    }
    const auto kind = KindOf(entry.key);
    const auto type = ParseTypeOf(entry.key);
    if (type) touch->types_.insert(*type);
    std::string_view first_key = entry.key;
    if (kind == KeyKind::kSegment && !entry.whiteout) {
      MENDFS_ASSIGN_OR_RETURN(const SegmentRef ref, DecodeSegmentRef(entry.value));
      MENDFS_ASSIGN_OR_RETURN(auto segment, SegmentReader::Open(objects, ref, nullptr));
      touch->segments_.push_back(std::move(segment));
      first_key = touch->segments_.back()->ref().first_key;
    } else {
      touch->plain_.insert(entry.key);
    }
    const auto held = KindOf(first_key);
    if (type && (held == KeyKind::kEdge || held == KeyKind::kEdgeReverse)) {
      touch->edge_types_.insert(*type);
    }
  }
  return touch;
}

Result<bool> PlanTouch::Writes(std::string_view key) const {
  if (plain_.find(key) != plain_.end()) return true;
  for (const auto& segment : segments_) {
    const SegmentRef& ref = segment->ref();
    if (key < ref.first_key || key > ref.last_key) continue;
    MENDFS_ASSIGN_OR_RETURN(const auto value, segment->Get(key));
    if (value) return true;
  }
  return false;
}

Result<bool> PlanTouch::WritesBelow(const std::string& prefix) const {
  const auto plain = plain_.lower_bound(prefix);
  if (plain != plain_.end() && plain->starts_with(prefix)) return true;
  for (const auto& segment : segments_) {
    if (segment->ref().last_key < prefix) continue;
    const auto cursor = segment->NewCursor();
    cursor->Seek(prefix);
    MENDFS_RETURN_IF_ERROR(cursor->status());
    if (cursor->Valid() && cursor->key().starts_with(prefix)) return true;
  }
  return false;
}

Result<bool> PlanTouch::JoinsRow(InodeNumber row) const {
  for (const TypeId type : edge_types_) {
    for (const std::string& prefix : {EdgePrefix(type, row), EdgeReversePrefix(type, row)}) {
      MENDFS_ASSIGN_OR_RETURN(const bool joins, WritesBelow(prefix));
      if (joins) return true;
    }
  }
  return false;
}

bool PlanTouch::IsWhole(const ChangeEntry& entry) const {
  const auto type = ParseTypeOf(entry.key);
  return type && std::find(plan_.whole.begin(), plan_.whole.end(), *type) != plan_.whole.end();
}

// A new edge to a row whose name the plan writes: it takes the row away, for nobody knows the
// numbers of the rows that it brings.
Result<bool> PlanTouch::WritesEnd(const EdgeEnds& ends) const {
  for (const TypeId type : types_) {
    for (const InodeNumber row : {ends.source, ends.target}) {
      MENDFS_ASSIGN_OR_RETURN(const bool writes, Writes(RowNameKey(type, row)));
      if (writes) return true;
    }
  }
  return false;
}

Result<bool> PlanTouch::TouchesEdge(const ChangeEntry& entry) const {
  MENDFS_ASSIGN_OR_RETURN(const bool same, Writes(entry.key));
  const auto type = ParseTypeOf(entry.key);
  if (same || !type || KindOf(entry.key) != KeyKind::kEdge) return same;
  const auto ends = ParseEdgeKey(entry.key);
  if (IsWhole(entry) || !ends) return true;
  const bool bounded =
      std::find(plan_.bounded.begin(), plan_.bounded.end(), *type) != plan_.bounded.end();
  if (bounded) {
    MENDFS_ASSIGN_OR_RETURN(const bool counted, WritesBelow(EdgePrefix(*type, ends->source)));
    if (counted) return true;
  }
  return WritesEnd(*ends);
}

Result<bool> PlanTouch::TouchesValue(const ChangeEntry& entry) const {
  MENDFS_ASSIGN_OR_RETURN(const bool same, Writes(entry.key));
  if (same || entry.key.size() <= kRowNumberBytes) return same;
  const std::string value = entry.key.substr(0, entry.key.size() - kRowNumberBytes);
  for (const IntentPlan::Column& column : plan_.unique) {
    if (value.starts_with(IndexPrefix(column.type, column.property))) return WritesBelow(value);
  }
  return false;
}

Result<bool> PlanTouch::Touches(const ChangeEntry& entry) const {
  const auto kind = KindOf(entry.key);
  if (!kind) return true;  // unsure
  const auto type = ParseTypeOf(entry.key);
  switch (*kind) {
    case KeyKind::kInode:
    case KeyKind::kDentry:
    case KeyKind::kExtent:
    case KeyKind::kXattr: return false;
    case KeyKind::kSchema: return true;
    case KeyKind::kSegment: return !type || types_.contains(*type);
    case KeyKind::kRow: return IsWhole(entry) ? Result<bool>(true) : Writes(entry.key);
    case KeyKind::kLongName: return Writes(entry.key);
    case KeyKind::kEdge:
    case KeyKind::kEdgeReverse: return TouchesEdge(entry);
    case KeyKind::kIndex: return TouchesValue(entry);
    case KeyKind::kRowName:
    case KeyKind::kDeadRow: {
      // A row that stays, or is renamed, is joined by its number all the same.
      const bool ends = *kind == KeyKind::kDeadRow ? !entry.whiteout : entry.whiteout;
      const auto row =
          *kind == KeyKind::kRowName ? ParseRowNameKey(entry.key) : ParseDeadRowKey(entry.key);
      if (!row) return true;
      return ends ? JoinsRow(*row) : Writes(entry.key);
    }
  }
  return true;
}

Result<std::optional<std::string>> PlanTouch::Find(const Change& change) const {
  if (change.branch != plan_.change.branch) return std::optional<std::string>();
  for (const ChangeEntry& entry : change.entries) {
    if (entry.scope != EntryScope::kBranch) continue;
    MENDFS_ASSIGN_OR_RETURN(const bool touches, Touches(entry));
    if (touches) {
      return std::optional<std::string>(Shown(entry, KindOf(entry.key).value_or(KeyKind::kSchema)));
    }
  }
  return std::optional<std::string>();
}

}  // namespace mendfs
