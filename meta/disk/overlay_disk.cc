#include "meta/disk/overlay_disk.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "meta/base/mutex.h"
#include "meta/disk/memory_file.h"

namespace mendfs {

namespace {

struct Node;
using NodePtr = std::shared_ptr<Node>;  // shared: the tree and the handles hold it

// A directory that was walked, or a file that was made or opened for writing.
struct Node {
  FileKind kind = FileKind::kRegular;
  std::string base_path;  // empty: the base has nothing here
  int64_t mtime_ns = 0;
  std::string lock_holder;

  MemoryBytes bytes;
  // Names that differ from the base, and directories met on the way; null: the name is gone.
  std::map<std::string, NodePtr> names;
  std::weak_ptr<Node> parent;
};

// What a name leads to. A file that nobody changed has no node, only the base's path.
struct Place {
  NodePtr directory;  // null for the root
  std::string name;
  NodePtr node;
  std::string base_path;  // of the untouched file
  FileInfo base_info;

  bool exists() const { return node || !base_path.empty(); }
  FileKind kind() const { return node ? node->kind : base_info.kind; }
};

Status Refusal(Code code, std::string_view what, const std::string& path) {
  return {code, std::string(what) + " " + path + ": " + std::string(CodeName(code))};
}

int64_t NowNs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

std::string Join(const std::string& directory, const std::string& name) {
  return directory.back() == '/' ? directory + name : directory + "/" + name;
}

}  // namespace

struct OverlayState {
  OverlayState(Disk& base_disk, uint64_t memory_max)
      : base(base_disk), memory_bytes_max(memory_max) {}

  Disk& base;
  const uint64_t memory_bytes_max;
  Mutex mutex{LockRank::kOverlay};
  NodePtr absolute_root GUARDED_BY(mutex);
  NodePtr relative_root GUARDED_BY(mutex);
  uint64_t page_bytes_made GUARDED_BY(mutex) = 0;

  NodePtr RootOf(const std::string& path) REQUIRES(mutex);
  // Fills in node or base_path, or neither where the name is free.
  Status FindChild(Place& place) REQUIRES(mutex);
  Result<Place> Locate(std::string_view what, const std::string& path) REQUIRES(mutex);
  Result<Place> LocateExisting(std::string_view what, const std::string& path) REQUIRES(mutex);
  // The node of a file that is about to change.
  NodePtr Adopt(const Place& place) REQUIRES(mutex);
  Result<std::vector<DirEntry>> ListNode(const Node& directory) REQUIRES(mutex);
  // Pages are counted when they are made and not given back: a bound, not a balance.
  Status Charge(uint64_t size_bytes) REQUIRES(mutex);
};

NodePtr OverlayState::RootOf(const std::string& path) {
  const bool is_absolute = !path.empty() && path.front() == '/';
  NodePtr& root = is_absolute ? absolute_root : relative_root;
  if (!root) {
    root = std::make_shared<Node>();
    root->kind = FileKind::kDirectory;
    root->base_path = is_absolute ? "/" : ".";
  }
  return root;
}

Status OverlayState::FindChild(Place& place) {
  const auto found = place.directory->names.find(place.name);
  if (found != place.directory->names.end()) {
    place.node = found->second;
    return Status::Ok();
  }
  if (place.directory->base_path.empty()) return Status::Ok();
  const std::string base_path = Join(place.directory->base_path, place.name);
  const Result<FileInfo> info = base.Stat(base_path);
  if (!info.ok()) return info.status().code() == Code::kNotFound ? Status::Ok() : info.status();
  place.base_path = base_path;
  place.base_info = *info;
  if (info->kind == FileKind::kDirectory) place.node = Adopt(place);
  return Status::Ok();
}

NodePtr OverlayState::Adopt(const Place& place) {
  auto node = std::make_shared<Node>();
  node->kind = place.base_info.kind;
  node->base_path = place.base_path;
  node->mtime_ns = place.base_info.mtime_ns;
  node->parent = place.directory;
  if (node->kind != FileKind::kDirectory) node->bytes = MemoryBytes(place.base_info.size_bytes);
  place.directory->names[place.name] = node;
  return node;
}

Result<Place> OverlayState::Locate(std::string_view what, const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string_view> names, SplitPath(path));
  Place place;
  place.node = RootOf(path);
  for (const std::string_view name : names) {
    if (!place.exists()) return Refusal(Code::kNotFound, what, path);
    if (place.kind() != FileKind::kDirectory) return Refusal(Code::kNotDirectory, what, path);
    Place child;
    child.directory = place.node;
    child.name = name;
    MENDFS_RETURN_IF_ERROR(FindChild(child));
    place = std::move(child);
  }
  return place;
}

