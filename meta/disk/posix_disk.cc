#include "meta/disk/posix_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem.hpp>
#include <cerrno>
#include <exception>
#include <limits>
#include <system_error>
#include <utility>

#include "meta/base/printable.h"

namespace mendfs {

namespace {

namespace bfs = boost::filesystem;

constexpr uint64_t kOffsetMax = std::numeric_limits<off_t>::max();
constexpr size_t kHolderBytesMax = 256;
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirMode = 0700;

Code CodeOf(int error) {
  switch (error) {
    case ENOENT: return Code::kNotFound;
    case EEXIST: return Code::kExists;
    case ENOTDIR: return Code::kNotDirectory;
    case EISDIR: return Code::kIsDirectory;
    case ENOTEMPTY: return Code::kNotEmpty;
    case ENOSPC: return Code::kNoSpace;
    case EDQUOT: return Code::kQuota;
    case EROFS: return Code::kReadOnly;
    case EACCES:
    case EPERM: return Code::kDenied;
    case EBUSY: return Code::kBusy;
    case ELOOP:  // O_NOFOLLOW met a symlink
    case EINVAL: return Code::kInvalid;
    case EXDEV: return Code::kCrossDevice;
    case ENAMETOOLONG: return Code::kNameTooLong;
    case EFBIG: return Code::kTooBig;
    case EOPNOTSUPP: return Code::kUnsupported;
    default: return Code::kIo;
  }
}

Status Failure(std::string_view what, const std::string& path, int error) {
  std::string message(what);
  message.append(" ").append(path).append(": ").append(std::generic_category().message(error));
  return {CodeOf(error), std::move(message)};
}

template <typename Call>
auto Retrying(Call call) {
  auto answer = call();
  while (answer < 0 && errno == EINTR) answer = call();
  return answer;
}

// A NUL would cut the path short and reach another file.
Status CheckPath(const std::string& path) {
  if (path.find('\0') == std::string::npos) return Status::Ok();
  return {Code::kInvalid, "a path with a NUL byte: " + std::string(path.c_str()) + "\\0…"};
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

FileKind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  if (S_ISLNK(mode)) return FileKind::kSymlink;
  return FileKind::kOther;
}

// Only regular files: anything else under a store's name was put there by somebody else.
Result<Descriptor> OpenRegular(const std::string& path, int flags) {
  MENDFS_RETURN_IF_ERROR(CheckPath(path));
  // O_NONBLOCK: opening a FIFO must not wait for its other end. It means nothing to regular files.
  const int all_flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  Descriptor file(Retrying([&] { return ::open(path.c_str(), all_flags, kFileMode); }));
  if (!file.valid()) return Failure("open", path, errno);
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return Failure("stat", path, errno);
  if (S_ISDIR(info.st_mode)) return Failure("open", path, EISDIR);
  if (!S_ISREG(info.st_mode)) {
    return Status(Code::kInvalid, "open " + path + ": not a regular file");
  }
  return file;
}

Status WriteAll(int fd, const std::string& path, uint64_t offset, std::string_view bytes) {
  if (offset > kOffsetMax || bytes.size() > kOffsetMax - offset) {
    return Failure("write", path, EFBIG);
  }
  while (!bytes.empty()) {
    const ssize_t done = Retrying(
        [&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (done < 0) return Failure("write", path, errno);
    if (done == 0) return Failure("write", path, EIO);
    offset += static_cast<uint64_t>(done);
    bytes.remove_prefix(static_cast<size_t>(done));
  }
  return Status::Ok();
}

Result<size_t> ReadUpTo(int fd, const std::string& path, uint64_t offset, size_t size,
                        char* target) {
  size_t done = 0;
  while (done < size && offset <= kOffsetMax - done) {
    const ssize_t got = Retrying(
        [&] { return ::pread(fd, target + done, size - done, static_cast<off_t>(offset + done)); });
    if (got < 0) return Failure("read", path, errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor file, std::string path, bool writable)
      : file_(std::move(file)), path_(std::move(path)), writable_(writable) {}

  Result<size_t> ReadAt(uint64_t offset, size_t size, char* target) const override {
    return ReadUpTo(file_.fd(), path_, offset, size, target);
  }

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    MENDFS_RETURN_IF_ERROR(CheckWritable("write"));
    return WriteAll(file_.fd(), path_, offset, bytes);
  }

  Status Truncate(uint64_t size_bytes) override {
    MENDFS_RETURN_IF_ERROR(CheckWritable("truncate"));
    if (size_bytes > kOffsetMax) return Failure("truncate", path_, EFBIG);
    const auto size = static_cast<off_t>(size_bytes);
    if (Retrying([&] { return ::ftruncate(file_.fd(), size); }) == 0) return Status::Ok();
    return Failure("truncate", path_, errno);
  }

  Status Allocate(uint64_t size_bytes) override {
    MENDFS_RETURN_IF_ERROR(CheckWritable("allocate"));
    if (size_bytes > kOffsetMax) return Failure("allocate", path_, EFBIG);
    if (size_bytes == 0) return Status::Ok();
    const auto size = static_cast<off_t>(size_bytes);
    const int answer =
        Retrying([&] { return ::fallocate(file_.fd(), FALLOC_FL_KEEP_SIZE, 0, size); });
    return answer == 0 ? Status::Ok() : Failure("allocate", path_, errno);
  }

  // fdatasync covers the size too; what it leaves out, times, nobody needs.
  Status Sync() override {
    if (Retrying([&] { return ::fdatasync(file_.fd()); }) == 0) return Status::Ok();
    return Failure("sync", path_, errno);
  }

  Result<uint64_t> Size() const override {
    struct stat info {};
    if (::fstat(file_.fd(), &info) != 0) return Failure("stat", path_, errno);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  Status CheckWritable(std::string_view what) const {
    if (writable_) return Status::Ok();
    return {Code::kReadOnly, std::string(what) + " " + path_ + ": opened for reading"};
  }

  const Descriptor file_;
  const std::string path_;
  const bool writable_;
};

class PosixLock final : public DiskLock {
 public:
  PosixLock(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  // Whoever locks it next has no name in it yet, and is not to be taken for this one.
  ~PosixLock() override {
    if (signed_ && ::ftruncate(file_.fd(), 0) != 0) signed_ = false;
  }
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;

  // A full disk must not keep a store from being opened.
  void Sign(std::string_view holder) override {
    if (::ftruncate(file_.fd(), 0) != 0) return;
    signed_ = true;
    WriteAll(file_.fd(), path_, 0, holder.substr(0, kHolderBytesMax)).IgnoreError();
  }

 private:
  const Descriptor file_;
  const std::string path_;
  bool signed_ = false;
};

// What the holder wrote, fit for a message.
std::string HolderOf(int fd, const std::string& path) {
  char text[kHolderBytesMax];
  const Result<size_t> size = ReadUpTo(fd, path, 0, sizeof(text), text);
  if (!size.ok() || *size == 0) return "another process, which opens the store";
  std::string_view holder(text, *size);
  while (!holder.empty() && holder.back() == '\n') holder.remove_suffix(1);
  return Printable(holder);
}

int OpenFlags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kCreateOrOpen: return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

FileKind KindOf(bfs::file_type type) {
  switch (type) {
    case bfs::regular_file: return FileKind::kRegular;
    case bfs::directory_file: return FileKind::kDirectory;
    case bfs::symlink_file: return FileKind::kSymlink;
    default: return FileKind::kOther;
  }
}

Result<std::vector<DirEntry>> ListEntries(const std::string& path) {
  std::vector<DirEntry> entries;
  boost::system::error_code error;
  bfs::directory_iterator position(path, error);
  while (!error && position != bfs::directory_iterator()) {
    boost::system::error_code kind_error;
    const bfs::file_status status = position->symlink_status(kind_error);
    // A name that went away since it was read is left out; one that cannot be looked at is not.
    if (status.type() == bfs::status_error) return Failure("list", path, kind_error.value());
    if (status.type() != bfs::file_not_found) {
      entries.push_back({position->path().filename().native(), KindOf(status.type())});
    }
    position.increment(error);
  }
  if (error) return Failure("list", path, error.value());
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return entries;
}

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    MENDFS_ASSIGN_OR_RETURN(Descriptor file, OpenRegular(path, OpenFlags(mode)));
    std::unique_ptr<File> opened =
        std::make_unique<PosixFile>(std::move(file), path, mode != OpenMode::kRead);
    return opened;
  }

  Status Rename(const std::string& source, const std::string& target) override {
    MENDFS_RETURN_IF_ERROR(CheckPath(source));
    MENDFS_RETURN_IF_ERROR(CheckPath(target));
    if (::rename(source.c_str(), target.c_str()) == 0) return Status::Ok();
    return Failure("rename " + source + " to", target, errno);
  }

  Status Remove(const std::string& path) override {
    MENDFS_RETURN_IF_ERROR(CheckPath(path));
    return ::unlink(path.c_str()) == 0 ? Status::Ok() : Failure("remove", path, errno);
  }

  Status MakeDir(const std::string& path) override {
    MENDFS_RETURN_IF_ERROR(CheckPath(path));
    return ::mkdir(path.c_str(), kDirMode) == 0 ? Status::Ok() : Failure("mkdir", path, errno);
  }

  Status RemoveDir(const std::string& path) override {
    MENDFS_RETURN_IF_ERROR(CheckPath(path));
    return ::rmdir(path.c_str()) == 0 ? Status::Ok() : Failure("rmdir", path, errno);
  }

  Result<std::vector<DirEntry>> List(const std::string& path) override {
    MENDFS_ASSIGN_OR_RETURN(const FileInfo info, Stat(path));
    if (info.kind == FileKind::kSymlink) return Failure("list", path, ELOOP);
    if (info.kind != FileKind::kDirectory) return Failure("list", path, ENOTDIR);
    try {
      return ListEntries(path);
    } catch (const std::exception& error) {
      return Status(Code::kIo, "list " + path + ": " + error.what());
    }
  }

  Result<FileInfo> Stat(const std::string& path) override {
    MENDFS_RETURN_IF_ERROR(CheckPath(path));
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return Failure("stat", path, errno);
    return FileInfo{.kind = KindOf(info.st_mode),
                    .size_bytes = static_cast<uint64_t>(info.st_size),
                    .mtime_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  }

  Status SyncDir(const std::string& path) override {
    MENDFS_RETURN_IF_ERROR(CheckPath(path));
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    const Descriptor dir(Retrying([&] { return ::open(path.c_str(), flags); }));
    if (!dir.valid()) return Failure("open directory", path, errno);
    if (Retrying([&] { return ::fsync(dir.fd()); }) == 0) return Status::Ok();
    return Failure("sync directory", path, errno);
  }

  Result<std::unique_ptr<DiskLock>> Lock(const std::string& path,
                                         std::string_view holder) override {
    MENDFS_ASSIGN_OR_RETURN(Descriptor file, OpenRegular(path, O_RDWR | O_CREAT));
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    if (Retrying([&] { return ::fcntl(file.fd(), F_OFD_SETLK, &range); }) != 0) {
      if (errno != EAGAIN && errno != EACCES) return Failure("lock", path, errno);
      // A reader has no name there.
      const bool read = ::fcntl(file.fd(), F_OFD_GETLK, &range) == 0 && range.l_type == F_RDLCK;
      return Status(Code::kBusy, "lock " + path + ": held by " +
                                     (read ? "a process that reads" : HolderOf(file.fd(), path)));
    }
    std::unique_ptr<DiskLock> lock = std::make_unique<PosixLock>(std::move(file), path);
    if (!holder.empty()) lock->Sign(holder);
    return lock;
  }

  Result<SpaceInfo> Space(const std::string& path) override {
    MENDFS_RETURN_IF_ERROR(CheckPath(path));
    boost::system::error_code error;
    const bfs::space_info space = bfs::space(path, error);
    if (error) return Failure("measure space of", path, error.value());
    return SpaceInfo{.total_bytes = space.capacity,
                     .free_bytes = space.free,
                     .available_bytes = space.available};
  }
};

}  // namespace

std::unique_ptr<Disk> MakePosixDisk() {
  return std::make_unique<PosixDisk>();
}

}  // namespace mendfs
