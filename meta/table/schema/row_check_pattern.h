// Regular expressions for @check, behind one door (RE2): matching is linear in the text and bounded
// in memory whatever the pattern says, so that a schema cannot hang a writer.
//
// Threads:  immutable; safe from any thread
// Errors:   kInvalid for a pattern that does not compile, is too long, or needs too much memory
#pragma once

#include <memory>
#include <string_view>

#include "meta/base/status.h"

namespace mendfs {

class CheckedPattern {
 public:
  static Result<std::unique_ptr<CheckedPattern>> Compile(std::string_view pattern);
  ~CheckedPattern();

  // Is there a match anywhere in `text`? Anchor with ^ and $ to mean the whole.
  bool Matches(std::string_view text) const;

 private:
  struct Compiled;
  explicit CheckedPattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace mendfs
