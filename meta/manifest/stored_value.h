// What stands behind a key in LevelDB: who wrote it, whether it is a whiteout, and the payload.
//
// Source:   docs/formats/keys.md
// Threads:  pure functions
#pragma once

#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"

namespace mendfs {

struct StoredValue {
  Seq start;
  bool whiteout = false;
  std::string_view payload;  // views the bytes that were decoded
};

std::string EncodeStoredValue(const StoredValue& value);
// kCorruption names `key` in hexadecimal.
Result<StoredValue> DecodeStoredValue(std::string_view key, std::string_view bytes);

}  // namespace mendfs
