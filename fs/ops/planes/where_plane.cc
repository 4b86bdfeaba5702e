// .mend/where/: rows that meet conditions, as symlinks to the rows. The conditions stand in the
// path, so nothing is kept: a directory is its words.
#include <sys/stat.h>

#include <array>
#include <map>
#include <utility>

#include "fs/ops/plane/stream_handle.h"
#include "fs/ops/plane/text_handle.h"
#include "fs/ops/planes/graph_listing.h"
#include "fs/ops/planes/planes.h"
#include "fs/view/where_names.h"
#include "meta/codec/hash.h"
#include "meta/row_name.h"
#include "meta/select.h"

namespace mendfs {
namespace {

constexpr std::string_view kRowsName = "rows.jsonl";
constexpr std::string_view kCountName = "count";
constexpr std::array<PlaceKind, 2> kQueryFiles = {PlaceKind::kWhereRows, PlaceKind::kWhereCount};
constexpr size_t kQueryBytesMax = 8192;
constexpr size_t kSelectionsMax = 64;

std::string_view FileNameOf(PlaceKind kind) {
  return kind == PlaceKind::kWhereRows ? kRowsName : kCountName;
}

using SelectionRef = std::shared_ptr<const RowSelection>;

// Selections that were asked for lately: `ls -l` looks every row of a directory up by itself.
class Selections {
 public:
  Result<SelectionRef> Find(const std::shared_ptr<const Schema>& schema, const Place& place)
      EXCLUDES(mutex_) {
    const std::string words = std::to_string(place.type.value) + "/" + place.key;
    {
      MutexLock lock(mutex_);
      if (schema_ != schema) selections_.clear();
      schema_ = schema;
      const auto found = selections_.find(words);
      if (found != selections_.end()) return found->second;
    }
    RowQuery query;
    std::string_view rest = place.key;
    while (!rest.empty()) {
      const size_t end = rest.find('/');
      MENDFS_RETURN_IF_ERROR(AddWhereSegment(rest.substr(0, end), query));
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    MENDFS_ASSIGN_OR_RETURN(SelectionRef made, RowSelection::Make(schema, place.type, query));
    MutexLock lock(mutex_);
    if (schema_ != schema) return made;
    if (selections_.size() >= kSelectionsMax) selections_.clear();
    selections_[words] = made;
    return made;
  }

 private:
  Mutex mutex_{LockRank::kPlane};
  std::shared_ptr<const Schema> schema_ GUARDED_BY(mutex_);
  std::map<std::string, SelectionRef> selections_ GUARDED_BY(mutex_);
};

// The moment that an open file or listing reads, and what it shows of it.
struct Shown {
  ListingMoment moment;
  SelectionRef selection;
};

class SelectedLines final : public LineStream {
 public:
  SelectedLines(const Reader& reader, const Shown& shown)
      : lines_(shown.selection, reader, shown.moment.snapshot->view()) {}
  Result<bool> Next(std::string& out) override { return lines_.Next(out); }

 private:
  RowLines lines_;
};

class QueryStream final : public NameStream {
 public:
  QueryStream(const Reader& reader, const Shown& shown, Place place)
      : shown_(shown),
        place_(std::move(place)),
        rows_(shown.selection->Open(reader, shown.moment.snapshot->view())) {}

  Result<std::optional<ListedName>> Next() override {
    const uint64_t cookie = next_cookie_++;
    if (cookie - kFirstCookie < kQueryFiles.size()) {
      place_.kind = kQueryFiles[cookie - kFirstCookie];
      return std::optional(ListedName{.name = std::string(FileNameOf(place_.kind)),
                                      .inode = InodeOf(place_),
                                      .mode_type = S_IFREG,
                                      .cookie = cookie});
    }
    MENDFS_ASSIGN_OR_RETURN(const auto row, rows_->Next());
    if (!row) return std::optional<ListedName>();
    MENDFS_ASSIGN_OR_RETURN(std::string name,
                            NodeNameOfKey(row->key, shown_.selection->type().key_part_count()));
    place_.kind = PlaceKind::kWhereRow;
    place_.other = row->row;
    return std::optional(ListedName{
        .name = std::move(name), .inode = InodeOf(place_), .mode_type = S_IFLNK, .cookie = cookie});
  }

