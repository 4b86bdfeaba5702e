// STORE/config.toml: the changeable policy of a store, read at each open.
//
// Shape:    one `key = "value"` a line; a key that is not there has its default
// Source:   docs/formats/store.md
// Errors:   kInvalid names the file, the line, what is wrong and what is allowed
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/commit/history/retention.h"
#include "meta/disk/disk.h"

namespace mendfs {

struct StoreConfig {
  RetentionPolicy history;
  // Nothing: the default.
  std::optional<uint64_t> garbage_bytes_min;
  std::optional<uint64_t> journal_kept_bytes;
  friend bool operator==(const StoreConfig&, const StoreConfig&) = default;
};

// The text that mkfs writes: comments only, every key with its default.
std::string DefaultConfig();
// `name` is what sentences call the text.
Result<StoreConfig> ParseConfig(std::string_view text, const std::string& name);
// The defaults when there is no file.
Result<StoreConfig> ReadConfig(Disk& disk, const std::string& store_path);

}  // namespace mendfs
