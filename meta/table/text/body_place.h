// Where in a body a fault is, taken out of the message that RowChecker made of it: whoever knows
// where the body came from tells that place instead.
//
// Threads:  a free function over values
#pragma once

#include <cstdint>
#include <string>

namespace mendfs {

// Both begin with 1, columns count bytes.
struct BodyPlace {
  uint64_t line = 0;  // 0: no place was told
  uint64_t column = 0;
};
// Takes " (line 1, column 22)", or " (column 22)" of a line that is no row at all, off the end.
BodyPlace TakeBodyPlace(std::string& message);

}  // namespace mendfs
