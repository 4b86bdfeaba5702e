// Serves a session with several threads, of which one at a time reads requests: the leader.
//
// A pool whose threads all wait for requests pays two switches of thread for each: the kernel wakes
// another one every time. So the leader answers what it has read itself and reads on, and hands the
// lead over only when that may keep others waiting:
//   · the request may wait for the disk (fsync and the like)
//   · another request is waiting already
//   · the answer takes longer than kPatienceMs: a watching thread then gives the lead away
//
// Lifetime: the session outlives the loop
// Threads:  Run from one thread, once; Nudge from any, until Run has returned
// Cost:     one poll(2) a request; no switch of thread while one client asks at a time
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "fs/kernel/request.h"
#include "meta/base/mutex.h"

namespace mendfs {

class ServingLoop {
 public:
  // At least one thread, that of Run.
  ServingLoop(fuse_session* session, unsigned threads) : session_(session), threads_(threads) {}

  // Until the session is told to exit or unmounted: 0, or a negative errno.
  int Run();
  // Interrupts the leader's wait with `signal`, so that it looks at the session's exit flag.
  void Nudge(int signal);

 private:
  static constexpr unsigned kPatienceMs = 20;

  void Serve();
  void Watch();
  // Waits until nobody leads; false when the loop has ended.
  bool TakeLead() EXCLUDES(mutex_);
  void GiveLead() EXCLUDES(mutex_);
  void End(int result) EXCLUDES(mutex_);
  bool MustShare(const fuse_buf& request) const;
  // Answers and keeps the lead; false when the watching thread gave it away meanwhile.
  bool AnswerLeading(const fuse_buf& request);

  fuse_session* const session_;
  const unsigned threads_;

  Mutex mutex_{LockRank::kLeaf};
  CondVar lead_free_;
  CondVar ended_changed_;
  bool led_ GUARDED_BY(mutex_) = false;
  pthread_t leader_ GUARDED_BY(mutex_) = {};
  bool ended_ GUARDED_BY(mutex_) = false;
  int result_ GUARDED_BY(mutex_) = 0;
  // The number of the request that the leader answers; 0: it waits for one, or nobody leads. Who
  // changes it from a number to 0 decides who has the lead.
  std::atomic<uint64_t> answering_{0};
  std::atomic<uint64_t> answered_{0};
};

}  // namespace mendfs
