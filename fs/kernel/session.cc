#include "fs/kernel/session.h"

#include <dirent.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <thread>
#include <utility>

#include "fs/kernel/errno_table.h"
#include "fs/kernel/request.h"
#include "fs/kernel/tmpfile_requests.h"
#include "meta/base/log.h"
#include "meta/base/mutex.h"

namespace mendfs {
namespace {

constexpr unsigned kMaxWriteBytes = 1 << 20;
constexpr unsigned kReadAheadBytes = 1 << 20;
constexpr unsigned kTickMs = 1000;
constexpr size_t kLibraryMessageBytesMax = 512;

// What libfuse said last: it explains a mount that failed. libfuse has one log function a process.
Mutex library_message_mutex{LockRank::kLeaf};
std::string library_message GUARDED_BY(library_message_mutex);

void LogFromLibrary(fuse_log_level level, const char* format, va_list arguments) {
  char text[kLibraryMessageBytesMax];
  vsnprintf(text, sizeof text, format, arguments);
  std::string line(text);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  {
    MutexLock lock(library_message_mutex);
    library_message = line;
  }
  LogLevel ours = level <= FUSE_LOG_ERR       ? LogLevel::kError
                  : level <= FUSE_LOG_WARNING ? LogLevel::kWarning
                  : level <= FUSE_LOG_INFO    ? LogLevel::kInfo
                                              : LogLevel::kDebug;
  LogLine(ours, "libfuse", line);
}

void Want(fuse_conn_info* connection, unsigned capability, bool wanted) {
  if (wanted && (connection->capable & capability) != 0) {
    connection->want |= capability;
  } else {
    connection->want &= ~capability;
  }
}

void DoInit(void* user_data, fuse_conn_info* connection) {
  auto* ours = static_cast<Connection*>(user_data);
  Want(connection, FUSE_CAP_READDIRPLUS, true);
  Want(connection, FUSE_CAP_READDIRPLUS_AUTO, true);
  Want(connection, FUSE_CAP_PARALLEL_DIROPS, true);
  Want(connection, FUSE_CAP_ASYNC_READ, true);
  // O_TRUNC comes with OPEN: a draft must know that it starts empty.
  Want(connection, FUSE_CAP_ATOMIC_O_TRUNC, true);
  // Every change passes through here, so a new mtime says nothing about cached pages.
  bool explicit_invalidation = (connection->capable & FUSE_CAP_EXPLICIT_INVAL_DATA) != 0;
  Want(connection, FUSE_CAP_EXPLICIT_INVAL_DATA, true);
  Want(connection, FUSE_CAP_AUTO_INVAL_DATA, !explicit_invalidation);
  Want(connection, FUSE_CAP_WRITEBACK_CACHE, false);
  Want(connection, FUSE_CAP_HANDLE_KILLPRIV, false);
  // The kernel checks ACLs; the umask comes along, as a default ACL stands in its place.
  Want(connection, FUSE_CAP_POSIX_ACL, true);
  Want(connection, FUSE_CAP_DONT_MASK, true);
  // Lookup of "." and "..", by node: file handles that outlive the kernel's caches (NFS).
  Want(connection, FUSE_CAP_EXPORT_SUPPORT, true);
  connection->max_write = kMaxWriteBytes;
  connection->max_readahead = kReadAheadBytes;
  connection->time_gran = 1;
  if (ours->ready) ours->ready();
}

std::string EscapeOption(std::string_view value) {
  std::string escaped;
  for (char c : value) {
    if (c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// Owned argument list for libfuse.
class Arguments {
 public:
  Arguments() { fuse_opt_add_arg(&args_, "mendfs"); }
  ~Arguments() { fuse_opt_free_args(&args_); }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  void AddOption(const std::string& option) {
    fuse_opt_add_arg(&args_, "-o");
    fuse_opt_add_arg(&args_, option.c_str());
  }
  void Add(const char* argument) { fuse_opt_add_arg(&args_, argument); }
  fuse_args* get() { return &args_; }

 private:
  fuse_args args_ = FUSE_ARGS_INIT(0, nullptr);
};

Status CheckMountPoint(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) {
    int error = errno;
    if (error == ENOENT) {
      return Status(Code::kNotFound, "mount at " + path + ": there is no such directory");
    }
    if (error == ENOTCONN) {
      return Status(Code::kBusy, "mount at " + path +
                                     ": a mount whose daemon is gone is still there; take it away "
                                     "with `umount " +
                                     path + "` first");
    }
    return Status(error == EACCES ? Code::kDenied : Code::kIo,
                  "mount at " + path + ": " + std::strerror(error));
  }
  if (!S_ISDIR(info.st_mode)) {
    return Status(Code::kNotDirectory, "mount at " + path + ": not a directory");
  }
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) {
    return Status(Code::kDenied, "mount at " + path + ": " + std::strerror(errno));
  }
  bool empty = true;
  while (dirent* entry = readdir(directory)) {
    std::string_view name = entry->d_name;
    empty = empty && (name == "." || name == "..");
  }
  closedir(directory);
  if (!empty) {
    return Status(
        Code::kNotEmpty,
        "mount at " + path + ": the directory is not empty and its files would be hidden");
  }
  return {};
}

}  // namespace

void AddConnectionOperations(fuse_lowlevel_ops& table) {
  table.init = DoInit;
}

struct KernelMount::Core {
  Connection connection;
  std::string mount_point;
  fuse_session* session = nullptr;
  bool mounted = false;
  int stop_event = -1;
  std::atomic<bool> ended{false};
  std::thread notifier;
  std::thread stopper;

