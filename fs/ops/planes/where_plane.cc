// .mend/where/: rows that meet conditions, as symlinks to the rows. The conditions stand in the
// path, so nothing is kept: a directory is its words.
#include <sys/stat.h>

#include <array>
#include <utility>

#include "fs/ops/plane/stream_handle.h"
#include "fs/ops/plane/text_handle.h"
#include "fs/ops/planes/graph_listing.h"
#include "fs/ops/planes/planes.h"
#include "fs/ops/planes/where_query.h"
#include "meta/codec/hash.h"
#include "meta/row_name.h"

namespace mendfs {
namespace {

constexpr std::string_view kRowsName = "rows.jsonl";
constexpr std::string_view kCountName = "count";
constexpr std::array<PlaceKind, 2> kQueryFiles = {PlaceKind::kWhereRows, PlaceKind::kWhereCount};
constexpr size_t kQueryBytesMax = 8192;

std::string_view FileNameOf(PlaceKind kind) {
  return kind == PlaceKind::kWhereRows ? kRowsName : kCountName;
}

// The moment that an open file or listing reads, and what it shows of it.
struct Shown {
  ListingMoment moment;
  WhereQueryRef query;
};

class QueryStream final : public NameStream {
 public:
  QueryStream(const Reader& reader, const Shown& shown, Place place)
      : place_(std::move(place)),
        rows_(shown.query->OpenRows(reader, shown.moment.snapshot->view())) {}

  Result<std::optional<ListedName>> Next() override {
    const uint64_t cookie = next_cookie_++;
    if (cookie - kFirstCookie < kQueryFiles.size()) {
      place_.kind = kQueryFiles[cookie - kFirstCookie];
      return std::optional(ListedName{.name = std::string(FileNameOf(place_.kind)),
                                      .inode = InodeOf(place_),
                                      .mode_type = S_IFREG,
                                      .cookie = cookie});
    }
    MENDFS_ASSIGN_OR_RETURN(auto row, rows_->Next());
    if (!row) return std::optional<ListedName>();
    place_.kind = PlaceKind::kWhereRow;
    place_.other = row->id;
    return std::optional(ListedName{.name = std::move(row->name),
                                    .inode = InodeOf(place_),
                                    .mode_type = S_IFLNK,
                                    .cookie = cookie});
  }

 private:
  Place place_;
  const std::unique_ptr<WhereRows> rows_;
  uint64_t next_cookie_ = kFirstCookie;
};

class QuerySource final : public NameSource {
 public:
  QuerySource(const PlaneContext& context, Shown shown, const Place& place)
      : context_(context), shown_(std::move(shown)), place_(place) {}

  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    auto stream = std::make_unique<QueryStream>(context_.store.reader(), shown_, place_);
    for (uint64_t cookie = kFirstCookie; cookie <= after; ++cookie) {
      MENDFS_ASSIGN_OR_RETURN(const auto skipped, stream->Next());
      if (!skipped) break;
    }
    return std::unique_ptr<NameStream>(std::move(stream));
  }

 private:
  const PlaneContext& context_;
  const Shown shown_;
  const Place place_;
};

Place TypePlace(const NodeType& type) {
  return {.kind = PlaceKind::kWhereType, .type = type.id, .key = {}, .other_key = {}};
}
Place TypePlace(const EdgeType& type) {
  return {.kind = PlaceKind::kWhereType, .edge_type = type.id, .key = {}, .other_key = {}};
}

class WherePlane final : public Plane {
 public:
  explicit WherePlane(PlaneContext& context) : context_(context) {}

  Result<Found> Lookup(const Caller&, const Node& parent, std::string_view name) override;
  Result<Found> GetAttributes(const Caller&, const Node& node, FileHandle*) override {
    return Answer(*node.place);
  }
  Result<std::string> ReadLink(const Caller&, const Node& node) override {
    return LinkText(*node.place);
  }
  Result<Opened> Open(const Caller&, const Node& node, const OpenRequest& request) override;
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller&, const Node& node) override;
  std::string Show(const Node& node) override;

 private:
  Result<std::shared_ptr<const Schema>> GetSchema() const {
    MENDFS_ASSIGN_OR_RETURN(auto schema, context_.tables.GetSchema(context_.head()));
    return schema ? schema : std::make_shared<const Schema>();
  }
  Result<Found> Answer(Place place) const;
  Result<Found> LookupSegment(const Place& parent, std::string_view name);
  Result<Found> LookupRow(const Place& parent, std::string_view name);
  Result<std::string> LinkText(const Place& place) const;
  Result<Shown> Pin(const Place& place);
  Result<std::string> CountText(const Place& place);

