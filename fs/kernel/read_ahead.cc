#include "fs/kernel/read_ahead.h"

#include <fstream>
#include <sstream>

#include "meta/base/log.h"

namespace mendfs {
namespace {

// mountinfo writes space, tab, newline and backslash of a path as octal numbers.
std::string Unescape(const std::string& text) {
  std::string path;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size()) {
      path.push_back(static_cast<char>(std::stoi(text.substr(at + 1, 3), nullptr, 8)));
      at += 3;
    } else {
      path.push_back(text[at]);
    }
  }
  return path;
}

// "major:minor" of the newest mount there; empty: none.
std::string DeviceOf(const std::string& mount_point) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  std::string device;
  while (std::getline(mounts, line)) {
    std::istringstream fields(line);
    std::string id, parent, numbers, root, point;
    if (fields >> id >> parent >> numbers >> root >> point && Unescape(point) == mount_point) {
      device = numbers;
    }
  }
  return device;
}

}  // namespace

void SetReadAhead(const std::string& mount_point, unsigned size_bytes) {
  const std::string device = DeviceOf(mount_point);
  if (device.empty()) return;
  std::ofstream setting("/sys/class/bdi/" + device + "/read_ahead_kb");
  setting << size_bytes / 1024 << std::flush;
  if (!setting) {
    LogLine(LogLevel::kDebug, "mount", "read-ahead stays as the kernel has it",
            {{"device", device}});
  }
}

}  // namespace mendfs
