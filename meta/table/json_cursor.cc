#include "meta/table/json_cursor.h"

#include <algorithm>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace mendfs {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The first quote, backslash or control byte, 16 bytes at a time where the machine has them.
const char* FindStringStop(const char* at, const char* end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i stops =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
    const int mask = _mm_movemask_epi8(stops);
    if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
    at += 16;
  }
#endif
  while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

void AppendUtf8(std::string& out, unsigned code) {
  const auto put = [&out](unsigned byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

// Four hexadecimal digits, or -1.
int HexUnit(const char* digits) {
  int unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = digits[i];
    const char lower = static_cast<char>(c | 0x20);
    int value = -1;
    if (IsDigit(c)) value = c - '0';
    if (lower >= 'a' && lower <= 'f') value = lower - 'a' + 10;
    if (value < 0) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

char Unescape(char letter) {
  switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return letter;
  }
}

}  // namespace

void AppendUnescaped(std::string& out, std::string_view raw) {
  for (size_t i = 0; i < raw.size();) {
    const size_t stop = std::min(raw.find('\\', i), raw.size());
    out.append(raw.substr(i, stop - i));
    if (stop + 1 >= raw.size()) return;
    i = stop + 2;
    if (raw[stop + 1] != 'u') {
      out.push_back(Unescape(raw[stop + 1]));
      continue;
    }
    auto code = static_cast<unsigned>(HexUnit(raw.data() + i));
    i += 4;
    if (code >= 0xd800 && code < 0xdc00) {
      const auto low = static_cast<unsigned>(HexUnit(raw.data() + i + 2));
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      i += 6;
    }
    AppendUtf8(out, code);
  }
}

void JsonNames::Clear() {
  names_.clear();
  unescaped_.clear();
}

void JsonNames::Add(const JsonString& name, size_t offset) {
  if (!name.escaped) {
    names_.push_back({name.raw.data(), 0, name.raw.size(), offset});
    return;
  }
  const size_t position = unescaped_.size();
  AppendUnescaped(unescaped_, name.raw);
  names_.push_back({nullptr, position, unescaped_.size() - position, offset});
}

std::string_view JsonNames::Text(const Name& name) const {
  if (name.data != nullptr) return {name.data, name.size};
  return std::string_view(unescaped_).substr(name.position, name.size);
}

bool JsonNames::TakeDuplicate(size_t base, size_t& offset) {
  constexpr size_t kFewNames = 12;
  const size_t count = names_.size() - base;
  bool found = false;
  if (count > kFewNames) {
    const auto first = names_.begin() + static_cast<ptrdiff_t>(base);
    std::sort(first, names_.end(), [this](const Name& a, const Name& b) {
      if (a.size != b.size) return a.size < b.size;
      const int order = Text(a).compare(Text(b));
      return order != 0 ? order < 0 : a.offset < b.offset;
    });
    for (size_t i = base + 1; i < names_.size() && !found; ++i) {
      found = Text(names_[i - 1]) == Text(names_[i]);
      if (found) offset = names_[i].offset;
    }
  } else {
    for (size_t i = base + 1; i < names_.size() && !found; ++i) {
      for (size_t j = base; j < i && !found; ++j) {
        found = names_[i].size == names_[j].size && Text(names_[i]) == Text(names_[j]);
        if (found) offset = names_[i].offset;
      }
    }
  }
  names_.resize(base);
  if (names_.empty()) unescaped_.clear();
  return found;
}

bool JsonCursor::FailAt(size_t offset, const char* sentence) {
  if (error_.sentence == nullptr) {
    error_.sentence = sentence;
    error_.offset = offset;
    error_.truncated = begin_ + offset >= end_;
  }
  return false;
}

char JsonCursor::PeekBehindBlank() {
  while (at_ < end_ && IsBlank(*at_)) ++at_;
  return at_ < end_ ? *at_ : '\0';
}

bool JsonCursor::ReadString(JsonString& string) {
  if (Peek() != '"') return Fail("expected a string");
  ++at_;
  const char* const start = at_;
  string.escaped = false;
  for (;;) {
    at_ = FindStringStop(at_, end_);
    if (at_ == end_) return Fail("the string does not end");
    if (*at_ == '"') break;
    if (*at_ != '\\') return Fail("a control character in a string must be written \\u00XX");
    string.escaped = true;
    if (!ReadEscape()) return false;
  }
  string.raw = {start, static_cast<size_t>(at_ - start)};
  ++at_;
  return true;
}

bool JsonCursor::ReadHex(unsigned& unit) {
  const size_t have = std::min<size_t>(4, static_cast<size_t>(end_ - at_));
  char digits[4] = {'0', '0', '0', '0'};
  std::memcpy(digits, at_, have);
  const int value = HexUnit(digits);
  if (value < 0) return Fail("\\u needs four hexadecimal digits");
  if (have < 4) return FailAt(static_cast<size_t>(end_ - begin_), "the string does not end");
  unit = static_cast<unsigned>(value);
  at_ += 4;
  return true;
}

bool JsonCursor::ReadEscape() {
  ++at_;
  if (at_ == end_) return Fail("the string does not end");
  constexpr std::string_view kSimple = "\"\\/bfnrt";
  if (kSimple.find(*at_) != std::string_view::npos) {
    ++at_;
    return true;
  }
  if (*at_ != 'u') return Fail("a backslash before a character that needs none");
  ++at_;
  const size_t where = offset();
  unsigned unit = 0;
  if (!ReadHex(unit)) return false;
  if (unit < 0xd800 || unit > 0xdfff) return true;
  constexpr const char* kHalf = "half of a surrogate pair is no character";
  if (unit >= 0xdc00) return FailAt(where, kHalf);
  for (const char c : {'\\', 'u'}) {
    if (at_ == end_) return Fail("the string does not end");
    if (*at_ != c) return FailAt(where, kHalf);
    ++at_;
  }
  if (!ReadHex(unit)) return false;
  return (unit >= 0xdc00 && unit <= 0xdfff) || FailAt(where, kHalf);
}

bool JsonCursor::ReadNumber(JsonNumber& number) {
  Peek();
  const char* const start = at_;
  const auto digits = [this] {
    if (at_ == end_ || !IsDigit(*at_)) return Fail("a number needs a digit here");
    while (at_ < end_ && IsDigit(*at_)) ++at_;
    return true;
  };
  if (at_ < end_ && *at_ == '-') ++at_;
  if (at_ < end_ && *at_ == '0') {
    ++at_;
    if (at_ < end_ && IsDigit(*at_)) return Fail("a number must not begin with 0");
  } else if (!digits()) {
    return false;
  }
  number.integer = true;
  if (at_ < end_ && *at_ == '.') {
    ++at_;
    number.integer = false;
    if (!digits()) return false;
  }
  if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    number.integer = false;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return false;
  }
  number.text = {start, static_cast<size_t>(at_ - start)};
  return true;
}

