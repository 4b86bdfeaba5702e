// Edge rows: named by the keys of their ends, known by the numbers of their ends.
#include <sys/stat.h>

#include <utility>

#include "fs/ops/rows/row_kind.h"
#include "meta/row_name.h"

namespace mendfs {
namespace {

constexpr RowTraits kTraits{.tables = PlaceKind::kEdgeTables,
                            .table = PlaceKind::kEdgeTable,
                            .row = PlaceKind::kEdgeRow,
                            .root = kEdgesRoot,
                            .folder = "edges",
                            .empty_is_row = true,
                            .has_number = false};

// An edge type with both of its ends, alive together.
struct EdgeTable {
  std::shared_ptr<const Schema> schema;
  const EdgeType* edge = nullptr;
  const NodeType* source = nullptr;
  const NodeType* target = nullptr;

  std::string Text() const { return edge->name; }
};

Result<EdgeTable> FindTable(std::shared_ptr<const Schema> schema, TypeId table) {
  EdgeTable found{.schema = std::move(schema)};
  found.edge = found.schema->FindEdge(table);
  if (found.edge != nullptr) {
    found.source = found.schema->FindNode(found.edge->source);
    found.target = found.schema->FindNode(found.edge->target);
  }
  if (found.source == nullptr || found.target == nullptr) {
    return Status(Code::kNotFound, "the type of this table is gone");
  }
  return found;
}

struct EdgeKeys {
  std::string source;
  std::string target;
  uint32_t number = 1;
};

Place RowPlace(TypeId type, EdgeKeys keys, const EdgeEnds& ends) {
  return {.kind = PlaceKind::kEdgeRow,
          .edge_type = type,
          .row = ends.source,
          .other = ends.target,
          .number = keys.number,
          .key = std::move(keys.source),
          .other_key = std::move(keys.target)};
}

Result<std::string> NameOfEdge(const EdgeTable& table, std::string_view source,
                               std::string_view target, uint32_t number) {
  return EdgeNameOfKeys({.source = source,
                         .source_part_count = table.source->key_part_count(),
                         .target = target,
                         .target_part_count = table.target->key_part_count(),
                         .n = number});
}

RowFile LiveRow(TypeId type, EdgeRow row) {
  RowFile file;
  file.place = RowPlace(
      type, {std::move(row.source_key), std::move(row.target_key), row.ends.number}, row.ends);
  file.live = true;
  file.body = std::move(row.body);
  file.attributes = row.attributes;
  file.start = row.start;
  return file;
}

class EdgeNames final : public NameStream {
 public:
  EdgeNames(EdgeTable table, std::unique_ptr<EdgeCursor> cursor, uint64_t next_cookie)
      : table_(std::move(table)), cursor_(std::move(cursor)), next_cookie_(next_cookie) {}

  Result<std::optional<ListedName>> Next() override {
    MENDFS_ASSIGN_OR_RETURN(std::optional<EdgeRow> edge, cursor_->Next());
    if (!edge) return std::optional<ListedName>();
    MENDFS_ASSIGN_OR_RETURN(std::string name, NameOfEdge(table_, edge->source_key, edge->target_key,
                                                         edge->ends.number));
    Place place = RowPlace(table_.edge->id, {.number = edge->ends.number}, edge->ends);
    return std::optional(ListedName{.name = std::move(name),
                                    .inode = InodeOf(place),
                                    .mode_type = S_IFREG,
                                    .cookie = next_cookie_++});
  }

 private:
  const EdgeTable table_;
  const std::unique_ptr<EdgeCursor> cursor_;
  uint64_t next_cookie_;
};

class EdgeRows final : public RowKind {
 public:
  explicit EdgeRows(PlaneContext& context) : context_(context) {}

