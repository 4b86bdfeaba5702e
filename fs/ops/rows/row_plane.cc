// The plane of nodes/ and that of edges/: tables as directories, rows and scratch files in them.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <utility>

#include "fs/ops/rows/row_files.h"
#include "fs/ops/rows/row_listing.h"
#include "fs/ops/rows/row_planes.h"
#include "fs/ops/rows/row_renames.h"
#include "fs/ops/rows/row_scratch.h"
#include "meta/base/log.h"
#include "meta/row_expiry.h"
#include "meta/row_name.h"

namespace mendfs {
namespace {

constexpr uint32_t kDirectoryMode = S_IFDIR | 0755;
constexpr uint64_t kEdgesSweptPerTick = 10'000;
constexpr uint64_t kRowsExpiredPerTick = 1000;
constexpr int64_t kScratchSweepNs = int64_t{3600} * 1'000'000'000;
constexpr int kCreateAttemptsMax = 8;  // while others begin and give up the same name
constexpr std::string_view kKeyXattr = "user.mend.key";

class RowPlane final : public Plane {
 public:
  RowPlane(PlaneContext& context, std::unique_ptr<RowKind> kind)
      : context_(context),
        kind_(std::move(kind)),
        traits_(kind_->traits()),
        files_(context, *kind_),
        scratch_(context),
        renames_(files_, scratch_),
        expiry_(context.store, context.branch) {}

  Result<Found> Lookup(const Caller& caller, const Node& parent, std::string_view name) override;
  Result<Found> LookupListed(const Caller& caller, const Node& parent,
                             const ListedName& listed) override;
  Result<Found> Make(const Caller& caller, const Node& parent, std::string_view name,
                     const MakeRequest& request) override;
  Result<Created> Create(const Caller& caller, const Node& parent, std::string_view name,
                         uint32_t mode, const OpenRequest& request) override;
  Result<Found> Link(const Caller& caller, const Node& node, const Node& new_parent,
                     std::string_view new_name) override;
  Status Remove(const Caller& caller, const Node& parent, std::string_view name,
                bool directory) override;
  Status Rename(const Caller& caller, const Node& parent, const RenameCall& request) override;

  Result<Found> GetAttributes(const Caller&, const Node& node, FileHandle* handle) override {
    if (IsRow(node)) return files_.GetAttributes(node, handle);
    return Directory(*node.place);
  }
  Result<Found> SetAttributes(const Caller& caller, const Node& node, const AttributeChange& change,
                              FileHandle* handle) override;
  Result<Opened> Open(const Caller& caller, const Node& node, const OpenRequest& request) override {
    if (IsRow(node)) return files_.Open(caller, node, request);
    return Status(Code::kIsDirectory, "open " + Show(node));
  }
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller&, const Node& node) override;
  Result<std::string> GetXattr(const Caller&, const Node& node, std::string_view name) override;
  std::string Show(const Node& node) override { return files_.Show(*node.place); }
  void Tick(int64_t now_ns) override;

 private:
  bool IsRow(const Node& node) const { return node.place->kind == traits_.row; }
  bool IsTable(const Node& node) const {
    return node.place != nullptr && node.place->kind == traits_.table;
  }
  Found Directory(const Place& place) const {
    return MakeFound(context_, place, kDirectoryMode, 0);
  }
  Result<Found> LookupTable(std::string_view name) const;
  Result<Found> LookupRow(const Node& table, std::string_view name);
  Result<Found> MakeTable(std::string_view name);
  Result<Created> CreateRow(const Caller& caller, const Node& table, std::string_view name,
                            uint32_t mode, const OpenRequest& request);
  Status RemoveTable(std::string_view name);
  Status RemoveRow(const Node& table, std::string_view name);
  void SweepScratch(int64_t now_ns);
  void ExpireRows();

