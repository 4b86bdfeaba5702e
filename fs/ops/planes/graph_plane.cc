// graph/: every row is a directory, every edge a symlink in the directories of both its ends. Links
// lead to the neighbour's directory, so hops chain; a numbered directory is one inode however it is
// reached, so that tools which follow links notice loops.
#include <sys/stat.h>

#include <utility>

#include "fs/ops/planes/graph_listing.h"
#include "fs/ops/planes/planes.h"
#include "fs/view/graph_names.h"

namespace mendfs {
namespace {

constexpr uint32_t kDirectoryMode = S_IFDIR | 0755;
constexpr uint32_t kLinkMode = S_IFLNK | 0777;

bool IsOut(PlaceKind kind) {
  return kind == PlaceKind::kGraphOut || kind == PlaceKind::kGraphOutOf ||
         kind == PlaceKind::kGraphOutEnd;
}

class GraphPlane final : public Plane {
 public:
  explicit GraphPlane(PlaneContext& context) : context_(context) {}

  Result<Found> Lookup(const Caller&, const Node& parent, std::string_view name) override;
  Result<Found> Make(const Caller&, const Node& parent, std::string_view name,
                     const MakeRequest& request) override;
  Status Remove(const Caller&, const Node& parent, std::string_view name, bool directory) override;

  Result<Found> GetAttributes(const Caller&, const Node& node, FileHandle*) override {
    if (node.place->row.value != 0) MENDFS_RETURN_IF_ERROR(KeyOf(*node.place).status());
    return Answer(*node.place);
  }
  Result<std::string> ReadLink(const Caller&, const Node& node) override {
    return LinkText(*node.place);
  }
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller&, const Node& node) override;
  std::string Show(const Node& node) override;

 private:
  // An edge below the directory of one of its ends, with what both ends are called.
  struct End {
    std::shared_ptr<const Schema> schema;
    const EdgeType* edge = nullptr;
    const NodeType* self_type = nullptr;
    const NodeType* other_type = nullptr;
    std::string self_key;
    std::string other_key;
    uint32_t number = 1;
    std::string_view directory;  // the neighbour's name, within the name that was decoded

    bool out = true;
    std::string_view source_key() const { return out ? self_key : other_key; }
    std::string_view target_key() const { return out ? other_key : self_key; }
  };

  Result<std::shared_ptr<const Schema>> GetSchema() const {
    MENDFS_ASSIGN_OR_RETURN(auto schema, context_.tables.GetSchema(context_.head()));
    return schema ? schema : std::make_shared<const Schema>();
  }
  // The present key of the place's row: a row may have been renamed since it was looked up.
  Result<std::string> KeyOf(const Place& place) const {
    return context_.tables.KeyOf(context_.head(), place.type, place.row);
  }
  Result<std::string> KeyOfName(const NodeType& type, const NodeName& name) const;
  Result<Found> Answer(Place place) const;
  Result<Found> LookupRow(const Place& parent, std::string_view name) const;
  Result<Found> LookupEdgeType(const Place& parent, std::string_view name) const;
  Result<Found> LookupEnd(const Place& parent, std::string_view name) const;
  Result<End> DecodeEnd(const Place& parent, std::string_view name) const;
  Result<Found> FoundEnd(const Place& parent, const End& end, const EdgeEnds& ends) const;
  Result<std::string> LinkText(const Place& place) const;
  Result<std::vector<ListedName>> EdgeTypeNames(const Place& place) const;

