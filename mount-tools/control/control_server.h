// The daemon's side of the control socket: verbs of the command line, run on the store that the
// daemon has open.
//
// One thread accepts callers and reads their requests; a few run them, those that move much apart
// from the short ones, so that `status` answers beside any number of loads. Callers beyond the
// bounds wait or are told so. A caller that sends anything else than the protocol is closed.
//
// Threads:  Stop from any thread, once; the handler is called from several
// Errors:   kIo if the socket cannot be made
// Source:   docs/formats/control.md
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "meta/base/status.h"
#include "mount-tools/verbs/verb.h"

namespace mendfs {

inline constexpr size_t kControlConnectionsMax = 64;
inline constexpr unsigned kControlBulkThreads = 6;
inline constexpr unsigned kControlQuickThreads = 2;
inline constexpr unsigned kControlRequestWaitMs = 10'000;  // from connect to the whole request

struct ControlOptions {
  std::string store_path;
  std::string device;      // of a read-only mount; empty: the socket lies in the store
  uint32_t owner_uid = 0;  // may call, besides root and the daemon's own user
  // Answers the exit code. Ends soon after its VerbIo reports that the caller is gone.
  std::function<int(const VerbRequest& request, uint32_t caller_uid, VerbIo& io)> handler;
};

class ControlServer {
 public:
  // The caller holds the store's lock: a socket that is there already is a dead daemon's.
  static Result<std::unique_ptr<ControlServer>> Start(ControlOptions options);
  ~ControlServer();  // stops

  // No more callers; those that are served lose their connection, and their verbs have ended when
  // this returns. The socket's name is gone.
  void Stop();

 private:
  struct Core;
  explicit ControlServer(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace mendfs
