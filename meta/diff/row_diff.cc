#include "meta/diff/row_diff.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "meta/manifest/keys.h"
#include "meta/row_name.h"
#include "meta/table/json_cursor.h"
#include "meta/table/row_format.h"
#include "meta/table/rows.h"
#include "meta/table/text/json_text.h"

namespace mendfs {
namespace {

// A type as each moment has it; at least one does.
template <typename Type>
struct TypePair {
  const Type* before = nullptr;
  const Type* after = nullptr;
  const Type& shown() const { return after != nullptr ? *after : *before; }
};

template <typename Type>
std::vector<TypePair<Type>> PairTypes(const std::vector<Type>& before,
                                      const std::vector<Type>& after) {
  std::map<TypeId, TypePair<Type>> by_id;
  for (const Type& type : before) by_id[type.id].before = &type;
  for (const Type& type : after) by_id[type.id].after = &type;
  std::vector<TypePair<Type>> pairs;
  for (const auto& [id, pair] : by_id) pairs.push_back(pair);
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& one, const auto& other) {
    return one.shown().name < other.shown().name;
  });
  return pairs;
}

bool SameAttributes(const RowAttributes& one, const RowAttributes& other) {
  return one.permissions == other.permissions && one.uid == other.uid && one.gid == other.gid;
}

DiffOp OpOf(bool before, bool after) {
  if (!before) return DiffOp::kAdded;
  return after ? DiffOp::kChanged : DiffOp::kRemoved;
}

class RowComparison {
 public:
  RowComparison(const Moments& moments, const Schema& before, const Schema& after, DiffSink& sink)
      : moments_(moments), before_(before), after_(after), sink_(sink) {}

  Status Run() {
    for (const auto& type : PairTypes(before_.nodes, after_.nodes)) {
      MENDFS_RETURN_IF_ERROR(Nodes(type).Annotate("compare rows of " + type.shown().name));
    }
    for (const auto& type : PairTypes(before_.edges, after_.edges)) {
      MENDFS_RETURN_IF_ERROR(Edges(type).Annotate("compare edges of " + type.shown().name));
    }
    return Status::Ok();
  }

 private:
  Status Nodes(const TypePair<NodeType>& type);
  Status Node(const TypePair<NodeType>& type, const EntryPair& pair);
  // Of a number that has a row at one moment: has it at the other, under whatever key?
  Status NoteTurned(const View& other, bool type_there, TypeId type, InodeNumber row);
  Status Edges(const TypePair<EdgeType>& type);
  bool HasTurned(TypeId type, InodeNumber row) const {
    const auto rows = turned_.find(type);
    return rows != turned_.end() && rows->second.contains(row.value);
  }

  // The keys of an edge's ends at one moment; none where one of them is not there.
  class Ends {
   public:
    Ends(const Reader& reader, const View& view, const EdgeType& type)
        : sources_(reader, view, type.source), targets_(reader, view, type.target) {}
    Result<bool> Find(const EdgeEnds& ends) {
      MENDFS_ASSIGN_OR_RETURN(const std::string* const source_key, sources_.Find(ends.source));
      if (source_key == nullptr) return false;
      source = *source_key;
      MENDFS_ASSIGN_OR_RETURN(const std::string* const target_key, targets_.Find(ends.target));
      if (target_key == nullptr) return false;
      target = *target_key;
      return true;
    }
    std::string source;
    std::string target;

   private:
    RowKeyCache sources_;
    RowKeyCache targets_;
  };
  Status Edge(const TypePair<EdgeType>& type, const EntryPair& pair, Ends& before, Ends& after);
  Result<std::string> EdgePath(const EdgeType& type, bool at_after, const Ends& ends,
                               uint32_t number) const;

  const Moments& moments_;
  const Schema& before_;
  const Schema& after_;
  DiffSink& sink_;
  // Rows that are there at one moment only: their edges come and go with them, whose entries may be
  // the same.
  std::map<TypeId, std::unordered_set<uint64_t>> turned_;
};

