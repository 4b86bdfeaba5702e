// Node rows: named by their key, known by their number.
#include <sys/stat.h>

#include <utility>

#include "fs/ops/rows/row_kind.h"
#include "meta/row_name.h"

namespace mendfs {
namespace {

constexpr RowTraits kTraits{.tables = PlaceKind::kNodeTables,
                            .table = PlaceKind::kNodeTable,
                            .row = PlaceKind::kNodeRow,
                            .root = kNodesRoot,
                            .folder = "nodes",
                            .empty_is_row = false,
                            .has_number = true};

constexpr int kGetAttemptsMax = 4;

Place RowPlace(TypeId type, std::string key, InodeNumber row) {
  return {.kind = PlaceKind::kNodeRow,
          .type = type,
          .row = row,
          .key = std::move(key),
          .other_key = {}};
}

RowFile LiveRow(TypeId type, NodeRow row) {
  return {.place = RowPlace(type, std::move(row.key), row.row),
          .live = true,
          .body = std::move(row.body),
          .attributes = row.attributes,
          .start = row.start};
}

class NodeNames final : public NameStream {
 public:
  NodeNames(size_t part_count, std::unique_ptr<NodeCursor> cursor)
      : part_count_(part_count), cursor_(std::move(cursor)) {}

  Result<std::optional<ListedName>> Next() override {
    MENDFS_ASSIGN_OR_RETURN(std::optional<NodeRow> row, cursor_->Next());
    if (!row) return std::optional<ListedName>();
    MENDFS_ASSIGN_OR_RETURN(std::string name, NodeNameOfKey(row->key, part_count_));
    return std::optional(ListedName{.name = std::move(name),
                                    .inode = row->row,
                                    .mode_type = S_IFREG,
                                    .cookie = row->row.value});
  }

 private:
  const size_t part_count_;
  const std::unique_ptr<NodeCursor> cursor_;
};

class NodeRows final : public RowKind {
 public:
  explicit NodeRows(PlaneContext& context) : context_(context) {}

  const RowTraits& traits() const override { return kTraits; }
  Result<std::vector<ListedName>> Tables() const override;
  Status MakeTable(std::string_view name) override {
    return context_.table_writer.AddOpenType(name).status();
  }
  Result<RowFile> Look(TypeId table, std::string_view name) const override;
  Result<RowFile> Get(const Place& row) const override;
  Result<std::string> NameOf(const Place& row) const override;
  Result<std::unique_ptr<NameStream>> List(const View& view, const Schema& schema, TypeId table,
                                           uint64_t after) const override;
  Status Check(const Place& row, std::optional<std::string_view> body) override {
    return body ? context_.table_writer.CheckNode(row.type, row.key, *body) : Status();
  }
  Result<Place> Put(const Place& row, std::string_view body, PutOptions options) override;
  Status Remove(const Place& row) override;
  Status Rename(const RowFile& source, const RowFile& target) override {
    return context_.table_writer
        .RenameNode(source.place.type, source.place.key, target.place.key, std::nullopt)
        .status();
  }
  Status SetAttributes(const Place& row, const RowAttributes& attributes) override {
    return context_.table_writer.SetNodeAttributes(row.type, row.key, attributes);
  }

 private:
  PlaneContext& context_;
};

Result<std::vector<ListedName>> NodeRows::Tables() const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, AcceptedSchema(context_));
  return TableNames(kTraits, schema->nodes);
}

