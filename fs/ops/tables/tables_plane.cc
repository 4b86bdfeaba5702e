// .mend/tables/: each type as one text, read as of one moment; what is appended is a load.
#include "fs/ops/tables/tables_plane.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <limits>
#include <utility>

#include "fs/ops/plane/stream_handle.h"
#include "fs/ops/planes/graph_listing.h"
#include "fs/ops/tables/append_handle.h"
#include "fs/ops/tables/table_sizes.h"
#include "meta/bulk.h"

namespace mendfs {
namespace {

constexpr size_t kAppendsMax = 64;
constexpr uint64_t kCountedAtOnceBytes = uint64_t{2} << 20;  // whoever asks

struct TableForm {
  uint32_t number;  // Place::number: it stays
  std::string_view suffix;
  TableFormat format;
};
constexpr std::array<TableForm, 2> kForms = {
    {{1, ".jsonl", TableFormat::kJsonLines}, {2, ".csv", TableFormat::kCsv}}};

const TableForm& FormOf(const Place& place) {
  return place.number == kForms[1].number ? kForms[1] : kForms[0];
}

Status NothingIsMadeHere() {
  return {Code::kNotPermitted,
          ".mend/tables has <Type>.jsonl and <Type>.csv of each type and nothing else: append rows "
          "to one of these with >>, or write your file elsewhere and `mendfs load` it"};
}

Status NotReplaced(const std::string& name, const std::string& type) {
  return {Code::kNotPermitted,
          ".mend/tables/" + name +
              ": rows are appended with >>, which changes those that are there; to put a file in "
              "the place of the whole table, where the rest is deleted: mendfs load MOUNT FILE "
              "--type " +
              type + " --mode replace"};
}

// An open table: the moment that it reads.
class TableReading final : public FileHandle {
 public:
  TableReading(TableSizes& sizes, InodeNumber table, int32_t pid, MomentRef moment,
               StreamHandle::OpenStream open)
      : sizes_(sizes),
        table_(table),
        pid_(pid),
        moment_(std::move(moment)),
        stream_(std::move(open)) {
    sizes_.NoteOpen(table_, pid_, moment_);
  }
  ~TableReading() override { sizes_.NoteClosed(table_, pid_, moment_); }

  const MomentRef& moment() const { return moment_; }
  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override {
    return stream_.Read(offset, size_bytes, target);
  }

 private:
  TableSizes& sizes_;
  const InodeNumber table_;
  const int32_t pid_;
  const MomentRef moment_;
  StreamHandle stream_;
};

class TablesPlane final : public Plane {
 public:
  explicit TablesPlane(PlaneContext& context) : context_(context) {}

  Result<Found> Lookup(const Caller&, const Node& parent, std::string_view name) override;
  Result<Found> Make(const Caller&, const Node&, std::string_view, const MakeRequest&) override {
    return NothingIsMadeHere();
  }
  Result<Created> Create(const Caller&, const Node&, std::string_view, uint32_t,
                         const OpenRequest&) override {
    return NothingIsMadeHere();
  }
  Result<Found> GetAttributes(const Caller& caller, const Node& node, FileHandle* handle) override;
  Result<Found> SetAttributes(const Caller& caller, const Node& node, const AttributeChange& change,
                              FileHandle* handle) override;
  Result<Opened> Open(const Caller& caller, const Node& node, const OpenRequest& request) override;
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller&, const Node& node) override;
  std::string Show(const Node& node) override;

 private:
  Result<Found> Answer(const Place& place, uint64_t size_bytes);
  Result<std::string> TypeName(const Place& place) const;
  Result<std::unique_ptr<LineStream>> OpenLines(const Place& place,
                                                const ListingMoment& moment) const;
  // The size if it is known or at most `bytes_max`.
  Result<std::optional<uint64_t>> Count(const Place& place, const ListingMoment& moment,
                                        uint64_t bytes_max);
  Result<Opened> OpenReading(const Caller& caller, const Place& place);
  Result<Opened> OpenAppending(const Caller& caller, const Place& place,
                               const OpenRequest& request);

