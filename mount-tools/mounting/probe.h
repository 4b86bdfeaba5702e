// Does a mount answer? Asked from a process of its own, because a mount whose daemon hangs would
// hang the asker.
//
// Threads:  safe from one; forks
#pragma once

#include <optional>
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

// A small file in a mount, at most kProbeTextBytesMax of it. Nothing where it cannot be read, or
// not in time.
inline constexpr size_t kProbeTextBytesMax = 64 << 10;
std::optional<std::string> ReadInMount(const std::string& path, unsigned wait_ms);

}  // namespace mendfs
