#include "fs/ops/nodes.h"

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

StoreStatus Nodes::Describe() const {
  return operations_.context().store.Describe();
}

}  // namespace mendfs
