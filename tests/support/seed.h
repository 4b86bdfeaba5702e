// The seed of a random test: MENDFS_SEED replays it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace mendfs {

inline uint64_t TestSeed() {
  if (const char* const text = std::getenv("MENDFS_SEED")) return std::strtoull(text, nullptr, 10);
  return std::random_device()();
}

}  // namespace mendfs
