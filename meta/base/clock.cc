#include "meta/base/clock.h"

#include <atomic>
#include <chrono>

namespace mendfs {
namespace {

std::atomic<int64_t> shift_ns{0};

}  // namespace

int64_t WallClockNs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() +
         shift_ns.load(std::memory_order_relaxed);
}

void ShiftWallClock(int64_t by_ns) {
  shift_ns.store(by_ns, std::memory_order_relaxed);
}

}  // namespace mendfs
