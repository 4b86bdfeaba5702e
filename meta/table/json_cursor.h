// A strict walk over one JSON text, token by token, without copying: the reader under row_check and
// json_line. It exists beside simdjson because rows need what that does not give: the offset of
// every error, numbers of any size as their text, names seen twice at any depth, and "this is a
// prefix".
//
// Shape:    RFC 8259; no byte order mark, no lone surrogates, no control characters in strings.
// UTF-8
//           is the caller's to check once for the whole text (IsUtf8)
// Lifetime: a view of the text; slices point into it
// Errors:   a method that returns false leaves error() set, for good
// Cost:     one pass; no allocation once the scratch space is warm
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mendfs {

inline constexpr size_t kJsonDepthMax = 128;

struct JsonError {
  const char* sentence = nullptr;  // nullptr: none
  size_t offset = 0;
  bool truncated = false;  // the text ended where more had to come
  std::string_view name;   // of the member that stands there twice
};

// What lies between the quotes, escapes not undone.
struct JsonString {
  std::string_view raw;
  bool escaped = false;
};

struct JsonNumber {
  std::string_view text;
  bool integer = false;  // no fraction and no exponent
};

// Appends `raw`, which a JsonCursor has accepted, with its escapes undone.
void AppendUnescaped(std::string& out, std::string_view raw);

// The names of one object, to find one that stands there twice. Reused from object to object.
class JsonNames {
 public:
  void Clear();
  size_t size() const { return names_.size(); }
  void Add(const JsonString& name, size_t offset);
  // Looks for a pair among the names added since `base`, and forgets them. On a pair: true, and
  // where the second one stands.
  bool TakeDuplicate(size_t base, size_t& offset);

 private:
  struct Name {
    const char* data;  // null: in unescaped_ at `position`
    size_t position;
    size_t size;
    size_t offset;
  };
  std::string_view Text(const Name& name) const;

  std::vector<Name> names_;
  std::string unescaped_;
};

class JsonCursor {
 public:
  // Scratch for the names of skipped values; outlives the cursor.
  JsonCursor(std::string_view text, JsonNames& names)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), names_(names) {}

  // The next byte behind white space, 0 at the end.
  char Peek() {
    // Mostly there is none to skip; a byte above the blank cannot be any.
    if (at_<end_&& static_cast<unsigned char>(*at_)> ' ') return *at_;
    return PeekBehindBlank();
  }
  // Takes `c` if it is next; else false without an error.
  bool TakeIf(char c) {
    if (Peek() != c || at_ == end_) return false;
    ++at_;
    return true;
  }
  // Takes `c`, which must be next.
  bool Expect(char c, const char* sentence) { return TakeIf(c) || Fail(sentence); }
  bool ReadString(JsonString& string);
  bool ReadNumber(JsonNumber& number);
  // "true", "false" or "null".
  bool ReadLiteral(std::string_view literal);
  // Any value, checked in full; at most kJsonDepthMax deep counting `depth` levels around it.
  bool SkipValue(size_t depth = 0);
  // Any object or array, trusting its inside: only strings and brackets are looked at.
  bool LeapContainer();
  // Nothing but white space to the end.
  bool ExpectEnd();

  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  std::string_view Slice(size_t from) const { return {begin_ + from, offset() - from}; }
  const JsonError& error() const { return error_; }
  bool Fail(const char* sentence) { return FailAt(offset(), sentence); }
  bool FailAt(size_t offset, const char* sentence);

 private:
  char PeekBehindBlank();
  bool ReadEscape();
  bool ReadHex(unsigned& unit);
  bool SkipScalar(char c);
  bool OpenContainer(char c, size_t depth);
  bool CloseContainer();
  bool ReadName();

  // Left uninitialised: a cursor is made for every row.
  struct Frame {
    bool object;
    size_t names;  // where this object's names begin
  };

  const char* begin_;
  const char* at_;
  const char* end_;
  JsonNames& names_;
  JsonError error_;
  Frame frames_[kJsonDepthMax];
  size_t frame_count_ = 0;
};

}  // namespace mendfs