  PlaneContext& context_;
};

Status NoName(std::string_view name) {
  return Status(Code::kNotFound, "graph: " + std::string(name));
}

// ------------------------------------------------------------------------------------- lookups

Result<Found> GraphPlane::Answer(Place place) const {
  if (place.kind == PlaceKind::kGraphRow || place.kind == PlaceKind::kGraphOutEnd ||
      place.kind == PlaceKind::kGraphInEnd) {
    MENDFS_ASSIGN_OR_RETURN(std::string text, LinkText(place));
    return MakeFound(context_, std::move(place), kLinkMode, text.size());
  }
  return MakeFound(context_, std::move(place), kDirectoryMode, 0);
}

Result<Found> GraphPlane::Lookup(const Caller&, const Node& parent, std::string_view name) {
  const Place& place = *parent.place;
  switch (place.kind) {
    case PlaceKind::kGraphTypes: {
      MENDFS_ASSIGN_OR_RETURN(auto schema, GetSchema());
      const NodeType* type = schema->FindNode(name);
      if (type == nullptr) return NoName(name);
      return Answer({.kind = PlaceKind::kGraphType, .type = type->id, .key = {}, .other_key = {}});
    }
    case PlaceKind::kGraphType: return LookupRow(place, name);
    case PlaceKind::kGraphNode: {
      Place child = place;
      if (name == "row.json") {
        child.kind = PlaceKind::kGraphRow;
      } else if (name == "out") {
        child.kind = PlaceKind::kGraphOut;
      } else if (name == "in") {
        child.kind = PlaceKind::kGraphIn;
      } else {
        return NoName(name);
      }
      return Answer(std::move(child));
    }
    case PlaceKind::kGraphOut:
    case PlaceKind::kGraphIn: return LookupEdgeType(place, name);
    case PlaceKind::kGraphOutOf:
    case PlaceKind::kGraphInOf: return LookupEnd(place, name);
    default: return Status(Code::kNotDirectory, "graph: " + std::string(name));
  }
}

Result<std::string> GraphPlane::KeyOfName(const NodeType& type, const NodeName& name) const {
  if (!name.hashed) return KeyOfParts(name.key);
  std::optional<Hash128> hash = ParseHashedStem(*name.hashed);
  if (!hash) return NoName(*name.hashed);
  return context_.tables.KeyOfLongName(context_.head(), type.id, *hash);
}

Result<Found> GraphPlane::LookupRow(const Place& parent, std::string_view name) const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, GetSchema());
  const NodeType* type = schema->FindNode(parent.type);
  if (type == nullptr) return NoName(name);
  Result<NodeName> decoded = DecodeNodeName(name, type->key_part_count(), RowNameForm::kDirectory);
  // Names that no key has are absent here: nothing can be made in this directory anyway.
  if (!decoded.ok()) return NoName(name);
  MENDFS_ASSIGN_OR_RETURN(std::string key, KeyOfName(*type, *decoded));
  MENDFS_ASSIGN_OR_RETURN(NodeRow row, context_.tables.GetNode(context_.head(), type->id, key));
  return Answer({.kind = PlaceKind::kGraphNode,
                 .type = type->id,
                 .row = row.row,
                 .key = std::move(key),
                 .other_key = {}});
}

Result<Found> GraphPlane::LookupEdgeType(const Place& parent, std::string_view name) const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, GetSchema());
  const EdgeType* edge = schema->FindEdge(name);
  bool out = IsOut(parent.kind);
  if (edge == nullptr || (out ? edge->source : edge->target) != parent.type) return NoName(name);
  Place child = parent;
  child.kind = out ? PlaceKind::kGraphOutOf : PlaceKind::kGraphInOf;
  child.edge_type = edge->id;
  return Answer(std::move(child));
}

Result<GraphPlane::End> GraphPlane::DecodeEnd(const Place& parent, std::string_view name) const {
  End end;
  end.out = IsOut(parent.kind);
  MENDFS_ASSIGN_OR_RETURN(end.schema, GetSchema());
  end.edge = end.schema->FindEdge(parent.edge_type);
  end.self_type = end.schema->FindNode(parent.type);
  if (end.edge == nullptr || end.self_type == nullptr) return NoName(name);
  end.other_type = end.schema->FindNode(end.out ? end.edge->target : end.edge->source);
  if (end.other_type == nullptr) return NoName(name);
  MENDFS_ASSIGN_OR_RETURN(EndName decoded, DecodeEndName(name, end.other_type->key_part_count()));
  end.number = decoded.n;
  end.directory = decoded.directory;
  MENDFS_ASSIGN_OR_RETURN(end.self_key, KeyOf(parent));
  MENDFS_ASSIGN_OR_RETURN(end.other_key, KeyOfName(*end.other_type, decoded.node));
  return end;
}

Result<Found> GraphPlane::FoundEnd(const Place& parent, const End& end,
                                   const EdgeEnds& ends) const {
  Place child = parent;
  child.kind = end.out ? PlaceKind::kGraphOutEnd : PlaceKind::kGraphInEnd;
  child.other = end.out ? ends.target : ends.source;
  child.other_key = end.other_key;
  child.number = ends.number;
  return Answer(std::move(child));
}

Result<Found> GraphPlane::LookupEnd(const Place& parent, std::string_view name) const {
  Result<End> end = DecodeEnd(parent, name);
  if (!end.ok()) return end.status().code() == Code::kInvalid ? NoName(name) : end.status();
  MENDFS_ASSIGN_OR_RETURN(EdgeRow edge,
                          context_.tables.GetEdge(context_.head(), *end->edge, end->source_key(),
                                                  end->target_key(), end->number));
  return FoundEnd(parent, *end, edge.ends);
}