Status RowComparison::NoteTurned(const View& other, bool type_there, TypeId type, InodeNumber row) {
  if (type_there) {
    MENDFS_ASSIGN_OR_RETURN(const auto key, FindRowKey(moments_.reader, other, type, row));
    if (key) return Status::Ok();
  }
  turned_[type].insert(row.value);
  return Status::Ok();
}

Status RowComparison::Nodes(const TypePair<NodeType>& type) {
  const KeyRange range = PrefixRange(RowPrefix(type.shown().id));
  return EachEntryPair(moments_, range, [&](const EntryPair& pair) { return Node(type, pair); });
}

Status RowComparison::Node(const TypePair<NodeType>& type, const EntryPair& pair) {
  const Cursor* const before = type.before != nullptr ? pair.before : nullptr;
  const Cursor* const after = type.after != nullptr ? pair.after : nullptr;
  if ((before == nullptr && after == nullptr) || EntryPair{before, after}.is_same()) {
    return Status::Ok();
  }
  RowHead then;
  RowHead now;
  if (before != nullptr) {
    MENDFS_ASSIGN_OR_RETURN(then, DecodeRowHead(before->value()));
  }
  if (after != nullptr) {
    MENDFS_ASSIGN_OR_RETURN(now, DecodeRowHead(after->value()));
  }
  const TypeId id = type.shown().id;
  if (then.row != now.row) {
    if (before != nullptr) {
      MENDFS_RETURN_IF_ERROR(NoteTurned(moments_.after, type.after != nullptr, id, then.row));
    }
    if (after != nullptr) {
      MENDFS_RETURN_IF_ERROR(NoteTurned(moments_.before, type.before != nullptr, id, now.row));
    }
  }
  RowDiff row;
  row.op = OpOf(before != nullptr, after != nullptr);
  row.type = type.shown().name;
  row.key = ParseRowKey(pair.key()).value_or("");
  if (before != nullptr) row.before = before->value().substr(then.body_offset);
  if (after != nullptr) row.after = after->value().substr(now.body_offset);
  if (row.op == DiffOp::kChanged) {
    row.attributes = !SameAttributes(then.attributes, now.attributes);
    if (row.before == row.after && !row.attributes) return Status::Ok();
  }
  MENDFS_ASSIGN_OR_RETURN(const std::string name,
                          NodeNameOfKey(row.key, type.shown().key_part_count()));
  row.path = "nodes/" + type.shown().name + "/" + name;
  return sink_.OnRow(row);
}

Status RowComparison::Edges(const TypePair<EdgeType>& type) {
  const EdgeType& shown = type.shown();
  Ends before(moments_.reader, moments_.before, shown);
  Ends after(moments_.reader, moments_.after, shown);
  return EachEntryPair(moments_, PrefixRange(EdgePrefix(shown.id)),
                       [&](const EntryPair& pair) { return Edge(type, pair, before, after); });
}

Result<std::string> RowComparison::EdgePath(const EdgeType& type, bool at_after, const Ends& ends,
                                            uint32_t number) const {
  const Schema& schema = at_after ? after_ : before_;
  const NodeType* const source = schema.FindNode(type.source);
  const NodeType* const target = schema.FindNode(type.target);
  if (source == nullptr || target == nullptr) {
    return Status(Code::kCorruption, "a type at an end of " + type.name + " is not in the schema");
  }
  MENDFS_ASSIGN_OR_RETURN(const std::string name,
                          EdgeNameOfKeys({.source = ends.source,
                                          .source_part_count = source->key_part_count(),
                                          .target = ends.target,
                                          .target_part_count = target->key_part_count(),
                                          .n = number}));
  return "edges/" + type.name + "/" + name;
}

