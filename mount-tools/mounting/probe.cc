#include "mount-tools/mounting/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

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

// Only calls that are safe after a fork.
[[noreturn]] void Copy(const char* path, int fd) {
  char bytes[4096];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = file < 0 ? -1 : 0;
  for (size_t done = 0; file >= 0 && done < kProbeTextBytesMax; done += static_cast<size_t>(size)) {
    size = read(file, bytes, sizeof bytes);
    if (size <= 0 || write(fd, bytes, static_cast<size_t>(size)) != size) break;
  }
  _exit(size < 0 ? 1 : 0);
}

// What comes through the pipe until it is closed; nothing when that takes too long.
std::optional<std::string> Collect(int fd, unsigned wait_ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  std::string text;
  char bytes[4096];
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || poll(&wait, 1, static_cast<int>(left.count())) <= 0) {
      return std::nullopt;
    }
    const ssize_t size = read(fd, bytes, sizeof bytes);
    if (size < 0) return std::nullopt;
    if (size == 0) return text;
    text.append(bytes, static_cast<size_t>(size));
  }
}

}  // namespace

std::optional<std::string> ReadInMount(const std::string& path, unsigned wait_ms) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  const pid_t asker = fork();
  if (asker == 0) Copy(path.c_str(), ends[1]);
  close(ends[1]);
  std::optional<std::string> text;
  if (asker > 0) {
    text = Collect(ends[0], wait_ms);
    if (!text) kill(asker, SIGKILL);
    int how = 0;
    const pid_t ended = waitpid(asker, &how, text ? 0 : WNOHANG);
    if (ended == asker && (!WIFEXITED(how) || WEXITSTATUS(how) != 0)) text.reset();
  }
  close(ends[0]);
  return text;
}

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
