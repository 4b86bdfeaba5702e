// Text that came from outside, fit for a sentence: what stands in a file, or names one, reaches a
// terminal, a log line or JSON through here and in no other way.
//
// Shape:    well-formed UTF-8 without control characters; every other byte becomes \xNN. What it
//           has made it leaves as it is, so that asking it twice is harmless
// Threads:  pure functions
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mendfs {

// Safe on a terminal and on one line.
std::string Printable(std::string_view text);
// The same of a piece of a file: at most the first `bytes_max`, in quotes, with "…" when there is
// more.
std::string Quoted(std::string_view text, size_t bytes_max = 64);

// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if it is not one.
size_t Utf8Length(std::string_view text);

}  // namespace mendfs
