#include "meta/commit/config.h"

#include <charconv>

namespace mendfs {
namespace {

constexpr uint64_t kConfigBytesMax = 1 << 20;

struct Key {
  std::string_view name;
  std::optional<uint64_t> StoreConfig::*value;
};
constexpr Key kKeys[] = {
    {"garbage_bytes_min", &StoreConfig::garbage_bytes_min},
    {"journal_kept_bytes", &StoreConfig::journal_kept_bytes},
};

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, number);
  if (digits.empty() || text.front() == '_' || error != std::errc() || at != end) {
    return std::nullopt;
  }
  return number;
}

Status DecodeLine(std::string_view line, StoreConfig& config) {
  const std::string shown = "`" + std::string(line) + "`";
  const size_t equals = line.find('=');
  const std::string_view name = Trim(line.substr(0, equals));
  for (const Key& key : kKeys) {
    if (equals == std::string_view::npos || name != key.name) continue;
    if (config.*key.value) {
      return Status(Code::kInvalid, "the key of " + shown + " stands there twice; remove one line");
    }
    const auto number = ParseNumber(Trim(line.substr(equals + 1)));
    if (!number) return Status(Code::kInvalid, shown + " has no whole number; correct it");
    config.*key.value = number;
    return Status::Ok();
  }
  return Status(Code::kInvalid, "unknown key in " + shown + "; remove the line");
}

}  // namespace

std::string DefaultConfig() {
  return "# Policy of this store, one `key = value` a line. Every key has its default; a key that\n"
         "# is not known is an error.\n";
}

Result<StoreConfig> DecodeConfig(std::string_view text) {
  StoreConfig config;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    line = Trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    MENDFS_RETURN_IF_ERROR(
        DecodeLine(line, config).Annotate("config.toml line " + std::to_string(number)));
  }
  return config;
}

Result<StoreConfig> ReadConfig(Disk& disk, const std::string& store_path) {
  auto text = ReadWholeFile(disk, store_path + "/config.toml", kConfigBytesMax);
  if (!text.ok() && text.status().code() == Code::kNotFound) return StoreConfig{};
  MENDFS_RETURN_IF_ERROR(text.status());
  auto config = DecodeConfig(*text);
  if (!config.ok()) return config.status().Annotate(store_path);
  return config;
}

}  // namespace mendfs
