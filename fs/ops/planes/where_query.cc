#include "fs/ops/planes/where_query.h"

#include <utility>

#include "fs/view/where_names.h"
#include "meta/codec/hash.h"
#include "meta/row_name.h"
#include "meta/select.h"
#include "meta/select_edges.h"

namespace mendfs {
namespace {

constexpr size_t kQueriesMax = 64;

// ----------------------------------------------------------------------------------------- nodes
class NodeQuery final : public WhereQuery {
 public:
  explicit NodeQuery(std::shared_ptr<const RowSelection> selection)
      : selection_(std::move(selection)) {}

  std::unique_ptr<WhereRows> OpenRows(const Reader& reader, const View& view) const override {
    return std::make_unique<Rows>(selection_, reader, view);
  }
  std::unique_ptr<LineStream> OpenLines(const Reader& reader, const View& view) const override {
    return RowSelection::OpenLines(selection_, reader, view);
  }
  Result<std::optional<WhereRow>> Find(const PlaneContext& context,
                                       std::string_view name) const override;

 private:
  class Rows final : public WhereRows {
   public:
    Rows(std::shared_ptr<const RowSelection> selection, const Reader& reader, const View& view)
        : selection_(std::move(selection)), rows_(selection_->Open(reader, view)) {}
    Result<std::optional<WhereRow>> Next() override {
      MENDFS_ASSIGN_OR_RETURN(const auto row, rows_->Next());
      if (!row) return std::optional<WhereRow>();
      MENDFS_ASSIGN_OR_RETURN(std::string name,
                              NodeNameOfKey(row->key, selection_->type().key_part_count()));
      return std::optional(WhereRow{.name = std::move(name), .id = row->row});
    }

   private:
    const std::shared_ptr<const RowSelection> selection_;
    const std::unique_ptr<NodeCursor> rows_;
  };

  const std::shared_ptr<const RowSelection> selection_;
};

Result<std::optional<WhereRow>> NodeQuery::Find(const PlaneContext& context,
                                                std::string_view name) const {
  const NodeType& type = selection_->type();
  Result<NodeName> decoded = DecodeNodeName(name, type.key_part_count());
  if (!decoded.ok()) return std::optional<WhereRow>();
  std::string key = KeyOfParts(decoded->key);
  if (decoded->hashed) {
    const auto hash = ParseHashedStem(*decoded->hashed);
    if (!hash) return std::optional<WhereRow>();
    MENDFS_ASSIGN_OR_RETURN(key, context.tables.KeyOfLongName(context.head(), type.id, *hash));
  }
  MENDFS_ASSIGN_OR_RETURN(const NodeRow row, context.tables.GetNode(context.head(), type.id, key));
  MENDFS_ASSIGN_OR_RETURN(const bool matches, selection_->Matches(row));
  if (!matches) return std::optional<WhereRow>();
  return std::optional(WhereRow{.name = std::string(name), .id = row.row});
}

// ----------------------------------------------------------------------------------------- edges
struct EdgeNaming {
  size_t source_part_count = 1;
  size_t target_part_count = 1;

  Result<WhereRow> NameOf(const EdgeRow& row) const {
    MENDFS_ASSIGN_OR_RETURN(std::string name,
                            EdgeNameOfKeys({.source = row.source_key,
                                            .source_part_count = source_part_count,
                                            .target = row.target_key,
                                            .target_part_count = target_part_count,
                                            .n = row.ends.number}));
    const InodeNumber id(HashXxh3(name));
    return WhereRow{.name = std::move(name), .id = id};
  }
};

class EdgeQuery final : public WhereQuery {
 public:
  EdgeQuery(std::shared_ptr<const EdgeSelection> selection, const EdgeNaming& naming)
      : selection_(std::move(selection)), naming_(naming) {}

  std::unique_ptr<WhereRows> OpenRows(const Reader& reader, const View& view) const override {
    return std::make_unique<Rows>(*this, reader, view);
  }
  std::unique_ptr<LineStream> OpenLines(const Reader& reader, const View& view) const override {
    return EdgeSelection::OpenLines(selection_, reader, view);
  }
  Result<std::optional<WhereRow>> Find(const PlaneContext& context,
                                       std::string_view name) const override;