bool JsonCursor::ReadLiteral(std::string_view literal) {
  Peek();
  for (const char c : literal) {
    if (at_ == end_ || *at_ != c) return Fail("expected a value");
    ++at_;
  }
  return true;
}

bool JsonCursor::SkipScalar(char c) {
  if (c == '"') {
    JsonString string;
    return ReadString(string);
  }
  if (c == '-' || IsDigit(c)) {
    JsonNumber number;
    return ReadNumber(number);
  }
  if (c == 't') return ReadLiteral("true");
  if (c == 'f') return ReadLiteral("false");
  if (c == 'n') return ReadLiteral("null");
  if (c == 'N' || c == 'I') return Fail("NaN and Infinity are no JSON numbers");
  return Fail("expected a value");
}

bool JsonCursor::OpenContainer(char c, size_t depth) {
  if (depth + frame_count_ >= kJsonDepthMax) return Fail("nested more than 128 deep");
  ++at_;
  frames_[frame_count_++] = {.object = c == '{', .names = names_.size()};
  return true;
}

bool JsonCursor::CloseContainer() {
  const Frame frame = frames_[--frame_count_];
  size_t where = 0;
  if (!frame.object || !names_.TakeDuplicate(frame.names, where)) return true;
  at_ = begin_ + where;
  JsonString name;
  if (!ReadString(name)) return false;
  error_.name = name.raw;
  return FailAt(where, "stands in this object twice");
}

bool JsonCursor::ReadName() {
  if (Peek() != '"') return Fail("expected a name in quotes");
  const size_t where = offset();
  JsonString name;
  if (!ReadString(name)) return false;
  names_.Add(name, where);
  return Expect(':', "expected \":\"");
}

bool JsonCursor::SkipValue(size_t depth) {
  const size_t bottom = frame_count_;
  for (;;) {
    // One value; an opened container goes on with its first element.
    const char c = Peek();
    if (c == '{' || c == '[') {
      if (!OpenContainer(c, depth)) return false;
      const char close = c == '{' ? '}' : ']';
      if (!TakeIf(close)) {
        if (c == '{' && !ReadName()) return false;
        continue;
      }
      if (!CloseContainer()) return false;
    } else if (!SkipScalar(c)) {
      return false;
    }
    // What follows a value: the next element, or the ends of any number of containers.
    for (;;) {
      if (frame_count_ == bottom) return true;
      const bool object = frames_[frame_count_ - 1].object;
      if (TakeIf(',')) {
        if (object && !ReadName()) return false;
        break;
      }
      if (!TakeIf(object ? '}' : ']')) {
        return Fail(object ? "expected \",\" or \"}\"" : "expected \",\" or \"]\"");
      }
      if (!CloseContainer()) return false;
    }
  }
}

bool JsonCursor::LeapContainer() {
  size_t depth = 0;
  while (at_ < end_) {
    const char c = *at_++;
    if (c == '"') {
      --at_;
      JsonString string;
      if (!ReadString(string)) return false;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return true;
    }
  }
  return Fail("the object does not end");
}

bool JsonCursor::ExpectEnd() {
  Peek();
  return at_ == end_ || Fail("something stands behind the object");
}

}  // namespace mendfs