  const RowTraits& traits() const override { return kTraits; }
  Result<std::vector<ListedName>> Tables() const override;
  Status MakeTable(std::string_view name) override {
    return Status(Code::kNotPermitted, "edges/" + std::string(name) +
                                           ": an edge type needs to know its ends; declare it in "
                                           "schema.graph: edge " +
                                           std::string(name) + ": Source -> Target");
  }
  Result<RowFile> Look(TypeId table, std::string_view name) const override;
  Result<RowFile> Get(const Place& row) const override;
  Result<std::string> NameOf(const Place& row) const override;
  Result<std::unique_ptr<NameStream>> List(const View& view, const Schema& schema, TypeId table,
                                           uint64_t after) const override;
  Status Check(const Place& row, std::optional<std::string_view> body) override {
    return context_.table_writer.CheckEdge(row.edge_type, row.key, row.other_key, row.number, body);
  }
  Result<Place> Put(const Place& row, std::string_view body, PutOptions options) override;
  Status Remove(const Place& row) override;
  Status Rename(const RowFile& source, const RowFile& target) override;
  Status SetAttributes(const Place& row, const RowAttributes& attributes) override {
    return context_.table_writer.SetEdgeAttributes(row.edge_type, row.key, row.other_key,
                                                   row.number, attributes);
  }

 private:
  Result<EdgeTable> Table(TypeId table) const {
    MENDFS_ASSIGN_OR_RETURN(auto schema, AcceptedSchema(context_));
    return FindTable(std::move(schema), table);
  }
  Result<EdgeKeys> KeysOfHashed(const EdgeTable& table, const Hash128& hash) const;
  Result<InodeNumber> NumberOfEnd(const NodeType& type, std::string_view key) const;
  Status Delete(const Place& row) {
    return context_.table_writer.DeleteEdge(row.edge_type, row.key, row.other_key, row.number);
  }

  PlaneContext& context_;
};

Result<std::vector<ListedName>> EdgeRows::Tables() const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, AcceptedSchema(context_));
  return TableNames(kTraits, schema->edges);
}

Result<EdgeKeys> EdgeRows::KeysOfHashed(const EdgeTable& table, const Hash128& hash) const {
  Result<EdgeRow> edge = context_.tables.FindEdgeByLongName(context_.head(), *table.edge, hash);
  if (edge.ok()) {
    return EdgeKeys{std::move(edge->source_key), std::move(edge->target_key), edge->ends.number};
  }
  if (edge.status().code() != Code::kNotFound) return edge.status();
  return Status(Code::kInvalid, table.edge->name +
                                    ": no edge has this name, and a new one cannot be made from "
                                    "the hash of its ends alone; use `mendfs load` or graph/");
}

Result<InodeNumber> EdgeRows::NumberOfEnd(const NodeType& type, std::string_view key) const {
  Result<NodeRow> row = context_.tables.GetNode(context_.head(), type.id, key);
  if (row.ok()) return row->row;
  if (row.status().code() != Code::kNotFound) return row.status();
  return Status(Code::kInvalid, "there is no row " + type.name + "/" + std::string(key) +
                                    "; write it before edges to or from it");
}

Result<RowFile> EdgeRows::Look(TypeId table_id, std::string_view name) const {
  MENDFS_ASSIGN_OR_RETURN(EdgeTable table, Table(table_id));
  MENDFS_ASSIGN_OR_RETURN(EdgeName decoded,
                          DecodeEdgeName(name, {.source = table.source->key_part_count(),
                                                .target = table.target->key_part_count()}));
  EdgeKeys keys;
  if (decoded.hashed) {
    const std::optional<Hash128> hash = ParseHashedStem(*decoded.hashed);
    if (!hash) return Status(Code::kInvalid, std::string(name) + ": no hash of a row's name");
    MENDFS_ASSIGN_OR_RETURN(keys, KeysOfHashed(table, *hash));
  } else {
    keys = {KeyOfParts(decoded.source), KeyOfParts(decoded.target), decoded.n};
  }
  Result<EdgeRow> edge =
      context_.tables.GetEdge(context_.head(), *table.edge, keys.source, keys.target, keys.number);
  if (edge.ok()) return LiveRow(table_id, *std::move(edge));
  if (edge.status().code() != Code::kNotFound) return edge.status();
  EdgeEnds ends{.number = keys.number};
  MENDFS_ASSIGN_OR_RETURN(ends.source, NumberOfEnd(*table.source, keys.source));
  MENDFS_ASSIGN_OR_RETURN(ends.target, NumberOfEnd(*table.target, keys.target));
  RowFile absent;
  absent.place = RowPlace(table_id, std::move(keys), ends);
  return absent;
}

