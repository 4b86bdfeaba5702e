#include "mount-tools/daemon.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fs/kernel/session.h"
#include "fs/ops/file_system.h"
#include "meta/base/log.h"
#include "meta/disk/posix_disk.h"
#include "meta/store.h"
#include "mount-tools/control/control_server.h"
#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/mounting/store_lock.h"
#include "mount-tools/verbs/text.h"
#include "mount-tools/verbs/verb.h"

namespace mendfs {
namespace {

constexpr int kWakeSignal = SIGUSR1;  // ends the signal thread
constexpr auto kReaderWait = std::chrono::seconds(3);
constexpr auto kReaderLook = std::chrono::milliseconds(50);

sigset_t DaemonSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kWakeSignal}) sigaddset(&signals, signal);
  return signals;
}

// Takes the signals that all other threads have blocked. A terminal that closes is no reason to
// unmount: SIGHUP is let go.
class SignalThread {
 public:
  explicit SignalThread(std::function<void()> stop)
      : thread_([stop = std::move(stop)] {
          const sigset_t signals = DaemonSignals();
          for (int signal = 0; sigwait(&signals, &signal) == 0 && signal != kWakeSignal;) {
            if (signal == SIGHUP) continue;
            LogLine(LogLevel::kInfo, "daemon", "asked to end; unmounting");
            stop();
          }
        }) {}
  ~SignalThread() {
    pthread_kill(thread_.native_handle(), kWakeSignal);
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  std::thread thread_;
};

// A store as it could be opened: read-only when that was asked for, or when it is damaged.
struct OpenedStore {
  std::optional<ReadLock> reading;
  std::unique_ptr<Store> store;
};

Result<std::unique_ptr<Store>> OpenOnce(Disk& disk, MountPlan& plan, const OpenOptions& options,
                                        std::optional<ReadLock>& reading) {
  const auto read = [&]() -> Status {
    MENDFS_ASSIGN_OR_RETURN(ReadLock taken, ReadLock::Take(plan.store_path));
    reading.emplace(std::move(taken));
    plan.settings.read_only = true;
    return Status::Ok();
  };
  if (!plan.settings.read_only) {
    return Store::OpenWhatVerifies(disk, plan.store_path, options, read);
  }
  OpenOptions reader = options;
  reader.access = OpenAccess::kReadOnly;
  reader.last_good = true;
  Result<std::unique_ptr<Store>> store = Store::Open(disk, plan.store_path, reader);
  if (store.ok() || store.status().code() != Code::kCorruption) return store;
  // Who asks for it sees what is left, even where nothing tells whether that was ever a state.
  reader.last_good = false;
  Result<std::unique_ptr<Store>> left = Store::Open(disk, plan.store_path, reader);
  return left.ok() ? std::move(left) : std::move(store);
}

Result<OpenedStore> OpenForMount(Disk& disk, MountPlan& plan) {
  OpenOptions options;
  options.commit_interval_ms = plan.settings.commit_interval_ms;
  options.cache_bytes = plan.settings.cache_bytes;
  options.damage_stops_writes = plan.settings.damage_stops_writes;
  OpenedStore opened;
  if (plan.settings.read_only) {
    MENDFS_ASSIGN_OR_RETURN(ReadLock taken, ReadLock::Take(plan.store_path));
    opened.reading.emplace(std::move(taken));
  }
  const auto end = std::chrono::steady_clock::now() + kReaderWait;
  while (true) {
    Result<std::unique_ptr<Store>> store = OpenOnce(disk, plan, options, opened.reading);
    if (store.ok()) {
      opened.store = *std::move(store);
      return opened;
    }
    if (store.status().code() != Code::kBusy) return store.status();
    // A verb that reads is soon done; a writer stays.
    const bool stays = StoreHolder(plan.store_path).has_value();
    if (stays || std::chrono::steady_clock::now() >= end) {
      return StoreInUse(plan.store_path, plan.settings.read_only);
    }
    std::this_thread::sleep_for(kReaderLook);
  }
}

// What the one who mounts must know: that it is not what was asked for, or not all there is.
std::string WarningOf(const StoreStatus& status) {
  if (status.health != Health::kReadOnly && status.health != Health::kFailed) return {};
  return "mounted READ-ONLY: " + status.reason;
}

// A read-only mount writes nothing into the store, so its socket is named by its device.
Result<std::string> SocketDevice(const MountPlan& plan) {
  if (!plan.settings.read_only) return std::string();
  MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> table, ReadMountTable());
  const MountEntry* mount = FindMountOf(table, plan.mount_point);
  const bool ours =
      mount != nullptr && mount->type == kMountType && mount->mount_point == plan.mount_point;
  if (ours) return mount->device;
  return Status(Code::kIo, Printable(plan.mount_point) + " is not in the list of mounts");
}

Result<std::unique_ptr<ControlServer>> StartControl(const MountPlan& plan, Store& store,
                                                    const MountFacts& facts) {
  ControlOptions options;
  options.store_path = plan.store_path;
  MENDFS_ASSIGN_OR_RETURN(options.device, SocketDevice(plan));
  options.owner_uid = store.Describe().identity.owner_uid;
  options.handler = [&](const VerbRequest& request, uint32_t caller_uid, VerbIo& io) {
    return RunVerb(request, {.store = store, .caller_uid = caller_uid, .mount = &facts}, io);
  };
  Result<std::unique_ptr<ControlServer>> control = ControlServer::Start(std::move(options));
  if (control.ok() || !plan.settings.read_only) return control;
  // Somebody has taken the name. Verbs read the store themselves then.
  LogLine(LogLevel::kWarning, "daemon", "the mount has no control socket",
          {{"why", control.status().ToString()}});
  return std::unique_ptr<ControlServer>();
}

}  // namespace

// Up: 1 store (lock, recovery) · 2 file system · 3 mount · 4 control socket · 5 serve.
// Down: socket, mount, file system (drafts are decided), store (commit, checkpoint, lock).
Status ServeMount(const MountPlan& asked, const std::function<void(const std::string&)>& ready) {
  MountPlan plan = asked;
  const sigset_t signals = DaemonSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const std::unique_ptr<Disk> disk = MakePosixDisk();
  MENDFS_ASSIGN_OR_RETURN(const OpenedStore opened, OpenForMount(*disk, plan));
  const std::unique_ptr<Store>& store = opened.store;
  const std::string warning = WarningOf(store->Describe());
  FileSystem file_system(*store, {.read_only = plan.settings.read_only,
                                  .graph = plan.settings.graph,
                                  .relatime = plan.settings.relatime});
  const MountFacts facts{.mount_point = plan.mount_point,
                         .read_only = plan.settings.read_only,
                         .pid = getpid(),
                         .refusals = [&] { return file_system.errors().Recent(); }};
  MountOptions options;
  options.read_only = plan.settings.read_only;
  options.allow_other = plan.settings.allow_other;
  options.nonempty = plan.settings.nonempty;
  options.max_read_bytes = plan.settings.max_read_bytes;
  options.fuse_options = plan.settings.kernel;
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<KernelMount> mount,
                          KernelMount::Start(file_system, plan.mount_point, options));
  MENDFS_ASSIGN_OR_RETURN(const std::unique_ptr<ControlServer> control,
                          StartControl(plan, *store, facts));
  Status served;
  {
    const SignalThread signal_thread([&] { mount->Stop(); });
    mount->OnReady([&] { ready(warning); });
    served = mount->Run();
  }
  LogLine(LogLevel::kInfo, "daemon", "unmounted; closing the store", {{"store", plan.store_path}});
  return served;
}

}  // namespace mendfs
