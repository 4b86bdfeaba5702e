#include "fs/ops/handles.h"

#include <fcntl.h>

#include <utility>

#include "fs/ops/operations.h"

namespace mendfs {
namespace {

Status NotOpen(uint64_t handle) {
  return Status(Code::kInvalid, "handle " + std::to_string(handle) + " is not open");
}

// Between a directory that offers names and a kernel reply that takes them: looks each name up
// where that is asked for, and counts what was taken.
class LookupSink final : public NameSink {
 public:
  LookupSink(const Caller& caller, Operations& operations, const Node& directory,
             ListingSink& target)
      : caller_(caller), operations_(operations), directory_(directory), target_(target) {}

  bool Add(const ListedName& listed) override {
    if (listed.cookie <= kDotDotCookie) return target_.Add(listed, nullptr);
    Result<Found> found =
        operations_.PlaneOfNode(directory_).LookupListed(caller_, directory_, listed);
    // Gone since the listing began, or unreadable: the name is listed as it was, and whoever looks
    // it up hears the reason.
    if (!found.ok()) return target_.Add(listed, nullptr);
    if (!target_.Add(listed, &*found)) return false;
    operations_.Count(*found);
    return true;
  }

 private:
  const Caller& caller_;
  Operations& operations_;
  const Node& directory_;
  ListingSink& target_;
};

class PlainSink final : public NameSink {
 public:
  explicit PlainSink(ListingSink& target) : target_(target) {}
  bool Add(const ListedName& listed) override { return target_.Add(listed, nullptr); }