  PlaneContext& context_;
  TableSizes sizes_;
  // Each append holds one.
  const std::shared_ptr<const void> slots_ = std::make_shared<const int>(0);
};

template <typename Type>
const Type* FindType(const std::vector<Type>& types, TypeId id) {
  for (const Type& type : types) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

Result<std::string> TablesPlane::TypeName(const Place& place) const {
  MENDFS_ASSIGN_OR_RETURN(const auto schema, context_.tables.GetSchema(context_.head()));
  if (schema) {
    const NodeType* const node = FindType(schema->nodes, place.type);
    const EdgeType* const edge = FindType(schema->edges, place.edge_type);
    if (node != nullptr) return node->name;
    if (edge != nullptr) return edge->name;
  }
  return Status(Code::kNotFound, ".mend/tables: the type is gone");
}

std::string TablesPlane::Show(const Node& node) {
  const Place& place = *node.place;
  if (place.kind == PlaceKind::kTables) return ".mend/tables";
  const auto name = TypeName(place);
  return ".mend/tables/" + (name.ok() ? *name : "?") + std::string(FormOf(place).suffix);
}

// Every commit gives the tables a new time: whose rows it changed is not looked for.
Result<Found> TablesPlane::Answer(const Place& place, uint64_t size_bytes) {
  const uint32_t mode = place.kind == PlaceKind::kTables ? S_IFDIR | 0755 : S_IFREG | 0644;
  Found found = MakeFound(context_, place, mode, size_bytes);
  found.freshness = Freshness::kNone;
  if (place.kind == PlaceKind::kTables) return found;
  MENDFS_ASSIGN_OR_RETURN(const auto newest, context_.store.Log(context_.branch, kHeadSeq, 1));
  if (newest.empty()) return found;
  Attributes& attributes = found.attributes;
  attributes.mtime_ns = attributes.ctime_ns = attributes.atime_ns = newest.front().time_ns;
  return found;
}

Result<Found> TablesPlane::Lookup(const Caller&, const Node& parent, std::string_view name) {
  if (parent.place->kind != PlaceKind::kTables) return Status(Code::kNotDirectory, Show(parent));
  MENDFS_ASSIGN_OR_RETURN(const ListingMoment moment, PinListing(context_));
  for (const TableForm& form : kForms) {
    if (!name.ends_with(form.suffix)) continue;
    const std::string_view type = name.substr(0, name.size() - form.suffix.size());
    const NodeType* const node = moment.schema->FindNode(type);
    const EdgeType* const edge = moment.schema->FindEdge(type);
    if (node == nullptr && edge == nullptr) break;
    if (node != nullptr && node->open && form.format == TableFormat::kCsv) {
      return Status(Code::kUnsupported, ".mend/tables/" + std::string(name) +
                                            ": nobody has declared the columns of an open type; "
                                            "there is " +
                                            node->name + ".jsonl");
    }
    Place place{.kind = PlaceKind::kTable, .number = form.number, .key = {}, .other_key = {}};
    (node != nullptr ? place.type : place.edge_type) = node != nullptr ? node->id : edge->id;
    const Seq seq = moment.snapshot->view().seq;
    return Answer(place, sizes_.Find(InodeOf(place), seq).value_or(0));
  }
  return Status(Code::kNotFound, ".mend/tables/" + std::string(name));
}

Result<std::unique_ptr<LineStream>> TablesPlane::OpenLines(const Place& place,
                                                           const ListingMoment& moment) const {
  const NodeType* const node = FindType(moment.schema->nodes, place.type);
  const EdgeType* const edge = FindType(moment.schema->edges, place.edge_type);
  if (node == nullptr && edge == nullptr) {
    return Status(Code::kNotFound, ".mend/tables: the type is gone");
  }
  return OpenExport(
      context_.store.reader(), moment.snapshot->view(),
      {.types = {node != nullptr ? node->name : edge->name}, .format = FormOf(place).format});
}

Result<std::optional<uint64_t>> TablesPlane::Count(const Place& place, const ListingMoment& moment,
                                                   uint64_t bytes_max) {
  const Seq seq = moment.snapshot->view().seq;
  if (const auto known = sizes_.Find(InodeOf(place), seq)) return known;
  MENDFS_ASSIGN_OR_RETURN(const auto lines, OpenLines(place, moment));
  uint64_t bytes = 0;
  for (std::string line; bytes <= bytes_max; line.clear()) {
    MENDFS_ASSIGN_OR_RETURN(const bool more, lines->Next(line));
    if (!more) {
      sizes_.Note(InodeOf(place), seq, bytes);
      return std::optional(bytes);
    }
    bytes += line.size() + 1;
  }
  return std::optional<uint64_t>();
}

Result<Found> TablesPlane::GetAttributes(const Caller& caller, const Node& node,
                                         FileHandle* handle) {
  const Place& place = *node.place;
  if (place.kind == PlaceKind::kTables) return Answer(place, 0);
  MomentRef moment;
  bool exact = true;  // lseek(2) to the end asks with the handle
  if (const auto* const reading = dynamic_cast<const TableReading*>(handle)) {
    moment = reading->moment();
  } else {
    moment = sizes_.FindOpen(node.id, caller.pid);
    exact = moment ? sizes_.HasAsked(node.id, caller.pid)
                   : !sizes_.IsOpen(node.id, caller.pid) && sizes_.NoteAsked(node.id, caller.pid);
  }
  if (!moment) {
    MENDFS_ASSIGN_OR_RETURN(ListingMoment now, PinListing(context_));
    moment = std::make_shared<const ListingMoment>(std::move(now));
  }
  const uint64_t bytes_max = exact ? std::numeric_limits<uint64_t>::max() : kCountedAtOnceBytes;
  MENDFS_ASSIGN_OR_RETURN(const auto size_bytes, Count(place, *moment, bytes_max));
  return Answer(place, size_bytes.value_or(0));
}

Result<Found> TablesPlane::SetAttributes(const Caller&, const Node& node,
                                         const AttributeChange& change, FileHandle*) {
  if (change.size_bytes && node.place->kind == PlaceKind::kTable) {
    MENDFS_ASSIGN_OR_RETURN(const std::string type, TypeName(*node.place));
    return NotReplaced(type + std::string(FormOf(*node.place).suffix), type);
  }
  return Status(Code::kNotPermitted, Show(node) + " is generated; its attributes are fixed");
}

Result<Opened> TablesPlane::Open(const Caller& caller, const Node& node,
                                 const OpenRequest& request) {
  const Place& place = *node.place;
  if (place.kind == PlaceKind::kTables) return Status(Code::kIsDirectory, Show(node));
  sizes_.NoteOpening(node.id, caller.pid);
  if (!request.writes() && (request.flags & O_TRUNC) == 0) return OpenReading(caller, place);
  return OpenAppending(caller, place, request);
}

Result<Opened> TablesPlane::OpenReading(const Caller& caller, const Place& place) {
  MENDFS_ASSIGN_OR_RETURN(ListingMoment pinned, PinListing(context_));
  const auto moment = std::make_shared<const ListingMoment>(std::move(pinned));
  // The first opening tells whether it can be read at all.
  MENDFS_RETURN_IF_ERROR(OpenLines(place, *moment).status());
  auto open = [this, place, moment] { return OpenLines(place, *moment); };
  return Opened{.handle = std::make_unique<TableReading>(sizes_, InodeOf(place), caller.pid, moment,
                                                         std::move(open)),
                .direct_io = true,
                .keep_cache = false,
                .no_flush = true};
}

Result<Opened> TablesPlane::OpenAppending(const Caller& caller, const Place& place,
                                          const OpenRequest& request) {
  MENDFS_ASSIGN_OR_RETURN(const std::string type, TypeName(place));
  const std::string name = type + std::string(FormOf(place).suffix);
  const bool appends =
      (request.flags & (O_APPEND | O_TRUNC)) == O_APPEND && (request.flags & O_ACCMODE) == O_WRONLY;
  if (!appends) return NotReplaced(name, type);
  if (static_cast<size_t>(slots_.use_count()) > kAppendsMax) {
    return Status(Code::kBusy, ".mend/tables/" + name + ": " + std::to_string(kAppendsMax) +
                                   " appends are open already; try again when one has ended");
  }
  const auto forget = [this, table = InodeOf(place), pid = caller.pid,
                       slots = slots_](const void*) { sizes_.NoteClosed(table, pid, nullptr); };
  sizes_.NoteOpen(InodeOf(place), caller.pid, nullptr);
  return Opened{.handle = std::make_unique<AppendHandle>(
                    context_, caller,
                    AppendTarget{.type = type,
                                 .format = FormOf(place).format,
                                 .name = name,
                                 .slot = std::shared_ptr<const void>(slots_.get(), forget)}),
                .direct_io = true};
}

Result<std::unique_ptr<DirectoryHandle>> TablesPlane::OpenDirectory(const Caller&,
                                                                    const Node& node) {
  if (node.place->kind != PlaceKind::kTables) return Status(Code::kNotDirectory, Show(node));
  MENDFS_ASSIGN_OR_RETURN(const ListingMoment moment, PinListing(context_));
  std::vector<ListedName> names;
  const auto add = [&](Place place, const std::string& type, bool open) {
    for (const TableForm& form : kForms) {
      if (open && form.format == TableFormat::kCsv) continue;
      place.number = form.number;
      names.push_back({type + std::string(form.suffix), InodeOf(place), S_IFREG});
    }
  };
  for (const NodeType& type : moment.schema->nodes) {
    add({.kind = PlaceKind::kTable, .type = type.id, .key = {}, .other_key = {}}, type.name,
        type.open);
  }
  for (const EdgeType& type : moment.schema->edges) {
    add({.kind = PlaceKind::kTable, .edge_type = type.id, .key = {}, .other_key = {}}, type.name,
        false);
  }
  return std::make_unique<DirectoryHandle>(
      DirectoryHandle::Ends{.self = node.id, .parent = kMendRoot},
      std::make_unique<FixedNames>(std::move(names)));
}

}  // namespace

std::unique_ptr<Plane> MakeTablesPlane(PlaneContext& context) {
  return std::make_unique<TablesPlane>(context);
}

}  // namespace mendfs
