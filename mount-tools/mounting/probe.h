// Does a mount answer? Asked from a process of its own, because a mount whose daemon hangs would
// hang the asker.
//
// Threads:  safe from one; forks
#pragma once

#include <string>

namespace mendfs {

enum class Probe {
  kAnswers,
  kDead,    // the daemon is gone: ENOTCONN
  kSilent,  // no answer in time; the asker was ended
  kFailed,  // any other error
};

// Asks for the file system's size, which no cache answers.
Probe ProbeMount(const std::string& mount_point, unsigned wait_ms);

}  // namespace mendfs