 private:
  const Shown& shown_;
  Place place_;
  const std::unique_ptr<NodeCursor> rows_;
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
  Selections selections_;
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
      const NodeType* const type = schema->FindNode(name);
      if (type == nullptr) {
        return Status(Code::kNotFound, ".mend/where: no node type \"" + std::string(name) + "\"");
      }
      return Answer({.kind = PlaceKind::kWhereType, .type = type->id, .key = {}, .other_key = {}});
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
  MENDFS_RETURN_IF_ERROR(selections_.Find(schema, child).status());
  return Answer(std::move(child));
}

// A row that meets the conditions is there, also when a limit leaves it out of the listing.
Result<Found> WherePlane::LookupRow(const Place& parent, std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(const auto schema, GetSchema());
  MENDFS_ASSIGN_OR_RETURN(const SelectionRef selection, selections_.Find(schema, parent));
  const NodeType& type = selection->type();
  const Status absent(Code::kNotFound, ".mend/where: " + std::string(name));
  Result<NodeName> decoded = DecodeNodeName(name, type.key_part_count());
  if (!decoded.ok()) return absent;
  std::string key = KeyOfParts(decoded->key);
  if (decoded->hashed) {
    const auto hash = ParseHashedStem(*decoded->hashed);
    if (!hash) return absent;
    MENDFS_ASSIGN_OR_RETURN(key, context_.tables.KeyOfLongName(context_.head(), type.id, *hash));
  }
  MENDFS_ASSIGN_OR_RETURN(const NodeRow row,
                          context_.tables.GetNode(context_.head(), type.id, key));
  MENDFS_ASSIGN_OR_RETURN(const bool matches, selection->Matches(row));
  if (!matches) return absent;
  Place child = parent;
  child.kind = PlaceKind::kWhereRow;
  child.other = row.row;
  return Answer(std::move(child));
}

Result<std::string> WherePlane::LinkText(const Place& place) const {
  if (place.kind != PlaceKind::kWhereRow) {
    return Status(Code::kInvalid, "read link: not a symlink");
  }
  MENDFS_ASSIGN_OR_RETURN(const auto schema, GetSchema());
  const NodeType* const type = schema->FindNode(place.type);
  if (type == nullptr) return Status(Code::kNotFound, ".mend/where: the type is gone");
  MENDFS_ASSIGN_OR_RETURN(const std::string key,
                          context_.tables.KeyOf(context_.head(), place.type, place.other));
  MENDFS_ASSIGN_OR_RETURN(const std::string name, NodeNameOfKey(key, type->key_part_count()));
  std::string text = "../../../";  // .mend/where/<Type>
  for (uint32_t i = 0; i < place.number; ++i) text += "../";
  return text + "nodes/" + type->name + "/" + name;
}

Result<Shown> WherePlane::Pin(const Place& place) {
  Shown shown;
  MENDFS_ASSIGN_OR_RETURN(shown.moment, PinListing(context_));
  MENDFS_ASSIGN_OR_RETURN(shown.selection, selections_.Find(shown.moment.schema, place));
  return shown;
}

Result<std::string> WherePlane::CountText(const Place& place) {
  MENDFS_ASSIGN_OR_RETURN(const Shown shown, Pin(place));
  const auto rows = shown.selection->Open(context_.store.reader(), shown.moment.snapshot->view());
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
    return Status(Code::kNotPermitted, Show(node) + " is generated; rows are changed in nodes/");
  }
  if (place.kind == PlaceKind::kWhereCount) {
    MENDFS_ASSIGN_OR_RETURN(std::string text, CountText(place));
    return OpenText(std::make_shared<const std::string>(std::move(text)));
  }
  MENDFS_ASSIGN_OR_RETURN(Shown pinned, Pin(place));
  auto shown = std::make_shared<const Shown>(std::move(pinned));
  const Reader& reader = context_.store.reader();
  auto open = [shown, &reader]() -> Result<std::unique_ptr<LineStream>> {
    return std::unique_ptr<LineStream>(std::make_unique<SelectedLines>(reader, *shown));
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
      const Place child{.kind = PlaceKind::kWhereType, .type = type.id, .key = {}, .other_key = {}};
      names.push_back({type.name, InodeOf(child), S_IFDIR});
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
  const NodeType* const type = schema.ok() ? (*schema)->FindNode(place.type) : nullptr;
  text += "/" + (type == nullptr ? "?" : type->name);
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
