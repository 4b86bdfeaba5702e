#include "fs/kernel/session.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <thread>
#include <utility>

#include "fs/kernel/errno_table.h"
#include "fs/kernel/read_ahead.h"
#include "fs/kernel/request.h"
#include "fs/kernel/serving_loop.h"
#include "fs/kernel/tmpfile_requests.h"
#include "meta/base/log.h"
#include "meta/base/mutex.h"

namespace mendfs {
namespace {

constexpr unsigned kMaxWriteBytes = 1 << 20;
constexpr unsigned kReadAheadBytes = 1 << 20;
constexpr unsigned kTickMs = 1000;
constexpr unsigned kStopLookMs = 20;
constexpr int kInterruptSignal = SIGUSR2;
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
  // libfuse wants to hear of it twice: in the mount's options, and here.
  if (ours->options.max_read_bytes > 0) connection->max_read = ours->options.max_read_bytes;
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

Status CheckMountPoint(const std::string& path, bool nonempty) {
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
  if (nonempty) return {};
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

void MaskInterrupts(int how) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, kInterruptSignal);
  pthread_sigmask(how, &interrupt, nullptr);
}

// For the thread that calls it, a wait that the signal meets ends with EINTR and nothing else
// happens.
Status CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  if (sigaction(kInterruptSignal, &action, nullptr) != 0) {
    return Status(Code::kIo, std::string("mount: catch signals: ") + std::strerror(errno));
  }
  MaskInterrupts(SIG_UNBLOCK);
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
  std::unique_ptr<ServingLoop> serving;
  std::thread upkeep;
  std::thread stopper;
  Mutex mutex{LockRank::kDaemon};
  CondVar changed;
  bool ended GUARDED_BY(mutex) = false;

  bool AwaitEnd(unsigned wait_ms);
  void TickLoop();
  void StopLoop();
  Status Loop();
  void EndThreads();
};

// True when the mount has ended; else after `wait_ms`.
bool KernelMount::Core::AwaitEnd(unsigned wait_ms) {
  MutexLock lock(mutex);
  if (!ended) changed.WaitFor(mutex, wait_ms);
  return ended;
}

void KernelMount::Core::TickLoop() {
  while (!AwaitEnd(kTickMs)) connection.file_system.Tick();
}

// Stop only writes to an event, which a signal handler may do; the rest happens here. Asking the
// own mount for something would wake the loop too, but a thread that waits for its own process
// cannot be killed with it.
void KernelMount::Core::StopLoop() {
  uint64_t count = 0;
  while (read(stop_event, &count, sizeof count) < 0 && errno == EINTR) {
  }
  fuse_session_exit(session);
  while (!AwaitEnd(kStopLookMs)) serving->Nudge(kInterruptSignal);
}

Status KernelMount::Core::Loop() {
  int result = serving->Run();
  if (result >= 0) return {};
  MutexLock lock(library_message_mutex);
  return Status(Code::kIo, "serve the mount at " + mount_point + ": " + std::strerror(-result) +
                               "; libfuse said last: " + library_message);
}

void KernelMount::Core::EndThreads() {
  {
    MutexLock lock(mutex);
    ended = true;
    changed.NotifyAll();
  }
  uint64_t one = 1;
  if (write(stop_event, &one, sizeof one) < 0) {
    LogLine(LogLevel::kError, "mount", "the stopping thread could not be woken",
            {{"error", std::strerror(errno)}});
  }
  if (upkeep.joinable()) upkeep.join();
  if (stopper.joinable()) stopper.join();
}

KernelMount::KernelMount(std::unique_ptr<Core> core) : core_(std::move(core)) {}

Result<std::unique_ptr<KernelMount>> KernelMount::Start(FileSystem& file_system,
                                                        const std::string& mount_point,
                                                        const MountOptions& options) {
  MENDFS_RETURN_IF_ERROR(CheckMountPoint(mount_point, options.nonempty));
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
  if (options.max_read_bytes > 0) {
    arguments.AddOption("max_read=" + std::to_string(options.max_read_bytes));
  }
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
  SetReadAhead(mount_point, kReadAheadBytes);
  TakeTmpfileRequests(made.session);
  return mount;
}

void KernelMount::OnReady(std::function<void()> ready) {
  core_->connection.ready = std::move(ready);
}

Status KernelMount::Run() {
  core_->serving = std::make_unique<ServingLoop>(core_->session, core_->connection.options.threads);
  MENDFS_RETURN_IF_ERROR(CatchInterrupts());
  core_->upkeep = std::thread([core = core_.get()] { core->TickLoop(); });
  core_->stopper = std::thread([core = core_.get()] { core->StopLoop(); });
  Status status = core_->Loop();
  MaskInterrupts(SIG_BLOCK);
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