  PlaneContext& context_;
  WhereQueries queries_;
};

Result<Found> WherePlane::Answer(Place place) const {
  Found found;
  switch (place.kind) {
    case PlaceKind::kWhereRow: {
      MENDFS_ASSIGN_OR_RETURN(std::string text, LinkText(place));
      found = MakeFound(context_, std::move(place), S_IFLNK | 0777, text.size());
      break;
    }
    // How long they are is known when they were read.
    case PlaceKind::kWhereRows:
    case PlaceKind::kWhereCount:
      found = MakeFound(context_, std::move(place), S_IFREG | 0444, 0);
      break;
    default: found = MakeFound(context_, std::move(place), S_IFDIR | 0555, 0);
  }
  found.freshness = Freshness::kNone;
  return found;
}

Result<Found> WherePlane::Lookup(const Caller&, const Node& parent, std::string_view name) {
  const Place& place = *parent.place;
  switch (place.kind) {
    case PlaceKind::kWhereTypes: {
      MENDFS_ASSIGN_OR_RETURN(const auto schema, GetSchema());
      if (const NodeType* const type = schema->FindNode(name)) return Answer(TypePlace(*type));
      if (const EdgeType* const type = schema->FindEdge(name)) return Answer(TypePlace(*type));
      return Status(Code::kNotFound, ".mend/where: no type \"" + std::string(name) + "\"");
    }
    case PlaceKind::kWhereType: return LookupSegment(place, name);
    case PlaceKind::kWhereQuery:
      for (const PlaceKind kind : kQueryFiles) {
        if (name != FileNameOf(kind)) continue;
        Place file = place;
        file.kind = kind;
        return Answer(std::move(file));
      }
      return IsRowName(name) ? LookupRow(place, name) : LookupSegment(place, name);
    default: return Status(Code::kNotDirectory, Show(parent));
  }
}

Result<Found> WherePlane::LookupSegment(const Place& parent, std::string_view name) {
  // What tools look for by themselves is no condition, and no mistake of anybody.
  if (name.find_first_of("=@") == name.npos && !name.ends_with(".null")) {
    return Status(Code::kNotFound, ".mend/where: " + std::string(name));
  }
  Place child = parent;
  child.kind = PlaceKind::kWhereQuery;
  child.key = parent.key.empty() ? std::string(name) : parent.key + "/" + std::string(name);
  child.row = InodeNumber(HashXxh3(child.key));
  child.number = parent.number + 1;
  if (child.key.size() > kQueryBytesMax) {
    return Status(Code::kNameTooLong, ".mend/where: more than " + std::to_string(kQueryBytesMax) +
                                          " bytes of conditions");
  }
  MENDFS_ASSIGN_OR_RETURN(const auto schema, GetSchema());
  MENDFS_RETURN_IF_ERROR(queries_.Find(schema, child).status());
  return Answer(std::move(child));
}

// A row that meets the conditions is there, also when a limit leaves it out of the listing.
Result<Found> WherePlane::LookupRow(const Place& parent, std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(const auto schema, GetSchema());
  MENDFS_ASSIGN_OR_RETURN(const WhereQueryRef query, queries_.Find(schema, parent));
  MENDFS_ASSIGN_OR_RETURN(auto row, query->Find(context_, name));
  if (!row) return Status(Code::kNotFound, ".mend/where: " + std::string(name));
  Place child = parent;
  child.kind = PlaceKind::kWhereRow;
  child.other = row->id;
  child.other_key = std::move(row->name);
  return Answer(std::move(child));
}

Result<std::string> WherePlane::LinkText(const Place& place) const {
  if (place.kind != PlaceKind::kWhereRow) {
    return Status(Code::kInvalid, "read link: not a symlink");
  }
  std::string text = "../../../";  // .mend/where/<Type>
  for (uint32_t i = 0; i < place.number; ++i) text += "../";
  MENDFS_ASSIGN_OR_RETURN(const auto schema, GetSchema());
  if (const EdgeType* const edge = schema->FindEdge(place.edge_type)) {
    return text + "edges/" + edge->name + "/" + place.other_key;
  }
  const NodeType* const type = schema->FindNode(place.type);
  if (type == nullptr) return Status(Code::kNotFound, ".mend/where: the type is gone");
  MENDFS_ASSIGN_OR_RETURN(const std::string key,
                          context_.tables.KeyOf(context_.head(), place.type, place.other));
  MENDFS_ASSIGN_OR_RETURN(const std::string name, NodeNameOfKey(key, type->key_part_count()));
  return text + "nodes/" + type->name + "/" + name;
}

