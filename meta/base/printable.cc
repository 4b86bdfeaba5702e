#include "meta/base/printable.h"

#include <cstdint>

namespace mendfs {
namespace {

// C0, DEL, and C1 as UTF-8 writes it: terminals obey U+009B as they obey ESC [.
bool IsControl(std::string_view character) {
  const auto first = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return character.size() == 2 && first == 0xC2 && static_cast<uint8_t>(character[1]) < 0xA0;
}

}  // namespace

size_t Utf8Length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](size_t index) { return static_cast<uint8_t>(text[index]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xC0) != 0x80) return 0;
  }
  const uint8_t second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool beyond = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || beyond ? 0 : length;
}

std::string Printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length > 0 && !IsControl(text.substr(0, length))) {
      shown.append(text.substr(0, length));
      text.remove_prefix(length);
      continue;
    }
    const auto byte = static_cast<uint8_t>(text[0]);
    shown.append("\\x");
    shown.push_back(kDigits[byte >> 4]);
    shown.push_back(kDigits[byte & 15]);
    text.remove_prefix(1);
  }
  return shown;
}

std::string Quoted(std::string_view text, size_t bytes_max) {
  return "\"" + Printable(text.substr(0, bytes_max)) + (text.size() > bytes_max ? "…\"" : "\"");
}

}  // namespace mendfs
