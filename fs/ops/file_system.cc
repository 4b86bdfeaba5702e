#include "fs/ops/file_system.h"

#include <string>
#include <utility>

#include "fs/ops/operations.h"
#include "fs/ops/plane/rejected.h"
#include "fs/ops/planes/planes.h"
#include "fs/ops/rows/row_planes.h"
#include "fs/ops/tables/tables_plane.h"
#include "fs/ops/views/past_plane.h"

namespace mendfs {

namespace {

std::string ConfigJson(const FileSystemOptions& options) {
  auto word = [](bool value) { return std::string(value ? "true" : "false"); };
  return "{\"branch\":" + std::to_string(options.branch.value) +
         ",\"read_only\":" + word(options.read_only) + ",\"graph\":" + word(options.graph) +
         ",\"relatime\":" + word(options.relatime) + "}";
}

}  // namespace

// Members are made top-down: planes refer to the context, operations to the planes.
struct FileSystem::Core {
  Core(Store& opened, const FileSystemOptions& options)
      : store(opened),
        files(store.door()),
        file_writer(store.door(), options.branch),
        table_writer(store.door(), options.branch),
        rejected(files, file_writer, options.branch),
        context{.store = store,
                .branch = options.branch,
                .owner_uid = 0,
                .owner_gid = 0,
                .start_ns = store.door().NowNs(),
                .files = FileReader(store.door()),
                .file_writer = file_writer,
                .tables = TableReader(store.reader()),
                .table_writer = table_writer,
                .errors = errors,
                .rejected = rejected},
        operations(context, options.read_only),
        handles(operations),
        names(operations, handles),
        nodes(operations, handles) {
    StoreIdentity identity = store.Describe().identity;
    context.owner_uid = identity.owner_uid;
    context.owner_gid = identity.owner_gid;
  }

  Store& store;
  ErrorLog errors;
  FileReader files;
  FileWriter file_writer;
  TableWriter table_writer;
  Rejected rejected;
  PlaneContext context;
  Operations operations;
  Handles handles;
  Names names;
  Nodes nodes;
};

FileSystem::FileSystem(Store& store, const FileSystemOptions& options)
    : core_(std::make_unique<Core>(store, options)) {
  auto plane = [this](PlaneKind kind) -> std::unique_ptr<Plane>& {
    return core_->operations.planes()[static_cast<size_t>(kind)];
  };
  PlaneContext& context = core_->context;
  plane(PlaneKind::kFiles) =
      MakeFilesPlane(context, {.relatime = options.relatime && !options.read_only});
  plane(PlaneKind::kRoot) = MakeRootPlane(context, {.graph = options.graph});
  plane(PlaneKind::kNodes) = MakeNodesPlane(context);
  plane(PlaneKind::kEdges) = MakeEdgesPlane(context);
  plane(PlaneKind::kGraph) = MakeGraphPlane(context);
  plane(PlaneKind::kPast) = MakePastPlane(context);
  plane(PlaneKind::kWhere) = MakeWherePlane(context);
  plane(PlaneKind::kTables) = MakeTablesPlane(context);
  plane(PlaneKind::kMend) = MakeMendPlane(
      context, {.open_files = [this] { return core_->handles.OpenFiles(); },
                .counts =
                    [this] {
                      return MountCounts{.files = core_->handles.files().size(),
                                         .directories = core_->handles.directories().size(),
                                         .places = core_->operations.node_table().size()};
                    },
                .config_json = ConfigJson(options)});
  if (!options.read_only) core_->file_writer.ResumeCounting();
}

FileSystem::~FileSystem() {
  Shutdown();
}

Names& FileSystem::names() {
  return core_->names;
}
Nodes& FileSystem::nodes() {
  return core_->nodes;
}
Handles& FileSystem::handles() {
  return core_->handles;
}
ErrorLog& FileSystem::errors() {
  return core_->errors;
}
const Store& FileSystem::store() const {
  return core_->store;
}
const std::string& FileSystem::store_path() const {
  return core_->store.path();
}

void FileSystem::Tick() {
  int64_t now_ns = core_->store.door().NowNs();
  for (auto& plane : core_->operations.planes()) plane->Tick(now_ns);
  int64_t idle_since_ns = SteadyNowNs() - kIdleStreamNs;
  for (auto& directory : core_->handles.directories().All()) {
    directory->handle->DropIdleStream(idle_since_ns);
  }
}

void FileSystem::Shutdown() {
  for (auto& open : core_->handles.files().TakeAll()) open->handle->Release();
  core_->handles.directories().TakeAll();
}

}  // namespace mendfs
