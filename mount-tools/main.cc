// mendfs, mkfs.mendfs, mount.mendfs, fsck.mendfs: one program, by its name and its first word.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "mount-tools/command_line.h"
#include "mount-tools/doctor.h"
#include "mount-tools/fsck.h"
#include "mount-tools/mount.h"
#include "mount-tools/quota.h"
#include "mount-tools/store_verbs.h"
#include "mount-tools/umount.h"

namespace mendfs {
namespace {

int Run(const Invocation& invocation) {
  switch (invocation.action) {
    case Action::kPrint:
      std::fputs(invocation.text.c_str(), invocation.exit_code == kExitDone ? stdout : stderr);
      return invocation.exit_code;
    case Action::kStoreVerb: return RunStoreVerb(invocation);
    case Action::kMkfs: return RunMkfs(invocation);
    case Action::kMount: return RunMount(invocation);
    case Action::kUmount: return RunUmount(invocation);
    case Action::kFsck: return RunFsck(invocation);
    case Action::kDoctor: return RunDoctor(invocation);
    case Action::kQuota: return RunQuota(invocation);
    case Action::kVersion: return RunVersion(invocation);
  }
  return kExitFailed;
}

int Main(int argc, char** argv) {
  ConfigureLog({.level = LogLevel::kWarning});
  if (const char* text = std::getenv("MENDFS_FAILPOINTS"); text != nullptr) {
    const Status status = ArmFailpointsFromText(text);
    if (!status.ok()) {
      std::fprintf(stderr, "mendfs: MENDFS_FAILPOINTS: %s\n", status.message().c_str());
      return kExitUsage;
    }
  }
  const int exit_code = Run(
      ParseCommandLine(argc > 0 ? argv[0] : "mendfs", {argv + (argc > 0 ? 1 : 0), argv + argc}));
  // A full disk behind stdout is a failure like any other.
  if (std::fflush(stdout) != 0 && exit_code == kExitDone) {
    std::fputs("mendfs: standard output cannot be written\n", stderr);
    return kExitFailed;
  }
  return exit_code;
}

}  // namespace
}  // namespace mendfs

int main(int argc, char** argv) {
  try {
    return mendfs::Main(argc, argv);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "mendfs: %s\n", exception.what());
    return mendfs::kExitFailed;
  }
}
