// The -o options of a mount: text to settings.
//
// mount(8) hands over whatever stands in /etc/fstab, so the words that are its own business (auto,
// nofail, x-systemd.…) are accepted and mean nothing here; every other word must be known.
//
// Threads:  values
// Errors:   kInvalid names the option and the nearest known one
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

struct MountSettings {
  bool read_only = false;
  bool allow_other = false;
  bool nonempty = false;
  bool graph = true;                 // show graph/
  bool relatime = false;             // in files/, an open for reading may change atime
  bool damage_stops_writes = false;  // errors=remount-ro
  unsigned commit_interval_ms = 1000;
  uint64_t cache_bytes = 256 << 20;
  std::string log_path;             // empty: standard error in front, else nothing
  unsigned max_read_bytes = 0;      // 0: not said
  std::vector<std::string> kernel;  // handed to libfuse as they are: "nodev", "sync"
};

struct OptionRules {
  bool root = false;    // root's mounts are for everybody, as with other file systems
  bool sloppy = false;  // unknown options are ignored: mount -s
};

// `texts` are the arguments of -o, each a comma list; later ones win.
Result<MountSettings> ParseMountOptions(std::span<const std::string> texts,
                                        const OptionRules& rules);

}  // namespace mendfs
