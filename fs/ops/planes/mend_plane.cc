// .mend/: generated files, the control file, and the rejected bodies (which are files of the tree).
#include <sys/stat.h>

#include <array>
#include <utility>

#include "fs/ops/plane/rejected.h"
#include "fs/ops/plane/stream_handle.h"
#include "fs/ops/plane/text_handle.h"
#include "fs/ops/planes/log_lines.h"
#include "fs/ops/planes/mend_files.h"
#include "fs/ops/planes/planes.h"
#include "meta/audit.h"
#include "meta/codec/hash.h"

namespace mendfs {
namespace {

constexpr std::string_view kRejectedName = "rejected";
constexpr std::string_view kSidecarsName = "sidecars";
struct ViewName {
  std::string_view name;
  PlaceKind kind;
};
constexpr std::array<ViewName, 4> kViews = {{{"at", PlaceKind::kPastRefs},
                                             {"snapshots", PlaceKind::kSnapshots},
                                             {"tables", PlaceKind::kTables},
                                             {"where", PlaceKind::kWhereTypes}}};
constexpr std::string_view kSidecarSuffix = ".json";
constexpr size_t kCommandBytesMax = 4096;

// One complete line in one write is one command; nothing is kept between writes.
class ControlHandle final : public FileHandle {
 public:
  explicit ControlHandle(PlaneContext& context) : context_(context) {}

  Result<size_t> Read(uint64_t, size_t, char*) override { return size_t{0}; }
  Status Write(uint64_t, std::string_view line) override {
    if (line.size() > kCommandBytesMax || !line.ends_with('\n') ||
        line.find('\n') != line.size() - 1) {
      return Status(Code::kInvalid, "ctl: write one command with its newline in one write");
    }
    line.remove_suffix(1);
    if (line == "flush") return context_.store.Flush();
    return Status(Code::kInvalid,
                  "ctl: unknown command \"" + std::string(line) + "\"; there is: flush");
  }
  Status Truncate(uint64_t) override { return {}; }

 private:
  PlaneContext& context_;
};

class MendPlane final : public Plane {
 public:
  MendPlane(PlaneContext& context, MendSources sources)
      : context_(context), texts_(context, std::move(sources)) {}

  Result<Found> Lookup(const Caller&, const Node& parent, std::string_view name) override;
  Result<Found> GetAttributes(const Caller&, const Node& node, FileHandle*) override {
    return Answer(*node.place);
  }
  Result<Found> SetAttributes(const Caller&, const Node& node, const AttributeChange& change,
                              FileHandle*) override;
  Result<Opened> Open(const Caller&, const Node& node, const OpenRequest& request) override;
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller&, const Node& node) override;
  std::string Show(const Node& node) override;

 private:
  static Place PlaceOf(MendFile file) {
    return {.kind = PlaceKind::kMendFile,
            .number = static_cast<uint32_t>(file),
            .key = {},
            .other_key = {}};
  }
  // .mend/sidecars, and the file of one operation in it: keys do not enter inode numbers.
  static Place SidecarPlace(const Id128* operation) {
    Place place = PlaceOf(MendFile::kSidecars);
    if (operation != nullptr) {
      uint64_t number = 1;
      for (size_t i = 0; i < 7; ++i) number = number * 256 + operation->bytes[i];
      place.row = InodeNumber(number);
      place.key = ToHex(*operation);
    }
    return place;
  }
  // Directories that other planes answer for.
  static Place PlaceBelow(PlaceKind kind) { return {.kind = kind, .key = {}, .other_key = {}}; }
  static bool IsSidecar(const Place& place) {
    return place.kind == PlaceKind::kMendFile &&
           place.number == static_cast<uint32_t>(MendFile::kSidecars);
  }
  static bool IsSidecars(const Place& place) { return IsSidecar(place) && place.key.empty(); }
  static bool IsControl(const Place& place) {
    return place.kind == PlaceKind::kMendFile &&
           place.number == static_cast<uint32_t>(MendFile::kControl);
  }
  Result<Found> Answer(const Place& place);
  Result<Found> LookupSidecar(std::string_view name);
  Result<std::unique_ptr<DirectoryHandle>> OpenSidecars();
  Result<Opened> OpenLog();
  Result<std::shared_ptr<const std::string>> TextOf(const Place& place);

