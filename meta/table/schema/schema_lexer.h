// Words of the schema language, one ahead. Private to schema_parser.cc.
//
// Lifetime: tokens point into the text
// Errors:   a broken string or a stray character is a kBad token whose `text` says what is wrong
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mendfs {

struct SchemaToken {
  enum class Kind : unsigned char { kEnd, kWord, kString, kPunct, kBad };

  Kind kind = Kind::kEnd;
  std::string_view text;     // kWord, kPunct ("->" is one); kBad: the complaint
  std::string value;         // kString: with escapes undone
  size_t offset = 0;         // in the text
  bool starts_line = false;  // nothing but white space before it on its line

  bool Is(std::string_view punct) const { return kind == Kind::kPunct && text == punct; }
  bool IsWord(std::string_view word) const { return kind == Kind::kWord && text == word; }
};

class SchemaLexer {
 public:
  explicit SchemaLexer(std::string_view text) : text_(text) { Advance(); }

  const SchemaToken& Peek() const { return next_; }
  SchemaToken Take();
  // The raw bytes from the next token to the closing parenthesis on the same line, trimmed; that
  // parenthesis is then the next token. For arguments that are no words: 0..150, 2020-01-01..
  std::string_view TakeRaw();
  // The next token if it is a pattern between slashes, where only `\/` is undone; else false.
  bool TakePattern(std::string& pattern);

  // "line 3, column 9" of an offset; columns count bytes.
  std::string Place(size_t offset) const;

 private:
  void Advance();
  bool SkipBlank();
  void ReadString();
  void Bad(std::string_view complaint);

  std::string_view text_;
  size_t position_ = 0;
  SchemaToken next_;
};

}  // namespace mendfs