// --------------------------------------------------------------------------------------- links

Result<std::string> GraphPlane::LinkText(const Place& place) const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, GetSchema());
  if (place.kind == PlaceKind::kGraphRow) {
    const NodeType* type = schema->FindNode(place.type);
    if (type == nullptr) return NoName("row.json");
    MENDFS_ASSIGN_OR_RETURN(std::string key, KeyOf(place));
    MENDFS_ASSIGN_OR_RETURN(std::string name, NodeNameOfKey(key, type->key_part_count()));
    return "../../../nodes/" + type->name + "/" + name;
  }
  const EdgeType* edge = schema->FindEdge(place.edge_type);
  if (edge == nullptr) return Status(Code::kInvalid, "read link: not a symlink");
  const NodeType* other = schema->FindNode(IsOut(place.kind) ? edge->target : edge->source);
  if (other == nullptr || place.other.value == 0) {
    return Status(Code::kInvalid, "read link: not a symlink");
  }
  MENDFS_ASSIGN_OR_RETURN(std::string key,
                          context_.tables.KeyOf(context_.head(), other->id, place.other));
  MENDFS_ASSIGN_OR_RETURN(std::string name,
                          NodeNameOfKey(key, other->key_part_count(), RowNameForm::kDirectory));
  return "../../../../" + other->name + "/" + name;
}

Result<Found> GraphPlane::Make(const Caller&, const Node& parent, std::string_view name,
                               const MakeRequest& request) {
  const Place& place = *parent.place;
  if (place.kind != PlaceKind::kGraphOutOf && place.kind != PlaceKind::kGraphInOf) {
    return Status(Code::kNotPermitted,
                  "graph/ shows what nodes/ and edges/ hold; rows are made there");
  }
  if (!S_ISLNK(request.mode)) {
    return Status(Code::kNotPermitted, "an edge is a symlink to its other end: ln -s");
  }
  MENDFS_ASSIGN_OR_RETURN(End end, DecodeEnd(place, name));
  std::optional<LinkTarget> target = ResolveLink(Show(parent), request.link_target);
  if (!target || target->type != end.other_type->name || target->directory != end.directory) {
    return Status(Code::kInvalid, "the link must lead to ../../../../" + end.other_type->name +
                                      "/" + std::string(end.directory) + ", not to " +
                                      std::string(request.link_target));
  }
  PutOptions options;
  options.create_only = true;
  MENDFS_ASSIGN_OR_RETURN(
      EdgeRow edge, context_.table_writer.PutEdge(end.edge->id, end.source_key(), end.target_key(),
                                                  end.number, {}, options));
  return FoundEnd(place, end, edge.ends);
}

Status GraphPlane::Remove(const Caller&, const Node& parent, std::string_view name,
                          bool directory) {
  const Place& place = *parent.place;
  if (place.kind != PlaceKind::kGraphOutOf && place.kind != PlaceKind::kGraphInOf) {
    return Status(Code::kNotPermitted,
                  "graph/ shows what nodes/ and edges/ hold; rows are removed there");
  }
  if (directory) return Status(Code::kNotDirectory, "an edge is a symlink");
  MENDFS_ASSIGN_OR_RETURN(End end, DecodeEnd(place, name));
  MENDFS_ASSIGN_OR_RETURN(EdgeRow edge,
                          context_.tables.GetEdge(context_.head(), *end.edge, end.source_key(),
                                                  end.target_key(), end.number));
  MENDFS_RETURN_IF_ERROR(context_.table_writer.DeleteEdge(end.edge->id, end.source_key(),
                                                          end.target_key(), end.number));
  return {};
}

// ------------------------------------------------------------------------------------ listings

Result<std::vector<ListedName>> GraphPlane::EdgeTypeNames(const Place& place) const {
  MENDFS_ASSIGN_OR_RETURN(auto schema, GetSchema());
  bool out = IsOut(place.kind);
  std::vector<ListedName> names;
  Place child = place;
  child.kind = out ? PlaceKind::kGraphOutOf : PlaceKind::kGraphInOf;
  for (const EdgeType& edge : schema->edges) {
    if ((out ? edge.source : edge.target) != place.type) continue;
    child.edge_type = edge.id;
    names.push_back({edge.name, InodeOf(child), S_IFDIR});
  }
  return names;
}

