#include "mount-tools/mounting/mount_options.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr std::array<std::string_view, 13> kOwn = {
    "ro",     "rw",         "allow_other", "noallow_other", "nonempty", "nograph", "graph",
    "commit", "cache_size", "log",         "relatime",      "noatime",  "errors"};

// Business of mount(8), or what this file system does anyway.
constexpr std::array<std::string_view, 26> kIgnored = {
    "defaults",      "auto",      "noauto",   "user",        "nouser",     "users",
    "owner",         "group",     "nofail",   "fail",        "_netdev",    "norelatime",
    "nodiratime",    "diratime",  "lazytime", "strictatime", "loud",       "silent",
    "mand",          "nomand",    "async",    "iversion",    "noiversion", "default_permissions",
    "nostrictatime", "nolazytime"};

// The kernel's or libfuse's; checked by them.
constexpr std::array<std::string_view, 8> kKernelFlags = {"dev",  "nodev",  "suid", "nosuid",
                                                          "exec", "noexec", "sync", "dirsync"};
constexpr std::string_view kKernelAutoUnmount = "auto_unmount";
constexpr std::string_view kKernelMaxRead = "max_read";

constexpr uint64_t kCommitMsMin = 10;
constexpr uint64_t kCommitMsMax = 3'600'000;
constexpr uint64_t kMaxReadMin = 4096;
constexpr uint64_t kMaxReadMax = uint64_t{1} << 20;
constexpr uint64_t kCacheBytesMin = uint64_t{1} << 20;
constexpr uint64_t kCacheBytesMax = uint64_t{1} << 40;

bool Contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Status Unknown(std::string_view name) {
  std::vector<std::string_view> known(kOwn.begin(), kOwn.end());
  known.insert(known.end(), kIgnored.begin(), kIgnored.end());
  known.insert(known.end(), kKernelFlags.begin(), kKernelFlags.end());
  known.push_back(kKernelAutoUnmount);
  known.push_back(kKernelMaxRead);
  std::string message = "unknown mount option '" + Printable(name) + "'";
  const std::string_view nearest = Nearest(name, known);
  if (!nearest.empty()) message += "; did you mean '" + std::string(nearest) + "'?";
  return {Code::kInvalid, message};
}

Status OutOfRange(std::string_view name, std::string_view value, std::string_view want) {
  return {Code::kInvalid, "mount option " + std::string(name) + "=" + Printable(value) + ": want " +
                              std::string(want)};
}

Status SetValue(std::string_view name, std::string_view value, MountSettings& settings) {
  if (name == "commit") {
    const std::optional<uint64_t> ms = ParseDurationMs(value);
    if (!ms || *ms < kCommitMsMin || *ms > kCommitMsMax) {
      return OutOfRange(name, value, "a time from 10ms to 1h, as in commit=1s");
    }
    settings.commit_interval_ms = static_cast<unsigned>(*ms);
  } else if (name == "cache_size") {
    const std::optional<uint64_t> size = ParseSizeBytes(value);
    if (!size || *size < kCacheBytesMin || *size > kCacheBytesMax) {
      return OutOfRange(name, value, "a size from 1M to 1T, as in cache_size=256M");
    }
    settings.cache_bytes = *size;
  } else if (name == "log") {
    if (value.empty()) return OutOfRange(name, value, "a file name, as in log=/var/log/g.log");
    settings.log_path = value;
  } else if (name == "errors") {
    if (value != "continue" && value != "remount-ro") {
      return OutOfRange(name, value,
                        "errors=continue, or errors=remount-ro: read-only when damage is met");
    }
    settings.damage_stops_writes = value == "remount-ro";
  } else if (name == kKernelMaxRead) {
    const std::optional<uint64_t> size = ParseSizeBytes(value);
    if (!size || *size < kMaxReadMin || *size > kMaxReadMax) {
      return OutOfRange(name, value, "a size from 4096 to 1M");
    }
    settings.max_read_bytes = static_cast<unsigned>(*size);
  } else {
    return Unknown(name);
  }
  return Status::Ok();
}

bool SetFlag(std::string_view name, MountSettings& settings) {
  if (name == "ro" || name == "rw")
    settings.read_only = name == "ro";
  else if (name == "allow_other" || name == "noallow_other")
    settings.allow_other = name[0] == 'a';
  else if (name == "graph" || name == "nograph")
    settings.graph = name == "graph";
  else if (name == "relatime" || name == "noatime")
    settings.relatime = name == "relatime";
  else if (name == "nonempty")
    settings.nonempty = true;
  else if (Contains(kKernelFlags, name) || name == kKernelAutoUnmount) {
    settings.kernel.emplace_back(name);
  } else {
    return Contains(kIgnored, name) || name.starts_with("x-") || name.starts_with("X-");
  }
  return true;
}

Status SetOption(std::string_view option, const OptionRules& rules, MountSettings& settings) {
  const size_t equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  Status status;
  if (equals == std::string_view::npos) {
    const bool wants_value = name == "commit" || name == "cache_size" || name == "log" ||
                             name == "errors" || name == kKernelMaxRead;
    if (wants_value) return OutOfRange(name, "", "a value");
    if (!SetFlag(name, settings)) status = Unknown(name);
  } else if (!(name.starts_with("x-") || name.starts_with("X-") || name == "comment")) {
    status = SetValue(name, option.substr(equals + 1), settings);
    const bool known = Contains(kOwn, name) || name == kKernelMaxRead;
    if (!status.ok() && known) return status;  // a wrong value is no matter of sloppiness
  }
  return rules.sloppy ? Status::Ok() : status;
}

}  // namespace

Result<MountSettings> ParseMountOptions(std::span<const std::string> texts,
                                        const OptionRules& rules) {
  MountSettings settings;
  settings.allow_other = rules.root;
  for (const std::string& text : texts) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      const std::string_view option = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      if (!option.empty()) MENDFS_RETURN_IF_ERROR(SetOption(option, rules, settings));
    }
  }
  return settings;
}

}  // namespace mendfs