Result<RowFile> EdgeRows::Get(const Place& row) const {
  MENDFS_ASSIGN_OR_RETURN(EdgeTable table, Table(row.edge_type));
  Result<EdgeRow> edge =
      context_.tables.GetEdge(context_.head(), *table.edge, row.key, row.other_key, row.number);
  bool same = edge.ok() && edge->ends.source == row.row && edge->ends.target == row.other;
  if (same) return LiveRow(row.edge_type, *std::move(edge));
  if (!edge.ok() && edge.status().code() != Code::kNotFound) return edge.status();
  // An end may have been renamed.
  MENDFS_ASSIGN_OR_RETURN(std::string source,
                          context_.tables.KeyOf(context_.head(), table.source->id, row.row));
  MENDFS_ASSIGN_OR_RETURN(std::string target,
                          context_.tables.KeyOf(context_.head(), table.target->id, row.other));
  MENDFS_ASSIGN_OR_RETURN(EdgeRow present, context_.tables.GetEdge(context_.head(), *table.edge,
                                                                   source, target, row.number));
  return LiveRow(row.edge_type, std::move(present));
}

Result<std::string> EdgeRows::NameOf(const Place& row) const {
  MENDFS_ASSIGN_OR_RETURN(EdgeTable table, Table(row.edge_type));
  return NameOfEdge(table, row.key, row.other_key, row.number);
}

Result<std::unique_ptr<NameStream>> EdgeRows::List(const View& view, const Schema& schema,
                                                   TypeId table_id, uint64_t after) const {
  // The caller keeps the schema alive; this only borrows it.
  MENDFS_ASSIGN_OR_RETURN(
      EdgeTable table,
      FindTable(std::shared_ptr<const Schema>(std::shared_ptr<const Schema>(), &schema), table_id));
  MENDFS_ASSIGN_OR_RETURN(auto cursor, context_.tables.ListEdges(view, *table.edge));
  uint64_t ordinal = after < kFirstCookie ? 0 : after - kFirstCookie + 1;
  if (ordinal > 0) MENDFS_RETURN_IF_ERROR(cursor->Seek(ordinal));
  return std::unique_ptr<NameStream>(
      std::make_unique<EdgeNames>(std::move(table), std::move(cursor), kFirstCookie + ordinal));
}

Result<Place> EdgeRows::Put(const Place& row, std::string_view body, PutOptions options) {
  MENDFS_ASSIGN_OR_RETURN(EdgeRow written,
                          context_.table_writer.PutEdge(row.edge_type, row.key, row.other_key,
                                                        row.number, body, options));
  return RowPlace(row.edge_type, {row.key, row.other_key, row.number}, written.ends);
}

Status EdgeRows::Remove(const Place& row) {
  return Delete(row);
}

// The edge under its new name first, so that a crash in between loses nothing; where the number of
// edges is bounded there may be room for it only once the old one is gone.
Status EdgeRows::Rename(const RowFile& source, const RowFile& target) {
  PutOptions same{.attributes = source.attributes};
  if (same.attributes.mtime_ns == 0) same.attributes.mtime_ns = context_.store.door().NowNs();
  Status put = Put(target.place, source.body, same).status();
  if (put.ok()) return Delete(source.place);
  if (put.code() != Code::kManyLinks || source.place.row != target.place.row) return put;
  MENDFS_RETURN_IF_ERROR(Delete(source.place));
  put = Put(target.place, source.body, same).status();
  if (put.ok()) return {};
  Status back = Put(source.place, source.body, same).status();
  return back.ok() ? put : back.Annotate("put the edge back under its old name");
}

}  // namespace

std::unique_ptr<RowKind> MakeEdgeRows(PlaneContext& context) {
  return std::make_unique<EdgeRows>(context);
}

}  // namespace mendfs