  PlaneContext& context_;
  MendTexts texts_;
};

Result<Found> MendPlane::Answer(const Place& place) {
  if (place.kind == PlaceKind::kMend) return MakeFound(context_, place, S_IFDIR | 0755, 0);
  if (IsSidecars(place)) {
    Found directory = MakeFound(context_, place, S_IFDIR | 0755, 0);
    directory.freshness = Freshness::kNone;
    return directory;
  }
  auto text = TextOf(place);
  uint64_t size_bytes = 0;
  if (text.ok()) {
    size_bytes = (*text)->size();
  } else if (text.status().code() != Code::kOverflow) {
    return text.status();
  }
  Found found = MakeFound(context_, place, S_IFREG | (IsControl(place) ? 0200 : 0444), size_bytes);
  found.freshness = Freshness::kNone;
  return found;
}

Result<std::shared_ptr<const std::string>> MendPlane::TextOf(const Place& place) {
  if (!IsSidecar(place)) return texts_.Render(static_cast<MendFile>(place.number));
  const auto operation = ParseId(place.key);
  if (!operation) return Status(Code::kIsDirectory, ".mend/sidecars");
  MENDFS_ASSIGN_OR_RETURN(std::string text, SidecarText(context_.store, *operation));
  return std::make_shared<const std::string>(std::move(text));
}

Result<Found> MendPlane::LookupSidecar(std::string_view name) {
  const auto operation = name.ends_with(kSidecarSuffix)
                             ? ParseId(name.substr(0, name.size() - kSidecarSuffix.size()))
                             : std::nullopt;
  if (!operation) return Status(Code::kNotFound, ".mend/sidecars/" + std::string(name));
  return Answer(SidecarPlace(&*operation));
}

Result<std::unique_ptr<DirectoryHandle>> MendPlane::OpenSidecars() {
  MENDFS_ASSIGN_OR_RETURN(const auto operations, SidecarOperations(context_.store));
  std::vector<ListedName> names;
  for (const Id128& operation : operations) {
    names.push_back({ToHex(operation) + std::string(kSidecarSuffix),
                     InodeOf(SidecarPlace(&operation)), S_IFREG});
  }
  return std::make_unique<DirectoryHandle>(
      DirectoryHandle::Ends{.self = InodeOf(SidecarPlace(nullptr)), .parent = kMendRoot},
      std::make_unique<FixedNames>(std::move(names)));
}

Result<Found> MendPlane::Lookup(const Caller&, const Node& parent, std::string_view name) {
  if (IsSidecars(*parent.place)) return LookupSidecar(name);
  if (parent.place->kind != PlaceKind::kMend) return Status(Code::kNotDirectory, Show(parent));
  for (const MendFileName& file : MendFileNames()) {
    if (file.name == name) return Answer(PlaceOf(file.file));
  }
  if (name == kSidecarsName) return Answer(SidecarPlace(nullptr));
  for (const ViewName& view : kViews) {
    if (name != view.name) continue;
    const uint32_t mode = view.kind == PlaceKind::kSnapshots ? 0755 : 0555;
    Found found = MakeFound(context_, PlaceBelow(view.kind), S_IFDIR | mode, 0);
    found.freshness = Freshness::kNone;
    return found;
  }
  if (name == kRejectedName) {
    MENDFS_ASSIGN_OR_RETURN(Attributes directory, context_.rejected.Directory());
    return Found{
        .attributes = std::move(directory), .place = nullptr, .freshness = Freshness::kShort};
  }
  return Status(Code::kNotFound, ".mend/" + std::string(name));
}

Result<Found> MendPlane::SetAttributes(const Caller&, const Node& node,
                                       const AttributeChange& change, FileHandle*) {
  // Truncating the control file before a command is how some tools open it.
  if (IsControl(*node.place) && change.size_bytes == 0u) return Answer(*node.place);
  return Status(Code::kNotPermitted, Show(node) + " is generated; its attributes are fixed");
}

Result<Opened> MendPlane::Open(const Caller&, const Node& node, const OpenRequest& request) {
  if (node.place->kind == PlaceKind::kMend) return Status(Code::kIsDirectory, ".mend");
  if (IsSidecars(*node.place)) return Status(Code::kIsDirectory, Show(node));
  if (IsControl(*node.place)) {
    return Opened{.handle = std::make_unique<ControlHandle>(context_),
                  .direct_io = true,
                  .keep_cache = false,
                  .no_flush = true};
  }
  if (request.writes()) return Status(Code::kNotPermitted, Show(node) + " is generated");
  auto text = TextOf(*node.place);
  if (text.ok()) return OpenText(*std::move(text));
  return text.status().code() == Code::kOverflow ? OpenLog() : text.status();
}

// What is thinned away meanwhile is missing in it, as in every log.
Result<Opened> MendPlane::OpenLog() {
  MENDFS_ASSIGN_OR_RETURN(const auto head, context_.store.Log(context_.branch, kHeadSeq, 1));
  const Seq newest = head.empty() ? Seq() : head.front().seq;
  auto open = [this, newest]() -> Result<std::unique_ptr<LineStream>> {
    return std::unique_ptr<LineStream>(
        std::make_unique<LogLines>(context_.store, context_.branch, newest));
  };
  return Opened{.handle = std::make_unique<StreamHandle>(std::move(open)),
                .direct_io = true,
                .keep_cache = false,
                .no_flush = true};
}

Result<std::unique_ptr<DirectoryHandle>> MendPlane::OpenDirectory(const Caller&, const Node& node) {
  if (IsSidecars(*node.place)) return OpenSidecars();
  if (node.place->kind != PlaceKind::kMend) return Status(Code::kNotDirectory, Show(node));
  std::vector<ListedName> names;
  for (const MendFileName& file : MendFileNames()) {
    names.push_back({std::string(file.name), InodeOf(PlaceOf(file.file)), S_IFREG});
  }
  names.push_back({std::string(kSidecarsName), InodeOf(SidecarPlace(nullptr)), S_IFDIR});
  for (const ViewName& view : kViews) {
    names.push_back({std::string(view.name), InodeOf(PlaceBelow(view.kind)), S_IFDIR});
  }
  Result<Attributes> rejected = context_.rejected.Directory();
  if (rejected.ok()) names.push_back({std::string(kRejectedName), rejected->inode, S_IFDIR});
  return std::make_unique<DirectoryHandle>(
      DirectoryHandle::Ends{.self = kMendRoot, .parent = kMountRoot},
      std::make_unique<FixedNames>(std::move(names)));
}

std::string MendPlane::Show(const Node& node) {
  if (node.place->kind == PlaceKind::kMend) return ".mend";
  if (IsSidecars(*node.place)) return ".mend/sidecars";
  if (IsSidecar(*node.place)) {
    return ".mend/sidecars/" + node.place->key + std::string(kSidecarSuffix);
  }
  for (const MendFileName& file : MendFileNames()) {
    if (static_cast<uint32_t>(file.file) == node.place->number) {
      return ".mend/" + std::string(file.name);
    }
  }
  return ".mend";
}

}  // namespace

std::unique_ptr<Plane> MakeMendPlane(PlaneContext& context, MendSources sources) {
  return std::make_unique<MendPlane>(context, std::move(sources));
}

}  // namespace mendfs
