// `mendfs fsck` and fsck.mendfs: the offline check, its words and its exit codes.
//
// Threads:  one
#pragma once

#include "mount-tools/command_line.h"

namespace mendfs {

// fsck(8)'s codes; a promise to boot scripts.
inline constexpr int kFsckClean = 0;
inline constexpr int kFsckCorrected = 1;
inline constexpr int kFsckUncorrected = 4;
inline constexpr int kFsckOperational = 8;
inline constexpr int kFsckUsage = 16;
inline constexpr int kFsckCancelled = 32;

int RunFsck(const Invocation& invocation);

}  // namespace mendfs
