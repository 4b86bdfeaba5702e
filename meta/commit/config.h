// STORE/config.toml: the store's changeable policy.
//
// Shape:    one `key = whole number` a line, `_` between digits; comments begin with `#`
// Errors:   kInvalid names the line: a key that is not known, or named twice, a value that is no
//           number
// Source:   docs/formats/store.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/disk/disk.h"

namespace mendfs {

// Nothing: the default.
struct StoreConfig {
  std::optional<uint64_t> garbage_bytes_min;
  std::optional<uint64_t> journal_kept_bytes;
};

// The text that mkfs writes: comments only, every key has its default.
std::string DefaultConfig();
Result<StoreConfig> DecodeConfig(std::string_view text);
// An absent file is an empty one.
Result<StoreConfig> ReadConfig(Disk& disk, const std::string& store_path);

}  // namespace mendfs
