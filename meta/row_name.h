// Row keys as file names and back: `nodes/<Type>/<key>.json`,
// `edges/<Type>/<src>~<dst>[~<n>].json`, and the same stems without `.json` for the directories of
// `graph/<Type>/`.
//
// One key has one name and one name one key. `/`, NUL, `%`, `~`, control bytes and a dot at the
// very start are written %XX with upper-case digits, nothing else is; parts of composite keys and
// the ends of edges are joined by `~`; the second and later parallel edges carry their number. A
// name that would be longer than 255 bytes is `%h<32 hex>.json` instead, from the XXH3-128 of the
// long stem.
//
// Shape:    keys are parts, UTF-8, none empty; how many there are is known from the schema
// Errors:   kInvalid with the reason for a name that no key has
// Threads:  free functions over values
// Source:   docs/formats/row_names.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

inline constexpr size_t kFileNameBytesMax = 255;
inline constexpr std::string_view kRowNameSuffix = ".json";

enum class RowNameForm : unsigned char {
  kFile,       // with .json
  kDirectory,  // without
};

// kInvalid: an empty part, or one that is not UTF-8.
Result<std::string> EncodeNodeName(std::span<const std::string> key,
                                   RowNameForm form = RowNameForm::kFile);
// `n` is 1 for the first edge between two ends, which has no suffix; 0 is kInvalid.
Result<std::string> EncodeEdgeName(std::span<const std::string> source,
                                   std::span<const std::string> target, uint32_t n);

// The same from key text (meta/table/schema/row_value.h) and the number of parts the type's keys
// have.
Result<std::string> NodeNameOfKey(std::string_view key, size_t part_count,
                                  RowNameForm form = RowNameForm::kFile);
struct EdgeKeyTexts {
  std::string_view source;
  size_t source_part_count = 1;
  std::string_view target;
  size_t target_part_count = 1;
  uint32_t n = 1;
};
Result<std::string> EdgeNameOfKeys(const EdgeKeyTexts& keys);

struct NodeName {
  std::vector<std::string> key;
  // Set instead of `key` for %h names: the row is found by its hash, and is the right one if its
  // key encodes to this very name.
  std::optional<std::string> hashed;
};
struct EdgeName {
  std::vector<std::string> source;
  std::vector<std::string> target;
  uint32_t n = 1;
  std::optional<std::string> hashed;
};

Result<NodeName> DecodeNodeName(std::string_view name, size_t part_count,
                                RowNameForm form = RowNameForm::kFile);

// The key text (meta/table/schema/row_value.h) of the parts that the decoders answer.
std::string KeyOfParts(std::span<const std::string> parts);

struct EdgePartCounts {
  size_t source = 1;
  size_t target = 1;
};
Result<EdgeName> DecodeEdgeName(std::string_view name, const EdgePartCounts& counts);

// Does this name in a table directory claim to be a row? `.json` at the end, something before it,
// no dot in front. All other names are scratch. A claim may still fail to decode: then it is
// kInvalid and not scratch, so that no row is lost to a misspelt name.
bool IsRowName(std::string_view name);

// "%h…" as the decoders report it in `hashed`.
bool IsHashedStem(std::string_view stem);

}  // namespace mendfs
