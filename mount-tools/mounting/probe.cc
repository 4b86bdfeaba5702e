#include "mount-tools/mounting/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace mendfs {
namespace {

enum : char { kSaysAnswers = 'a', kSaysDead = 'd', kSaysFailed = 'f' };

// Only calls that are safe after a fork.
[[noreturn]] void Ask(const char* mount_point, int fd) {
  struct statvfs space {};
  char word = kSaysAnswers;
  if (statvfs(mount_point, &space) != 0) {
    // Aborted: the daemon went while it was being asked.
    word = errno == ENOTCONN || errno == ECONNABORTED ? kSaysDead : kSaysFailed;
  }
  [[maybe_unused]] const ssize_t size = write(fd, &word, 1);
  _exit(0);
}

}  // namespace

Probe ProbeMount(const std::string& mount_point, unsigned wait_ms) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Probe::kFailed;
  const pid_t asker = fork();
  if (asker == 0) Ask(mount_point.c_str(), ends[1]);
  close(ends[1]);
  char word = kSaysFailed;
  Probe probe = Probe::kFailed;
  if (asker > 0) {
    pollfd wait{.fd = ends[0], .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, static_cast<int>(wait_ms)) <= 0) {
      kill(asker, SIGKILL);
      probe = Probe::kSilent;
    } else if (read(ends[0], &word, 1) == 1) {
      if (word == kSaysAnswers) probe = Probe::kAnswers;
      if (word == kSaysDead) probe = Probe::kDead;
    }
    // A killed asker that the kernel holds on to is left to init.
    waitpid(asker, nullptr, probe == Probe::kSilent ? WNOHANG : 0);
  }
  close(ends[0]);
  return probe;
}

}  // namespace mendfs