Result<Place> OverlayState::LocateExisting(std::string_view what, const std::string& path) {
  Result<Place> place = Locate(what, path);
  if (place.ok() && !place->exists()) return Refusal(Code::kNotFound, what, path);
  return place;
}

Result<std::vector<DirEntry>> OverlayState::ListNode(const Node& directory) {
  std::vector<DirEntry> entries;
  if (!directory.base_path.empty()) {
    MENDFS_ASSIGN_OR_RETURN(entries, base.List(directory.base_path));
    std::erase_if(entries,
                  [&](const DirEntry& entry) { return directory.names.contains(entry.name); });
  }
  for (const auto& [name, node] : directory.names) {
    if (node) entries.push_back({name, node->kind});
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

Status OverlayState::Charge(uint64_t size_bytes) {
  if (size_bytes > memory_bytes_max - page_bytes_made) {
    return {Code::kNoSpace, "an overlay keeps at most " + std::to_string(memory_bytes_max) +
                                " changed bytes in memory"};
  }
  page_bytes_made += size_bytes;
  return Status::Ok();
}

namespace {

// An untouched file of the base: the base's own handle, without the way to change it.
class BaseFile final : public File {
 public:
  BaseFile(std::unique_ptr<File> base, std::string path)
      : base_(std::move(base)), path_(std::move(path)) {}

  Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const override {
    return base_->ReadAt(offset, size, target);
  }
  Status WriteAt(uint64_t, std::string_view) override { return Refuse("write"); }
  Status Truncate(uint64_t) override { return Refuse("truncate"); }
  Status Allocate(uint64_t) override { return Refuse("allocate"); }
  Status Sync() override { return Status::Ok(); }
  Result<uint64_t> Size() const override { return base_->Size(); }

 private:
  Status Refuse(std::string_view what) const {
    return {Code::kReadOnly, std::string(what) + " " + path_ + ": opened for reading"};
  }

  const std::unique_ptr<File> base_;
  const std::string path_;
};

// A file with changes. `base` is open for reading where the base has one here.
class OverlayFile final : public File {
 public:
  OverlayFile(std::shared_ptr<OverlayState> state, NodePtr node, std::unique_ptr<File> base,
              std::string path, bool writable)
      : state_(std::move(state)),
        node_(std::move(node)),
        base_(std::move(base)),
        path_(std::move(path)),
        writable_(writable) {}

  Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const override {
    OverlayState& state = *state_;
    MutexLock lock(state.mutex);
    return node_->bytes.ReadAt(base_.get(), offset, size, target);
  }

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    OverlayState& state = *state_;
    MutexLock lock(state.mutex);
    MENDFS_RETURN_IF_ERROR(CheckWritable("write"));
    const uint64_t page_bytes = node_->bytes.NewPageBytes(offset, bytes.size());
    MENDFS_RETURN_IF_ERROR(state.Charge(page_bytes).Annotate("write " + path_));
    node_->mtime_ns = NowNs();
    return node_->bytes.WriteAt(base_.get(), offset, bytes).Annotate(path_);
  }

  Status Truncate(uint64_t size_bytes) override {
    OverlayState& state = *state_;
    MutexLock lock(state.mutex);
    MENDFS_RETURN_IF_ERROR(CheckWritable("truncate"));
    node_->mtime_ns = NowNs();
    return node_->bytes.Truncate(base_.get(), size_bytes).Annotate(path_);
  }

  Status Allocate(uint64_t) override { return CheckWritable("allocate"); }
  Status Sync() override { return Status::Ok(); }

  Result<uint64_t> Size() const override {
    OverlayState& state = *state_;
    MutexLock lock(state.mutex);
    return node_->bytes.size();
  }

 private:
  Status CheckWritable(std::string_view what) const {
    if (writable_) return Status::Ok();
    return {Code::kReadOnly, std::string(what) + " " + path_ + ": opened for reading"};
  }

  const std::shared_ptr<OverlayState> state_;
  const NodePtr node_;
  const std::unique_ptr<File> base_;
  const std::string path_;
  const bool writable_;
};

class OverlayLock final : public DiskLock {
 public:
  OverlayLock(std::shared_ptr<OverlayState> state, NodePtr node)
      : state_(std::move(state)), node_(std::move(node)) {}
  ~OverlayLock() override {
    OverlayState& state = *state_;
    MutexLock lock(state.mutex);
    node_->lock_holder.clear();
  }
  void Sign(std::string_view holder) override {
    OverlayState& state = *state_;
    MutexLock lock(state.mutex);
    node_->lock_holder = holder;
    if (!node_->bytes.Truncate(nullptr, 0).ok()) return;
    node_->bytes.WriteAt(nullptr, 0, holder).IgnoreError();
  }

 private:
  const std::shared_ptr<OverlayState> state_;
  const NodePtr node_;
};

bool IsWithin(const NodePtr& directory, const NodePtr& ancestor) {
  for (NodePtr at = directory; at; at = at->parent.lock()) {
    if (at == ancestor) return true;
  }
  return false;
}

// Without a base below, nothing is left to be hidden.
void Hide(const Place& place) {
  if (place.directory->base_path.empty()) {
    place.directory->names.erase(place.name);
  } else {
    place.directory->names[place.name] = nullptr;
  }
}

NodePtr MakeNode(const Place& place, FileKind kind) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->mtime_ns = NowNs();
  node->parent = place.directory;
  place.directory->names[place.name] = node;
  return node;
}

}  // namespace

