#include "mount-tools/umount.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>

#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/mounting/probe.h"
#include "mount-tools/mounting/store_lock.h"
#include "mount-tools/mounting/target.h"
#include "mount-tools/verbs/text.h"

extern char** environ;

namespace mendfs {
namespace {

constexpr unsigned kProbeWaitMs = 3000;
constexpr unsigned kReaderWaitMs = 3000;
constexpr auto kCloseLook = std::chrono::milliseconds(10);

Result<MountEntry> FindMount(const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> table, ReadMountTable());
  const MountEntry* mount = FindStoreMount(table, path);
  const bool at = mount != nullptr &&
                  (mount->mount_point == NormalPath(path) || mount->mount_point == RealPath(path));
  if (at) return *mount;
  const std::vector<MountEntry> mounts = MountsOfStore(table, RealPath(path));
  if (!mounts.empty()) return mounts.back();
  return Status(Code::kNotFound, Printable(path) + " is not a mendfs mount");
}

Status Busy(const std::string& mount_point) {
  const std::string shown = Printable(mount_point);
  if (ProbeMount(mount_point, kProbeWaitMs) == Probe::kSilent) {
    return {Code::kBusy, shown +
                             " is in use and its daemon does not answer; `mendfs umount --force " +
                             shown + "` ends what waits for it"};
  }
  return {Code::kBusy, shown +
                           " is in use: a process has a file open or its working directory "
                           "there; `fuser -vm " +
                           shown + "` names it"};
}

// fusermount3 is set-uid and may unmount what its caller has mounted.
Status UnmountAsUser(const std::string& mount_point, const char* how_to) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {Code::kIo, std::string("pipe: ") + strerror(errno)};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const char* arguments[] = {"fusermount3", how_to, "--", mount_point.c_str(), nullptr};
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, const_cast<char**>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string said;
  char bytes[512];
  for (ssize_t size = 0; error == 0 && (size = read(ends[0], bytes, sizeof bytes)) > 0;) {
    if (said.size() < 4096) said.append(bytes, static_cast<size_t>(size));
  }
  close(ends[0]);
  if (error != 0) return {Code::kUnsupported, std::string("start fusermount3: ") + strerror(error)};
  int how = 0;
  if (waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 0) {
    return Status::Ok();
  }
  if (said.find("busy") != std::string::npos) return Busy(mount_point);
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return {Code::kDenied, said.empty() ? "fusermount3 failed" : said};
}

Status Unmount(const std::string& mount_point) {
  if (geteuid() != 0) return UnmountAsUser(mount_point, "-u");
  if (umount2(mount_point.c_str(), UMOUNT_NOFOLLOW) == 0) return Status::Ok();
  if (errno == EBUSY) return Busy(mount_point);
  const Code code = errno == EPERM ? Code::kDenied : Code::kIo;
  return {code, Printable(mount_point) + ": " + strerror(errno)};
}

// The file is its owner's, whoever may write there ends the connection.
Status Abort(const MountEntry& mount) {
  const std::string number = mount.device.substr(mount.device.find(':') + 1);
  const std::string path = "/sys/fs/fuse/connections/" + number + "/abort";
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return {Code::kDenied, Printable(mount.mount_point) + ": end its connection: open " + path +
                               ": " + strerror(errno) +
                               "; as root, `mendfs umount --force` needs no such file"};
  }
  const bool written = write(fd, "1", 1) == 1;
  const int error = errno;
  close(fd);
  if (written) return Status::Ok();
  return {Code::kIo, Printable(mount.mount_point) + ": write " + path + ": " + strerror(error)};
}

// 1 the connection is ended · 2 the mount goes, from sight at once and for good with its last user.
Status ForceUnmount(const MountEntry& mount) {
  if (geteuid() != 0) {
    MENDFS_RETURN_IF_ERROR(Abort(mount));
    return UnmountAsUser(mount.mount_point, "-uz");
  }
  const char* path = mount.mount_point.c_str();
  if (umount2(path, MNT_FORCE | UMOUNT_NOFOLLOW) == 0) return Status::Ok();
  if (errno == EBUSY && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return Status::Ok();
  const Code code = errno == EPERM ? Code::kDenied : Code::kIo;
  return {code, Printable(mount.mount_point) + ": " + strerror(errno)};
}

// Until whoever had the store open before has let go of it.
Status AwaitClose(const std::string& store_path, const std::string& holder) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kCloseWaitMs);
  while (StoreHolder(store_path) == holder) {
    if (std::chrono::steady_clock::now() >= end) {
      return {Code::kBusy, "unmounted, but " + holder + " has not closed the store after " +
                               std::to_string(kCloseWaitMs / 1000) +
                               " s; it may still be writing to a slow disk, so wait for it to end"};
    }
    std::this_thread::sleep_for(kCloseLook);
  }
  return Status::Ok();
}

// The same of a reader. Somebody else may read too and be the one that is seen, so this gives up
// without a word.
void AwaitReaderGone(const std::string& store_path, const std::string& reader) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReaderWaitMs);
  while (StoreReader(store_path) == reader && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kCloseLook);
  }
}

Status UnmountAndWait(const std::string& path, bool force) {
  MENDFS_ASSIGN_OR_RETURN(const MountEntry mount, FindMount(path));
  const std::optional<std::string> holder =
      mount.read_only ? StoreReader(mount.source) : StoreHolder(mount.source);
  MENDFS_RETURN_IF_ERROR(force ? ForceUnmount(mount) : Unmount(mount.mount_point));
  MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> left, ReadMountTable());
  // Shown elsewhere too (a bind mount): its daemon goes on.
  if (!holder || !MountsOfStore(left, mount.source).empty()) return Status::Ok();
  if (!mount.read_only) return AwaitClose(mount.source, *holder);
  AwaitReaderGone(mount.source, *holder);
  return Status::Ok();
}

}  // namespace

int RunUmount(const Invocation& invocation) {
  const Status status = UnmountAndWait(invocation.target, invocation.force);
  if (!status.ok()) {
    std::fprintf(stderr, "mendfs umount: %s\n", Printable(status.message()).c_str());
  }
  return ExitCodeOf(status);
}

}  // namespace mendfs