Result<RowFile> NodeRows::Look(TypeId table, std::string_view name) const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, AcceptedSchema(context_));
  const NodeType* type = schema->FindNode(table);
  if (type == nullptr) return Status(Code::kNotFound, "the type of this table is gone");
  MENDFS_ASSIGN_OR_RETURN(NodeName decoded, DecodeNodeName(name, type->key_part_count()));
  std::string key;
  if (decoded.hashed) {
    std::optional<Hash128> hash = ParseHashedStem(*decoded.hashed);
    Result<std::string> known =
        hash ? context_.tables.KeyOfLongName(context_.head(), table, *hash)
             : Result<std::string>(Status(Code::kNotFound, std::string(name)));
    if (!known.ok() && known.status().code() != Code::kNotFound) return known.status();
    if (!known.ok()) {
      return Status(Code::kInvalid, std::string(name) +
                                        ": no row has this name, and a new row cannot be made from "
                                        "the hash of its key alone; use `mendfs load`");
    }
    key = *std::move(known);
  } else {
    key = KeyOfParts(decoded.key);
  }
  Result<NodeRow> row = context_.tables.GetNode(context_.head(), table, key);
  if (row.ok()) return LiveRow(table, *std::move(row));
  if (row.status().code() != Code::kNotFound) return row.status();
  return RowFile{.place = RowPlace(table, std::move(key), InodeNumber{}),
                 .live = false,
                 .body = {},
                 .attributes = {},
                 .start = {}};
}

Result<RowFile> NodeRows::Get(const Place& row) const {
  std::string key = row.key;
  for (int attempt = 0; attempt < kGetAttemptsMax; ++attempt) {
    Result<NodeRow> found = context_.tables.GetNode(context_.head(), row.type, key);
    if (found.ok() && found->row == row.row) return LiveRow(row.type, *std::move(found));
    if (!found.ok() && found.status().code() != Code::kNotFound) return found.status();
    // Another key by now, or gone.
    MENDFS_ASSIGN_OR_RETURN(key, context_.tables.KeyOf(context_.head(), row.type, row.row));
  }
  return Status(Code::kBusy, "row " + std::to_string(row.row.value) + ": keeps being renamed");
}

Result<std::string> NodeRows::NameOf(const Place& row) const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, AcceptedSchema(context_));
  const NodeType* type = schema->FindNode(row.type);
  if (type == nullptr) return Status(Code::kNotFound, "the type of this row is gone");
  return NodeNameOfKey(row.key, type->key_part_count());
}

Result<std::unique_ptr<NameStream>> NodeRows::List(const View& view, const Schema& schema,
                                                   TypeId table, uint64_t after) const {
  const NodeType* type = schema.FindNode(table);
  if (type == nullptr) return Status(Code::kNotFound, "the type of this table is gone");
  MENDFS_ASSIGN_OR_RETURN(auto cursor, context_.tables.ListNodes(view, table, InodeNumber{after}));
  return std::unique_ptr<NameStream>(
      std::make_unique<NodeNames>(type->key_part_count(), std::move(cursor)));
}

Result<Place> NodeRows::Put(const Place& row, std::string_view body, PutOptions options) {
  if (row.row.value != 0) options.reuse_row = row.row;
  MENDFS_ASSIGN_OR_RETURN(NodeRow written,
                          context_.table_writer.PutNode(row.type, row.key, body, options));
  return RowPlace(row.type, row.key, written.row);
}

Status NodeRows::Remove(const Place& row) {
  return context_.table_writer.DeleteNode(row.type, row.key).status();
}

}  // namespace

std::unique_ptr<RowKind> MakeNodeRows(PlaneContext& context) {
  return std::make_unique<NodeRows>(context);
}

Result<std::shared_ptr<const Schema>> AcceptedSchema(const PlaneContext& context) {
  MENDFS_ASSIGN_OR_RETURN(auto schema, context.tables.GetSchema(context.head()));
  return schema ? schema : std::make_shared<const Schema>();
}

TypeId TableOf(const Place& place) {
  bool edge = place.kind == PlaceKind::kEdgeTable || place.kind == PlaceKind::kEdgeRow;
  return edge ? place.edge_type : place.type;
}

Place TablePlace(const RowTraits& traits, TypeId table) {
  Place place{.kind = traits.table, .key = {}, .other_key = {}};
  (traits.table == PlaceKind::kEdgeTable ? place.edge_type : place.type) = table;
  return place;
}

}  // namespace mendfs
