#include "fs/ops/nodes.h"

#include <algorithm>
#include <utility>

#include "fs/ops/handles.h"
#include "fs/ops/operations.h"

namespace mendfs {

Result<Found> Nodes::GetAttributes(const Caller& caller, InodeNumber id, uint64_t handle) {
  Node node = operations_.NodeOf(id);
  auto open = handle == kNoHandle ? nullptr : handles_.files().Find(handle);
  FileHandle* file = open && open->node.id == id ? open->handle.get() : nullptr;
  return operations_.Noted({caller, "getattr", node},
                           operations_.PlaneOfNode(node).GetAttributes(caller, node, file));
}

Result<Found> Nodes::SetAttributes(const Caller& caller, InodeNumber id,
                                   const AttributeChange& change, uint64_t handle) {
  Node node = operations_.NodeOf(id);
  auto open = handle == kNoHandle ? nullptr : handles_.files().Find(handle);
  FileHandle* file = open && open->node.id == id ? open->handle.get() : nullptr;
  auto set = [&]() -> Result<Found> {
    MENDFS_RETURN_IF_ERROR(operations_.CheckWritable());
    return operations_.PlaneOfNode(node).SetAttributes(caller, node, change, file);
  };
  return operations_.Noted({caller, "setattr", node}, set());
}

Result<std::string> Nodes::ReadLink(const Caller& caller, InodeNumber id) {
  Node node = operations_.NodeOf(id);
  return operations_.Noted({caller, "readlink", node},
                           operations_.PlaneOfNode(node).ReadLink(caller, node));
}

Result<std::string> Nodes::GetXattr(const Caller& caller, InodeNumber id, std::string_view name) {
  Node node = operations_.NodeOf(id);
  return operations_.PlaneOfNode(node).GetXattr(caller, node, name);
}

Result<std::vector<std::string>> Nodes::ListXattrs(const Caller& caller, InodeNumber id) {
  Node node = operations_.NodeOf(id);
  return operations_.PlaneOfNode(node).ListXattrs(caller, node);
}

Status Nodes::SetXattr(const Caller& caller, InodeNumber id, std::string_view name,
                       std::string_view value, XattrMode mode) {
  Node node = operations_.NodeOf(id);
  Status status = operations_.CheckWritable();
  if (status.ok()) {
    status = operations_.PlaneOfNode(node).SetXattr(caller, node, name, value, mode);
  }
  return operations_.Refused({caller, "setxattr", node}, status);
}

Status Nodes::RemoveXattr(const Caller& caller, InodeNumber id, std::string_view name) {
  Node node = operations_.NodeOf(id);
  Status status = operations_.CheckWritable();
  if (status.ok()) status = operations_.PlaneOfNode(node).RemoveXattr(caller, node, name);
  return operations_.Refused({caller, "removexattr", node}, status);
}

SpaceInfo Nodes::SpaceAt(InodeNumber id) const {
  PlaneContext& context = operations_.context();
  SpaceInfo space = context.store.Describe().space;
  if (Operations::KindOf(operations_.NodeOf(id)) != PlaneKind::kFiles) return space;
  Result<std::optional<Quota>> quota = context.files.GetQuota(context.head(), id);
  if (!quota.ok() || !quota->has_value()) return space;
  uint64_t limit = (*quota)->limit_bytes;
  uint64_t left = limit - std::min(limit, (*quota)->used_bytes);
  space.total_bytes = std::min(space.total_bytes, limit);
  space.free_bytes = std::min(space.free_bytes, left);
  space.available_bytes = std::min(space.available_bytes, left);
  return space;
}

StoreStatus Nodes::Describe() const {
  return operations_.context().store.Describe();
}

}  // namespace mendfs
