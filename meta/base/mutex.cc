#include "meta/base/mutex.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>

namespace mendfs {

#ifndef NDEBUG
namespace {

struct HeldLock {
  LockRank rank;
  const void* lock;
};

constexpr size_t kHeldMax = 1024;

// Plain arrays without destructors: locks are also taken while a thread's other locals go.
thread_local std::array<HeldLock, kHeldMax> held_locks;
thread_local size_t held_count = 0;

const char* RankName(LockRank rank) {
  switch (rank) {
#define MENDFS_LOCK_RANK(enumerator, value) \
  case LockRank::enumerator: return #enumerator;
    MENDFS_LOCK_RANKS(MENDFS_LOCK_RANK)
#undef MENDFS_LOCK_RANK
  }
  return "unknown rank";
}

bool MayFollow(const HeldLock& held, LockRank rank, const void* lock) {
  if (rank != held.rank) return rank > held.rank;
  return rank == LockRank::kEntity && std::less<const void*>()(held.lock, lock);
}

}  // namespace

void NoteLock(LockRank rank, const void* lock) {
  for (size_t index = 0; index < held_count; ++index) {
    const HeldLock& held = held_locks[index];
    if (MayFollow(held, rank, lock)) continue;
    std::fprintf(stderr,
                 "lock order broken: taking %s (%u) at %p while holding %s (%u) at %p; see "
                 "docs/locking.md\n",
                 RankName(rank), static_cast<unsigned>(rank), lock, RankName(held.rank),
                 static_cast<unsigned>(held.rank), held.lock);
    std::abort();
  }
  if (held_count == kHeldMax) {
    std::fprintf(stderr, "lock order broken: a thread holds more than %zu locks\n", kHeldMax);
    std::abort();
  }
  held_locks[held_count++] = {rank, lock};
}

void NoteUnlock(LockRank rank, const void* lock) {
  for (size_t index = held_count; index > 0; --index) {
    if (held_locks[index - 1].lock != lock) continue;
    for (size_t next = index; next < held_count; ++next) held_locks[next - 1] = held_locks[next];
    --held_count;
    return;
  }
  std::fprintf(stderr, "lock order broken: releasing %s (%u) at %p, which is not held\n",
               RankName(rank), static_cast<unsigned>(rank), lock);
  std::abort();
}
#endif

namespace {

// A wait gives the mutex back and takes it again, so no lock of a higher rank may be held. Checked
// before the wait; while it lasts this thread takes nothing, so the note can stay.
void CheckWait(LockRank rank, const void* mutex) {
  NoteUnlock(rank, mutex);
  NoteLock(rank, mutex);
}

}  // namespace

void CondVar::Wait(Mutex& mutex) {
  CheckWait(mutex.rank_, &mutex);
  std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
  condition_.wait(lock);
  lock.release();
}

bool CondVar::WaitFor(Mutex& mutex, unsigned wait_ms) {
  CheckWait(mutex.rank_, &mutex);
  std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
  const std::cv_status answer = condition_.wait_for(lock, std::chrono::milliseconds(wait_ms));
  lock.release();
  return answer == std::cv_status::no_timeout;
}

}  // namespace mendfs