OverlayDisk::OverlayDisk(Disk& base, uint64_t memory_bytes_max)
    : state_(std::make_shared<OverlayState>(base, memory_bytes_max)) {}
OverlayDisk::~OverlayDisk() = default;

Result<std::unique_ptr<File>> OverlayDisk::Open(const std::string& path, OpenMode mode) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(Place place, state.Locate("open", path));
  const bool writable = mode != OpenMode::kRead;
  if (!place.exists()) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) {
      return Refusal(Code::kNotFound, "open", path);
    }
    place.node = MakeNode(place, FileKind::kRegular);
  } else if (mode == OpenMode::kCreate) {
    return Refusal(Code::kExists, "create", path);
  } else if (place.kind() == FileKind::kDirectory) {
    return Refusal(Code::kIsDirectory, "open", path);
  } else if (place.kind() != FileKind::kRegular) {
    return Status(Code::kInvalid, "open " + path + ": not a regular file");
  }
  const std::string base_path = place.node ? place.node->base_path : place.base_path;
  std::unique_ptr<File> base;
  if (!base_path.empty()) {
    MENDFS_ASSIGN_OR_RETURN(base, state.base.Open(base_path, OpenMode::kRead));
  }
  std::unique_ptr<File> file;
  if (!place.node && !writable) {
    file = std::make_unique<BaseFile>(std::move(base), path);
  } else {
    if (!place.node) place.node = state.Adopt(place);
    file = std::make_unique<OverlayFile>(state_, place.node, std::move(base), path, writable);
  }
  return file;
}

