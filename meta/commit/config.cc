#include "meta/commit/config.h"
#include "meta/base/printable.h"

#include <charconv>
#include <optional>
#include <set>

namespace mendfs {
namespace {

constexpr uint64_t kConfigBytesMax = 1 << 20;
constexpr int64_t kDurationMaxNs = 36'500 * kDayNs;  // a hundred years
constexpr std::string_view kSpace = " \t\r";

struct DurationKey {
  std::string_view name;
  int64_t RetentionPolicy::*field;
  std::string_view default_text;
  std::string_view means;
};

constexpr DurationKey kDurations[] = {
    {"history_all", &RetentionPolicy::all_ns, "10m", "every commit is kept for this long"},
    {"history_per_minute", &RetentionPolicy::per_minute_ns, "1h", "the last of each minute"},
    {"history_per_hour", &RetentionPolicy::per_hour_ns, "1d", "the last of each hour"},
    {"history_per_day", &RetentionPolicy::per_day_ns, "30d", "the last of each day"},
};

struct SizeKey {
  std::string_view name;
  std::optional<uint64_t> StoreConfig::*field;
  std::string_view default_text;
  std::string_view means;
};

constexpr SizeKey kSizes[] = {
    {"garbage_min", &StoreConfig::garbage_bytes_min, "64M", "this much garbage is looked for"},
    {"journal_kept", &StoreConfig::journal_kept_bytes, "1G", "of sealed journal; 2 % of the disk"},
};

constexpr std::string_view kHistoryMax = "history_max";
constexpr std::string_view kHistoryMaxDefault = "10%";
constexpr std::string_view kHistoryMaxMeans = "older commits take no more; 0 to 100 % of the disk";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// The inside of a TOML string without escapes; a comment may follow it.
std::optional<std::string_view> Unquote(std::string_view value) {
  if (value.empty() || (value.front() != '"' && value.front() != '\'')) return std::nullopt;
  const size_t end = value.find(value.front(), 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view rest = Trim(value.substr(end + 1));
  const std::string_view inside = value.substr(1, end - 1);
  if ((!rest.empty() && rest.front() != '#') || inside.find('\\') != std::string_view::npos) {
    return std::nullopt;
  }
  return inside;
}

// "90s", "10m", "1h", "30d", "0".
std::optional<int64_t> ParseDuration(std::string_view text) {
  int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || text.front() == '-') return std::nullopt;
  const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  if (unit.empty()) return number == 0 ? std::optional<int64_t>(0) : std::nullopt;
  int64_t unit_ns = 0;
  if (unit == "s") unit_ns = kSecondNs;
  if (unit == "m") unit_ns = kMinuteNs;
  if (unit == "h") unit_ns = kHourNs;
  if (unit == "d") unit_ns = kDayNs;
  if (unit_ns == 0 || number > kDurationMaxNs / unit_ns) return std::nullopt;
  return number * unit_ns;
}

// "64M", "1G", "0".
std::optional<uint64_t> ParseSize(std::string_view text) {
  constexpr uint64_t kSizeMax = uint64_t{1024} << 40;
  uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  if (unit.empty()) return number == 0 ? std::optional<uint64_t>(0) : std::nullopt;
  const size_t power = std::string_view("KMGT").find(unit);
  if (unit.size() != 1 || power == std::string_view::npos) return std::nullopt;
  const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
  if (number > kSizeMax >> shift) return std::nullopt;
  return number << shift;
}

// "10%" of the disk, or as ParseSize.
bool ParseHistoryMax(std::string_view text, RetentionPolicy& history) {
  if (!text.ends_with('%')) {
    const auto size = ParseSize(text);
    if (size) history.bytes_max = *size;
    return size.has_value();
  }
  text.remove_suffix(1);
  unsigned percent = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (error != std::errc() || rest != text.data() + text.size() || percent > 100) return false;
  history.bytes_max = std::nullopt;
  history.percent_max = percent;
  return true;
}

std::string NoValue(std::string_view line, std::string_view what, std::string_view name,
                    std::string_view example, std::string_view bounds) {
  return Quoted(line) + " gives no " + std::string(what) + "; write " + std::string(name) +
         " = \"" + std::string(example) + "\", " + std::string(bounds);
}

// What is wrong with the line; empty: nothing.
std::string TakeLine(std::string_view line, std::set<std::string_view>& seen, StoreConfig& config) {
  const size_t equals = line.find('=');
  const std::string_view name = Trim(line.substr(0, std::min(equals, line.size())));
  const auto text = Unquote(equals == std::string_view::npos ? std::string_view()
                                                             : Trim(line.substr(equals + 1)));
  const auto twice = [&](std::string_view key) { return !seen.insert(key).second; };
  const std::string said_twice = Quoted(name) + " is there twice; remove one of the lines";
  for (const DurationKey& key : kDurations) {
    if (key.name != name) continue;
    if (twice(key.name)) return said_twice;
    const auto value = text ? ParseDuration(*text) : std::nullopt;
    if (value) config.history.*(key.field) = *value;
    return value ? ""
                 : NoValue(line, "duration", name, key.default_text,
                           "a number and one of s, m, h, d in quotes, \"0\" to \"36500d\"");
  }
  if (name == kHistoryMax) {
    if (twice(kHistoryMax)) return said_twice;
    if (text && ParseHistoryMax(*text, config.history)) return "";
    return NoValue(line, "bound", name, kHistoryMaxDefault,
                   "a part of the disk, \"0%\" to \"100%\", or a number and one of K, M, G, T in "
                   "quotes, \"0\" to \"1024T\"");
  }
  for (const SizeKey& key : kSizes) {
    if (key.name != name) continue;
    if (twice(key.name)) return said_twice;
    const auto value = text ? ParseSize(*text) : std::nullopt;
    if (value) config.*(key.field) = *value;
    return value ? ""
                 : NoValue(line, "size", name, key.default_text,
                           "a number and one of K, M, G, T in quotes, \"0\" to \"1024T\"");
  }
  return "unknown key in " + Quoted(line) + "; remove the line";
}

}  // namespace

std::string DefaultConfig() {
  std::string text =
      "# Policy of this store, one `key = value` a line, read when the store is opened. Every key\n"
      "# has its default; a key that is not known is an error.\n"
      "#\n"
      "# Which commits are kept, for how long (s, m, h, d; \"0\": not at all); the newest "
      "always:\n";
  for (const DurationKey& key : kDurations) {
    std::string line =
        "# " + std::string(key.name) + " = \"" + std::string(key.default_text) + "\"";
    line.resize(30, ' ');
    text += line + "# " + std::string(key.means) + "\n";
  }
  std::string bound =
      "# " + std::string(kHistoryMax) + " = \"" + std::string(kHistoryMaxDefault) + "\"";
  bound.resize(30, ' ');
  text += bound + "# " + std::string(kHistoryMaxMeans) + "\n";
  text += "#\n# When space is given back, and how much folded journal is kept (K, M, G, T):\n";
  for (const SizeKey& key : kSizes) {
    std::string line =
        "# " + std::string(key.name) + " = \"" + std::string(key.default_text) + "\"";
    line.resize(30, ' ');
    text += line + "# " + std::string(key.means) + "\n";
  }
  return text;
}

Result<StoreConfig> ParseConfig(std::string_view text, const std::string& name) {
  StoreConfig config;
  std::set<std::string_view> seen;
  size_t line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = Trim(text.substr(begin, end - begin));
    begin = end + 1;
    ++line_number;
    if (line.empty() || line.front() == '#') continue;
    if (const std::string wrong = TakeLine(line, seen, config); !wrong.empty()) {
      return Status(Code::kInvalid, name + " line " + std::to_string(line_number) + ": " + wrong);
    }
  }
  return config;
}

Result<StoreConfig> ReadConfig(Disk& disk, const std::string& store_path) {
  const std::string path = store_path + "/config.toml";
  const auto text = ReadWholeFile(disk, path, kConfigBytesMax);
  if (text.status().code() == Code::kNotFound) return StoreConfig();
  MENDFS_RETURN_IF_ERROR(text.status());
  return ParseConfig(*text, path);
}

}  // namespace mendfs
