// The progress line of a terminal: stage, bar, rows, rows per second, time left.
//
// Shape:    rewritten in place, at most ten times a second; cleared before any other line
// Threads:  one
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "meta/bulk.h"

namespace mendfs {

// One line of at most `columns` characters, without control bytes. `elapsed_s` is the stage's,
// `rate` rows per second of the whole work.
std::string RenderProgress(const LoadProgress& progress, double elapsed_s, double rate,
                           size_t columns);

class ProgressLine {
 public:
  // On the terminal `fd`; shows nothing where that is none.
  explicit ProgressLine(int fd);
  bool active() const { return active_; }
  void Show(const LoadProgress& progress);
  void Clear();

 private:
  using Clock = std::chrono::steady_clock;

  const int fd_;
  const bool active_;
  bool shown_ = false;
  std::string stage_;
  Clock::time_point begun_{};  // the first report
  Clock::time_point stage_begun_{};
  Clock::time_point drawn_{};
};

}  // namespace mendfs
