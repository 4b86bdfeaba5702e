// One line of a load: which row it is, and where in the line its body stands.
//
//   {"type":"Person","data":{…}}                    node; "key": "…" where the body does not have
//   it
//   {"edge":"Knows","from":"a","to":"b","data":{…}}  edge; "data" and "n" (2, 3, …) may be absent
//   {…}                                             with a given type: the line is the body
//
// Ends and keys are a string (key text), an integer, or an array of them for composite keys.
// Members come in any order; unknown ones are refused. The body is not judged here (RowChecker
// does) but where it ends is exact.
//
// Lifetime: views point into the line or into the LoadLine, valid until either changes
// Errors:   kInvalid with the column
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"

namespace mendfs {

struct LoadLine {
  enum class Kind : unsigned char { kNode, kEdge, kBare };

  LoadLine() = default;
  LoadLine(const LoadLine&) = delete;  // its views may point into itself
  LoadLine& operator=(const LoadLine&) = delete;

  Kind kind = Kind::kBare;
  std::string_view type;                // empty for kBare
  std::optional<std::string_view> key;  // nodes: key text
  std::string_view from;                // edges: key text
  std::string_view to;
  uint32_t n = 1;  // edges: which of parallel ones
  bool n_given = false;
  std::string_view data;  // exactly the bytes of the object; empty if an edge has none

  // Where escapes had to be undone.
  std::string type_text, key_text, from_text, to_text;
};

struct LoadLineOptions {
  bool bare = false;  // every line is a body: a type was given
};

// `line` without its line end. Blank lines are for the caller to skip.
Status SplitLoadLine(std::string_view line, const LoadLineOptions& options, LoadLine& out);

}  // namespace mendfs
