#include "meta/table/schema/schema_lexer.h"

#include <algorithm>
#include <utility>

namespace mendfs {
namespace {

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

SchemaToken SchemaLexer::Take() {
  SchemaToken taken = std::move(next_);
  Advance();
  return taken;
}

// Skips white space and comments; true if a line ended on the way (or the text begins here).
bool SchemaLexer::SkipBlank() {
  bool starts_line = position_ == 0;
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '#' || text_.substr(position_, 2) == "//") {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else if (c == '\n') {
      starts_line = true;
      ++position_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++position_;
    } else {
      break;
    }
  }
  return starts_line;
}

void SchemaLexer::Bad(std::string_view complaint) {
  next_.kind = SchemaToken::Kind::kBad;
  next_.text = complaint;
}

void SchemaLexer::Advance() {
  next_ = SchemaToken();
  next_.starts_line = SkipBlank();
  next_.offset = position_;
  if (position_ >= text_.size()) return;
  const char c = text_[position_];
  if (c == '"') return ReadString();
  if (IsWordChar(c)) {
    size_t end = position_;
    while (end < text_.size() && IsWordChar(text_[end])) ++end;
    next_.kind = SchemaToken::Kind::kWord;
    next_.text = text_.substr(position_, end - position_);
    position_ = end;
    return;
  }
  constexpr std::string_view kPunctuation = "{}()[]:,;?@/-.*";
  if (kPunctuation.find(c) == std::string_view::npos) {
    ++position_;
    return Bad("a character that means nothing here");
  }
  const size_t size = text_.substr(position_, 2) == "->" ? 2 : 1;
  next_.kind = SchemaToken::Kind::kPunct;
  next_.text = text_.substr(position_, size);
  position_ += size;
}

void SchemaLexer::ReadString() {
  next_.kind = SchemaToken::Kind::kString;
  for (++position_; position_ < text_.size(); ++position_) {
    char c = text_[position_];
    if (c == '"') {
      ++position_;
      return;
    }
    if (c == '\n') break;
    if (c == '\\') {
      if (++position_ >= text_.size()) break;
      switch (text_[position_]) {
        case '"':
        case '\\': c = text_[position_]; break;
        case 'n': c = '\n'; break;
        case 't': c = '\t'; break;
        default: return Bad("a backslash that is not one of \\\" \\\\ \\n \\t");
      }
    }
    next_.value.push_back(c);
  }
  Bad("a string without its closing quote");
}

std::string_view SchemaLexer::TakeRaw() {
  const size_t begin = next_.offset;
  size_t end = begin;
  while (end < text_.size() && text_[end] != ')' && text_[end] != '\n' && text_[end] != '#') ++end;
  std::string_view raw = text_.substr(begin, end - begin);
  while (!raw.empty() && (raw.back() == ' ' || raw.back() == '\t' || raw.back() == '\r')) {
    raw.remove_suffix(1);
  }
  position_ = end;
  Advance();
  return raw;
}

bool SchemaLexer::TakePattern(std::string& pattern) {
  if (!next_.Is("/")) return false;
  pattern.clear();
  for (size_t i = next_.offset + 1; i < text_.size() && text_[i] != '\n'; ++i) {
    if (text_[i] == '/') {
      position_ = i + 1;
      Advance();
      return true;
    }
    if (text_[i] == '\\' && i + 1 < text_.size() && text_[i + 1] != '\n') {
      if (text_[i + 1] != '/') pattern.push_back('\\');
      ++i;
    }
    pattern.push_back(text_[i]);
  }
  return false;
}

std::string SchemaLexer::Place(size_t offset) const {
  const std::string_view before = text_.substr(0, offset);
  size_t line = 1;
  for (const char c : before) line += c == '\n' ? 1 : 0;
  const size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(offset - start + 1);
}

}  // namespace mendfs
