#include "meta/table/text/body_place.h"

#include <optional>
#include <string_view>

#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

// The number behind the last `words`, which ends the text; cuts both off.
std::optional<uint64_t> TakeNumber(std::string_view& text, std::string_view words) {
  const size_t begin = text.rfind(words);
  if (begin == std::string_view::npos) return std::nullopt;
  const auto number = ParseUnsigned(text.substr(begin + words.size()));
  if (number) text = text.substr(0, begin);
  return number;
}

}  // namespace

BodyPlace TakeBodyPlace(std::string& message) {
  if (!message.ends_with(')')) return {};
  std::string_view text = std::string_view(message).substr(0, message.size() - 1);
  BodyPlace place{.line = 1};
  if (const auto column = TakeNumber(text, " (column ")) {
    place.column = *column;
  } else if (const auto in_line = TakeNumber(text, ", column ")) {
    const auto line = TakeNumber(text, " (line ");
    if (!line) return {};
    place = {*line, *in_line};
  } else {
    return {};
  }
  message.resize(text.size());
  return place;
}

}  // namespace mendfs
