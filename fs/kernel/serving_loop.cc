#include "fs/kernel/serving_loop.h"

#include <linux/fuse.h>
#include <poll.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "meta/base/log.h"

namespace mendfs {
namespace {

// Requests that wait for the disk, or move bytes for long, as a rule.
bool MayWait(uint32_t opcode) {
  switch (opcode) {
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_FALLOCATE:
    case FUSE_COPY_FILE_RANGE: return true;
    default: return false;
  }
}

// Requests whose sender goes on without the answer. What it asks next is often there already and is
// reached sooner by answering than by waking another thread.
bool NobodyWaits(uint32_t opcode) {
  switch (opcode) {
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR: return true;
    default: return false;
  }
}

}  // namespace

bool ServingLoop::TakeLead() {
  MutexLock lock(mutex_);
  while (led_ && !ended_) lead_free_.Wait(mutex_);
  if (ended_) return false;
  led_ = true;
  leader_ = pthread_self();
  return true;
}

void ServingLoop::GiveLead() {
  MutexLock lock(mutex_);
  led_ = false;
  lead_free_.NotifyOne();
}

void ServingLoop::End(int result) {
  MutexLock lock(mutex_);
  if (!ended_) result_ = result;
  ended_ = true;
  led_ = false;
  lead_free_.NotifyAll();
  ended_changed_.NotifyAll();
}

void ServingLoop::Nudge(int signal) {
  MutexLock lock(mutex_);
  if (led_ && !ended_) pthread_kill(leader_, signal);
}

bool ServingLoop::MustShare(const fuse_buf& request) const {
  fuse_in_header header;
  if ((request.flags & FUSE_BUF_IS_FD) != 0 || request.size < sizeof header) return true;
  std::memcpy(&header, request.mem, sizeof header);
  if (MayWait(header.opcode)) return true;
  if (NobodyWaits(header.opcode)) return false;
  pollfd waiting = {.fd = fuse_session_fd(session_), .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, 0) > 0;
}

bool ServingLoop::AnswerLeading(const fuse_buf& request) {
  uint64_t number = answered_.fetch_add(1, std::memory_order_relaxed) + 1;
  answering_.store(number);
  fuse_session_process_buf(session_, &request);
  return answering_.compare_exchange_strong(number, 0);
}

void ServingLoop::Serve() {
  fuse_buf request = {};
  bool leading = false;
  while (leading || TakeLead()) {
    leading = true;
    if (fuse_session_exited(session_)) {
      End(0);
      break;
    }
    const int size = fuse_session_receive_buf(session_, &request);
    if (size == -EINTR) continue;
    if (size <= 0) {  // 0: unmounted
      End(size);
      break;
    }
    if (threads_ > 1 && MustShare(request)) {
      GiveLead();
      leading = false;
      fuse_session_process_buf(session_, &request);
    } else {
      leading = AnswerLeading(request);
    }
  }
  std::free(request.mem);
}

// An answer that was there the last time too keeps others waiting.
void ServingLoop::Watch() {
  uint64_t seen = 0;
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!ended_) ended_changed_.WaitFor(mutex_, kPatienceMs);
      if (ended_) return;
    }
    uint64_t number = answering_.load();
    if (number != 0 && number == seen && answering_.compare_exchange_strong(number, 0)) GiveLead();
    seen = answering_.load();
  }
}

int ServingLoop::Run() {
  std::vector<std::thread> threads;
  try {
    if (threads_ > 1) threads.emplace_back([this] { Watch(); });
    for (unsigned i = 1; i < threads_; ++i) threads.emplace_back([this] { Serve(); });
  } catch (const std::system_error& error) {
    LogLine(LogLevel::kWarning, "mount", "fewer threads serve than wanted",
            {{"reason", error.what()}});
  }
  Serve();
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(mutex_);
  return result_;
}

}  // namespace mendfs
