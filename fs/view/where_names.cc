#include "fs/view/where_names.h"

#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace mendfs {
namespace {

Status Wrong(std::string_view term, const std::string& sentence) {
  return {Code::kInvalid, "where: \"" + std::string(term) + "\": " + sentence};
}

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

std::optional<std::string> Decode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = HexDigit(text[i + 1]);
    const auto low = HexDigit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return decoded;
}

// Takes the part of `text` before `mark` off; all of it when there is none.
std::string_view TakeUntil(std::string_view& text, char mark) {
  const size_t end = text.find(mark);
  const std::string_view part = text.substr(0, end);
  text = end == text.npos ? std::string_view() : text.substr(end + 1);
  return part;
}

struct NamedCompare {
  std::string_view suffix;
  Compare compare;
};
constexpr std::array<NamedCompare, 6> kCompares = {{{"gt", Compare::kGreater},
                                                    {"ge", Compare::kGreaterEqual},
                                                    {"lt", Compare::kLess},
                                                    {"le", Compare::kLessEqual},
                                                    {"in", Compare::kEqual},
                                                    {"null", Compare::kNull}}};

Status AddOption(std::string_view term, RowQuery& query) {
  std::string_view value = term.substr(1);
  const std::string_view name = TakeUntil(value, '=');
  if (term == "@scan") {
    query.scan = true;
    return {};
  }
  if (name == "limit") {
    uint64_t limit = 0;
    const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), limit);
    if (value.empty() || error != std::errc() || rest != value.data() + value.size()) {
      return Wrong(term, "the limit is a number of rows: @limit=10");
    }
    query.limit = limit;
    return {};
  }
  if (name == "order") {
    query.descending = value.starts_with('-');
    if (query.descending) value.remove_prefix(1);
    auto column = Decode(value);
    if (!column || column->empty()) {
      return Wrong(term, "an order names a column: @order=age, or @order=-age for the last first");
    }
    query.order_by = *std::move(column);
    return {};
  }
  return Wrong(term, "there are @order=COLUMN, @limit=ROWS and @scan");
}

Status AddCondition(std::string_view term, RowQuery& query) {
  std::string_view value = term;
  std::string_view column = TakeUntil(value, '=');
  const bool has_value = column.size() < term.size();
  RowCondition condition;
  std::string_view suffix;
  if (const size_t dot = column.rfind('.'); dot != column.npos) {
    suffix = column.substr(dot + 1);
    column = column.substr(0, dot);
    bool known = false;
    for (const NamedCompare& named : kCompares) {
      if (named.suffix != suffix) continue;
      condition.compare = named.compare;
      known = true;
    }
    if (!known) {
      return Wrong(term, "\"." + std::string(suffix) +
                             "\" is no comparison; there are .gt .ge .lt .le .in .null, and a dot "
                             "in a column's name is written %2E");
    }
  }
  auto name = Decode(column);
  if (!name || name->empty()) return Wrong(term, "a condition begins with a column: city=Paris");
  condition.column = *std::move(name);
  if (has_value == (condition.compare == Compare::kNull)) {
    return Wrong(term, has_value ? "null is compared with nothing: born.null"
                                 : "a condition is <column>=<value>, or <column>.null");
  }
  if (has_value && suffix == "in") {
    bool more = true;
    while (more) {
      more = value.find('|') != value.npos;
      auto one = Decode(TakeUntil(value, '|'));
      if (!one) return Wrong(term, "behind % stand two hexadecimal digits");
      condition.values.push_back(*std::move(one));
    }
  } else if (has_value) {
    auto one = Decode(value);
    if (!one) return Wrong(term, "behind % stand two hexadecimal digits");
    condition.values.push_back(*std::move(one));
  }
  query.conditions.push_back(std::move(condition));
  return {};
}

}  // namespace

Status AddWhereSegment(std::string_view segment, RowQuery& query) {
  std::string_view rest = segment;
  do {
    const std::string_view term = TakeUntil(rest, ',');
    if (term.empty()) return Wrong(segment, "there is nothing beside a comma");
    MENDFS_RETURN_IF_ERROR(term.front() == '@' ? AddOption(term, query)
                                               : AddCondition(term, query));
    if (query.conditions.size() > kWhereTermsMax) {
      return Wrong(segment, "at most " + std::to_string(kWhereTermsMax) + " conditions");
    }
  } while (!rest.empty());
  return segment.ends_with(',') ? Wrong(segment, "there is nothing beside a comma") : Status::Ok();
}

}  // namespace mendfs
