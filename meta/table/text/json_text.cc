#include "meta/table/text/json_text.h"

#include <cstdint>

namespace mendfs {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

bool IsPlain(char byte) {
  return byte != '"' && byte != '\\' && static_cast<unsigned char>(byte) >= 0x20;
}

bool IsSpace(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

// The length of the string at the front of `json`, both quotes included.
size_t StringLength(std::string_view json) {
  size_t place = 1;
  while (place < json.size() && json[place] != '"') place += json[place] == '\\' ? 2 : 1;
  return place < json.size() ? place + 1 : json.size();
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && IsPlain(text[plain])) ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    if (byte >= 0x20) {
      out.push_back('\\');
      out.push_back(static_cast<char>(byte));
    } else {
      out.append("\\u00");
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15]);
    }
  }
  out.push_back('"');
}

void AppendMinified(std::string& out, std::string_view json) {
  size_t kept_from = 0;
  for (size_t place = 0; place < json.size();) {
    if (json[place] == '"') {
      place += StringLength(json.substr(place));
    } else if (IsSpace(json[place])) {
      out.append(json.substr(kept_from, place - kept_from));
      kept_from = ++place;
    } else {
      ++place;
    }
  }
  out.append(json.substr(kept_from));
}

}  // namespace mendfs
