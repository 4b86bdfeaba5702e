#include "meta/disk/sim_disk.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "meta/base/mutex.h"
#include "meta/disk/sim_tree.h"

namespace mendfs {

namespace {

constexpr uint64_t kDefaultCapacityBytes = uint64_t{1} << 40;

constexpr size_t Index(DiskCall call) {
  return static_cast<size_t>(call);
}

bool IsMutating(DiskCall call) {
  return call >= DiskCall::kFirstMutating;
}

struct Fault {
  uint64_t calls_left = 0;
  Code code = Code::kIo;
  CallScope scope = CallScope::kMutating;
  bool stops = false;
  bool shortens = false;
};

bool IsInScope(DiskCall call, CallScope scope) {
  return scope == CallScope::kAny || IsMutating(call) == (scope == CallScope::kMutating);
}

// Where a path leads: `node` is null where the name is free, `directory` where the path is the
// root.
struct Place {
  SimNodePtr directory;
  std::string name;
  SimNodePtr node;
};

Status Refusal(Code code, std::string_view what, const std::string& path) {
  return {code, std::string(what) + " " + path + ": " + std::string(CodeName(code))};
}

}  // namespace

struct SimDiskState {
  SimDiskState() = default;
  // A disk of its own that holds the same.
  SimDiskState(const SimTree& held, uint64_t capacity) : tree(held), capacity_bytes(capacity) {}

  mutable Mutex mutex{LockRank::kDisk};
  SimTree tree GUARDED_BY(mutex);
  uint64_t generation GUARDED_BY(mutex) = 1;  // of handles; a power cut begins the next
  std::map<uint64_t, std::string> lock_holders GUARDED_BY(mutex);  // by id of the file
  uint64_t capacity_bytes GUARDED_BY(mutex) = kDefaultCapacityBytes;
  bool read_only GUARDED_BY(mutex) = false;
  bool stopped GUARDED_BY(mutex) = false;
  bool shorten_read GUARDED_BY(mutex) = false;  // the read that has just begun
  std::optional<Fault> fault GUARDED_BY(mutex);
  SimDisk::Watcher watcher GUARDED_BY(mutex);
  std::array<uint64_t, Index(DiskCall::kCount)> calls GUARDED_BY(mutex) = {};

  std::shared_ptr<SimDiskState> Copy() const REQUIRES(mutex) {
    return std::make_shared<SimDiskState>(tree, capacity_bytes);
  }
  // Counts the call; not ok if it must fail.
  Status Begin(DiskCall call, const std::string& path) REQUIRES(mutex);
  Result<Place> Locate(std::string_view what, const std::string& path) const REQUIRES(mutex);
  Result<Place> LocateExisting(std::string_view what, const std::string& path) const
      REQUIRES(mutex);
  void CallWatcher(DiskCall call, const std::string& path) REQUIRES(mutex);
  // What still fits of a file that would end at `end`.
  uint64_t RoomUpTo(const SimNode& file, uint64_t end) const REQUIRES(mutex);
  Status Write(const SimNodePtr& file, uint64_t offset, std::string_view bytes) REQUIRES(mutex);
  void PowerCut(std::mt19937_64* random) REQUIRES(mutex);
};

Status SimDiskState::Begin(DiskCall call, const std::string& path) {
  ++calls[Index(call)];
  if (watcher && IsMutating(call) && !stopped) CallWatcher(call, path);
  if (stopped) return {Code::kIo, path + ": the disk has stopped"};
  if (fault && IsInScope(call, fault->scope) && --fault->calls_left == 0) {
    const Fault due = *std::exchange(fault, std::nullopt);
    stopped = due.stops;
    shorten_read = due.shortens && call == DiskCall::kRead;
    if (shorten_read) return Status::Ok();
    return {due.code, path + ": the call was made to fail"};
  }
  if (read_only && IsMutating(call)) return {Code::kReadOnly, path + ": the disk is read-only"};
  return Status::Ok();
}

void SimDiskState::CallWatcher(DiskCall call, const std::string& path) {
  const SimDiskState& self = *this;
  watcher(call, path, [&self]() NO_THREAD_SAFETY_ANALYSIS {
    return std::unique_ptr<SimDisk>(new SimDisk(self.Copy()));
  });
}

Result<Place> SimDiskState::Locate(std::string_view what, const std::string& path) const {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string_view> names, SplitPath(path));
  Place place{.directory = nullptr, .name = "", .node = tree.root()};
  for (const std::string_view name : names) {
    if (!place.node) return Refusal(Code::kNotFound, what, path);
    if (!place.node->is_directory) return Refusal(Code::kNotDirectory, what, path);
    place.directory = std::move(place.node);
    place.name = name;
    const auto found = place.directory->names.find(place.name);
    place.node = found == place.directory->names.end() ? nullptr : found->second;
  }
  return place;
}

