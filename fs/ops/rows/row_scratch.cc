#include "fs/ops/rows/row_scratch.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "fs/ops/planes/planes.h"

namespace mendfs {

TableScratch::TableScratch(PlaneContext& context)
    : context_(context), files_(MakeFilesPlane(context)) {}

Result<Node> TableScratch::Directory(TypeId table) {
  if (context_.is_past()) return Status(Code::kNotFound, "scratch files have no past");
  {
    MutexLock lock(mutex_);
    auto known = directories_.find(table);
    if (known != directories_.end()) return Node{.id = known->second, .place = nullptr};
  }
  MENDFS_ASSIGN_OR_RETURN(Attributes directory,
                          context_.files.Lookup(context_.head(), kScratchRoot, NameOf(table)));
  MutexLock lock(mutex_);
  directories_[table] = directory.inode;
  return Node{.id = directory.inode, .place = nullptr};
}

Result<Node> TableScratch::MakeDirectory(TypeId table) {
  Result<Node> there = Directory(table);
  if (there.ok() || there.status().code() != Code::kNotFound) return there;
  Status made = context_.file_writer
                    .Make(kScratchRoot, NameOf(table),
                          {.mode = S_IFDIR | 0700,
                           .uid = context_.owner_uid,
                           .gid = context_.owner_gid,
                           .link_target = {}})
                    .status();
  // Another request may have been faster.
  if (!made.ok() && made.code() != Code::kExists) return made;
  return Directory(table);
}

Result<Attributes> TableScratch::Lookup(TypeId table, std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(Node directory, Directory(table));
  return context_.files.Lookup(context_.head(), directory.id, name);
}

Result<std::string> TableScratch::Read(const Attributes& file, uint64_t size_max) const {
  if (!S_ISREG(file.mode)) {
    return Status(Code::kInvalid, "a row is a regular file, and this is none");
  }
  if (file.size_bytes > size_max) {
    return Status(Code::kTooBig, "a body is at most " + std::to_string(size_max) + " bytes, not " +
                                     std::to_string(file.size_bytes));
  }
  std::string body(file.size_bytes, '\0');
  MENDFS_ASSIGN_OR_RETURN(
      size_t count, context_.files.Read(context_.head(), file.inode, 0, body.size(), body.data()));
  body.resize(count);
  return body;
}

Result<std::string> TableScratch::Write(TypeId table, const NewFile& file) {
  MENDFS_ASSIGN_OR_RETURN(Node directory, MakeDirectory(table));
  MENDFS_ASSIGN_OR_RETURN(InodeNumber unique, context_.store.door().TakeInodes(1));
  std::string name = ".mend-" + std::to_string(unique.value);
  MENDFS_ASSIGN_OR_RETURN(Attributes made,
                          context_.file_writer.Make(directory.id, name,
                                                    {.mode = S_IFREG | file.permissions,
                                                     .uid = file.uid,
                                                     .gid = file.gid,
                                                     .link_target = {}}));
  Status status;
  if (!file.body.empty()) {
    status = context_.file_writer.Write(made.inode, 0, file.body).status();
  }
  if (status.ok()) {
    status = context_.file_writer.Set(made.inode, {.mtime_ns = file.mtime_ns}).status();
  }
  if (status.ok()) return name;
  Remove(table, name).IgnoreError();  // else it expires
  return status;
}

Status TableScratch::Remove(TypeId table, std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(Node directory, Directory(table));
  return context_.file_writer.Remove(directory.id, name, false).status();
}

Status TableScratch::Sweep(TypeId table, int64_t now_ns) {
  Result<Node> directory = Directory(table);
  if (!directory.ok()) {
    return directory.status().code() == Code::kNotFound ? Status() : directory.status();
  }
  MENDFS_ASSIGN_OR_RETURN(auto cursor, context_.files.List(context_.head(), directory->id, 0));
  std::vector<std::string> expired;
  while (expired.size() < kScratchSweptMax) {
    MENDFS_ASSIGN_OR_RETURN(std::optional<FileEntry> entry, cursor->Next());
    if (!entry) break;
    Result<Attributes> file = context_.files.Get(context_.head(), entry->inode);
    // mtime may be set to anything, and is by tools that keep it; ctime is ours.
    if (file.ok() && now_ns - file->ctime_ns > kScratchLifeNs) {
      expired.push_back(std::move(entry->name));
    }
  }
  for (const std::string& name : expired) {
    Status removed = Remove(table, name);
    if (!removed.ok() && removed.code() != Code::kNotFound) return removed;
  }
  return {};
}

}  // namespace mendfs
