// Rows as lines of JSON whose bodies do not name them: the names are put in front.
//
// Threads:  free functions over values
// Errors:   kInvalid for a key that is none of the type's
#pragma once

#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

// Appends the key's columns: `"day":"2026-11-20","number":7`. The type has key columns.
Status AppendKeyMembers(std::string& out, const NodeType& type, std::string_view key);
// Appends the object `body`, which may be empty, on one line with `members` at its front.
void AppendWithMembers(std::string& out, std::string_view members, std::string_view body);

}  // namespace mendfs
