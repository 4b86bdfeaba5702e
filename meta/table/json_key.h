// Keys inside JSON: what "$from", "$to", "from", "to" and "key" hold.
#pragma once

#include <string>

#include "meta/table/json_cursor.h"

namespace mendfs {

// Replaces `key` by the key text (row_value.h) of a string (which is key text already), an integer,
// a Bool, or an array of them, whose elements are the parts of a composite key.
bool ReadKeyText(JsonCursor& cursor, std::string& key);

}  // namespace mendfs