  PlaneContext& context_;
  const std::unique_ptr<RowKind> kind_;
  const RowTraits& traits_;
  RowFiles files_;
  TableScratch scratch_;
  RowRenames renames_;
  RowExpiry expiry_;
  std::atomic<int64_t> scratch_swept_ns_{0};
};

Status NoName(std::string_view name) {
  return Status(Code::kNotFound, std::string(name));
}

// Scratch names are looked up each time: a rename makes rows of them.
Result<Found> AnswerScratch(Result<Attributes> file) {
  if (!file.ok()) return file.status();
  return Found{.attributes = *std::move(file), .place = nullptr, .freshness = Freshness::kNone};
}

// ------------------------------------------------------------------------------------- lookups

Result<Found> RowPlane::Lookup(const Caller&, const Node& parent, std::string_view name) {
  if (parent.place->kind == traits_.tables) return LookupTable(name);
  if (!IsTable(parent)) return Status(Code::kNotDirectory, Show(parent));
  if (IsRowName(name)) return LookupRow(parent, name);
  return AnswerScratch(scratch_.Lookup(TableOf(*parent.place), name));
}

Result<Found> RowPlane::LookupListed(const Caller& caller, const Node& parent,
                                     const ListedName& listed) {
  // The kernel keeps no name of a row: what a listing told of it would be asked again.
  return IsTable(parent) ? NoName(listed.name) : Lookup(caller, parent, listed.name);
}

Result<Found> RowPlane::LookupTable(std::string_view name) const {
  MENDFS_ASSIGN_OR_RETURN(std::vector<ListedName> tables, kind_->Tables());
  for (const ListedName& table : tables) {
    if (table.name != name) continue;
    return Directory(TablePlace(traits_, TypeId{static_cast<uint32_t>(table.cookie)}));
  }
  return NoName(name);
}

Result<Found> RowPlane::LookupRow(const Node& table, std::string_view name) {
  Result<RowFile> row = kind_->Look(TableOf(*table.place), name);
  // A name that no row can have is absent; whoever makes it hears the reason.
  if (!row.ok()) return row.status().code() == Code::kInvalid ? NoName(name) : row.status();
  // One that is being written for the first time is not there yet.
  return row->live ? Result<Found>(files_.Answer(*row)) : NoName(name);
}

Result<std::string> RowPlane::GetXattr(const Caller&, const Node& node, std::string_view name) {
  if (!IsRow(node) || name != kKeyXattr) {
    return Status(Code::kNotFound, "xattr " + std::string(name));
  }
  Result<RowFile> row = kind_->Get(*node.place);
  const Place& place = row.ok() ? row->place : *node.place;
  if (traits_.has_number) return place.key;
  std::string key = place.key + "~" + place.other_key;
  return place.number > 1 ? key + "~" + std::to_string(place.number) : key;
}

// -------------------------------------------------------------------------------------- making

Result<Found> RowPlane::MakeTable(std::string_view name) {
  MENDFS_RETURN_IF_ERROR(kind_->MakeTable(name));
  return LookupTable(name);
}

Result<Found> RowPlane::Make(const Caller& caller, const Node& parent, std::string_view name,
                             const MakeRequest& request) {
  if (parent.place->kind == traits_.tables) {
    if (S_ISDIR(request.mode)) return MakeTable(name);
    return Status(Code::kNotPermitted, Show(parent) + " holds tables, each a directory");
  }
  if (!IsTable(parent)) return Status(Code::kNotDirectory, Show(parent));
  if (S_ISDIR(request.mode)) {
    return Status(Code::kNotPermitted, Show(parent) + " is a table and holds no directories");
  }
  if (IsRowName(name)) {
    return Status(Code::kNotPermitted, std::string(name) + ": a row is made by writing its file");
  }
  if (!S_ISREG(request.mode) && !S_ISLNK(request.mode)) {
    return Status(Code::kNotPermitted, Show(parent) + " holds rows, and scratch files beside them");
  }
  MENDFS_ASSIGN_OR_RETURN(Node directory, scratch_.MakeDirectory(TableOf(*parent.place)));
  MENDFS_ASSIGN_OR_RETURN(Found found, scratch_.files().Make(caller, directory, name, request));
  found.freshness = Freshness::kNone;
  return found;
}

Result<Created> RowPlane::Create(const Caller& caller, const Node& parent, std::string_view name,
                                 uint32_t mode, const OpenRequest& request) {
  if (!IsTable(parent)) {
    return Status(Code::kNotPermitted, Show(parent) + " holds tables, each a directory");
  }
  if (IsRowName(name)) return CreateRow(caller, parent, name, mode, request);
  MENDFS_ASSIGN_OR_RETURN(Node directory, scratch_.MakeDirectory(TableOf(*parent.place)));
  MENDFS_ASSIGN_OR_RETURN(Created created,
                          scratch_.files().Create(caller, directory, name, mode, request));
  created.found.freshness = Freshness::kNone;
  return created;
}

Result<Created> RowPlane::CreateRow(const Caller& caller, const Node& table, std::string_view name,
                                    uint32_t mode, const OpenRequest& request) {
  for (int attempt = 1;; ++attempt) {
    MENDFS_ASSIGN_OR_RETURN(RowFile row, kind_->Look(TableOf(*table.place), name));
    if (!row.live) {
      Result<Created> created = files_.Create(caller, row.place, name, mode, request);
      bool again = !created.ok() && created.status().code() == Code::kBusy;
      if (again && attempt < kCreateAttemptsMax) continue;
      return created;
    }
    if ((request.flags & O_EXCL) != 0) {
      return Status(Code::kExists, std::string(name) + " is there already");
    }
    MENDFS_ASSIGN_OR_RETURN(Opened opened, files_.OpenLive(caller, row, request));
    return Created{.found = files_.Answer(row), .opened = std::move(opened)};
  }
}

Result<Found> RowPlane::Link(const Caller&, const Node&, const Node&, std::string_view new_name) {
  return Status(Code::kNotPermitted, "hard link " + std::string(new_name) + ": a row has one name");
}

// ------------------------------------------------------------------------------------ removing

Status RowPlane::Remove(const Caller&, const Node& parent, std::string_view name, bool directory) {
  if (parent.place->kind == traits_.tables) {
    MENDFS_RETURN_IF_ERROR(LookupTable(name).status());
    if (!directory) return Status(Code::kIsDirectory, std::string(name) + " is a table");
    return RemoveTable(name);
  }
  if (!IsTable(parent) || directory) {
    return Status(Code::kNotDirectory, Show(parent) + "/" + std::string(name));
  }
  if (IsRowName(name)) return RemoveRow(parent, name);
  return scratch_.Remove(TableOf(*parent.place), name);
}

// Dropping a type is a change of the schema, which rmdir is too short a word for.
Status RowPlane::RemoveTable(std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(Found found, LookupTable(name));
  TypeId table = TableOf(*found.place);
  MENDFS_ASSIGN_OR_RETURN(auto schema, AcceptedSchema(context_));
  MENDFS_ASSIGN_OR_RETURN(auto rows, kind_->List(context_.head(), *schema, table, 0));
  MENDFS_ASSIGN_OR_RETURN(std::optional<ListedName> first, rows->Next());
  if (first) return Status(Code::kNotEmpty, files_.Show(*found.place) + " has rows");
  return Status(Code::kNotPermitted, files_.Show(*found.place) +
                                         ": a type is dropped by taking it out of the schema: "
                                         "mendfs schema apply");
}

Status RowPlane::RemoveRow(const Node& table, std::string_view name) {
  Result<RowFile> row = kind_->Look(TableOf(*table.place), name);
  if (!row.ok()) return row.status().code() == Code::kInvalid ? NoName(name) : row.status();
  return row->live ? files_.Remove(*row) : NoName(name);
}

Status RowPlane::Rename(const Caller& caller, const Node& parent, const RenameCall& request) {
  if (!IsTable(parent)) {
    return Status(Code::kNotPermitted,
                  "a type is renamed in schema.graph: node NewName @rename_from(OldName)");
  }
  if (!IsTable(request.new_parent) || request.new_parent.id != parent.id) {
    return Status(Code::kCrossDevice,
                  "rename " + std::string(request.name) + ": each type counts as a device");
  }
  return renames_.Rename(caller, {.table = TableOf(*parent.place),
                                  .source = request.name,
                                  .target = request.new_name,
                                  .mode = request.mode});
}

// ---------------------------------------------------------------------------- nodes themselves

// Mode and owner of tables are fixed. Times are, too, but tools that copy trees set them, and
// nothing is lost when they are not kept.
Result<Found> RowPlane::SetAttributes(const Caller&, const Node& node,
                                      const AttributeChange& change, FileHandle* handle) {
  if (IsRow(node)) return files_.SetAttributes(node, change, handle);
  Found found = Directory(*node.place);
  if (change.size_bytes) return Status(Code::kIsDirectory, "truncate " + Show(node));
  bool mode_changes = change.permissions && *change.permissions != (kDirectoryMode & 07777);
  bool owner_changes = (change.uid && *change.uid != found.attributes.uid) ||
                       (change.gid && *change.gid != found.attributes.gid);
  if (mode_changes || owner_changes) {
    return Status(Code::kNotPermitted, Show(node) + ": mode and owner of a table are fixed");
  }
  return found;
}

Result<std::unique_ptr<DirectoryHandle>> RowPlane::OpenDirectory(const Caller&, const Node& node) {
  if (IsRow(node)) return Status(Code::kNotDirectory, Show(node));
  DirectoryHandle::Ends ends{.self = node.id, .parent = traits_.root};
  std::unique_ptr<NameSource> source;
  if (IsTable(node)) {
    TypeId table = TableOf(*node.place);
    Status swept = scratch_.Sweep(table, context_.store.door().NowNs());
    if (!swept.ok() && swept.code() != Code::kReadOnly) {
      LogLine(LogLevel::kWarning, "mount", "expired scratch files could not be removed",
              {{"table", Show(node)}, {"reason", swept.message()}});
    }
    Result<Node> scratch = scratch_.Directory(table);
    if (!scratch.ok() && scratch.status().code() != Code::kNotFound) return scratch.status();
    MENDFS_ASSIGN_OR_RETURN(
        source, MakeTableSource(context_, *kind_, table,
                                scratch.ok() ? std::optional(scratch->id) : std::nullopt));
  } else {
    ends.parent = kMountRoot;
    MENDFS_ASSIGN_OR_RETURN(std::vector<ListedName> tables, kind_->Tables());
    source = std::make_unique<FixedNames>(std::move(tables));
  }
  return std::make_unique<DirectoryHandle>(ends, std::move(source));
}

// -------------------------------------------------------------------------------------- upkeep

void RowPlane::ExpireRows() {
  const Result<uint64_t> expired = expiry_.Run(kRowsExpiredPerTick);
  if (expired.ok() || expired.status().code() == Code::kReadOnly) return;
  LogLine(LogLevel::kWarning, "mount", "rows whose time has passed could not be taken away",
          {{"reason", expired.status().message()}});
}

void RowPlane::Tick(int64_t now_ns) {
  if (traits_.has_number) {
    ExpireRows();
    Result<uint64_t> cleared = context_.table_writer.SweepEdges(kEdgesSweptPerTick);
    if (!cleared.ok() && cleared.status().code() != Code::kReadOnly) {
      LogLine(LogLevel::kWarning, "mount", "edges of removed rows could not be swept",
              {{"reason", cleared.status().message()}});
    }
  }
  int64_t swept_ns = scratch_swept_ns_.load();
  if (swept_ns != 0 && now_ns - swept_ns < kScratchSweepNs) return;
  if (scratch_swept_ns_.compare_exchange_strong(swept_ns, now_ns)) SweepScratch(now_ns);
}

void RowPlane::SweepScratch(int64_t now_ns) {
  Result<std::vector<ListedName>> tables = kind_->Tables();
  if (!tables.ok()) return;
  for (const ListedName& table : *tables) {
    Status swept = scratch_.Sweep(TypeId{static_cast<uint32_t>(table.cookie)}, now_ns);
    if (swept.ok() || swept.code() == Code::kReadOnly) continue;
    LogLine(LogLevel::kWarning, "mount", "expired scratch files could not be removed",
            {{"table", table.name}, {"reason", swept.message()}});
  }
}

}  // namespace

std::unique_ptr<Plane> MakeNodesPlane(PlaneContext& context) {
  return std::make_unique<RowPlane>(context, MakeNodeRows(context));
}

std::unique_ptr<Plane> MakeEdgesPlane(PlaneContext& context) {
  return std::make_unique<RowPlane>(context, MakeEdgeRows(context));
}

}  // namespace mendfs
