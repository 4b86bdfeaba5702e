// The row in which thinning keeps what it owes and what it measured.
//
// Source:   docs/formats/keys.md
// Threads:  pure functions
// Errors:   kCorruption; kUnsupported for a newer version
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"

namespace mendfs {

struct HistoryRow {
  uint64_t owed = 0;     // commits taken away since their values were looked for
  uint64_t dropped = 0;  // commits taken away since the store was made
  // As of the last time that commits were judged; 0: never.
  int64_t judged_ns = 0;
  uint64_t commits = 0;  // that are kept
  Seq oldest;            // of these
  int64_t oldest_ns = 0;
  // As of the last time that all values were looked at; 0: never.
  int64_t looked_ns = 0;
  uint64_t values = 0;       // earlier values that were kept,
  uint64_t value_bytes = 0;  // and what they take in LevelDB with their keys, uncompressed
  friend bool operator==(const HistoryRow&, const HistoryRow&) = default;
};

std::string EncodeHistoryRow(const HistoryRow& row);
Result<HistoryRow> DecodeHistoryRow(std::string_view bytes);

}  // namespace mendfs
