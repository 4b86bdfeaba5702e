#include "mount-tools/mounting/target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr size_t kHolderBytesMax = 512;

Target OfMount(const MountEntry& mount) {
  return {.store_path = mount.source, .mount_point = mount.mount_point};
}

Status NoTarget(const std::string& path, int error) {
  std::string message = Printable(path);
  if (error == ENOENT) {
    message += " does not exist";
  } else if (error == EACCES) {
    return {Code::kDenied, message + ": permission denied"};
  } else if (error == ENOTCONN) {
    message += " is a mount whose daemon is gone; `mendfs doctor " + message + "` tells more";
  } else if (error != 0) {
    message += ": " + std::string(strerror(error));
  } else {
    message += " is neither a store (it has no mendfs.json) nor part of a mendfs mount";
  }
  return {Code::kNotFound, message};
}

}  // namespace

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : NormalPath(path);
}

bool IsStoreDirectory(const std::string& path) {
  struct stat info {};
  return stat((path + "/mendfs.json").c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

Status CheckStoreDirectory(const std::string& path) {
  struct stat info {};
  if (stat((path + "/mendfs.json").c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    return Status::Ok();
  }
  if (errno == EACCES) return NoTarget(path, EACCES);
  return {Code::kNotFound, Printable(path) +
                               " is not a store (it has no mendfs.json); `mendfs mkfs " +
                               Printable(path) + "` makes one"};
}

std::string ControlSocketPath(const std::string& store_path) {
  return store_path + "/control.sock";
}

Result<Target> ResolveTarget(const std::string& path) {
  if (IsStoreDirectory(path)) return Target{.store_path = RealPath(path), .mount_point = ""};
  MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> table, ReadMountTable());
  for (const std::string& form : {NormalPath(path), RealPath(path)}) {
    const MountEntry* mount = FindMountOf(table, form);
    if (mount != nullptr && mount->type == kMountType) return OfMount(*mount);
  }
  const Status store = CheckStoreDirectory(path);
  if (store.code() == Code::kDenied) return store;
  struct stat info {};
  return NoTarget(path, stat(path.c_str(), &info) == 0 ? 0 : errno);
}

std::optional<std::string> StoreHolder(const std::string& store_path) {
  const int fd = open((store_path + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return std::nullopt;
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  std::optional<std::string> holder;
  if (fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK) {
    char text[kHolderBytesMax];
    const ssize_t size = pread(fd, text, sizeof text, 0);
    holder = Printable(std::string_view(text, size > 0 ? static_cast<size_t>(size) : 0));
    if (holder->empty()) holder = "a process that left no name";
  }
  close(fd);
  return holder;
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

}  // namespace mendfs
