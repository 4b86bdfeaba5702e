#include <algorithm>

#include "meta/commit/door.h"

namespace mendfs {

EntityLocks::EntityLocks() : stripes_(std::make_unique<Stripe[]>(kStripes)) {}

void EntityLocks::PassAll() {
  for (size_t i = 0; i < kStripes; ++i) const MutexLock pass(stripes_[i].mutex);
}

EntityLocks::Held::Held(EntityLocks& locks,
                        std::span<const uint64_t> entities) NO_THREAD_SAFETY_ANALYSIS
    : locks_(locks) {
  stripes_.reserve(entities.size());
  for (const uint64_t entity : entities) {
    // Numbers that follow each other spread over all stripes, and so do hashes.
    const uint64_t mixed = entity * 0x9E3779B97F4A7C15U;
    stripes_.push_back(static_cast<uint16_t>((mixed >> 32) % kStripes));
  }
  std::sort(stripes_.begin(), stripes_.end());
  stripes_.erase(std::unique(stripes_.begin(), stripes_.end()), stripes_.end());
  for (const uint16_t stripe : stripes_) locks_.stripes_[stripe].mutex.Lock();
}

EntityLocks::Held::~Held() NO_THREAD_SAFETY_ANALYSIS {
  for (auto stripe = stripes_.rbegin(); stripe != stripes_.rend(); ++stripe) {
    locks_.stripes_[*stripe].mutex.Unlock();
  }
}

}  // namespace mendfs
