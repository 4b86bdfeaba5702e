// Rows as lines of JSON whose bodies do not name them: the names are put in front.
//
// Threads:  free functions over values
// Errors:   kInvalid for a key that is none of the type's; kCorruption for a body that is no object
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

// Appends the key's columns: `"day":"2026-11-20","number":7`. The type has key columns.
Status AppendKeyMembers(std::string& out, const NodeType& type, std::string_view key);
// The ends of an edge: `"$from":"alice","$to":"bob"`.
inline constexpr std::array<std::string_view, 2> kEndMemberNames = {"$from", "$to"};
void AppendEndMembers(std::string& out, std::string_view source, std::string_view target);
// The names of the key's columns.
std::vector<std::string_view> KeyMemberNames(const NodeType& type);
// Appends the object `body`, which may be empty, on one line with `members` at its front. Members
// of the body that have one of their `names` say the same, or null, and are left out.
Status AppendWithMembers(std::string& out, std::string_view members,
                         std::span<const std::string_view> names, std::string_view body);

}  // namespace mendfs
