#include "fs/ops/plane/rejected.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace mendfs {
namespace {

constexpr std::string_view kDirectoryName = "rejected";
constexpr std::string_view kReasonSuffix = ".why";
// Leaves room for ".<n>.why" in a name of 255 bytes.
constexpr size_t kNameStemBytesMax = 240;

}  // namespace

Rejected::Rejected(const FileReader& reader, FileWriter& writer, BranchId branch)
    : reader_(reader), writer_(writer), branch_(branch) {}

Result<Attributes> Rejected::MakeDirectory(InodeNumber parent, std::string_view name, uint32_t uid,
                                           uint32_t gid) {
  Result<Attributes> there = reader_.Lookup({.branch = branch_}, parent, name);
  if (there.ok() || there.status().code() != Code::kNotFound) return there;
  return writer_.Make(parent, name,
                      {.mode = S_IFDIR | 0755, .uid = uid, .gid = gid, .link_target = {}});
}

Result<Attributes> Rejected::Directory() {
  MENDFS_ASSIGN_OR_RETURN(Attributes directory,
                          reader_.Lookup({.branch = branch_}, kScratchRoot, kDirectoryName));
  OwnsChild(directory.inode);
  return directory;
}

bool Rejected::Owns(InodeNumber directory) const {
  if (!shown_.load(std::memory_order_relaxed)) return false;
  MutexLock lock(directories_mutex_);
  return directories_.contains(directory);
}

void Rejected::OwnsChild(InodeNumber child) {
  MutexLock lock(directories_mutex_);
  directories_.insert(child);
  shown_.store(true, std::memory_order_relaxed);
}

Status Rejected::LoadDirectoryLocked(InodeNumber directory) {
  View view{.branch = branch_};
  MENDFS_ASSIGN_OR_RETURN(auto cursor, reader_.List(view, directory, 0));
  for (;;) {
    MENDFS_ASSIGN_OR_RETURN(std::optional<FileEntry> entry, cursor->Next());
    if (!entry) return {};
    if (!S_ISREG(entry->mode_type) || entry->name.ends_with(kReasonSuffix)) continue;
    MENDFS_ASSIGN_OR_RETURN(Attributes attributes, reader_.Get(view, entry->inode));
    kept_.push_back({.directory = directory,
                     .name = entry->name,
                     .size_bytes = attributes.size_bytes,
                     .time_ns = attributes.mtime_ns});
    kept_bytes_ += attributes.size_bytes;
  }
}

// What earlier mounts left, once.
Status Rejected::LoadLocked() {
  if (loaded_) return {};
  MENDFS_ASSIGN_OR_RETURN(Attributes top, MakeDirectory(kScratchRoot, kDirectoryName, 0, 0));
  MENDFS_ASSIGN_OR_RETURN(auto cursor, reader_.List({.branch = branch_}, top.inode, 0));
  kept_.clear();
  kept_bytes_ = 0;
  for (;;) {
    MENDFS_ASSIGN_OR_RETURN(std::optional<FileEntry> entry, cursor->Next());
    if (!entry) break;
    if (S_ISDIR(entry->mode_type)) MENDFS_RETURN_IF_ERROR(LoadDirectoryLocked(entry->inode));
  }
  std::sort(kept_.begin(), kept_.end(),
            [](const Kept& a, const Kept& b) { return a.time_ns < b.time_ns; });
  loaded_ = true;
  return {};
}

void Rejected::DropOldestLocked() {
  Kept oldest = std::move(kept_.front());
  kept_.pop_front();
  kept_bytes_ -= oldest.size_bytes;
  for (std::string_view suffix : {std::string_view(), kReasonSuffix}) {
    std::string name = oldest.name + std::string(suffix);
    // Somebody may have removed it already.
    writer_.Remove(oldest.directory, name, false).status().IgnoreError();
  }
}

Result<Attributes> Rejected::MakeFile(InodeNumber directory, const std::string& name,
                                      const NewInode& file, std::string_view bytes) {
  MENDFS_ASSIGN_OR_RETURN(Attributes made, writer_.Make(directory, name, file));
  return writer_.Write(made.inode, 0, bytes);
}

Result<std::string> Rejected::Add(const RejectedBody& rejected) {
  MutexLock lock(mutex_);
  MENDFS_RETURN_IF_ERROR(LoadLocked());
  while (!kept_.empty() && (kept_.size() >= kRejectedEntriesMax ||
                            kept_bytes_ + rejected.body.size() > kRejectedBytesMax)) {
    DropOldestLocked();
  }
  MENDFS_ASSIGN_OR_RETURN(Attributes top, MakeDirectory(kScratchRoot, kDirectoryName, 0, 0));
  MENDFS_ASSIGN_OR_RETURN(Attributes directory,
                          MakeDirectory(top.inode, rejected.directory, rejected.uid, rejected.gid));
  NewInode file{
      .mode = S_IFREG | 0600, .uid = rejected.uid, .gid = rejected.gid, .link_target = {}};
  std::string stem(rejected.name.substr(0, kNameStemBytesMax));
  for (unsigned n = 1; n <= 2 * kRejectedEntriesMax; ++n) {
    std::string name = stem + "." + std::to_string(n);
    Result<Attributes> made = MakeFile(directory.inode, name, file, rejected.body);
    if (!made.ok() && made.status().code() == Code::kExists) continue;
    MENDFS_RETURN_IF_ERROR(made.status());
    kept_.push_back({.directory = directory.inode,
                     .name = name,
                     .size_bytes = rejected.body.size(),
                     .time_ns = made->mtime_ns});
    kept_bytes_ += rejected.body.size();
    std::string reason = std::string(rejected.reason) + "\n";
    MENDFS_RETURN_IF_ERROR(
        MakeFile(directory.inode, name + std::string(kReasonSuffix), file, reason).status());
    return ".mend/rejected/" + std::string(rejected.directory) + "/" + name;
  }
  return Status(Code::kOverflow, "keep the rejected bytes of " + stem + ": no free number");
}

}  // namespace mendfs
