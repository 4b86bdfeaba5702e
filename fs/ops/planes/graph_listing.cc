#include "fs/ops/planes/graph_listing.h"

#include <sys/stat.h>

#include <utility>

#include "fs/view/graph_names.h"

namespace mendfs {
namespace {

class RowStream final : public NameStream {
 public:
  RowStream(const Place& place, size_t part_count, std::unique_ptr<NodeCursor> cursor)
      : place_(place), part_count_(part_count), cursor_(std::move(cursor)) {
    place_.kind = PlaceKind::kGraphNode;
  }

  Result<std::optional<ListedName>> Next() override {
    MENDFS_ASSIGN_OR_RETURN(std::optional<NodeRow> row, cursor_->Next());
    if (!row) return std::optional<ListedName>();
    MENDFS_ASSIGN_OR_RETURN(std::string name,
                            NodeNameOfKey(row->key, part_count_, RowNameForm::kDirectory));
    place_.row = row->row;
    return std::optional(ListedName{.name = std::move(name),
                                    .inode = InodeOf(place_),
                                    .mode_type = S_IFDIR,
                                    .cookie = row->row.value});
  }

 private:
  Place place_;
  const size_t part_count_;
  std::unique_ptr<NodeCursor> cursor_;
};

class RowSource final : public NameSource {
 public:
  RowSource(const PlaneContext& context, ListingMoment moment, const Place& place)
      : context_(context), moment_(std::move(moment)), place_(place) {}

  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    const NodeType* type = moment_.schema->FindNode(place_.type);
    if (type == nullptr) return Status(Code::kNotFound, "the type is gone");
    MENDFS_ASSIGN_OR_RETURN(auto cursor, context_.tables.ListNodes(moment_.snapshot->view(),
                                                                   type->id, InodeNumber{after}));
    return std::unique_ptr<NameStream>(
        std::make_unique<RowStream>(place_, type->key_part_count(), std::move(cursor)));
  }

 private:
  const PlaneContext& context_;
  const ListingMoment moment_;
  const Place place_;
};

class EndStream final : public NameStream {
 public:
  EndStream(const Place& place, size_t part_count, std::unique_ptr<EdgeCursor> cursor,
            uint64_t next_cookie)
      : place_(place),
        out_(place.kind == PlaceKind::kGraphOutOf),
        part_count_(part_count),
        cursor_(std::move(cursor)),
        next_cookie_(next_cookie) {
    place_.kind = out_ ? PlaceKind::kGraphOutEnd : PlaceKind::kGraphInEnd;
  }

  Result<std::optional<ListedName>> Next() override {
    MENDFS_ASSIGN_OR_RETURN(std::optional<EdgeRow> edge, cursor_->Next());
    if (!edge) return std::optional<ListedName>();
    place_.other = out_ ? edge->ends.target : edge->ends.source;
    place_.number = edge->ends.number;
    MENDFS_ASSIGN_OR_RETURN(
        std::string name,
        EncodeEndName(out_ ? edge->target_key : edge->source_key, part_count_, edge->ends.number));
    return std::optional(ListedName{.name = std::move(name),
                                    .inode = InodeOf(place_),
                                    .mode_type = S_IFLNK,
                                    .cookie = next_cookie_++});
  }

 private:
  Place place_;
  const bool out_;
  const size_t part_count_;  // of the other end's keys
  std::unique_ptr<EdgeCursor> cursor_;
  uint64_t next_cookie_;
};

class EndSource final : public NameSource {
 public:
  EndSource(const PlaneContext& context, ListingMoment moment, const Place& place)
      : context_(context), moment_(std::move(moment)), place_(place) {}

  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    bool out = place_.kind == PlaceKind::kGraphOutOf;
    const EdgeType* edge = moment_.schema->FindEdge(place_.edge_type);
    const NodeType* other =
        edge == nullptr ? nullptr : moment_.schema->FindNode(out ? edge->target : edge->source);
    if (other == nullptr) return Status(Code::kNotFound, "the edge type is gone");
    MENDFS_ASSIGN_OR_RETURN(
        auto cursor, context_.tables.ListEdgesOf(moment_.snapshot->view(), *edge,
                                                 out ? EdgeSide::kOut : EdgeSide::kIn, place_.row));
    uint64_t ordinal = after < kFirstCookie ? 0 : after - kFirstCookie + 1;
    if (ordinal > 0) MENDFS_RETURN_IF_ERROR(cursor->Seek(ordinal));
    return std::unique_ptr<NameStream>(std::make_unique<EndStream>(
        place_, other->key_part_count(), std::move(cursor), kFirstCookie + ordinal));
  }

 private:
  const PlaneContext& context_;
  const ListingMoment moment_;
  const Place place_;
};

}  // namespace

Result<ListingMoment> PinListing(const PlaneContext& context) {
  ListingMoment moment;
  MENDFS_ASSIGN_OR_RETURN(moment.snapshot, context.Pin());
  MENDFS_ASSIGN_OR_RETURN(moment.schema, context.tables.GetSchema(moment.snapshot->view()));
  if (!moment.schema) moment.schema = std::make_shared<const Schema>();
  return moment;
}

std::unique_ptr<NameSource> MakeRowSource(const PlaneContext& context, ListingMoment moment,
                                          const Place& place) {
  return std::make_unique<RowSource>(context, std::move(moment), place);
}

std::unique_ptr<NameSource> MakeEndSource(const PlaneContext& context, ListingMoment moment,
                                          const Place& place) {
  return std::make_unique<EndSource>(context, std::move(moment), place);
}

}  // namespace mendfs