 private:
  class Rows final : public WhereRows {
   public:
    Rows(const EdgeQuery& query, const Reader& reader, const View& view)
        : selection_(query.selection_),
          naming_(query.naming_),
          rows_(selection_->Open(reader, view)) {}
    Result<std::optional<WhereRow>> Next() override {
      MENDFS_ASSIGN_OR_RETURN(const auto row, rows_->Next());
      if (!row) return std::optional<WhereRow>();
      MENDFS_ASSIGN_OR_RETURN(WhereRow named, naming_.NameOf(*row));
      return std::optional(std::move(named));
    }

   private:
    const std::shared_ptr<const EdgeSelection> selection_;
    const EdgeNaming naming_;
    const std::unique_ptr<SelectedEdges> rows_;
  };

  const std::shared_ptr<const EdgeSelection> selection_;
  const EdgeNaming naming_;
};

Result<std::optional<WhereRow>> EdgeQuery::Find(const PlaneContext& context,
                                                std::string_view name) const {
  const EdgeType& type = selection_->type();
  Result<EdgeName> decoded = DecodeEdgeName(
      name, {.source = naming_.source_part_count, .target = naming_.target_part_count});
  if (!decoded.ok()) return std::optional<WhereRow>();
  std::string source = KeyOfParts(decoded->source);
  std::string target = KeyOfParts(decoded->target);
  uint32_t number = decoded->n;
  if (decoded->hashed) {
    const auto hash = ParseHashedStem(*decoded->hashed);
    if (!hash) return std::optional<WhereRow>();
    MENDFS_ASSIGN_OR_RETURN(EdgeRow edge,
                            context.tables.FindEdgeByLongName(context.head(), type, *hash));
    source = std::move(edge.source_key);
    target = std::move(edge.target_key);
    number = edge.ends.number;
  }
  MENDFS_ASSIGN_OR_RETURN(const EdgeRow row,
                          context.tables.GetEdge(context.head(), type, source, target, number));
  MENDFS_ASSIGN_OR_RETURN(const bool matches, selection_->Matches(row));
  if (!matches) return std::optional<WhereRow>();
  MENDFS_ASSIGN_OR_RETURN(WhereRow named, naming_.NameOf(row));
  return std::optional(std::move(named));
}

Result<WhereQueryRef> MakeQuery(const std::shared_ptr<const Schema>& schema, const Place& place) {
  RowQuery query;
  std::string_view rest = place.key;
  while (!rest.empty()) {
    const size_t end = rest.find('/');
    MENDFS_RETURN_IF_ERROR(AddWhereSegment(rest.substr(0, end), query));
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  }
  const EdgeType* const edge = schema->FindEdge(place.edge_type);
  if (edge == nullptr) {
    MENDFS_ASSIGN_OR_RETURN(auto selection, RowSelection::Make(schema, place.type, query));
    return WhereQueryRef(std::make_shared<NodeQuery>(std::move(selection)));
  }
  MENDFS_ASSIGN_OR_RETURN(auto selection, EdgeSelection::Make(schema, edge->id, query));
  const EdgeNaming naming{.source_part_count = schema->FindNode(edge->source)->key_part_count(),
                          .target_part_count = schema->FindNode(edge->target)->key_part_count()};
  return WhereQueryRef(std::make_shared<EdgeQuery>(std::move(selection), naming));
}

}  // namespace

Result<WhereQueryRef> WhereQueries::Find(const std::shared_ptr<const Schema>& schema,
                                         const Place& place) {
  const std::string words = std::to_string(place.type.value) + "/" +
                            std::to_string(place.edge_type.value) + "/" + place.key;
  {
    MutexLock lock(mutex_);
    if (schema_ != schema) queries_.clear();
    schema_ = schema;
    const auto found = queries_.find(words);
    if (found != queries_.end()) return found->second;
  }
  MENDFS_ASSIGN_OR_RETURN(WhereQueryRef made, MakeQuery(schema, place));
  MutexLock lock(mutex_);
  if (schema_ != schema) return made;
  if (queries_.size() >= kQueriesMax) queries_.clear();
  queries_[words] = made;
  return made;
}

}  // namespace mendfs
