// Single values of a row: their text rules (dates, base64, numbers), their order-preserving bytes
// for indexes, and key text, the one string that names a row within its type.
//
// Key text: of one part, the part itself; of several, the parts with `%` and `~` written %25 and
// %7E, joined by `~`. So ("a~b","c") and ("a","b~c") differ, and with the number of parts known
// each key has one text and each text one key. Parts are the canonical text of the value: a String
// is itself, integers are decimal, a DateTime is in UTC.
//
// Threads:  free functions over values
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

inline constexpr size_t kKeyTextBytesMax = 4096;
inline constexpr size_t kIndexValueBytesMax = 4096;

void AppendKeyPart(std::string& key, std::string_view part, bool composite);
std::string EncodeKeyText(std::span<const std::string> parts);
// kInvalid unless `key` is what EncodeKeyText makes of exactly `part_count` non-empty parts.
Result<std::vector<std::string>> SplitKeyText(std::string_view key, size_t part_count);

// Ok if `key` is the key text of some row of `type`: UTF-8, right number of parts, each the
// canonical text of its property, at most kKeyTextBytesMax bytes.
Status CheckKeyText(const NodeType& type, std::string_view key);

// Text rules. Each answers nullopt if the text is not of that form.
std::optional<int32_t> ParseDate(std::string_view text);  // days since 1970-01-01; years 0001-9999
struct Instant {
  int64_t seconds = 0;  // since 1970-01-01T00:00Z
  uint32_t nanoseconds = 0;
  friend auto operator<=>(const Instant&, const Instant&) = default;
};
std::optional<Instant> ParseDateTime(std::string_view text);
std::string FormatDate(int32_t days);
std::string FormatDateTime(const Instant& instant);  // canonical: UTC, fraction without end zeros
bool IsBase64(std::string_view text);                // RFC 4648 §4, padded
// A JSON number as the nearest double; nullopt if it is too large to be finite.
std::optional<double> ParseNumber(std::string_view text);
// Decimal without leading zeros or a plus; nullopt unless it fits. "-0" is 0.
std::optional<int64_t> ParseSigned(std::string_view text);
std::optional<uint64_t> ParseUnsigned(std::string_view text);
bool IsUtf8(std::string_view text);

// Order-preserving bytes: comparing bytes is comparing values, equal values have equal bytes, -0 is
// 0, integers of all widths share one form, floats of both. Strings and enums are themselves.
void AppendOrderedSigned(std::string& out, int64_t value);
void AppendOrderedUnsigned(std::string& out, uint64_t value);
void AppendOrderedDouble(std::string& out, double value);
void AppendOrderedInstant(std::string& out, const Instant& instant);
// The bytes of a value written as text (a range bound, a key part, `where/<column>=<value>`);
// kInvalid if the text is no value of that scalar.
Result<std::string> EncodeOrdered(const PropertyType& type, std::string_view text);
// The canonical text of the value that `text` writes; kInvalid as EncodeOrdered.
Result<std::string> CanonicalText(const PropertyType& type, std::string_view text);

}  // namespace mendfs