Status OverlayDisk::Rename(const std::string& source, const std::string& target) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(Place from, state.LocateExisting("rename", source));
  MENDFS_ASSIGN_OR_RETURN(const Place to, state.Locate("rename to", target));
  if (!from.directory || !to.directory) return Refusal(Code::kBusy, "rename", target);
  if (from.directory == to.directory && from.name == to.name) return Status::Ok();
  const bool moves_directory = from.kind() == FileKind::kDirectory;
  if (moves_directory && IsWithin(to.directory, from.node)) {
    return Refusal(Code::kInvalid, "rename below itself:", target);
  }
  if (to.exists()) {
    const bool onto_directory = to.kind() == FileKind::kDirectory;
    if (!moves_directory && onto_directory) return Refusal(Code::kIsDirectory, "rename to", target);
    if (moves_directory && !onto_directory) {
      return Refusal(Code::kNotDirectory, "rename to", target);
    }
    if (onto_directory) {
      MENDFS_ASSIGN_OR_RETURN(const auto entries, state.ListNode(*to.node));
      if (!entries.empty()) return Refusal(Code::kNotEmpty, "rename to", target);
    }
  }
  if (!from.node) from.node = state.Adopt(from);
  Hide(from);
  to.directory->names[to.name] = from.node;
  from.node->parent = to.directory;
  return Status::Ok();
}

Status OverlayDisk::Remove(const std::string& path) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("remove", path));
  if (place.kind() == FileKind::kDirectory) return Refusal(Code::kIsDirectory, "remove", path);
  Hide(place);
  return Status::Ok();
}

Status OverlayDisk::MakeDir(const std::string& path) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.Locate("mkdir", path));
  if (place.exists()) return Refusal(Code::kExists, "mkdir", path);
  MakeNode(place, FileKind::kDirectory);
  return Status::Ok();
}

Status OverlayDisk::RemoveDir(const std::string& path) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("rmdir", path));
  if (place.kind() != FileKind::kDirectory) return Refusal(Code::kNotDirectory, "rmdir", path);
  if (!place.directory) return Refusal(Code::kBusy, "rmdir", path);
  MENDFS_ASSIGN_OR_RETURN(const auto entries, state.ListNode(*place.node));
  if (!entries.empty()) return Refusal(Code::kNotEmpty, "rmdir", path);
  Hide(place);
  return Status::Ok();
}

Result<std::vector<DirEntry>> OverlayDisk::List(const std::string& path) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("list", path));
  if (place.kind() == FileKind::kSymlink) return Refusal(Code::kInvalid, "list", path);
  if (place.kind() != FileKind::kDirectory) return Refusal(Code::kNotDirectory, "list", path);
  return state.ListNode(*place.node);
}

Result<FileInfo> OverlayDisk::Stat(const std::string& path) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("stat", path));
  if (!place.node) return place.base_info;
  return FileInfo{.kind = place.node->kind,
                  .size_bytes = place.node->bytes.size(),
                  .mtime_ns = place.node->mtime_ns};
}

Status OverlayDisk::SyncDir(const std::string& path) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("sync directory", path));
  if (place.kind() == FileKind::kDirectory) return Status::Ok();
  return Refusal(Code::kNotDirectory, "sync directory", path);
}

Result<std::unique_ptr<DiskLock>> OverlayDisk::Lock(const std::string& path,
                                                    std::string_view holder) {
  OverlayState& state = *state_;
  std::unique_ptr<DiskLock> held;
  {
    MutexLock lock(state.mutex);
    MENDFS_ASSIGN_OR_RETURN(Place place, state.Locate("lock", path));
    if (!place.exists()) place.node = MakeNode(place, FileKind::kRegular);
    if (place.kind() == FileKind::kDirectory) return Refusal(Code::kIsDirectory, "lock", path);
    if (!place.node) place.node = state.Adopt(place);
    if (!place.node->lock_holder.empty()) {
      return Status(Code::kBusy, "lock " + path + ": held by " + place.node->lock_holder);
    }
    place.node->lock_holder = "another user";
    held = std::make_unique<OverlayLock>(state_, place.node);
  }
  if (!holder.empty()) held->Sign(holder);
  return held;
}

Result<SpaceInfo> OverlayDisk::Space(const std::string& path) {
  OverlayState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.LocateExisting("measure space of", path).status());
  const uint64_t free = state.memory_bytes_max - state.page_bytes_made;
  return SpaceInfo{
      .total_bytes = state.memory_bytes_max, .free_bytes = free, .available_bytes = free};
}

}  // namespace mendfs
