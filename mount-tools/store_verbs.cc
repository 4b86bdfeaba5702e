#include "mount-tools/store_verbs.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "meta/describe.h"
#include "meta/disk/posix_disk.h"
#include "meta/store.h"
#include "meta/tables.h"
#include "mount-tools/control/control_client.h"
#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/mounting/probe.h"
#include "mount-tools/mounting/store_lock.h"
#include "mount-tools/mounting/target.h"
#include "mount-tools/terminal_io.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

// A daemon that starts or ends holds the lock for a moment without listening.
constexpr auto kDaemonWait = std::chrono::seconds(3);
constexpr auto kDaemonLook = std::chrono::milliseconds(50);
constexpr unsigned kProbeWaitMs = 3000;

int Fail(const Invocation& invocation, const Status& status) {
  const std::string_view sentence =
      status.message().empty() ? CodeName(status.code()) : std::string_view(status.message());
  std::fprintf(stderr, "mendfs %s: %s\n", invocation.verb.c_str(), Printable(sentence).c_str());
  return ExitCodeOf(status);
}

// The mount that shows the store: the one that was named, else the latest.
Result<std::optional<MountEntry>> MountOf(const Target& target) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> table, ReadMountTable());
  std::optional<MountEntry> found;
  for (const MountEntry& mount : MountsOfStore(table, target.store_path)) {
    const bool named = found && found->mount_point == target.mount_point;
    if (!named) found = mount;
  }
  return found;
}

Result<int> RunHere(const std::string& store_path, const std::optional<MountEntry>& mounted,
                    const VerbRequest& request, VerbIo& io) {
  std::optional<MountFacts> mount;
  if (mounted) {
    mount = MountFacts{.mount_point = mounted->mount_point,
                       .read_only = mounted->read_only,
                       .is_dead = ProbeMount(mounted->mount_point, kProbeWaitMs) == Probe::kDead,
                       .pid = 0,
                       .refusals = {}};
  }
  OpenOptions options;
  options.commit_interval_ms = 0;
  std::optional<ReadLock> reading;
  if (!VerbWrites(request.verb)) {
    options.access = OpenAccess::kReadOnly;
    options.last_good = request.verb == Verb::kStatus;
    MENDFS_ASSIGN_OR_RETURN(ReadLock taken, ReadLock::Take(store_path));
    reading.emplace(std::move(taken));
  }
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store,
                          Store::Open(*disk, store_path, options));
  const VerbHost host{.store = *store, .caller_uid = getuid(), .mount = mount ? &*mount : nullptr};
  return RunVerb(request, host, io);
}

std::optional<std::string> WhoPrevents(const std::string& store_path, Verb verb) {
  std::optional<std::string> holder = StoreHolder(store_path);
  if (!holder && VerbWrites(verb)) holder = StoreReader(store_path);
  return holder;
}

// In the daemon that writes, else in that of a read-only mount, else here.
Result<int> RunSomewhere(const Target& target, const VerbRequest& request, VerbIo& io) {
  const std::string& store_path = target.store_path;
  const auto end = std::chrono::steady_clock::now() + kDaemonWait;
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(std::optional<int> exit_code, CallDaemon(store_path, request, io));
    if (exit_code) return *exit_code;
    MENDFS_ASSIGN_OR_RETURN(const std::optional<MountEntry> mount, MountOf(target));
    if (mount && mount->read_only) {
      MENDFS_ASSIGN_OR_RETURN(exit_code, CallReader(store_path, mount->device, request, io));
      if (exit_code) return *exit_code;
    }
    const std::optional<std::string> holder = WhoPrevents(store_path, request.verb);
    if (!holder) return RunHere(store_path, mount, request, io);
    if (std::chrono::steady_clock::now() >= end) {
      return HeldBy(store_path, AwaitHolderName(store_path).value_or(*holder));
    }
    std::this_thread::sleep_for(kDaemonLook);
  }
}

Result<int> RunWithIo(const Invocation& invocation) {
  MENDFS_ASSIGN_OR_RETURN(const Target target, ResolveTarget(invocation.target));
  TerminalIoOptions options;
  options.output = invocation.output;
  Result<std::vector<std::string>> inputs = ExpandInputs(invocation.files);
  if (inputs.status().code() == Code::kInvalid) {
    Fail(invocation, inputs.status());
    return kExitUsage;
  }
  if (!inputs.ok()) return inputs.status();
  options.inputs = *std::move(inputs);
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<TerminalIo> io, TerminalIo::Open(options));
  VerbRequest request = invocation.request;
  request.inputs = io->sources();
  request.progress = io->shows_progress();
  const Result<int> exit_code = RunSomewhere(target, request, *io);
  const Status finished = io->Finish(exit_code.ok() && *exit_code == kExitDone);
  if (exit_code.ok() && *exit_code == kExitDone && !finished.ok()) return finished;
  return exit_code;
}

Result<std::string> ReadSchemaFile(const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<TerminalIo> io,
                          TerminalIo::Open({.inputs = {path}, .output = ""}));
  std::string text;
  std::string chunk;
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const bool more, io->Input(0, chunk));
    if (!more) return text;
    text += chunk;
    if (text.size() > kSchemaTextBytesMax) {
      return Status(Code::kTooBig, Printable(path) + ": a schema is at most 1 MiB");
    }
  }
}

Status MakeStore(const Invocation& invocation) {
  CreateOptions options{.owner_uid = getuid(), .owner_gid = getgid(), .schema_text = ""};
  if (!invocation.schema_file.empty()) {
    MENDFS_ASSIGN_OR_RETURN(options.schema_text, ReadSchemaFile(invocation.schema_file));
  }
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  return Store::Create(*disk, NormalPath(invocation.target), options);
}

}  // namespace

int RunMkfs(const Invocation& invocation) {
  const Status status = MakeStore(invocation);
  if (!status.ok()) return Fail(invocation, status);
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  const std::string path = RealPath(invocation.target);
  const Result<std::unique_ptr<Store>> store =
      Store::Open(*disk, path, {.access = OpenAccess::kReadOnly, .commit_interval_ms = 0});
  if (!store.ok()) return Fail(invocation, store.status());
  const StoreStatus made = (*store)->Describe();
  if (invocation.json) {
    std::printf("%s\n", StatusJson(made).c_str());
  } else {
    std::printf("made %s, uuid %s\n", Printable(path).c_str(), made.identity.uuid.c_str());
  }
  return kExitDone;
}

int RunVersion(const Invocation& invocation) {
  if (invocation.json) {
    std::printf("%s\n", VersionJson().c_str());
  } else {
    std::printf("mendfs %s, store format %u\n", std::string(kVersion).c_str(), kStoreFormatVersion);
  }
  return kExitDone;
}

int RunStoreVerb(const Invocation& invocation) {
  const Result<int> exit_code = RunWithIo(invocation);
  return exit_code.ok() ? *exit_code : Fail(invocation, exit_code.status());
}

}  // namespace mendfs