Result<Place> SimDiskState::LocateExisting(std::string_view what, const std::string& path) const {
  Result<Place> place = Locate(what, path);
  if (place.ok() && !place->node) return Refusal(Code::kNotFound, what, path);
  return place;
}

uint64_t SimDiskState::RoomUpTo(const SimNode& file, uint64_t end) const {
  const uint64_t held = std::max(file.bytes.size(), file.reserved_bytes);
  const uint64_t free = capacity_bytes - std::min(capacity_bytes, tree.used_bytes());
  return end <= held ? end : held + std::min(end - held, free);
}

Status SimDiskState::Write(const SimNodePtr& file, uint64_t offset, std::string_view bytes) {
  if (offset > kFileBytesMax || bytes.size() > kFileBytesMax - offset) {
    return {Code::kTooBig, "write: beyond the largest file"};
  }
  const uint64_t room_end = RoomUpTo(*file, offset + bytes.size());
  const size_t fitting = room_end <= offset ? 0 : static_cast<size_t>(room_end - offset);
  MENDFS_RETURN_IF_ERROR(
      tree.ChangeFile(file, [&] { return file->bytes.WriteAt(offset, bytes.substr(0, fitting)); }));
  if (fitting == bytes.size()) return Status::Ok();
  return {Code::kNoSpace, "write: " + std::to_string(fitting) + " of " +
                              std::to_string(bytes.size()) + " bytes fit"};
}

void SimDiskState::PowerCut(std::mt19937_64* random) {
  tree.PowerCut(random);
  ++generation;
  lock_holders.clear();
  fault.reset();
  stopped = false;
}

namespace {

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<SimDiskState> state, SimNodePtr node, uint64_t generation,
          std::string path, bool writable)
      : state_(std::move(state)),
        node_(std::move(node)),
        generation_(generation),
        path_(std::move(path)),
        writable_(writable) {}

  Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    MENDFS_RETURN_IF_ERROR(Begin(state, DiskCall::kRead));
    const bool shorten = std::exchange(state.shorten_read, false);
    return node_->bytes.ReadAt(offset, shorten ? size / 2 : size, target);
  }

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    const bool was_stopped = state.stopped;
    Status status = Begin(state, DiskCall::kWrite);
    if (status.ok()) return state.Write(node_, offset, bytes).Annotate(path_);
    const bool is_fault =
        !was_stopped && writable_ && !state.read_only && generation_ == state.generation;
    if (is_fault) state.Write(node_, offset, bytes.substr(0, bytes.size() / 2)).IgnoreError();
    return status;
  }

  Status Truncate(uint64_t size_bytes) override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    MENDFS_RETURN_IF_ERROR(Begin(state, DiskCall::kTruncate));
    if (size_bytes > kFileBytesMax) return Refusal(Code::kTooBig, "truncate", path_);
    if (state.RoomUpTo(*node_, size_bytes) < size_bytes) {
      return Refusal(Code::kNoSpace, "truncate", path_);
    }
    return state.tree.ChangeFile(node_, [&] {
      node_->reserved_bytes = std::min(node_->reserved_bytes, size_bytes);
      return node_->bytes.Truncate(size_bytes);
    });
  }

  Status Allocate(uint64_t size_bytes) override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    MENDFS_RETURN_IF_ERROR(Begin(state, DiskCall::kAllocate));
    if (size_bytes > kFileBytesMax) return Refusal(Code::kTooBig, "allocate", path_);
    if (state.RoomUpTo(*node_, size_bytes) < size_bytes) {
      return Refusal(Code::kNoSpace, "allocate", path_);
    }
    return state.tree.ChangeFile(node_, [&] {
      node_->reserved_bytes = std::max(node_->reserved_bytes, size_bytes);
      return Status::Ok();
    });
  }

  Status Sync() override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    Status status = Begin(state, DiskCall::kSync);
    if (generation_ != state.generation) return status;
    if (status.ok()) {
      node_->bytes.Sync();
    } else if (!state.stopped) {
      node_->bytes.FailSync();
    }
    return status;
  }

  Result<uint64_t> Size() const override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    MENDFS_RETURN_IF_ERROR(Begin(state, DiskCall::kSize));
    return node_->bytes.size();
  }

 private:
  Status Begin(SimDiskState& state, DiskCall call) const REQUIRES(state.mutex) {
    Status status = state.Begin(call, path_);
    if (generation_ != state.generation) return {Code::kIo, path_ + ": opened before a power cut"};
    if (!status.ok()) return status;
    if (writable_ || !IsMutating(call) || call == DiskCall::kSync) return Status::Ok();
    return {Code::kReadOnly, path_ + ": opened for reading"};
  }

  const std::shared_ptr<SimDiskState> state_;
  const SimNodePtr node_;
  const uint64_t generation_;
  const std::string path_;
  const bool writable_;
};

