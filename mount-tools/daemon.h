// The process behind a mount: store, file system, kernel session, control socket and signals, put
// together in order and taken apart in the opposite one.
//
// Threads:  call before any other thread exists: signals are blocked here and taken by one thread
// Errors:   as Store::Open, KernelMount::Start and ControlServer::Start
#pragma once

#include <functional>

#include "meta/base/status.h"
#include "mount-tools/mounting/mount_plan.h"

namespace mendfs {

// Mounts and serves until the mount is taken away or SIGTERM or SIGINT comes; then everything is
// durable, a commit is closed and the store's lock is free. `ready` is called once, from some
// thread, when the mount answers.
Status ServeMount(const MountPlan& plan, const std::function<void()>& ready);

}  // namespace mendfs
