#include "tests/crash/figures.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/support/seed.h"

namespace mendfs {
namespace {

// With sanitizers a cut takes ten times as long, and is made to look at the memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kShare = 5;
#else
constexpr uint64_t kShare = 1;
#endif

}  // namespace

CrashRun::CrashRun(uint64_t amount)
    : amount_(amount / kShare),
      begin_(std::chrono::steady_clock::now()),
      next_seed_(TestSeed()),
      one_seed_(std::getenv("MENDFS_SEED") != nullptr) {
  if (const char* text = std::getenv("MENDFS_CRASH_SECONDS")) seconds_max_ = std::atof(text);
}

double CrashRun::Seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

bool CrashRun::IsEnough(uint64_t done) const {
  if (one_seed_) return false;
  return seconds_max_ > 0 ? Seconds() >= seconds_max_ : done >= amount_;
}

bool CrashRun::GoesOn(uint64_t done) const {
  return one_seed_ ? rounds_ == 0 : !IsEnough(done);
}

uint64_t CrashRun::NextSeed() {
  ++rounds_;
  return next_seed_++;
}

std::string CrashRun::Replay(uint64_t seed) {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  return "replay: MENDFS_SEED=" + std::to_string(seed) +
         " build/dev/tests/test_crash --gtest_filter=" + test.test_suite_name() + "." +
         test.name() + "\n";
}

void CrashRun::Print(const CrashFigures& figures) const {
  PrintFigure("power_cuts", figures.power_cuts);
  PrintFigure("recovery_cuts", figures.recovery_cuts);
  PrintFigure("deaths", figures.deaths);
  PrintFigure("lives", figures.lives);
  PrintFigure("checks", figures.checks);
  PrintFigure("cut_milliseconds", static_cast<uint64_t>(Seconds() * 1000));
}

bool LongRun() {
  return std::getenv("MENDFS_CRASH_SECONDS") != nullptr;
}

void PrintFigure(const std::string& name, uint64_t value) {
  std::printf("figure %s %llu\n", name.c_str(), static_cast<unsigned long long>(value));
}

}  // namespace mendfs
