#include "meta/table/schema/row_value.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr int kYearMin = 1;
constexpr int kYearMax = 9999;
constexpr int64_t kDaySeconds = 86400;

// Civil calendar arithmetic on eras of 400 years.
int32_t DaysFromCivil(int year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const int era = year / 400 - (year % 400 < 0 ? 1 : 0);
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<int32_t>(day_of_era) - 719468;
}

struct Civil {
  int year;
  unsigned month;
  unsigned day;
};

Civil CivilFromDays(int32_t days) {
  days += 719468;
  const int era = days / 146097 - (days % 146097 < 0 ? 1 : 0);
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {.year = static_cast<int>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = day_of_year - (153 * shifted + 2) / 5 + 1};
}

unsigned DaysInMonth(int year, unsigned month) {
  constexpr std::array<unsigned, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// Takes exactly `count` digits off the front.
std::optional<unsigned> TakeDigits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  unsigned value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool TakeChar(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int32_t> TakeDate(std::string_view& text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !TakeChar(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !TakeChar(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  const int number = static_cast<int>(*year);
  if (!day || number < kYearMin || *month < 1 || *month > 12) return std::nullopt;
  if (*day < 1 || *day > DaysInMonth(number, *month)) return std::nullopt;
  return DaysFromCivil(number, *month, *day);
}

// ".5" is 500,000,000; at most nine digits.
std::optional<uint32_t> TakeFraction(std::string_view& text) {
  if (!TakeChar(text, '.')) return 0;
  uint32_t nanoseconds = 0;
  size_t digits = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (++digits > 9) return std::nullopt;
    nanoseconds = nanoseconds * 10 + static_cast<uint32_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) nanoseconds *= 10;
  return nanoseconds;
}

// "Z" or "+hh:mm", in seconds east of UTC.
std::optional<int64_t> TakeOffset(std::string_view& text) {
  if (TakeChar(text, 'Z')) return 0;
  const bool east = TakeChar(text, '+');
  if (!east && !TakeChar(text, '-')) return std::nullopt;
  const auto hours = TakeDigits(text, 2);
  if (!hours || *hours > 23 || !TakeChar(text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const auto seconds = static_cast<int64_t>(*hours * 3600 + *minutes * 60);
  return east ? seconds : -seconds;
}

void AppendPadded(std::string& out, unsigned value, size_t width) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

Status NotA(const PropertyType& type, std::string_view text) {
  std::string shown(text.substr(0, 80));
  return {Code::kInvalid, "\"" + shown + "\" is no " + TypeText(type)};
}

// Is a number that from_chars calls out of range tiny (true) or huge?
bool IsTiny(std::string_view text) {
  const size_t mark = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, mark);
  const size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const size_t dot = std::min(mantissa.find('.'), mantissa.size());
  const auto magnitude = static_cast<int64_t>(dot) - static_cast<int64_t>(first);
  if (mark == std::string_view::npos) return magnitude < 0;
  std::string_view exponent = text.substr(mark + 1);
  const bool negative = exponent[0] == '-';
  if (exponent[0] == '-' || exponent[0] == '+') exponent.remove_prefix(1);
  int64_t value = 0;
  for (const char c : exponent) value = std::min<int64_t>(value * 10 + (c - '0'), INT32_MAX);
  return magnitude + (negative ? -value : value) < 0;
}

bool IsNumberText(std::string_view text) {
  TakeChar(text, '-');
  const auto digits = [&text] {
    size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
    text.remove_prefix(count);
    return count;
  };
  const bool zero = !text.empty() && text[0] == '0';
  const size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (TakeChar(text, '.') && digits() == 0) return false;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    if (!TakeChar(text, '+')) TakeChar(text, '-');
    if (digits() == 0) return false;
  }
  return text.empty();
}

std::optional<double> ParseFloat(ScalarKind kind, std::string_view text) {
  const auto number = ParseNumber(text);
  // An F32 must be one that a float can hold the size of; its value stays what the text says, so
  // that widening the column to F64 changes no value.
  if (number && kind == ScalarKind::kF32 &&
      std::fabs(*number) > static_cast<double>(std::numeric_limits<float>::max())) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

void AppendKeyPart(std::string& key, std::string_view part, bool composite) {
  if (!composite) {
    key.append(part);
    return;
  }
  for (const char c : part) {
    if (c == '%') {
      key += "%25";
    } else if (c == '~') {
      key += "%7E";
    } else {
      key.push_back(c);
    }
  }
}

std::string EncodeKeyText(std::span<const std::string> parts) {
  std::string key;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) key.push_back('~');
    AppendKeyPart(key, parts[i], parts.size() > 1);
  }
  return key;
}

Result<std::vector<std::string>> SplitKeyText(std::string_view key, size_t part_count) {
  const auto shown = [&key] { return "key \"" + std::string(key.substr(0, 80)) + "\""; };
  std::vector<std::string> parts;
  if (part_count <= 1) {
    if (key.empty()) return Status(Code::kInvalid, "a key must not be empty");
    parts.emplace_back(key);
    return parts;
  }
  parts.emplace_back();
  for (size_t i = 0; i < key.size(); ++i) {
    if (key[i] == '~') {
      parts.emplace_back();
      if (parts.size() > part_count) break;
    } else if (key[i] == '%') {
      const std::string_view escape = key.substr(i, 3);
      if (escape != "%25" && escape != "%7E") {
        return Status(Code::kInvalid, shown() + ": \"%\" in a composite key is written %25");
      }
      parts.back().push_back(escape == "%25" ? '%' : '~');
      i += 2;
    } else {
      parts.back().push_back(key[i]);
    }
  }
  if (parts.size() != part_count) {
    return Status(Code::kInvalid, shown() + " does not have " + std::to_string(part_count) +
                                      " parts joined by \"~\"");
  }
  for (const std::string& part : parts) {
    if (part.empty()) return Status(Code::kInvalid, shown() + " has an empty part");
  }
  return parts;
}

Status CheckKeyText(const NodeType& type, std::string_view key) {
  if (key.empty()) return {Code::kInvalid, "a key must not be empty"};
  if (key.size() > kKeyTextBytesMax) {
    return {Code::kInvalid, "a key of " + std::to_string(key.size()) + " bytes is longer than " +
                                std::to_string(kKeyTextBytesMax)};
  }
  if (!IsUtf8(key)) return {Code::kInvalid, "the key is not UTF-8"};
  const auto is_plain = [&](size_t i) {
    return type.properties[type.key[i]].type.scalar == ScalarKind::kString;
  };
  if (type.key.empty() || (type.key.size() == 1 && is_plain(0))) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                          SplitKeyText(key, type.key_part_count()));
  for (size_t i = 0; i < parts.size(); ++i) {
    if (is_plain(i)) continue;
    const Property& property = type.properties[type.key[i]];
    const Result<std::string> canonical = CanonicalText(property.type, parts[i]);
    if (!canonical.ok()) return canonical.status().Annotate("key \"" + property.name + "\"");
    if (*canonical != parts[i]) {
      return {Code::kInvalid, "key \"" + property.name + "\": \"" + parts[i] +
                                  "\" must be written \"" + *canonical + "\""};
    }
  }
  return Status::Ok();
}

std::optional<int32_t> ParseDate(std::string_view text) {
  const auto days = TakeDate(text);
  return text.empty() ? days : std::nullopt;
}

std::optional<Instant> ParseDateTime(std::string_view text) {
  const auto days = TakeDate(text);
  if (!days || !TakeChar(text, 'T')) return std::nullopt;
  const auto hours = TakeDigits(text, 2);
  if (!hours || *hours > 23 || !TakeChar(text, ':')) return std::nullopt;
  const auto minutes = TakeDigits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  unsigned second = 0;
  uint32_t nanoseconds = 0;
  if (TakeChar(text, ':')) {
    const auto seconds = TakeDigits(text, 2);
    const auto fraction = seconds ? TakeFraction(text) : std::nullopt;
    if (!fraction || *seconds > 59) return std::nullopt;
    second = *seconds;
    nanoseconds = *fraction;
  }
  const auto offset = TakeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const int64_t seconds = *days * kDaySeconds + *hours * 3600 + *minutes * 60 + second - *offset;
  // An offset may push an instant out of the years that FormatDateTime can write.
  const int64_t first = DaysFromCivil(kYearMin, 1, 1) * kDaySeconds;
  const int64_t end = DaysFromCivil(kYearMax + 1, 1, 1) * kDaySeconds;
  if (seconds < first || seconds >= end) return std::nullopt;
  return Instant{.seconds = seconds, .nanoseconds = nanoseconds};
}

std::string FormatDate(int32_t days) {
  const Civil civil = CivilFromDays(days);
  std::string text;
  AppendPadded(text, static_cast<unsigned>(civil.year), 4);
  text.push_back('-');
  AppendPadded(text, civil.month, 2);
  text.push_back('-');
  AppendPadded(text, civil.day, 2);
  return text;
}

std::string FormatDateTime(const Instant& instant) {
  int64_t days = instant.seconds / kDaySeconds;
  int64_t rest = instant.seconds % kDaySeconds;
  if (rest < 0) {
    rest += kDaySeconds;
    --days;
  }
  std::string text = FormatDate(static_cast<int32_t>(days));
  text.push_back('T');
  AppendPadded(text, static_cast<unsigned>(rest / 3600), 2);
  text.push_back(':');
  AppendPadded(text, static_cast<unsigned>(rest / 60 % 60), 2);
  text.push_back(':');
  AppendPadded(text, static_cast<unsigned>(rest % 60), 2);
  if (instant.nanoseconds > 0) {
    text.push_back('.');
    AppendPadded(text, instant.nanoseconds, 9);
    text.erase(text.find_last_not_of('0') + 1);
  }
  text.push_back('Z');
  return text;
}

bool IsBase64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const std::string_view digits = text.substr(0, text.size() - padding);
  const auto value = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  for (const char c : digits) {
    if (value(c) < 0) return false;
  }
  // The bits behind the last byte must be zero, or one blob would have several texts.
  if (padding == 0) return true;
  return (value(digits.back()) & (padding == 1 ? 0x03 : 0x0f)) == 0;
}