  void NotifyLoop();
  void StopLoop();
  Status Loop();
  void EndThreads();
};

// Tells the kernel what to forget, outside of any request, and does the upkeep of the planes.
void KernelMount::Core::NotifyLoop() {
  StaleNames& stale = connection.file_system.stale();
  int64_t ticked_ns = SteadyNowNs();
  while (!stale.stopped()) {
    for (const StaleName& name : stale.Take(kTickMs)) {
      // An answer that says "not cached" is as good as one that says "forgotten".
      if (name.name.empty()) {
        fuse_lowlevel_notify_inval_inode(session, name.inode.value, name.keeps_bytes ? -1 : 0, 0);
      } else {
        fuse_lowlevel_notify_inval_entry(session, name.inode.value, name.name.c_str(),
                                         name.name.size());
      }
    }
    int64_t now_ns = SteadyNowNs();
    if (now_ns - ticked_ns < int64_t{kTickMs} * 1'000'000) continue;
    ticked_ns = now_ns;
    connection.file_system.Tick();
  }
}

// Stop only writes to an event, which a signal handler may do; the rest happens here. The loop of
// libfuse looks at its exit flag after each request, so one is made.
void KernelMount::Core::StopLoop() {
  uint64_t count = 0;
  while (read(stop_event, &count, sizeof count) < 0 && errno == EINTR) {
  }
  fuse_session_exit(session);
  while (!ended.load()) {
    struct statfs unused = {};
    statfs(mount_point.c_str(), &unused);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Status KernelMount::Core::Loop() {
  int result = 0;
  if (connection.options.threads <= 1) {
    result = fuse_session_loop(session);
  } else {
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, 0);
    fuse_loop_cfg_set_max_threads(config, connection.options.threads);
    fuse_loop_cfg_set_idle_threads(config, connection.options.threads);
    result = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
  }
  // Positive: ended by a signal number. Both are an end, not a failure.
  if (result >= 0) return {};
  return Status(Code::kIo, "serve the mount at " + mount_point + ": " + std::strerror(-result));
}

void KernelMount::Core::EndThreads() {
  ended.store(true);
  connection.file_system.stale().Stop();
  uint64_t one = 1;
  if (write(stop_event, &one, sizeof one) < 0) {
    LogLine(LogLevel::kError, "mount", "the stopping thread could not be woken",
            {{"error", std::strerror(errno)}});
  }
  if (notifier.joinable()) notifier.join();
  if (stopper.joinable()) stopper.join();
}

KernelMount::KernelMount(std::unique_ptr<Core> core) : core_(std::move(core)) {}

Result<std::unique_ptr<KernelMount>> KernelMount::Start(FileSystem& file_system,
                                                        const std::string& mount_point,
                                                        const MountOptions& options) {
  MENDFS_RETURN_IF_ERROR(CheckMountPoint(mount_point));
  if (access("/dev/fuse", F_OK) != 0) {
    return Status(Code::kUnsupported,
                  "mount at " + mount_point +
                      ": /dev/fuse is missing; load the kernel's fuse module (modprobe fuse)");
  }
  fuse_set_log_func(LogFromLibrary);
  std::unique_ptr<Core> core(
      new Core{.connection = {.file_system = file_system, .options = options, .ready = nullptr},
               .mount_point = mount_point});
  core->stop_event = eventfd(0, EFD_CLOEXEC);
  if (core->stop_event < 0) return Status(Code::kIo, "mount: no event could be made");
  std::unique_ptr<KernelMount> mount(new KernelMount(std::move(core)));

  Arguments arguments;
  arguments.AddOption("default_permissions");
  arguments.AddOption("fsname=" + EscapeOption(file_system.store_path()));
  arguments.AddOption("subtype=mendfs");
  if (options.allow_other) arguments.AddOption("allow_other");
  if (options.read_only) arguments.AddOption("ro");
  if (options.foreground_debug) arguments.Add("-d");
  for (const std::string& option : options.fuse_options) arguments.AddOption(option);

  fuse_lowlevel_ops table = {};
  AddConnectionOperations(table);
  AddNameOperations(table);
  AddNodeOperations(table);
  AddFileOperations(table);
  AddDirectoryOperations(table);
  Core& made = *mount->core_;
  auto failed = [&](std::string_view what) {
    MutexLock lock(library_message_mutex);
    return Status(Code::kDenied,
                  "mount at " + mount_point + ": " + std::string(what) + ": " + library_message);
  };
  made.session = fuse_session_new(arguments.get(), &table, sizeof table, &made.connection);
  if (made.session == nullptr) return failed("libfuse refuses the options");
  if (fuse_session_mount(made.session, mount_point.c_str()) != 0) {
    return failed("the mount was refused");
  }
  made.mounted = true;
  TakeTmpfileRequests(made.session);
  return mount;
}

void KernelMount::OnReady(std::function<void()> ready) {
  core_->connection.ready = std::move(ready);
}

Status KernelMount::Run() {
  core_->notifier = std::thread([core = core_.get()] { core->NotifyLoop(); });
  core_->stopper = std::thread([core = core_.get()] { core->StopLoop(); });
  Status status = core_->Loop();
  // No request runs any more; whoever still waits for an answer gets one from the kernel.
  fuse_session_unmount(core_->session);
  core_->mounted = false;
  core_->EndThreads();
  core_->connection.file_system.Shutdown();
  return status;
}

void KernelMount::Stop() {
  uint64_t one = 1;
  // Nothing can be done about a failure in a signal handler, and an event with a count takes it.
  [[maybe_unused]] ssize_t written = write(core_->stop_event, &one, sizeof one);
}

KernelMount::~KernelMount() {
  if (!core_) return;
  if (core_->session != nullptr) {
    if (core_->mounted) fuse_session_unmount(core_->session);
    fuse_session_destroy(core_->session);
  }
  if (core_->stop_event >= 0) close(core_->stop_event);
}

}  // namespace mendfs
