// `mendfs doctor DIR`: what is wrong with a mount, and what to type. Looks at the kernel's table,
// the lock and the daemon's process; asks the mount from a process that may hang instead of this
// one, and looks into a store that nobody has open. Changes nothing.
//
// Threads:  one
#pragma once

#include <optional>
#include <string>

#include "meta/base/status.h"
#include "mount-tools/command_line.h"
#include "mount-tools/mounting/probe.h"

namespace mendfs {

struct MountSymptoms {
  std::string path;         // as given
  std::string store_path;   // empty: nothing of ours there
  std::string mount_point;  // empty: not mounted
  bool read_only = false;
  std::optional<Probe> probe;         // of a mount
  std::optional<std::string> holder;  // who has the store's lock, as far as this user may see
  std::string sidecars;  // a clause about multi-step writes that wait; empty: there are none
  // Of a mount that answers, or of what the store shows where nobody has it open; empty: not known.
  std::string health;
  std::string reason;        // why health is not ok
  Code refused = Code::kOk;  // why a store cannot be opened at all
  char process_state = 0;    // of the holder as /proc tells it; 0: there is none
};

struct Diagnosis {
  // "ok", another health of a mount that answers, "not-mounted", "dead", "silent", "stopped",
  // "unknown"
  std::string word;
  std::string sentence;
  std::string advice;  // what to type; empty when all is well
};

Diagnosis Diagnose(const MountSymptoms& symptoms);

// 0 when the mount answers and its health is ok.
int RunDoctor(const Invocation& invocation);

}  // namespace mendfs
