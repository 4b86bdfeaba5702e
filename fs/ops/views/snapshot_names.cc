#include "fs/ops/views/snapshot_names.h"

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "fs/ops/views/past_view.h"

namespace mendfs {
namespace {

Result<std::string> NameOf(std::string_view file_name) {
  std::optional<std::string> name = ParseSnapshotFileName(file_name);
  if (name) return *std::move(name);
  return Status(Code::kInvalid, "\"" + std::string(file_name) +
                                    "\": a / in the name of a snapshot is written %2F here, a % "
                                    "is written %25");
}

}  // namespace

Result<SnapshotRow> LookupSnapshot(const PlaneContext& context, std::string_view name) {
  const std::optional<std::string> parsed = ParseSnapshotFileName(name);
  if (!parsed) return Status(Code::kNotFound, ".mend/snapshots/" + std::string(name));
  return FindSnapshot(context.store, *parsed);
}

Result<SnapshotRow> TakeSnapshot(const PlaneContext& context, const Caller& caller,
                                 std::string_view name, const MakeRequest& request) {
  if (!S_ISDIR(request.mode)) {
    return Status(Code::kNotPermitted, ".mend/snapshots holds snapshots, which mkdir takes");
  }
  NewSnapshot wanted;
  MENDFS_ASSIGN_OR_RETURN(wanted.name, NameOf(name));
  wanted.actor = "uid:" + std::to_string(caller.uid);
  return CreateSnapshot(context.store, context.branch, wanted);
}

Status DropSnapshot(const PlaneContext& context, std::string_view name) {
  const std::optional<std::string> parsed = ParseSnapshotFileName(name);
  if (!parsed) return {Code::kNotFound, ".mend/snapshots/" + std::string(name)};
  return DeleteSnapshot(context.store, *parsed);
}

Status MoveSnapshot(const PlaneContext& context, const RenameCall& request) {
  if (request.mode == RenameMode::kExchange) {
    return {Code::kInvalid, "rename: two snapshots are not exchanged; use a third name"};
  }
  const std::optional<std::string> name = ParseSnapshotFileName(request.name);
  if (!name) return {Code::kNotFound, ".mend/snapshots/" + std::string(request.name)};
  MENDFS_ASSIGN_OR_RETURN(const std::string new_name, NameOf(request.new_name));
  return RenameSnapshot(context.store, *name, new_name);
}

// A few thousand at most, so a listing is of one moment.
Result<std::unique_ptr<DirectoryHandle>> OpenSnapshots(const PlaneContext& context,
                                                       InodeNumber self) {
  std::vector<ListedName> names;
  MENDFS_RETURN_IF_ERROR(EachSnapshot(
      context.store, [&](std::string_view name, const Result<SnapshotRow>& row) -> Status {
        const Seq seq = row.ok() ? row->seq : Seq();
        names.push_back({SnapshotFileName(name),
                         InodeOf(PastView::RootPlaceOf(seq, std::string(name))), S_IFDIR});
        return Status::Ok();
      }));
  return std::make_unique<DirectoryHandle>(DirectoryHandle::Ends{.self = self, .parent = kMendRoot},
                                           std::make_unique<FixedNames>(std::move(names)));
}

}  // namespace mendfs
