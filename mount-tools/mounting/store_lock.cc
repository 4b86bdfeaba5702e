#include "mount-tools/mounting/store_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr size_t kHolderBytesMax = 512;
constexpr auto kNameWait = std::chrono::seconds(2);
constexpr auto kNameLook = std::chrono::milliseconds(10);

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::string LockPath(const std::string& store_path) {
  return store_path + "/LOCK";
}

int OpenLock(const std::string& store_path) {
  return open(LockPath(store_path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

// What stands in the way of a lock of `type`: F_RDLCK, F_WRLCK, or F_UNLCK for nothing.
short InTheWay(int fd, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  return fcntl(fd, F_OFD_GETLK, &range) == 0 ? range.l_type : short{F_UNLCK};
}

std::string HolderText(int fd) {
  char text[kHolderBytesMax];
  const ssize_t size = pread(fd, text, sizeof text, 0);
  std::string holder = Printable(std::string_view(text, size > 0 ? static_cast<size_t>(size) : 0));
  return holder.empty() ? "a process that left no name" : holder;
}

// A process that has the file at `path` open. Those of other users are seen by root alone.
int PidWithOpenFile(const std::string& path) {
  const Directory processes(opendir("/proc"), closedir);
  while (const dirent* process = processes ? readdir(processes.get()) : nullptr) {
    const std::string name = process->d_name;
    int pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr !=
        name.data() + name.size()) {
      continue;
    }
    const std::string files = "/proc/" + name + "/fd";
    const Directory open_files(opendir(files.c_str()), closedir);
    while (const dirent* file = open_files ? readdir(open_files.get()) : nullptr) {
      char target[PATH_MAX];
      const std::string link = files + "/" + file->d_name;
      const ssize_t size = readlink(link.c_str(), target, sizeof target);
      if (size > 0 && std::string_view(target, static_cast<size_t>(size)) == path) return pid;
    }
  }
  return 0;
}

// A name from another machine is believed.
bool IsAlive(const std::string& holder) {
  char host[HOST_NAME_MAX + 1] = {};
  gethostname(host, sizeof host - 1);
  if (holder.find(" on ") != std::string::npos && !holder.ends_with(" on " + std::string(host))) {
    return true;
  }
  const int pid = HolderPid(holder);
  return pid != 0 && access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0;
}

}  // namespace

Result<ReadLock> ReadLock::Take(const std::string& store_path) {
  const int fd = OpenLock(store_path);
  if (fd < 0 && errno == ENOENT) return ReadLock(-1);
  if (fd < 0) {
    const Code code = errno == EACCES ? Code::kDenied : Code::kIo;
    return Status(code, "read " + Printable(LockPath(store_path)) + ": " + strerror(errno));
  }
  ReadLock lock(fd);
  struct flock range {};
  range.l_type = F_RDLCK;
  range.l_whence = SEEK_SET;
  int result = 0;
  do {
    result = fcntl(fd, F_OFD_SETLK, &range);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return lock;
  const int error = errno;
  if (error != EAGAIN && error != EACCES) {
    return Status(Code::kIo, "lock " + Printable(LockPath(store_path)) + ": " + strerror(error));
  }
  const std::optional<std::string> holder = AwaitHolderName(store_path);
  return Status(Code::kBusy, Printable(store_path) + " is open for writing, by " +
                                 holder.value_or("a process that has just ended") +
                                 "; what changes is not read beside its writer");
}

ReadLock::~ReadLock() {
  if (fd_ >= 0) close(fd_);
}

ReadLock::ReadLock(ReadLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

std::optional<std::string> StoreHolder(const std::string& store_path) {
  const int fd = OpenLock(store_path);
  if (fd < 0) return std::nullopt;
  std::optional<std::string> holder;
  if (InTheWay(fd, F_RDLCK) == F_WRLCK) holder = HolderText(fd);
  close(fd);
  return holder;
}

std::optional<std::string> StoreReader(const std::string& store_path) {
  const int fd = OpenLock(store_path);
  if (fd < 0) return std::nullopt;
  const bool read = InTheWay(fd, F_WRLCK) == F_RDLCK;
  close(fd);
  if (!read) return std::nullopt;
  const int pid = PidWithOpenFile(LockPath(store_path));
  return pid != 0 ? "pid " + std::to_string(pid) + ", which reads it"
                  : std::string("another user's process, which reads it");
}

int HolderPid(std::string_view holder) {
  const size_t digits = holder.find_first_of("0123456789");
  if (digits == std::string_view::npos) return 0;
  int pid = 0;
  const char* end = holder.data() + holder.size();
  return std::from_chars(holder.data() + digits, end, pid).ec == std::errc() ? pid : 0;
}

Status HeldBy(const std::string& path, std::string_view holder) {
  return {Code::kBusy, Printable(path) + " is in use by " + std::string(holder) +
                           ", which does not answer; wait for it to end, or end it"};
}

std::optional<std::string> AwaitHolderName(const std::string& store_path) {
  const auto end = std::chrono::steady_clock::now() + kNameWait;
  while (true) {
    std::optional<std::string> holder = StoreHolder(store_path);
    if (!holder) return std::nullopt;
    if (IsAlive(*holder)) return holder;
    if (std::chrono::steady_clock::now() >= end) {
      // It is still checking the store, and signs LOCK before it writes anything else.
      const int pid = PidWithOpenFile(LockPath(store_path));
      return pid != 0 ? "pid " + std::to_string(pid) + ", which is opening it" : *holder;
    }
    std::this_thread::sleep_for(kNameLook);
  }
}

}  // namespace mendfs
