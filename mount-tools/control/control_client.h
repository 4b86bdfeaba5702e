// The caller's side of the control socket.
//
// Threads:  one call at a time per VerbIo
// Errors:   kDenied: the socket is not for this user; kInterrupted: the daemon went away before the
//           verb had ended, kRecoveryNeeded when it may have changed something; kInvalid: what
//           answers is no daemon of ours
// Source:   docs/formats/control.md
#pragma once

#include <optional>
#include <string>

#include "meta/base/status.h"
#include "mount-tools/verbs/verb.h"

namespace mendfs {

// Runs the verb in the daemon that has the store open; `io` brings the input and takes the output.
// Answers the exit code, or nothing when no daemon listens there.
Result<std::optional<int>> CallDaemon(const std::string& store_path, const VerbRequest& request,
                                      VerbIo& io);

// The same in the daemon of the read-only mount with that device (MountEntry). Answers nothing too
// when what listens there is neither root's, nor ours, nor that of the store's owner.
Result<std::optional<int>> CallReader(const std::string& store_path, const std::string& device,
                                      const VerbRequest& request, VerbIo& io);

}  // namespace mendfs