Status RowComparison::Edge(const TypePair<EdgeType>& type, const EntryPair& pair, Ends& before,
                           Ends& after) {
  const EdgeType& shown = type.shown();
  const auto ends = ParseEdgeKey(pair.key());
  if (!ends) return {Code::kCorruption, "an edge's key does not decode"};
  const bool type_stays = type.before != nullptr && type.after != nullptr;
  if (type_stays && pair.is_same() && !HasTurned(shown.source, ends->source) &&
      !HasTurned(shown.target, ends->target)) {
    return Status::Ok();
  }
  bool was = type.before != nullptr && pair.before != nullptr;
  bool is = type.after != nullptr && pair.after != nullptr;
  if (was) {
    MENDFS_ASSIGN_OR_RETURN(was, before.Find(*ends));
  }
  if (is) {
    MENDFS_ASSIGN_OR_RETURN(is, after.Find(*ends));
  }
  if (!was && !is) return Status::Ok();
  RowDiff row;
  row.op = OpOf(was, is);
  row.is_edge = true;
  row.type = shown.name;
  row.number = ends->number;
  EdgeHead then;
  EdgeHead now;
  if (was) {
    MENDFS_ASSIGN_OR_RETURN(then, DecodeEdgeHead(pair.before->value()));
    row.before = pair.before->value().substr(then.body_offset);
  }
  if (is) {
    MENDFS_ASSIGN_OR_RETURN(now, DecodeEdgeHead(pair.after->value()));
    row.after = pair.after->value().substr(now.body_offset);
  }
  if (row.op == DiffOp::kChanged) {
    row.attributes = !SameAttributes(then.attributes, now.attributes);
    if (row.before == row.after && !row.attributes) return Status::Ok();
  }
  const Ends& keys = is ? after : before;
  row.from = keys.source;
  row.to = keys.target;
  MENDFS_ASSIGN_OR_RETURN(row.path, EdgePath(shown, is, keys, ends->number));
  return sink_.OnRow(row);
}

// ------------------------------------------------------------------------------------------ cells
Status ReadMembers(std::string_view body, std::map<std::string, std::string>& members) {
  if (body.empty()) return Status::Ok();
  JsonNames names;
  JsonCursor cursor(body, names);
  const Status bad(Code::kCorruption, "a body of a row is no JSON object");
  if (!cursor.Expect('{', "")) return bad;
  if (cursor.TakeIf('}')) return Status::Ok();
  do {
    JsonString name;
    cursor.Peek();
    if (!cursor.ReadString(name) || !cursor.Expect(':', "")) return bad;
    cursor.Peek();
    const size_t from = cursor.offset();
    if (!cursor.SkipValue()) return bad;
    const std::string_view value = cursor.Slice(from);
    if (value == "null") continue;
    std::string text;
    AppendUnescaped(text, name.raw);
    AppendMinified(members[text], value);
  } while (cursor.TakeIf(','));
  return cursor.TakeIf('}') ? Status::Ok() : bad;
}

}  // namespace

Status DiffRows(const Moments& moments, const Schema& before, const Schema& after, DiffSink& sink) {
  return RowComparison(moments, before, after, sink).Run();
}

Result<std::vector<CellDiff>> DiffCells(std::optional<std::string_view> before,
                                        std::optional<std::string_view> after) {
  std::map<std::string, std::string> then;
  std::map<std::string, std::string> now;
  MENDFS_RETURN_IF_ERROR(ReadMembers(before.value_or(""), then));
  MENDFS_RETURN_IF_ERROR(ReadMembers(after.value_or(""), now));
  std::vector<CellDiff> cells;
  for (const auto& [name, value] : then) {
    const auto found = now.find(name);
    const std::string text = found == now.end() ? "" : found->second;
    if (text != value) cells.push_back({name, value, text});
  }
  for (const auto& [name, value] : now) {
    if (!then.contains(name)) cells.push_back({name, "", value});
  }
  std::sort(cells.begin(), cells.end(),
            [](const CellDiff& one, const CellDiff& other) { return one.name < other.name; });
  return cells;
}

}  // namespace mendfs
