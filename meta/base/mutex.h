// Mutexes that the compiler can check (clang -Wthread-safety) and debug builds can rank.
//
// A thread takes locks in rising rank only. One rank may be taken again while it is held: kEntity,
// in rising address, because striped locks lie in an array and are taken as a sorted set. Debug
// builds abort with both ranks when the order is broken. The ranks stand in docs/locking.md.
#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#include "meta/base/thread_annotations.h"

namespace mendfs {

// X(enumerator, value): one for each line of docs/locking.md, in rising order.
#define MENDFS_LOCK_RANKS(X)                                                                  \
  X(kDaemon, 1)    /* mount-tools: the daemon's own tables */                                 \
  X(kOpen, 5)      /* fs/ops: one open file or directory, held while it works on the store */ \
  X(kPlane, 8)     /* fs/ops: what a plane remembers between requests */                      \
  X(kGate, 10)     /* meta/commit: bulk writes against single operations */                   \
  X(kEntity, 20)   /* meta/commit: striped locks over inodes and rows */                      \
  X(kHandles, 30)  /* fs/ops: handle and inode tables */                                      \
  X(kCatalog, 40)  /* meta/table: the accepted schema */                                      \
  X(kNumbers, 42)  /* meta/commit: numbers of inodes and rows */                              \
  X(kFold, 45)     /* meta/commit: one fold and one commit at a time */                       \
  X(kPack, 47)     /* meta/pack: the end of one open pack */                                  \
  X(kDoor, 50)     /* meta/commit: order of appends */                                        \
  X(kJournal, 60)  /* meta/journal */                                                         \
  X(kManifest, 70) /* meta/manifest: generations, pins */                                     \
  X(kCache, 80)    /* caches */                                                               \
  X(kOverlay, 85)  /* meta/disk: an overlay, which calls the disk below it */                 \
  X(kDisk, 90)     /* meta/disk */                                                            \
  X(kLeaf, 255)    /* takes nothing further */

enum class LockRank : unsigned char {
#define MENDFS_LOCK_RANK(enumerator, value) enumerator = value,
  MENDFS_LOCK_RANKS(MENDFS_LOCK_RANK)
#undef MENDFS_LOCK_RANK
};

// Debug builds keep the ranks that a thread holds and check each new one against them; release
// builds compile these away.
#ifdef NDEBUG
inline void NoteLock(LockRank, const void*) {}
inline void NoteUnlock(LockRank, const void*) {}
#else
void NoteLock(LockRank rank, const void* lock);
void NoteUnlock(LockRank rank, const void* lock);
#endif

class CAPABILITY("mutex") Mutex {
 public:
  explicit Mutex(LockRank rank) : rank_(rank) {}
  void Lock() ACQUIRE() {
    NoteLock(rank_, this);
    mutex_.lock();
  }
  // Noted first: once it is given back, whoever waited for it may destroy it.
  void Unlock() RELEASE() {
    NoteUnlock(rank_, this);
    mutex_.unlock();
  }

 private:
  friend class CondVar;
  std::mutex mutex_;
  LockRank rank_;
};

class CAPABILITY("shared_mutex") SharedMutex {
 public:
  explicit SharedMutex(LockRank rank) : rank_(rank) {}
  void Lock() ACQUIRE() {
    NoteLock(rank_, this);
    mutex_.lock();
  }
  void Unlock() RELEASE() {
    NoteUnlock(rank_, this);
    mutex_.unlock();
  }
  void LockShared() ACQUIRE_SHARED() {
    NoteLock(rank_, this);
    mutex_.lock_shared();
  }
  void UnlockShared() RELEASE_SHARED() {
    NoteUnlock(rank_, this);
    mutex_.unlock_shared();
  }

 private:
  std::shared_mutex mutex_;
  LockRank rank_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~WriterLock() RELEASE() { mutex_.Unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) {
    mutex_.LockShared();
  }
  ~ReaderLock() RELEASE() { mutex_.UnlockShared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Waits with a Mutex held; the caller re-checks its condition in a loop.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex);
  // False when `wait_ms` passed without a notification.
  bool WaitFor(Mutex& mutex, unsigned wait_ms) REQUIRES(mutex);
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace mendfs