 private:
  ListingSink& target_;
};

}  // namespace

Result<OpenedFile> Handles::Open(const Caller& caller, InodeNumber id, const OpenRequest& request) {
  Node node = operations_.NodeOf(id);
  auto open = [&]() -> Result<Opened> {
    if (request.writes() || (request.flags & O_TRUNC) != 0) {
      MENDFS_RETURN_IF_ERROR(operations_.CheckWritable());
    }
    return operations_.PlaneOfNode(node).Open(caller, node, request);
  };
  Result<Opened> opened = operations_.Noted({caller, "open", node}, open());
  if (!opened.ok()) return opened.status();
  OpenedFile answer{.handle = 0,
                    .direct_io = opened->direct_io,
                    .keep_cache = opened->keep_cache,
                    .no_flush = opened->no_flush};
  answer.handle = files_.Add(
      std::make_shared<OpenFile>(OpenFile{.node = std::move(node),
                                          .caller = caller,
                                          .flags = request.flags,
                                          .opened_ns = operations_.context().store.door().NowNs(),
                                          .handle = std::move(opened->handle)}));
  return answer;
}

Result<size_t> Handles::Read(uint64_t handle, uint64_t offset, size_t size_bytes, char* target) {
  auto open = files_.Find(handle);
  if (!open) return NotOpen(handle);
  return operations_.Noted({open->caller, "read", open->node},
                           open->handle->Read(offset, size_bytes, target));
}

Status Handles::Write(const Caller& caller, uint64_t handle, uint64_t offset,
                      std::string_view bytes) {
  auto open = files_.Find(handle);
  if (!open) return NotOpen(handle);
  return operations_.Refused({caller, "write", open->node}, open->handle->Write(offset, bytes));
}

Status Handles::ChangeSpace(const Caller& caller, uint64_t handle, const SpaceChange& change) {
  auto open = files_.Find(handle);
  if (!open) return NotOpen(handle);
  return operations_.Refused({caller, "fallocate", open->node}, open->handle->ChangeSpace(change));
}

Result<std::optional<uint64_t>> Handles::Find(uint64_t handle, uint64_t offset, BodySought sought) {
  auto open = files_.Find(handle);
  if (!open) return NotOpen(handle);
  auto found = open->handle->Find(offset, sought);
  if (found.ok() || found.status().code() != Code::kUnsupported) {
    return operations_.Noted({open->caller, "lseek", open->node}, std::move(found));
  }
  // A file without holes: data from the front to the end.
  MENDFS_ASSIGN_OR_RETURN(const Found now,
                          operations_.PlaneOfNode(open->node)
                              .GetAttributes(open->caller, open->node, open->handle.get()));
  const uint64_t end = now.attributes.size_bytes;
  if (offset >= end) return std::optional<uint64_t>();
  return std::optional<uint64_t>(sought == BodySought::kData ? offset : end);
}

Result<uint64_t> Handles::Clone(const Caller& caller, const CloneCall& call) {
  auto source = files_.Find(call.source);
  auto target = files_.Find(call.target);
  if (!source || !target) return NotOpen(source ? call.target : call.source);
  const auto source_inode = source->handle->tree_inode();
  const auto target_inode = target->handle->tree_inode();
  if (!source_inode || !target_inode) {
    // No refusal: the kernel copies the bytes instead.
    return Status(Code::kUnsupported, "share bytes: between files of files/ only");
  }
  return operations_.Noted(
      {caller, "copy_file_range", target->node},
      operations_.context().file_writer.Clone({.source = *source_inode,
                                               .source_offset = call.source_offset,
                                               .target = *target_inode,
                                               .target_offset = call.target_offset,
                                               .size_bytes = call.size_bytes}));
}

Status Handles::Flush(const Caller& caller, uint64_t handle) {
  auto open = files_.Find(handle);
  if (!open) return NotOpen(handle);
  return operations_.Refused({caller, "close", open->node}, open->handle->FlushBy(caller));
}

Status Handles::Sync(const Caller& caller, uint64_t handle) {
  auto open = files_.Find(handle);
  if (!open) return NotOpen(handle);
  Status status = open->handle->Sync();
  // A read-only handle has nothing to flush, and must not fail on a store that cannot.
  if (status.ok() && (open->flags & O_ACCMODE) == O_RDONLY) {
    Status flushed = operations_.context().store.Flush();
    return flushed.code() == Code::kReadOnly ? Status() : flushed;
  }
  if (status.ok()) status = operations_.context().store.Flush();
  return operations_.Refused({caller, "fsync", open->node}, status);
}

void Handles::Release(uint64_t handle) {
  auto open = files_.Take(handle);
  if (open) open->handle->Release();
}

Result<uint64_t> Handles::OpenDirectory(const Caller& caller, InodeNumber id) {
  Node node = operations_.NodeOf(id);
  auto opened = operations_.Noted({caller, "opendir", node},
                                  operations_.PlaneOfNode(node).OpenDirectory(caller, node));
  if (!opened.ok()) return opened.status();
  return directories_.Add(std::make_shared<OpenDirectoryRecord>(
      OpenDirectoryRecord{.node = std::move(node),
                          .caller = caller,
                          .opened_ns = operations_.context().store.door().NowNs(),
                          .handle = *std::move(opened)}));
}

Status Handles::ReadDirectory(const Caller& caller, const ReadDirectoryRequest& request,
                              ListingSink& sink) {
  auto open = directories_.Find(request.handle);
  if (!open) return NotOpen(request.handle);
  Status status;
  if (request.lookups) {
    LookupSink lookups(caller, operations_, open->node, sink);
    status = open->handle->Read(request.after, lookups);
  } else {
    PlainSink plain(sink);
    status = open->handle->Read(request.after, plain);
  }
  return operations_.Refused({caller, "readdir", open->node}, status);
}

Status Handles::SyncDirectory(const Caller& caller) {
  Status status = operations_.context().store.Flush();
  if (status.code() == Code::kReadOnly) return {};
  return operations_.Refused({caller, "fsync", operations_.NodeOf(kMountRoot)}, status);
}

void Handles::ReleaseDirectory(uint64_t handle) {
  directories_.Take(handle);
}

std::vector<OpenFileInfo> Handles::OpenFiles() {
  std::vector<OpenFileInfo> open_files;
  for (const auto& open : files_.All()) {
    open_files.push_back({.inode = open->node.id,
                          .path = operations_.PlaneOfNode(open->node).Show(open->node),
                          .flags = open->flags,
                          .caller = open->caller,
                          .opened_ns = open->opened_ns});
  }
  return open_files;
}

}  // namespace mendfs
