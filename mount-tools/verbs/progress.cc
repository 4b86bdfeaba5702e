#include "mount-tools/verbs/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(100);
constexpr size_t kBarCells = 20;
constexpr size_t kColumnsDefault = 80;
constexpr double kRateAfter_s = 0.5;  // before, a rate is only noise

std::string Left(double seconds) {
  const auto whole = static_cast<unsigned long long>(std::min(seconds, 359999.0) + 0.5);
  char text[32];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%llu:%02llu:%02llu", whole / 3600, whole / 60 % 60,
                  whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%llu:%02llu", whole / 60, whole % 60);
  }
  return text;
}

double Seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

void WriteTo(int fd, const std::string& text) {
  // A terminal that takes nothing loses a progress line, no more.
  [[maybe_unused]] const ssize_t size = write(fd, text.data(), text.size());
}

}  // namespace

std::string RenderProgress(const LoadProgress& progress, double elapsed_s, double rate,
                           size_t columns) {
  std::string line = Printable(progress.stage);
  line.resize(std::max<size_t>(line.size(), 6), ' ');
  const bool known = progress.total > 0;
  const double part =
      known
          ? std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total))
          : 0;
  if (known) {
    const auto full = static_cast<size_t>(part * kBarCells);
    line += " [" + std::string(full, '#') + std::string(kBarCells - full, '.') + "]";
    char percent[16];
    std::snprintf(percent, sizeof percent, " %3d %%", static_cast<int>(part * 100));
    line += percent;
  }
  line += "  " + Counted(progress.rows, "row", "rows");
  if (rate > 0) line += "  " + Counted(static_cast<uint64_t>(rate), "row/s", "rows/s");
  if (part > 0 && elapsed_s >= kRateAfter_s) {
    line += "  ETA " + Left(elapsed_s * (1 - part) / part);
  }
  return line.substr(0, columns);
}

ProgressLine::ProgressLine(int fd) : fd_(fd), active_(isatty(fd) == 1) {}

void ProgressLine::Show(const LoadProgress& progress) {
  if (!active_) return;
  const Clock::time_point now = Clock::now();
  if (begun_ == Clock::time_point()) begun_ = now;
  if (progress.stage != stage_) {
    stage_ = progress.stage;
    stage_begun_ = now;
  } else if (now - drawn_ < kDrawEvery) {
    return;
  }
  drawn_ = now;
  winsize size{};
  const bool sized = ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  const double elapsed = Seconds(now - begun_);
  const double rate = elapsed >= kRateAfter_s ? static_cast<double>(progress.rows) / elapsed : 0;
  WriteTo(fd_, "\r\033[K" + RenderProgress(progress, Seconds(now - stage_begun_), rate,
                                           sized ? size.ws_col - 1U : kColumnsDefault - 1));
  shown_ = true;
}

void ProgressLine::Clear() {
  if (!shown_) return;
  shown_ = false;
  WriteTo(fd_, "\r\033[K");
}

}  // namespace mendfs
