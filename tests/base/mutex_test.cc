#include "meta/base/mutex.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace mendfs {
namespace {

// The tests below break the order on purpose, so the compiler's own analysis stays out.
void LockBoth(Mutex& first, Mutex& second) NO_THREAD_SAFETY_ANALYSIS {
  first.Lock();
  second.Lock();
  second.Unlock();
  first.Unlock();
}

TEST(MutexTest, RisingRanksAreFine) {
  Mutex journal(LockRank::kJournal);
  Mutex disk(LockRank::kDisk);
  LockBoth(journal, disk);
  LockBoth(journal, disk);
}

// Static: ThreadSanitizer remembers the order of mutexes that stood on the stack here before.
TEST(MutexTest, StripesAreTakenInRisingAddress) {
  static std::array<Mutex, 2> stripes = {Mutex(LockRank::kEntity), Mutex(LockRank::kEntity)};
  LockBoth(stripes[0], stripes[1]);
}

TEST(MutexTest, ReleaseInAnyOrder) {
  Mutex journal(LockRank::kJournal);
  Mutex disk(LockRank::kDisk);
  const auto cross = [&]() NO_THREAD_SAFETY_ANALYSIS {
    journal.Lock();
    disk.Lock();
    journal.Unlock();
    disk.Unlock();
  };
  cross();
  LockBoth(journal, disk);
}

TEST(MutexTest, RanksBelongToOneThread) {
  Mutex disk(LockRank::kDisk);
  Mutex journal(LockRank::kJournal);
  MutexLock lock(disk);
  std::thread other([&] { MutexLock other_lock(journal); });
  other.join();
}

TEST(CondVarTest, WaitLetsGoOfTheMutex) {
  Mutex mutex(LockRank::kJournal);
  CondVar changed;
  bool ready = false;
  std::thread setter([&] {
    MutexLock lock(mutex);
    ready = true;
    changed.NotifyAll();
  });
  {
    MutexLock lock(mutex);
    while (!ready) changed.Wait(mutex);
    EXPECT_TRUE(ready);
  }
  setter.join();
}

TEST(CondVarTest, WaitForEndsWithoutANotification) {
  Mutex mutex(LockRank::kJournal);
  CondVar changed;
  MutexLock lock(mutex);
  EXPECT_FALSE(changed.WaitFor(mutex, 1));
}

#ifndef NDEBUG
TEST(MutexDeathTest, FallingRankAbortsWithBothNames) {
  Mutex journal(LockRank::kJournal);
  Mutex disk(LockRank::kDisk);
  EXPECT_DEATH(LockBoth(disk, journal), "taking kJournal .* while holding kDisk");
}

TEST(MutexDeathTest, EqualRankAborts) {
  std::array<Mutex, 2> mutexes = {Mutex(LockRank::kLeaf), Mutex(LockRank::kLeaf)};
  EXPECT_DEATH(LockBoth(mutexes[0], mutexes[1]), "taking kLeaf");
}

TEST(MutexDeathTest, StripesInFallingAddressAbort) {
  std::array<Mutex, 2> stripes = {Mutex(LockRank::kEntity), Mutex(LockRank::kEntity)};
  EXPECT_DEATH(LockBoth(stripes[1], stripes[0]), "taking kEntity .* while holding kEntity");
}

TEST(MutexDeathTest, TheSameStripeTwiceAborts) {
  Mutex stripe(LockRank::kEntity);
  EXPECT_DEATH(LockBoth(stripe, stripe), "taking kEntity");
}

TEST(MutexDeathTest, SharedLocksAreRankedToo) {
  SharedMutex gate(LockRank::kGate);
  Mutex journal(LockRank::kJournal);
  const auto cross = [&] {
    MutexLock inner(journal);
    ReaderLock outer(gate);
  };
  EXPECT_DEATH(cross(), "taking kGate");
}

TEST(MutexDeathTest, WaitingBelowAHigherLockAborts) {
  Mutex journal(LockRank::kJournal);
  Mutex disk(LockRank::kDisk);
  CondVar changed;
  const auto wait = [&] {
    MutexLock outer(journal);
    MutexLock inner(disk);
    changed.WaitFor(journal, 1);
  };
  EXPECT_DEATH(wait(), "taking kJournal");
}
#endif

}  // namespace
}  // namespace mendfs
