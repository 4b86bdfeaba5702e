#include "mount-tools/mounting/target.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

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

const MountEntry* FindStoreMount(const std::vector<MountEntry>& table, const std::string& path) {
  const auto ours = [&](const std::string& form) {
    const MountEntry* mount = FindMountOf(table, form);
    return mount != nullptr && mount->type == kMountType ? mount : nullptr;
  };
  // Walking a path below a mount that does not answer would not end.
  const MountEntry* mount = ours(NormalPath(path));
  return mount != nullptr ? mount : ours(RealPath(path));
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
  if (const MountEntry* mount = FindStoreMount(table, path)) return OfMount(*mount);
  const Status store = CheckStoreDirectory(path);
  if (store.code() == Code::kDenied) return store;
  struct stat info {};
  return NoTarget(path, stat(path.c_str(), &info) == 0 ? 0 : errno);
}

}  // namespace mendfs
