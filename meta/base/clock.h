// The wall clock, behind one door, so that a test can make it jump.
//
// Units:    nanoseconds since 1970
// Threads:  safe from any thread
#pragma once

#include <cstdint>

namespace mendfs {

int64_t WallClockNs();
// Tests only: from now on the clock shows so much more, or less, than it is.
void ShiftWallClock(int64_t by_ns);

}  // namespace mendfs
