// A body that names its row's key, when that key changes: `mv alice.json alicia.json`.
//
// Threads:  a free function over values
#pragma once

#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

// `body` of the row `key` with parts of `new_key` in the place of those that stand in it and
// differ. All other bytes stay: spacing, order, final newline. A part that the body does not have
// stays absent. kInvalid names the part of `new_key` that is no value of its property; @range and
// @check are for a RowChecker, which judges the answer.
Result<std::string> RekeyBody(const NodeType& type, std::string_view body, std::string_view key,
                              std::string_view new_key);

}  // namespace mendfs