Result<std::unique_ptr<DirectoryHandle>> GraphPlane::OpenDirectory(const Caller&,
                                                                   const Node& node) {
  const Place& place = *node.place;
  DirectoryHandle::Ends ends{.self = node.id, .parent = kGraphRoot};
  Place parent = place;
  std::unique_ptr<NameSource> source;
  if (place.row.value != 0) MENDFS_RETURN_IF_ERROR(KeyOf(place).status());
  switch (place.kind) {
    case PlaceKind::kGraphTypes: {
      ends.parent = kMountRoot;
      MENDFS_ASSIGN_OR_RETURN(auto schema, GetSchema());
      std::vector<ListedName> names;
      for (const NodeType& type : schema->nodes) {
        Place child{.kind = PlaceKind::kGraphType, .type = type.id, .key = {}, .other_key = {}};
        names.push_back({type.name, InodeOf(child), S_IFDIR});
      }
      source = std::make_unique<FixedNames>(std::move(names));
      break;
    }
    case PlaceKind::kGraphType: {
      MENDFS_ASSIGN_OR_RETURN(ListingMoment moment, PinListing(context_));
      source = MakeRowSource(context_, std::move(moment), place);
      break;
    }
    case PlaceKind::kGraphNode: {
      parent = {.kind = PlaceKind::kGraphType, .type = place.type, .key = {}, .other_key = {}};
      Place row = place, out = place, in = place;
      row.kind = PlaceKind::kGraphRow;
      out.kind = PlaceKind::kGraphOut;
      in.kind = PlaceKind::kGraphIn;
      source =
          std::make_unique<FixedNames>(std::vector<ListedName>{{"row.json", InodeOf(row), S_IFLNK},
                                                               {"out", InodeOf(out), S_IFDIR},
                                                               {"in", InodeOf(in), S_IFDIR}});
      ends.parent = InodeOf(parent);
      break;
    }
    case PlaceKind::kGraphOut:
    case PlaceKind::kGraphIn: {
      parent.kind = PlaceKind::kGraphNode;
      ends.parent = InodeOf(parent);
      MENDFS_ASSIGN_OR_RETURN(auto names, EdgeTypeNames(place));
      source = std::make_unique<FixedNames>(std::move(names));
      break;
    }
    case PlaceKind::kGraphOutOf:
    case PlaceKind::kGraphInOf: {
      parent.kind = IsOut(place.kind) ? PlaceKind::kGraphOut : PlaceKind::kGraphIn;
      parent.edge_type = {};
      ends.parent = InodeOf(parent);
      MENDFS_ASSIGN_OR_RETURN(ListingMoment moment, PinListing(context_));
      source = MakeEndSource(context_, std::move(moment), place);
      break;
    }
    default: return Status(Code::kNotDirectory, "open directory " + Show(node));
  }
  return std::make_unique<DirectoryHandle>(ends, std::move(source));
}

std::string GraphPlane::Show(const Node& node) {
  const Place& place = *node.place;
  std::string path = "graph";
  Result<std::shared_ptr<const Schema>> schema = GetSchema();
  if (place.kind == PlaceKind::kGraphTypes || !schema.ok()) return path;
  const NodeType* type = (*schema)->FindNode(place.type);
  if (type == nullptr) return path;
  path += "/" + type->name;
  if (place.kind == PlaceKind::kGraphType) return path;
  Result<std::string> name =
      NodeNameOfKey(place.key, type->key_part_count(), RowNameForm::kDirectory);
  path += "/" + (name.ok() ? *name : place.key);
  if (place.kind == PlaceKind::kGraphNode) return path;
  if (place.kind == PlaceKind::kGraphRow) return path + "/row.json";
  path += IsOut(place.kind) ? "/out" : "/in";
  const EdgeType* edge = (*schema)->FindEdge(place.edge_type);
  if (edge == nullptr) return path;
  path += "/" + edge->name;
  const NodeType* other = (*schema)->FindNode(IsOut(place.kind) ? edge->target : edge->source);
  if (place.other.value == 0 || other == nullptr) return path;
  Result<std::string> end = EncodeEndName(place.other_key, other->key_part_count(), place.number);
  return path + "/" + (end.ok() ? *end : place.other_key);
}

}  // namespace

std::unique_ptr<Plane> MakeGraphPlane(PlaneContext& context) {
  return std::make_unique<GraphPlane>(context);
}

}  // namespace mendfs
