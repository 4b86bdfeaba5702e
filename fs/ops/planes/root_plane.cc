// The mount point: five listed names, one hidden one, nothing else.
#include <sys/stat.h>

#include <utility>

#include "fs/ops/planes/planes.h"
#include "fs/ops/planes/schema_file.h"

namespace mendfs {
namespace {

constexpr uint32_t kDirectoryMode = S_IFDIR | 0755;

class RootPlane final : public Plane {
 public:
  RootPlane(PlaneContext& context, const RootOptions& options)
      : context_(context), options_(options), schema_file_(context) {}

  Result<Found> Lookup(const Caller&, const Node& parent, std::string_view name) override;
  Result<Found> GetAttributes(const Caller&, const Node& node, FileHandle*) override {
    if (node.id == kSchemaInode) return schema_file_.GetAttributes();
    return Directory(PlaceKind::kRoot);
  }
  Result<Found> SetAttributes(const Caller& caller, const Node& node, const AttributeChange& change,
                              FileHandle* handle) override;
  Result<Opened> Open(const Caller& caller, const Node& node, const OpenRequest& request) override {
    if (node.id == kSchemaInode) return schema_file_.Open(caller, request);
    return Status(Code::kIsDirectory, "open the mount point");
  }
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller&, const Node& node) override;
  std::string Show(const Node& node) override {
    return node.id == kSchemaInode ? "schema.graph" : "";
  }

 private:
  Found Directory(PlaceKind kind) const {
    return MakeFound(context_, {.kind = kind, .key = {}, .other_key = {}}, kDirectoryMode, 0);
  }

  PlaneContext& context_;
  const RootOptions options_;
  SchemaFile schema_file_;
};

Result<Found> RootPlane::Lookup(const Caller&, const Node& parent, std::string_view name) {
  if (parent.id != kMountRoot) {
    return Status(Code::kNotDirectory, "look up " + std::string(name) + " in schema.graph");
  }
  if (name == "nodes") return Directory(PlaceKind::kNodeTables);
  if (name == "edges") return Directory(PlaceKind::kEdgeTables);
  if (name == "graph" && options_.graph) return Directory(PlaceKind::kGraphTypes);
  if (name == ".mend") return Directory(PlaceKind::kMend);
  if (name == "schema.graph") return schema_file_.GetAttributes();
  if (name == "files") {
    MENDFS_ASSIGN_OR_RETURN(Attributes files, context_.files.Get(context_.head(), kFilesRoot));
    return Found{.attributes = std::move(files), .place = nullptr, .freshness = Freshness::kLong};
  }
  return Status(Code::kNotFound, std::string(name));
}

// A truncate of schema.graph belongs to the draft that follows; its times and mode are fixed, and
// tools that set them after writing are not disturbed.
Result<Found> RootPlane::SetAttributes(const Caller&, const Node& node,
                                       const AttributeChange& change, FileHandle* handle) {
  if (node.id != kSchemaInode) {
    return Status(Code::kNotPermitted, "the attributes of the mount point are fixed");
  }
  if (change.size_bytes) return schema_file_.Truncate(handle, *change.size_bytes);
  return schema_file_.GetAttributes();
}

Result<std::unique_ptr<DirectoryHandle>> RootPlane::OpenDirectory(const Caller&, const Node& node) {
  if (node.id != kMountRoot) return Status(Code::kNotDirectory, "schema.graph");
  std::vector<ListedName> names = {{"schema.graph", kSchemaInode, S_IFREG},
                                   {"nodes", kNodesRoot, S_IFDIR},
                                   {"edges", kEdgesRoot, S_IFDIR}};
  if (options_.graph) names.push_back({"graph", kGraphRoot, S_IFDIR});
  names.push_back({"files", kFilesRoot, S_IFDIR});
  return std::make_unique<DirectoryHandle>(
      DirectoryHandle::Ends{.self = kMountRoot, .parent = kMountRoot},
      std::make_unique<FixedNames>(std::move(names)));
}

}  // namespace

std::unique_ptr<Plane> MakeRootPlane(PlaneContext& context, const RootOptions& options) {
  return std::make_unique<RootPlane>(context, options);
}

}  // namespace mendfs