class SimLock final : public DiskLock {
 public:
  SimLock(std::shared_ptr<SimDiskState> state, SimNodePtr node, uint64_t generation)
      : state_(std::move(state)), node_(std::move(node)), generation_(generation) {}

  ~SimLock() override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    if (generation_ == state.generation) state.lock_holders.erase(node_->id);
  }

  // A full disk is no reason.
  void Sign(std::string_view holder) override {
    SimDiskState& state = *state_;
    MutexLock lock(state.mutex);
    if (generation_ != state.generation) return;
    state.lock_holders[node_->id] = holder;
    state.tree.ChangeFile(node_, [&] { return node_->bytes.Truncate(0); }).IgnoreError();
    state.Write(node_, 0, holder).IgnoreError();
  }

 private:
  const std::shared_ptr<SimDiskState> state_;
  const SimNodePtr node_;
  const uint64_t generation_;
};

bool IsWithin(const SimNodePtr& directory, const SimNodePtr& ancestor) {
  for (SimNodePtr at = directory; at; at = at->parent.lock()) {
    if (at == ancestor) return true;
  }
  return false;
}

// What POSIX asks of the two ends of a rename.
Status CheckRename(const Place& source, const Place& target, const std::string& path) {
  if (!source.directory || !target.directory) return Refusal(Code::kBusy, "rename", path);
  const bool moves_directory = source.node->is_directory;
  if (moves_directory && IsWithin(target.directory, source.node)) {
    return Refusal(Code::kInvalid, "rename below itself:", path);
  }
  if (!target.node || target.node == source.node) return Status::Ok();
  if (!moves_directory && target.node->is_directory) {
    return Refusal(Code::kIsDirectory, "rename to", path);
  }
  if (moves_directory && !target.node->is_directory) {
    return Refusal(Code::kNotDirectory, "rename to", path);
  }
  if (moves_directory && !target.node->names.empty()) {
    return Refusal(Code::kNotEmpty, "rename to", path);
  }
  return Status::Ok();
}

}  // namespace

SimDisk::SimDisk() : state_(std::make_shared<SimDiskState>()) {}
SimDisk::SimDisk(std::shared_ptr<SimDiskState> state) : state_(std::move(state)) {}
SimDisk::~SimDisk() = default;

Result<std::unique_ptr<File>> SimDisk::Open(const std::string& path, OpenMode mode) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  const bool writable = mode != OpenMode::kRead;
  MENDFS_RETURN_IF_ERROR(state.Begin(writable ? DiskCall::kOpenWrite : DiskCall::kOpenRead, path));
  MENDFS_ASSIGN_OR_RETURN(Place place, state.Locate("open", path));
  const bool may_create = mode == OpenMode::kCreate || mode == OpenMode::kCreateOrOpen;
  if (place.node) {
    if (mode == OpenMode::kCreate) return Refusal(Code::kExists, "create", path);
    if (place.node->is_directory) return Refusal(Code::kIsDirectory, "open", path);
  } else if (may_create) {
    place.node = state.tree.Create(place.directory, place.name, /*is_directory=*/false);
  } else {
    return Refusal(Code::kNotFound, "open", path);
  }
  std::unique_ptr<File> file =
      std::make_unique<SimFile>(state_, std::move(place.node), state.generation, path, writable);
  return file;
}

Status SimDisk::Rename(const std::string& source, const std::string& target) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kRename, source));
  MENDFS_ASSIGN_OR_RETURN(const Place from, state.LocateExisting("rename", source));
  MENDFS_ASSIGN_OR_RETURN(const Place to, state.Locate("rename to", target));
  MENDFS_RETURN_IF_ERROR(CheckRename(from, to, target));
  state.tree.Rename(from.directory, from.name, to.directory, to.name);
  return Status::Ok();
}

Status SimDisk::Remove(const std::string& path) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kRemove, path));
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("remove", path));
  if (place.node->is_directory) return Refusal(Code::kIsDirectory, "remove", path);
  state.tree.Remove(place.directory, place.name);
  return Status::Ok();
}

Status SimDisk::MakeDir(const std::string& path) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kMakeDir, path));
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.Locate("mkdir", path));
  if (place.node) return Refusal(Code::kExists, "mkdir", path);
  state.tree.Create(place.directory, place.name, /*is_directory=*/true);
  return Status::Ok();
}

Status SimDisk::RemoveDir(const std::string& path) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kRemoveDir, path));
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("rmdir", path));
  if (!place.node->is_directory) return Refusal(Code::kNotDirectory, "rmdir", path);
  if (!place.directory) return Refusal(Code::kBusy, "rmdir", path);
  if (!place.node->names.empty()) return Refusal(Code::kNotEmpty, "rmdir", path);
  state.tree.Remove(place.directory, place.name);
  return Status::Ok();
}

