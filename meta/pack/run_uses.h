// Who is between finding a reference to a run and being done with it: whoever reads its bytes, or
// has appended it and has not applied the change that refers to it.
//
// A pack is removed when nothing refers to it and everybody who may have found a reference before
// has ended. A use is short: one read or one write, never the life of a handle.
//
// Threads:  uses from any thread, also within each other; WaitForEarlier from one at a time
// Cost:     a use is four operations on atomics; later ones never wait for it
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace mendfs {

class RunUses {
 public:
  class Use {
   public:
    explicit Use(RunUses& uses) : count_(uses.Enter()) {}
    ~Use() { count_.fetch_sub(1); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    std::atomic<uint64_t>& count_;
  };

  // True when every use that began before the call has ended; false when some still lasts after
  // `wait_ms`.
  bool WaitForEarlier(unsigned wait_ms) {
    const uint64_t epoch = epoch_.load();
    // What an earlier call gave up waiting for counts here; then what began since.
    if (!WaitForNone(counts_[(epoch + 1) % 2], wait_ms)) return false;
    epoch_.store(epoch + 1);
    return WaitForNone(counts_[epoch % 2], wait_ms);
  }

 private:
  std::atomic<uint64_t>& Enter() {
    for (;;) {
      const uint64_t epoch = epoch_.load();
      std::atomic<uint64_t>& count = counts_[epoch % 2];
      count.fetch_add(1);
      // Counted before the epoch went on, so that whoever ended it waits for this use.
      if (epoch_.load() == epoch) return count;
      count.fetch_sub(1);
    }
  }

  static bool WaitForNone(const std::atomic<uint64_t>& count, unsigned wait_ms) {
    for (unsigned waited = 0; count.load() > 0; ++waited) {
      if (waited >= wait_ms) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  std::atomic<uint64_t> epoch_{0};
  std::array<std::atomic<uint64_t>, 2> counts_{};
};

}  // namespace mendfs
