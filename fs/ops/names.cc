#include "fs/ops/names.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "fs/ops/handles.h"
#include "fs/ops/operations.h"
#include "fs/ops/plane/rejected.h"

namespace mendfs {
namespace {

constexpr size_t kNameBytesMax = 255;

Status CheckName(std::string_view name) {
  if (name.size() > kNameBytesMax) {
    return Status(Code::kNameTooLong,
                  "a name has at most 255 bytes, this one " + std::to_string(name.size()));
  }
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\0') != name.npos) {
    return Status(Code::kInvalid, "not a name for a file");
  }
  return {};
}

// The umask: in files/ a default ACL of the directory may stand in its place, so the plane applies
// it.
uint32_t MaskedMode(const Caller& caller, const Node& parent, uint32_t mode) {
  if (S_ISLNK(mode) || Operations::KindOf(parent) == PlaneKind::kFiles) return mode;
  return mode & ~(caller.umask & 0777);
}

}  // namespace

Result<Found> Names::Lookup(const Caller& caller, InodeNumber parent, std::string_view name) {
  Node node = operations_.NodeOf(parent);
  if (name.size() > kNameBytesMax) return CheckName(name);
  if (name == "." || name == "..") {
    return operations_.Noted({caller, "lookup", node, name}, LookupDots(caller, node, name));
  }
  Result<Found> found = operations_.PlaneOfNode(node).Lookup(caller, node, name);
  if (!found.ok()) {
    bool kept = Operations::KindOf(node) == PlaneKind::kFiles &&
                !operations_.context().rejected.Owns(node.id);
    if (found.status().code() == Code::kNotFound && kept) {
      return Found{.attributes = {}, .place = nullptr, .freshness = Freshness::kLong};
    }
    return operations_.Noted({caller, "lookup", node, name}, std::move(found));
  }
  operations_.Count(*found);
  return found;
}

Result<Found> Names::LookupDots(const Caller& caller, const Node& directory,
                                std::string_view name) {
  Node wanted = directory;
  if (name == "..") {
    MENDFS_ASSIGN_OR_RETURN(auto opened,
                            operations_.PlaneOfNode(directory).OpenDirectory(caller, directory));
    wanted = operations_.NodeOf(opened->ends().parent);
  }
  MENDFS_ASSIGN_OR_RETURN(Found found,
                          operations_.PlaneOfNode(wanted).GetAttributes(caller, wanted, nullptr));
  found.place = wanted.place;
  operations_.Count(found);
  return found;
}

void Names::Forget(InodeNumber node, uint64_t count) {
  if (node.value >= kFirstFreeInode) operations_.node_table().Forget(node, count);
}

Result<Found> Names::Make(const Caller& caller, InodeNumber parent, std::string_view name,
                          const MakeRequest& request) {
  Node node = operations_.NodeOf(parent);
  auto make = [&]() -> Result<Found> {
    MENDFS_RETURN_IF_ERROR(operations_.CheckWritable());
    MENDFS_RETURN_IF_ERROR(CheckName(name));
    MakeRequest masked = request;
    masked.mode = MaskedMode(caller, node, request.mode);
    return operations_.PlaneOfNode(node).Make(caller, node, name, masked);
  };
  Result<Found> found = operations_.Noted({caller, "make", node, name}, make());
  if (found.ok()) operations_.Count(*found);
  return found;
}

Result<CreatedFile> Names::Create(const Caller& caller, InodeNumber parent, std::string_view name,
                                  uint32_t mode, const OpenRequest& request) {
  Node node = operations_.NodeOf(parent);
  auto create = [&]() -> Result<Created> {
    MENDFS_RETURN_IF_ERROR(operations_.CheckWritable());
    bool unnamed = (request.flags & O_TMPFILE) == O_TMPFILE;
    if (!unnamed) MENDFS_RETURN_IF_ERROR(CheckName(name));
    if (unnamed && Operations::KindOf(node) != PlaneKind::kFiles) {
      return Status(Code::kUnsupported, "O_TMPFILE: files without a name are made below files/");
    }
    return operations_.PlaneOfNode(node).Create(caller, node, name, MaskedMode(caller, node, mode),
                                                request);
  };
  Result<Created> made = operations_.Noted({caller, "create", node, name}, create());
  if (!made.ok()) return made.status();
  operations_.Count(made->found);
  CreatedFile created{.found = made->found,
                      .handle = 0,
                      .direct_io = made->opened.direct_io,
                      .keep_cache = made->opened.keep_cache,
                      .no_flush = made->opened.no_flush};
  created.handle = handles_.files().Add(std::make_shared<OpenFile>(
      OpenFile{.node = {.id = created.found.attributes.inode, .place = created.found.place},
               .caller = caller,
               .flags = request.flags,
               .opened_ns = operations_.context().store.door().NowNs(),
               .handle = std::move(made->opened.handle)}));
  return created;
}

Result<Found> Names::Link(const Caller& caller, InodeNumber node_id, const NewName& target) {
  Node node = operations_.NodeOf(node_id);
  Node parent = operations_.NodeOf(target.parent);
  auto link = [&]() -> Result<Found> {
    MENDFS_RETURN_IF_ERROR(operations_.CheckWritable());
    MENDFS_RETURN_IF_ERROR(CheckName(target.name));
    if (Operations::KindOf(node) != Operations::KindOf(parent)) {
      return Status(Code::kCrossDevice, "link: the planes of a mount count as devices");
    }
    return operations_.PlaneOfNode(node).Link(caller, node, parent, target.name);
  };
  Result<Found> found = operations_.Noted({caller, "link", parent, target.name}, link());
  if (found.ok()) operations_.Count(*found);
  return found;
}

Status Names::Remove(const Caller& caller, InodeNumber parent, std::string_view name,
                     bool directory) {
  Node node = operations_.NodeOf(parent);
  Status status = operations_.CheckWritable();
  if (status.ok()) status = operations_.PlaneOfNode(node).Remove(caller, node, name, directory);
  return operations_.Refused({caller, directory ? "rmdir" : "unlink", node, name}, status);
}

Status Names::Rename(const Caller& caller, InodeNumber parent, std::string_view name,
                     const NewName& target, RenameMode mode) {
  Node node = operations_.NodeOf(parent);
  Node new_parent = operations_.NodeOf(target.parent);
  auto rename = [&]() -> Status {
    MENDFS_RETURN_IF_ERROR(operations_.CheckWritable());
    MENDFS_RETURN_IF_ERROR(CheckName(target.name));
    if (Operations::KindOf(node) != Operations::KindOf(new_parent)) {
      return Status(Code::kCrossDevice, "rename: the planes of a mount count as devices");
    }
    return operations_.PlaneOfNode(node).Rename(
        caller, node,
        {.name = name, .new_parent = new_parent, .new_name = target.name, .mode = mode});
  };
  return operations_.Refused({caller, "rename", new_parent, target.name}, rename());
}

}  // namespace mendfs
