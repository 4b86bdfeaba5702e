// Leaves of the content fingerprint: what one entry adds to the order-independent sum of its
// branch.
//
// The sum of the leaves of all entries that are not derived is equal exactly when the contents are
// (but for a collision of 128 bits), however they came about.
//
// Threads:  a pure function
// Cost:     one pass over the value
#pragma once

#include <string_view>

#include "meta/codec/hash.h"

namespace mendfs {

// XXH3-128 over the key and, behind it, the 16 bytes of the value's own XXH3-128.
Hash128 ContentLeaf(std::string_view key, std::string_view value);
// The same with another digest in place of the value's own.
Hash128 ContentLeaf(std::string_view key, const Hash128& digest);

}  // namespace mendfs
