#include "mount-tools/verbs/text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

namespace mendfs {
namespace {

constexpr size_t kWordBytesMax = 64;  // longer words are nobody's typing mistake

// Levenshtein, with the swap of two neighbours as one step.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

// The leading digits of `text`, which is moved behind them.
std::optional<uint64_t> TakeNumber(std::string_view& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

std::optional<uint64_t> Times(uint64_t number, uint64_t factor) {
  if (factor != 0 && number > UINT64_MAX / factor) return std::nullopt;
  return number * factor;
}

}  // namespace

std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kWordBytesMax) return {};
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    const size_t distance = Distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::optional<uint64_t> ParseWholeNumber(std::string_view text) {
  const std::optional<uint64_t> number = TakeNumber(text);
  return text.empty() ? number : std::nullopt;
}

std::optional<uint64_t> ParseDurationMs(std::string_view text) {
  const std::optional<uint64_t> number = TakeNumber(text);
  if (!number) return std::nullopt;
  if (text == "ms") return number;
  if (text.empty() || text == "s") return Times(*number, 1000);
  if (text == "m" || text == "min") return Times(*number, 60'000);
  if (text == "h") return Times(*number, 3'600'000);
  return std::nullopt;
}

std::optional<uint64_t> ParseSizeBytes(std::string_view text) {
  const std::optional<uint64_t> number = TakeNumber(text);
  if (!number) return std::nullopt;
  if (text.empty() || text == "B") return number;
  const size_t power = std::string_view("KMGT").find(text.front());
  const std::string_view rest = text.substr(1);
  if (power == std::string_view::npos || !(rest.empty() || rest == "iB" || rest == "B")) {
    return std::nullopt;
  }
  return Times(*number, uint64_t{1} << (10 * (power + 1)));
}

std::string HumanBytes(uint64_t size_bytes) {
  if (size_bytes < 1024) return std::to_string(size_bytes) + " bytes";
  constexpr std::string_view kUnits = "KMGTPE";
  double size = static_cast<double>(size_bytes) / 1024;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %ciB", size, kUnits[unit]);
  return text;
}

std::string HumanTime(int64_t time_ns) {
  std::time_t seconds = time_ns / 1'000'000'000;
  if (time_ns % 1'000'000'000 < 0) --seconds;
  std::tm parts{};
  char text[64];
  if (gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return std::to_string(time_ns) + "ns";
  }
  return text;
}

std::string Counted(uint64_t count, std::string_view singular, std::string_view plural) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  text += ' ';
  text += count == 1 ? singular : plural;
  return text;
}

}  // namespace mendfs
