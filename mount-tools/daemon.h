// The process behind a mount: store, file system, kernel session, control socket and signals, put
// together in order and taken apart in the opposite one.
//
// Threads:  call before any other thread exists: signals are blocked here and taken by one thread
// Errors:   as Store::Open, KernelMount::Start and ControlServer::Start
#pragma once

#include <functional>
#include <string>

#include "meta/base/status.h"
#include "mount-tools/mounting/mount_plan.h"

namespace mendfs {

// Mounts and serves until the mount is taken away or SIGTERM or SIGINT comes; then everything is
// durable, a commit is closed and the store's lock is free. `ready` is called once, from some
// thread, when the mount answers, with what the one who asked for it must know: that it shows an
// older state, read-only, or not all there is. Empty when it is what was asked for.
Status ServeMount(const MountPlan& asked,
                  const std::function<void(const std::string& warning)>& ready);

}  // namespace mendfs
