// How long a crash test goes on, its seeds, and the figures it prints.
//
// Without MENDFS_CRASH_SECONDS a test does the amount it names (built with sanitizers a fifth);
// with it, as much as fits into that time. MENDFS_SEED runs the one history of that seed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/crash/history.h"

namespace mendfs {

class CrashRun {
 public:
  explicit CrashRun(uint64_t amount);

  // Is the amount done, or the time over? Never while one seed is replayed.
  bool IsEnough(uint64_t done) const;
  // Is there another seed to be tried?
  bool GoesOn(uint64_t done) const;
  uint64_t NextSeed();
  // What a person types to see a failure again.
  static std::string Replay(uint64_t seed);
  void Print(const CrashFigures& figures) const;

 private:
  double Seconds() const;

  const uint64_t amount_;
  const std::chrono::steady_clock::time_point begin_;
  double seconds_max_ = 0;  // 0: the amount counts
  uint64_t next_seed_ = 0;
  bool one_seed_ = false;
  uint64_t rounds_ = 0;
};

// Is this one of the long runs of `tests/run --crash`? Short ones take every kShortRunStride-th of
// what there is to be tried.
bool LongRun();
inline constexpr uint64_t kShortRunStride = 3;

// "figure NAME VALUE", which `tests/run --crash` adds up.
void PrintFigure(const std::string& name, uint64_t value);

}  // namespace mendfs
