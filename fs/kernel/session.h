// A FileSystem mounted: the libfuse session and its threads.
//
// Start mounts (the mount answers once Run loops), Run serves until the mount goes away or Stop is
// called, the destructor unmounts. Run catches SIGUSR2, with which Stop interrupts its wait; all
// other signals are the daemon's.
//
// No thread asks the own mount for anything, nor tells the kernel to forget names: both can wait
// for a request, and a thread that waits for its own process outlives SIGKILL and keeps the mount
// stuck.
//
// Lifetime: the FileSystem outlives the mount; Run has returned before the mount is destroyed
// Threads:  Stop from any thread and from a signal handler; everything else from one
// Errors:   kNotFound (no such mount point), kNotDirectory, kNotEmpty, kDenied (not allowed to
//           mount), kUnsupported (no /dev/fuse), kIo
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/ops/file_system.h"
#include "meta/base/status.h"

namespace mendfs {

struct MountOptions {
  bool read_only = false;
  bool allow_other = false;
  bool nonempty = false;           // over a directory that holds files, which are hidden
  bool foreground_debug = false;   // libfuse's own trace of every request
  unsigned threads = 16;           // that serve; 1: the thread of Run alone
  unsigned long_timeout_s = 3600;  // how long the kernel keeps what Freshness::kLong says
  unsigned short_timeout_s = 1;
  unsigned max_read_bytes = 0;            // of one request; 0: as the kernel likes
  std::vector<std::string> fuse_options;  // passed on to libfuse: "nodev", …
};

class KernelMount {
 public:
  static Result<std::unique_ptr<KernelMount>> Start(FileSystem& file_system,
                                                    const std::string& mount_point,
                                                    const MountOptions& options);
  ~KernelMount();
  KernelMount(const KernelMount&) = delete;
  KernelMount& operator=(const KernelMount&) = delete;

  // Called once, from a serving thread, when the kernel has shaken hands: the mount answers now.
  void OnReady(std::function<void()> ready);
  // Ok when the mount was taken away or Stop was called.
  Status Run();
  void Stop();

 private:
  struct Core;
  explicit KernelMount(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace mendfs
