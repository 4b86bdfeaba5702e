// The schema as bytes in the store, ids included: versioned, checksummed, and checked again for
// meaning when it is read.
//
// Errors:   kCorruption if bytes are torn, changed or contradict themselves; kUnsupported if a
// newer
//           version wrote them
// Source:   docs/formats/schema.md
#pragma once

#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

std::string EncodeSchema(const Schema& schema);
Result<Schema> DecodeSchema(std::string_view bytes);

}  // namespace mendfs