std::optional<double> ParseNumber(std::string_view text) {
  if (!IsNumberText(text)) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    if (!IsTiny(text)) return std::nullopt;
    return 0.0;
  }
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseSigned(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || (digits[0] == '0' && digits.size() > 1)) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> ParseUnsigned(std::string_view text) {
  if (text == "-0") return 0;
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsUtf8(std::string_view text) {
  // Short keys are nearly always ASCII; the library's set-up costs more than looking.
  if (text.size() <= 32) {
    unsigned char bits = 0;
    for (const char c : text) bits |= static_cast<unsigned char>(c);
    if (bits < 0x80) return true;
  }
  return simdjson::validate_utf8(text.data(), text.size());
}

void AppendOrderedSigned(std::string& out, int64_t value) {
  if (value >= 0) return AppendOrderedUnsigned(out, static_cast<uint64_t>(value));
  out.push_back('\0');
  PutU64BigEndian(out, static_cast<uint64_t>(value));
}

void AppendOrderedUnsigned(std::string& out, uint64_t value) {
  out.push_back('\1');
  PutU64BigEndian(out, value);
}

void AppendOrderedDouble(std::string& out, double value) {
  if (value == 0) value = 0;  // -0 is 0
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  constexpr uint64_t kSign = uint64_t{1} << 63;
  PutU64BigEndian(out, (bits & kSign) != 0 ? ~bits : bits | kSign);
}

void AppendOrderedInstant(std::string& out, const Instant& instant) {
  AppendOrderedSigned(out, instant.seconds);
  PutU32BigEndian(out, instant.nanoseconds);
}

Result<std::string> EncodeOrdered(const PropertyType& type, std::string_view text) {
  std::string out;
  switch (type.scalar) {
    case ScalarKind::kString:
      if (!IsUtf8(text)) break;
      return std::string(text);
    case ScalarKind::kEnum:
      for (const std::string& value : type.enum_values) {
        if (value == text) return value;
      }
      break;
    case ScalarKind::kBool:
      if (text != "true" && text != "false") break;
      return std::string(1, text == "true" ? '\1' : '\0');
    case ScalarKind::kI32:
    case ScalarKind::kI64: {
      const auto value = ParseSigned(text);
      if (!value || (type.scalar == ScalarKind::kI32 && *value != static_cast<int32_t>(*value))) {
        break;
      }
      AppendOrderedSigned(out, *value);
      return out;
    }
    case ScalarKind::kU32:
    case ScalarKind::kU64: {
      const auto value = ParseUnsigned(text);
      if (!value || (type.scalar == ScalarKind::kU32 && *value > UINT32_MAX)) break;
      AppendOrderedUnsigned(out, *value);
      return out;
    }
    case ScalarKind::kF32:
    case ScalarKind::kF64: {
      const auto value = ParseFloat(type.scalar, text);
      if (!value) break;
      AppendOrderedDouble(out, *value);
      return out;
    }
    case ScalarKind::kDate: {
      const auto days = ParseDate(text);
      if (!days) break;
      AppendOrderedSigned(out, *days);
      return out;
    }
    case ScalarKind::kDateTime: {
      const auto instant = ParseDateTime(text);
      if (!instant) break;
      AppendOrderedInstant(out, *instant);
      return out;
    }
    case ScalarKind::kBlob:
    case ScalarKind::kVector: return Status(Code::kInvalid, TypeText(type) + " has no order");
  }
  return NotA(type, text);
}

Result<std::string> CanonicalText(const PropertyType& type, std::string_view text) {
  const Result<std::string> ordered = EncodeOrdered(type, text);
  if (!ordered.ok()) return ordered.status();
  if (IsInteger(type.scalar)) return std::string(text == "-0" ? "0" : text);
  if (type.scalar == ScalarKind::kDateTime) return FormatDateTime(*ParseDateTime(text));
  if (!IsFloat(type.scalar)) return std::string(text);
  double value = *ParseFloat(type.scalar, text);
  if (value == 0) value = 0;
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), written.ptr);
}

}  // namespace mendfs
