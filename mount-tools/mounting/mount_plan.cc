#include "mount-tools/mounting/mount_plan.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "meta/disk/disk.h"
#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/mounting/probe.h"
#include "mount-tools/mounting/store_lock.h"
#include "mount-tools/mounting/target.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr unsigned kProbeWaitMs = 3000;
constexpr auto kHolderWait = std::chrono::seconds(3);
constexpr auto kHolderLook = std::chrono::milliseconds(50);

Status CheckDevice() {
  if (access("/dev/fuse", R_OK | W_OK) == 0) return Status::Ok();
  if (errno == EACCES) {
    return {Code::kDenied, "/dev/fuse may not be used by you; its mode is usually 0666"};
  }
  return {Code::kUnsupported,
          "there is no /dev/fuse: `modprobe fuse` makes it; a container needs --device /dev/fuse"};
}

// fusermount3 refuses it too, in words that do not reach the caller of a daemon.
Status CheckAllowOther() {
  std::ifstream file("/etc/fuse.conf");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("user_allow_other")) return Status::Ok();
  }
  return {Code::kDenied,
          "only root may mount with allow_other here; the line user_allow_other in "
          "/etc/fuse.conf lets others"};
}

Status CheckEmpty(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
  if (!stream) {
    return {Code::kDenied, Printable(directory) + ": cannot be listed: " + strerror(errno)};
  }
  while (const dirent* entry = readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    return {Code::kNotEmpty, Printable(directory) + " is not empty ('" + Printable(name) +
                                 "' is in it); mount elsewhere, or hide it with -o nonempty"};
  }
  return Status::Ok();
}

// What the kernel still has cached of it makes a dead mount look alive to stat(2).
Status DeadMount(const std::string& shown) {
  return {Code::kBusy, shown +
                           " is a mount whose daemon is gone; take it away first: "
                           "`mendfs umount " +
                           shown + "`"};
}

Status CheckMountPoint(const std::string& given, const MountSettings& settings) {
  const std::string shown = Printable(given);
  struct stat info {};
  if (stat(given.c_str(), &info) != 0) {
    const int error = errno;
    if (error == ENOENT) {
      return {Code::kNotFound, shown + " does not exist; make it first: mkdir -p '" + shown + "'"};
    }
    if (error == ENOTCONN) return DeadMount(shown);
    return {error == EACCES ? Code::kDenied : Code::kIo, shown + ": " + strerror(error)};
  }
  if (!S_ISDIR(info.st_mode)) return {Code::kNotDirectory, shown + " is not a directory"};
  MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> table, ReadMountTable());
  const std::string real = RealPath(given);
  const MountEntry* mount = FindMountOf(table, real);
  if (mount != nullptr && mount->type == kMountType && mount->mount_point == real) {
    return ProbeMount(real, kProbeWaitMs) == Probe::kDead
               ? DeadMount(shown)
               : Status(Code::kBusy,
                        shown + " already is the mount point of " + Printable(mount->source));
  }
  return settings.nonempty ? Status::Ok() : CheckEmpty(given);
}

// A store below its own mount point would hide itself; a mount point in a store would be swept.
Status CheckApart(const std::string& store, const std::string& mount_point) {
  if (IsWithin(store, mount_point)) {
    return {Code::kInvalid, "the store " + Printable(store) + " lies below its mount point " +
                                Printable(mount_point) +
                                " and would be hidden by it; mount elsewhere"};
  }
  if (IsWithin(mount_point, store)) {
    return {Code::kInvalid, "the mount point " + Printable(mount_point) +
                                " lies inside the store " + Printable(store) + "; mount elsewhere"};
  }
  return Status::Ok();
}

// A daemon that writes into its own mount would wait for itself; the logger would make directories.
Status CheckLog(const MountPlan& plan) {
  const std::string& log = plan.settings.log_path;
  if (log.empty()) return Status::Ok();
  const std::string directory = ParentPath(log);
  struct stat info {};
  if (stat(directory.c_str(), &info) != 0) {
    const int error = errno;
    const Code code = error == ENOENT   ? Code::kNotFound
                      : error == EACCES ? Code::kDenied
                                        : Code::kInvalid;
    return {code, "log=" + Printable(log) + ": " + Printable(directory) + ": " + strerror(error) +
                      "; name a file in a directory that is there"};
  }
  if (!S_ISDIR(info.st_mode)) {
    return {Code::kNotDirectory, "log=" + Printable(log) + ": " + Printable(directory) +
                                     " is not a directory; name a file in one"};
  }
  if (!IsWithin(RealPath(log), plan.mount_point)) return Status::Ok();
  return {Code::kInvalid, "the log " + Printable(log) + " lies below the mount point " +
                              Printable(plan.mount_point) + "; put it elsewhere"};
}

// A holder that no mount shows is ending after an unmount, starting, or a verb: it is waited for.
Status CheckFree(const std::string& store, bool read_only) {
  const auto end = std::chrono::steady_clock::now() + kHolderWait;
  while (true) {
    const bool held = StoreHolder(store) || (!read_only && StoreReader(store));
    if (!held) return Status::Ok();
    MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> table, ReadMountTable());
    const bool mounted = !MountsOfStore(table, store).empty();
    if (mounted || std::chrono::steady_clock::now() >= end) return StoreInUse(store, read_only);
    std::this_thread::sleep_for(kHolderLook);
  }
}

}  // namespace

Status StoreInUse(const std::string& store, bool read_only) {
  std::string message = Printable(store);
  const std::optional<std::string> writer = AwaitHolderName(store);
  const std::optional<std::string> reader = writer ? std::nullopt : StoreReader(store);
  if (writer) {
    message += " is open for writing already, by " + *writer;
  } else if (reader) {
    message += " is open for reading already, by " + *reader;
  } else {
    return {Code::kBusy, message + " was in use by a process that has just ended; try again"};
  }
  const Result<std::vector<MountEntry>> table = ReadMountTable();
  if (table.ok()) {
    for (const MountEntry& mount : MountsOfStore(*table, store)) {
      message += ", mounted at " + Printable(mount.mount_point);
    }
  }
  if (reader) return {Code::kBusy, message + "; a writer does not go beside readers"};
  return {Code::kBusy, message + (read_only ? "; a read-only mount does not go beside a writer"
                                            : "; a store has one writer")};
}

Result<MountPlan> PlanMount(const std::string& store, const std::string& directory,
                            const MountSettings& settings) {
  MountPlan plan;
  plan.settings = settings;
  if (!plan.settings.log_path.empty()) plan.settings.log_path = NormalPath(plan.settings.log_path);
  MENDFS_RETURN_IF_ERROR(CheckStoreDirectory(store));
  MENDFS_RETURN_IF_ERROR(CheckMountPoint(directory, plan.settings));
  plan.store_path = RealPath(store);
  plan.mount_point = RealPath(directory);
  MENDFS_RETURN_IF_ERROR(CheckApart(plan.store_path, plan.mount_point));
  MENDFS_RETURN_IF_ERROR(CheckLog(plan));
  MENDFS_RETURN_IF_ERROR(CheckFree(plan.store_path, plan.settings.read_only));
  MENDFS_RETURN_IF_ERROR(CheckDevice());
  if (settings.allow_other && geteuid() != 0) MENDFS_RETURN_IF_ERROR(CheckAllowOther());
  return plan;
}

}  // namespace mendfs
