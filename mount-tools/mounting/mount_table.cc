#include "mount-tools/mounting/mount_table.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

namespace mendfs {
namespace {

// The kernel writes space, tab, newline, backslash and # as \ooo.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// id parent major:minor root mount_point options [optional…] - type source super_options
std::optional<MountEntry> ParseLine(std::string_view line) {
  const std::vector<std::string_view> fields = Split(line, ' ');
  size_t dash = 6;
  while (dash < fields.size() && fields[dash] != "-") ++dash;
  if (dash + 2 >= fields.size()) return std::nullopt;
  MountEntry entry{.mount_point = Unescape(fields[4]),
                   .type = Unescape(fields[dash + 1]),
                   .source = Unescape(fields[dash + 2]),
                   .device = std::string(fields[2])};
  for (std::string_view option : Split(fields[5], ',')) {
    if (option == "ro") entry.read_only = true;
  }
  return entry;
}

}  // namespace

std::vector<MountEntry> ParseMountTable(std::string_view text) {
  std::vector<MountEntry> table;
  for (std::string_view line : Split(text, '\n')) {
    if (std::optional<MountEntry> entry = ParseLine(line)) table.push_back(*std::move(entry));
  }
  return table;
}

Result<std::vector<MountEntry>> ReadMountTable() {
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || text.str().empty()) {
    return Status(Code::kIo, "read /proc/self/mountinfo: the list of mounts is not readable");
  }
  return ParseMountTable(text.str());
}

bool IsWithin(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

const MountEntry* FindMountOf(const std::vector<MountEntry>& table, std::string_view path) {
  const MountEntry* found = nullptr;
  for (const MountEntry& entry : table) {
    if (!IsWithin(path, entry.mount_point)) continue;
    if (found == nullptr || entry.mount_point.size() >= found->mount_point.size()) found = &entry;
  }
  return found;
}

std::vector<MountEntry> MountsOfStore(const std::vector<MountEntry>& table,
                                      std::string_view store_path) {
  std::vector<MountEntry> mounts;
  for (const MountEntry& entry : table) {
    if (entry.type == kMountType && entry.source == store_path) mounts.push_back(entry);
  }
  return mounts;
}

std::string NormalPath(std::string_view path) {
  std::string whole;
  if (!path.starts_with('/')) {
    char* here = getcwd(nullptr, 0);
    if (here != nullptr) whole = here;
    std::free(here);
  }
  whole += '/';
  whole += path;
  std::string normal;
  for (std::string_view part : Split(whole, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      normal.resize(normal.empty() ? 0 : normal.rfind('/'));
    } else {
      normal += '/';
      normal += part;
    }
  }
  return normal.empty() ? "/" : normal;
}

}  // namespace mendfs