Result<std::vector<DirEntry>> SimDisk::List(const std::string& path) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kList, path));
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("list", path));
  if (!place.node->is_directory) return Refusal(Code::kNotDirectory, "list", path);
  std::vector<DirEntry> entries;
  for (const auto& [name, node] : place.node->names) {
    entries.push_back({name, node->is_directory ? FileKind::kDirectory : FileKind::kRegular});
  }
  return entries;
}

Result<FileInfo> SimDisk::Stat(const std::string& path) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kStat, path));
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("stat", path));
  const SimNode& node = *place.node;
  return FileInfo{.kind = node.is_directory ? FileKind::kDirectory : FileKind::kRegular,
                  .size_bytes = node.bytes.size(),
                  .mtime_ns = node.mtime_ns};
}

Status SimDisk::SyncDir(const std::string& path) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kSyncDir, path));
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("sync directory", path));
  if (!place.node->is_directory) return Refusal(Code::kNotDirectory, "sync directory", path);
  state.tree.SyncNames(place.node);
  return Status::Ok();
}

Result<std::unique_ptr<DiskLock>> SimDisk::Lock(const std::string& path, std::string_view holder) {
  SimDiskState& state = *state_;
  std::unique_ptr<DiskLock> held;
  {
    MutexLock lock(state.mutex);
    MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kLock, path));
    MENDFS_ASSIGN_OR_RETURN(Place place, state.Locate("lock", path));
    if (!place.node) {
      place.node = state.tree.Create(place.directory, place.name, /*is_directory=*/false);
    }
    if (place.node->is_directory) return Refusal(Code::kIsDirectory, "lock", path);
    const auto [entry, is_free] =
        state.lock_holders.try_emplace(place.node->id, "another process, which opens the store");
    if (!is_free) return Status(Code::kBusy, "lock " + path + ": held by " + entry->second);
    held = std::make_unique<SimLock>(state_, place.node, state.generation);
  }
  if (!holder.empty()) held->Sign(holder);
  return held;
}

Result<SpaceInfo> SimDisk::Space(const std::string& path) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_RETURN_IF_ERROR(state.Begin(DiskCall::kSpace, path));
  MENDFS_RETURN_IF_ERROR(state.LocateExisting("measure space of", path).status());
  const uint64_t total = state.capacity_bytes;
  const uint64_t free = total - std::min(total, state.tree.used_bytes());
  return SpaceInfo{.total_bytes = total, .free_bytes = free, .available_bytes = free};
}

void SimDisk::PowerCut(uint64_t seed) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  std::mt19937_64 random(seed);
  state.PowerCut(&random);
}

void SimDisk::PowerCutDropAll() {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.PowerCut(nullptr);
}

void SimDisk::FailCall(uint64_t k, Code code, CallScope scope) {
  assert(k >= 1 && code != Code::kOk);
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.fault = Fault{.calls_left = k, .code = code, .scope = scope, .stops = false};
}

void SimDisk::ShortenCall(uint64_t k, CallScope scope) {
  assert(k >= 1);
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.fault = Fault{.calls_left = k, .scope = scope, .shortens = true};
}

void SimDisk::StopAt(uint64_t k) {
  assert(k >= 1);
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.fault =
      Fault{.calls_left = k, .code = Code::kIo, .scope = CallScope::kMutating, .stops = true};
}

std::unique_ptr<SimDisk> SimDisk::Fork() const {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  return std::unique_ptr<SimDisk>(new SimDisk(state.Copy()));
}

void SimDisk::Watch(Watcher watcher) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.watcher = std::move(watcher);
}

bool SimDisk::FaultWaits() const {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  return state.fault.has_value();
}

void SimDisk::ClearFault() {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.fault.reset();
}

void SimDisk::SetCapacity(uint64_t size_bytes) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.capacity_bytes = size_bytes;
}

void SimDisk::SetReadOnly(bool read_only) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  state.read_only = read_only;
}

Status SimDisk::FlipBit(const std::string& path, uint64_t offset, unsigned bit) {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  MENDFS_ASSIGN_OR_RETURN(const Place place, state.LocateExisting("flip a bit of", path));
  if (offset >= place.node->bytes.size()) return Refusal(Code::kNotFound, "flip a bit of", path);
  place.node->bytes.FlipBit(offset, bit);
  return Status::Ok();
}

uint64_t SimDisk::calls(DiskCall call) const {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  return state.calls[Index(call)];
}

uint64_t SimDisk::mutating_calls() const {
  SimDiskState& state = *state_;
  MutexLock lock(state.mutex);
  uint64_t sum = 0;
  for (size_t index = Index(DiskCall::kFirstMutating); index < state.calls.size(); ++index) {
    sum += state.calls[index];
  }
  return sum;
}

}  // namespace mendfs
