// What a fold does with pieces of bodies: those that are too long for an entry go to a run.
//
// Threads:  as the BodyStore
// Errors:   as BodyStore::Append
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/codec/hash.h"
#include "meta/pack/body_store.h"

namespace mendfs {

// The entry's value once its bytes are in a run; nothing where they stay: the key is no piece of a
// body, the piece is short, in a run already or does not decode.
Result<std::optional<std::string>> MoveBody(std::string_view key, std::string_view value,
                                            BodyStore& bodies);

// What stands for a piece of a body in the content sum; nothing for other entries.
std::optional<Hash128> BodyDigest(std::string_view key, std::string_view value);

}  // namespace mendfs
