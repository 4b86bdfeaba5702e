// The little JSON that is written by hand: strings, and bodies brought onto one line.
//
// Threads:  free functions over values
#pragma once

#include <string>
#include <string_view>

namespace mendfs {

// `text` is UTF-8. One text has one form.
void AppendJsonString(std::string& out, std::string_view text);
// `json` is valid; white space outside of strings goes, nothing else changes.
void AppendMinified(std::string& out, std::string_view json);

}  // namespace mendfs
