// About how many bytes of packs became garbage since they were counted: folds and rewrites tell
// which references go and come.
//
// What goes and comes back within one batch (a run that is cut, overwritten in part) counts as the
// difference. A run that others share counts as garbage when one of them lets go: the estimate only
// decides when to count, never what goes.
//
// Threads:  Begin, Tally and End from one at a time; the rest from any thread
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "meta/base/ids.h"

namespace mendfs {

class GarbageEstimate {
 public:
  void Begin() { batch_.clear(); }
  // As FoldHooks::Tally.
  void Tally(std::string_view key, std::string_view value, int sign);
  void End();

  uint64_t bytes() const { return bytes_.load(); }
  // `counted` of them are in a count now.
  void Take(uint64_t counted);

 private:
  std::map<std::pair<Id128, uint64_t>, int64_t> batch_;  // net, by run
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace mendfs
