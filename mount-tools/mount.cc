#include "mount-tools/mount.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include "meta/base/log.h"
#include "mount-tools/daemon.h"
#include "mount-tools/mounting/mount_plan.h"
#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/mounting/probe.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr unsigned kAnswerWaitMs = 30'000;
constexpr size_t kReportBytesMax = 8192;
// What the daemon tells its parent over a pipe: 'R', or 'F', exit code, sentence.
constexpr char kReady = 'R';
constexpr char kFailed = 'F';

void Report(int fd, const std::string& text) {
  [[maybe_unused]] const ssize_t size = write(fd, text.data(), text.size());
}

std::string ReadReport(int fd) {
  std::string report;
  char bytes[512];
  while (report.size() < kReportBytesMax && !report.starts_with(kReady)) {
    const ssize_t size = read(fd, bytes, sizeof bytes);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    report.append(bytes, static_cast<size_t>(size));
  }
  return report;
}

int Fail(const Invocation& invocation, const Status& status) {
  std::fprintf(stderr, "mendfs %s: %s\n", invocation.verb.c_str(),
               Printable(status.message()).c_str());
  return ExitCodeOf(status);
}

// It is mounted all the same.
void Warn(const Invocation& invocation, const std::string& warning) {
  if (warning.empty()) return;
  std::fprintf(stderr, "mendfs %s: %s\n", invocation.verb.c_str(), Printable(warning).c_str());
}

// What a report other than "ready" means.
int ShowFailure(const Invocation& invocation, const std::string& report, pid_t daemon) {
  if (report.starts_with(kFailed) && report.size() >= 2) {
    std::fprintf(stderr, "mendfs %s: %s\n", invocation.verb.c_str(),
                 Printable(report.substr(2)).c_str());
    return report[1];
  }
  int how = 0;
  const bool killed = waitpid(daemon, &how, 0) == daemon && WIFSIGNALED(how);
  return Fail(invocation, {Code::kInternal,
                           "the daemon ended before the mount answered" +
                               (killed ? ", by signal " + std::to_string(WTERMSIG(how)) : "")});
}

bool IsMounted(const MountPlan& plan) {
  const Result<std::vector<MountEntry>> table = ReadMountTable();
  if (!table.ok()) return true;  // it answers, and nothing speaks against it
  const MountEntry* mount = FindMountOf(*table, plan.mount_point);
  return mount != nullptr && mount->type == kMountType && mount->mount_point == plan.mount_point;
}

// The parent: waits for the daemon's word, then asks the mount itself.
int AwaitDaemon(const Invocation& invocation, const MountPlan& plan, int report_fd, pid_t daemon) {
  const std::string report = ReadReport(report_fd);
  if (!report.starts_with(kReady)) return ShowFailure(invocation, report, daemon);
  const Probe probe = ProbeMount(plan.mount_point, kAnswerWaitMs);
  // When the kernel or libfuse thought better of it after the handshake, the empty directory
  // answers.
  if (probe == Probe::kAnswers && IsMounted(plan)) return kExitDone;
  // A dead mount's daemon has closed the pipe, or does so while it closes the store.
  if (probe == Probe::kDead || probe == Probe::kAnswers) {
    return ShowFailure(invocation, ReadReport(report_fd), daemon);
  }
  return Fail(invocation, {Code::kIo, Printable(plan.mount_point) +
                                          " is mounted but does not answer; `mendfs doctor " +
                                          Printable(plan.mount_point) + "` tells more"});
}

void Detach(std::initializer_list<int> streams) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (const int fd : streams) dup2(null, fd);
  if (null > STDERR_FILENO) close(null);
}

// The daemon never returns into the caller: what the parent still has to do is not its business.
// Standard error stays the caller's until the mount answers, for what fusermount3 may say.
[[noreturn]] void BeDaemon(const Invocation& invocation, const MountPlan& plan, int report_fd) {
  setsid();
  if (chdir("/") != 0) _exit(kExitFailed);
  Detach({STDIN_FILENO, STDOUT_FILENO});
  // A harness that waits for the end of some inherited pipe must not wait for the mount's.
  close_range(STDERR_FILENO + 1, static_cast<unsigned>(report_fd) - 1, 0);
  close_range(static_cast<unsigned>(report_fd) + 1, ~0U, 0);
  const std::string& log_path = plan.settings.log_path;
  ConfigureLog({.level = log_path.empty() ? LogLevel::kError : LogLevel::kInfo, .path = log_path});
  const Status status = ServeMount(plan, [&, report_fd](const std::string& warning) {
    Warn(invocation, warning);
    Detach({STDERR_FILENO});
    Report(report_fd, std::string(1, kReady));
  });
  if (!status.ok()) {
    if (!log_path.empty()) {
      LogLine(LogLevel::kError, "daemon", "the mount ended", {{"why", status.ToString()}});
    }
    Report(report_fd, std::string{kFailed, static_cast<char>(ExitCodeOf(status))} +
                          Printable(status.message()));
  }
  _exit(ExitCodeOf(status));
}

int Daemonise(const Invocation& invocation, const MountPlan& plan) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Fail(invocation, {Code::kIo, std::string("make a pipe: ") + strerror(errno)});
  }
  const pid_t daemon = fork();
  if (daemon < 0) {
    return Fail(invocation, {Code::kIo, std::string("start the daemon: ") + strerror(errno)});
  }
  if (daemon == 0) {
    close(ends[0]);
    BeDaemon(invocation, plan, ends[1]);
  }
  close(ends[1]);
  const int exit_code = AwaitDaemon(invocation, plan, ends[0], daemon);
  close(ends[0]);
  return exit_code;
}

}  // namespace

int RunMount(const Invocation& invocation) {
  const Result<MountSettings> settings = ParseMountOptions(
      invocation.mount.options, {.root = geteuid() == 0, .sloppy = invocation.mount.sloppy});
  if (!settings.ok()) {
    Fail(invocation, settings.status());
    return kExitUsage;
  }
  const Result<MountPlan> plan = PlanMount(invocation.target, invocation.directory, *settings);
  if (!plan.ok()) return Fail(invocation, plan.status());
  if (invocation.mount.verbose) {
    std::printf("mendfs %s: %s on %s\n", invocation.verb.c_str(), plan->store_path.c_str(),
                plan->mount_point.c_str());
  }
  if (invocation.mount.fake) return kExitDone;
  if (!invocation.mount.foreground) return Daemonise(invocation, *plan);
  ConfigureLog({.level = LogLevel::kInfo, .path = plan->settings.log_path});
  const Status status =
      ServeMount(*plan, [&](const std::string& warning) { Warn(invocation, warning); });
  return status.ok() ? kExitDone : Fail(invocation, status);
}

}  // namespace mendfs
