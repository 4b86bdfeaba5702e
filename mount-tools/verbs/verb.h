// The verbs that work on an open store. The CLI runs them on a store that it opened itself, the
// daemon runs the same functions for a caller at its control socket.
//
// Threads:  RunVerb from any thread; a VerbIo belongs to one
// Errors:   exit codes, with sentences on the error stream
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/ops/plane/error_log.h"
#include "meta/base/status.h"
#include "meta/bulk.h"
#include "meta/store.h"
#include "mount-tools/verbs/verb_request.h"

namespace mendfs {

// What the process says when it ends; a promise to scripts.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitDenied = 3;
inline constexpr int kExitConditionLost = 4;
inline constexpr int kExitRecoveryNeeded = 5;
inline constexpr int kExitMergeConflict = 6;
inline constexpr int kExitIncomplete = 8;
int ExitCodeOf(const Status& status);

// Where a verb's words go and its input comes from.
class VerbIo {
 public:
  virtual ~VerbIo() = default;
  // Standard output, or the file of -o. Not ok: nobody takes any more; the verb ends.
  virtual Status Out(std::string_view bytes) = 0;
  // One line on the error stream, without a newline.
  virtual void Err(std::string_view line) = 0;
  virtual void Progress(const LoadProgress& progress) = 0;
  // The next bytes of the request's `index`-th input; false at its end. Inputs are read in order.
  virtual Result<bool> Input(size_t index, std::string& chunk) = 0;
};

// Where the store is mounted.
struct MountFacts {
  std::string mount_point;
  bool read_only = false;
  bool is_dead = false;                            // its daemon is gone
  int pid = 0;                                     // of the daemon that runs the verb; 0: none
  std::function<std::vector<Refusal>()> refusals;  // newest first; empty: not known here
};

struct VerbHost {
  Store& store;
  uint32_t caller_uid = 0;
  const MountFacts* mount = nullptr;  // null: the store is not mounted
};

int RunVerb(const VerbRequest& request, const VerbHost& host, VerbIo& io);

// Whom commits name: --actor, else the caller.
std::string ActorOf(const VerbRequest& request, const VerbHost& host);

// "mendfs VERB: sentence", on one line.
void Complain(VerbIo& io, std::string_view verb, const Status& status);

}  // namespace mendfs