Result<Shown> WherePlane::Pin(const Place& place) {
  Shown shown;
  MENDFS_ASSIGN_OR_RETURN(shown.moment, PinListing(context_));
  MENDFS_ASSIGN_OR_RETURN(shown.query, queries_.Find(shown.moment.schema, place));
  return shown;
}

Result<std::string> WherePlane::CountText(const Place& place) {
  MENDFS_ASSIGN_OR_RETURN(const Shown shown, Pin(place));
  const auto rows = shown.query->OpenRows(context_.store.reader(), shown.moment.snapshot->view());
  uint64_t count = 0;
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const auto row, rows->Next());
    if (!row) return std::to_string(count) + "\n";
    ++count;
  }
}

Result<Opened> WherePlane::Open(const Caller&, const Node& node, const OpenRequest& request) {
  const Place& place = *node.place;
  if (place.kind != PlaceKind::kWhereRows && place.kind != PlaceKind::kWhereCount) {
    return Status(Code::kIsDirectory, Show(node));
  }
  if (request.writes()) {
    return Status(Code::kNotPermitted,
                  Show(node) + " is generated; rows are changed in nodes/ and edges/");
  }
  if (place.kind == PlaceKind::kWhereCount) {
    MENDFS_ASSIGN_OR_RETURN(std::string text, CountText(place));
    return OpenText(std::make_shared<const std::string>(std::move(text)));
  }
  MENDFS_ASSIGN_OR_RETURN(Shown pinned, Pin(place));
  auto shown = std::make_shared<const Shown>(std::move(pinned));
  const Reader& reader = context_.store.reader();
  auto open = [shown, &reader]() -> Result<std::unique_ptr<LineStream>> {
    return shown->query->OpenLines(reader, shown->moment.snapshot->view());
  };
  return Opened{.handle = std::make_unique<StreamHandle>(std::move(open)),
                .direct_io = true,
                .keep_cache = false,
                .no_flush = true};
}

Result<std::unique_ptr<DirectoryHandle>> WherePlane::OpenDirectory(const Caller&,
                                                                   const Node& node) {
  const Place& place = *node.place;
  // The parent of conditions is known by its words alone; `..` shows where the views begin.
  DirectoryHandle::Ends ends{.self = node.id, .parent = kMendRoot};
  if (place.kind == PlaceKind::kWhereQuery) {
    MENDFS_ASSIGN_OR_RETURN(Shown shown, Pin(place));
    return std::make_unique<DirectoryHandle>(
        ends, std::make_unique<QuerySource>(context_, std::move(shown), place));
  }
  std::vector<ListedName> names;
  if (place.kind == PlaceKind::kWhereTypes) {
    MENDFS_ASSIGN_OR_RETURN(const auto schema, GetSchema());
    for (const NodeType& type : schema->nodes) {
      names.push_back({type.name, InodeOf(TypePlace(type)), S_IFDIR});
    }
    for (const EdgeType& type : schema->edges) {
      names.push_back({type.name, InodeOf(TypePlace(type)), S_IFDIR});
    }
  } else if (place.kind != PlaceKind::kWhereType) {
    return Status(Code::kNotDirectory, Show(node));
  }
  return std::make_unique<DirectoryHandle>(ends, std::make_unique<FixedNames>(std::move(names)));
}

std::string WherePlane::Show(const Node& node) {
  const Place& place = *node.place;
  std::string text = ".mend/where";
  if (place.kind == PlaceKind::kWhereTypes) return text;
  const auto schema = GetSchema();
  const NodeType* const nodes = schema.ok() ? (*schema)->FindNode(place.type) : nullptr;
  const EdgeType* const edges = schema.ok() ? (*schema)->FindEdge(place.edge_type) : nullptr;
  text += "/" + (nodes != nullptr ? nodes->name : edges != nullptr ? edges->name : "?");
  if (!place.key.empty()) text += "/" + place.key;
  if (place.kind == PlaceKind::kWhereRows || place.kind == PlaceKind::kWhereCount) {
    text += "/" + std::string(FileNameOf(place.kind));
  }
  return text;
}

}  // namespace

std::unique_ptr<Plane> MakeWherePlane(PlaneContext& context) {
  return std::make_unique<WherePlane>(context);
}

}  // namespace mendfs
