// Node rows over a Reader: finding them, walking them, and the entries that one row consists of.
//
// A row is live while its kRow and kRowName entries exist; a number is live with its kRowName.
//
// Threads:  free functions; a RowKeyCache and a NodeWalk belong to one thread at a time
// Errors:   as Reader; kCorruption for entries that do not decode
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/codec/hash.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/table/row_format.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

struct StoredRow {
  RowHead head;
  std::string value;  // the whole entry
  Seq start;          // the change that wrote it

  std::string_view body() const { return std::string_view(value).substr(head.body_offset); }
};
Result<std::optional<StoredRow>> FindRow(const Reader& reader, const View& view, TypeId type,
                                         std::string_view key);
// The key of a live number.
Result<std::optional<std::string>> FindRowKey(const Reader& reader, const View& view, TypeId type,
                                              InodeNumber row);

struct RowWrite {
  std::string_view key;
  InodeNumber row;
  RowAttributes attributes;
  std::string_view body;
  bool fresh_key = false;            // no row has this key
  bool fresh_number = false;         // the number was never used
  bool named = false;                // kRowName and kLongName stand already
  std::optional<Hash128> long_name;  // for keys whose file names are hashed (meta/tables.h)
};
void PutRowEntries(TypeId type, const RowWrite& write, Change& change);
// The entries that hang on the key, and the one that hangs on the number.
void ClearRowKey(TypeId type, std::string_view key, const std::optional<Hash128>& long_name,
                 Change& change);
void ClearRowNumber(TypeId type, InodeNumber row, Change& change);

// Keys of live numbers, remembered in a direct-mapped table that grows with its misses.
class RowKeyCache {
 public:
  RowKeyCache(const Reader& reader, const View& view, TypeId type)
      : reader_(reader), view_(view), type_(type) {}

  // nullptr when the number is not live. Valid until the next call.
  Result<const std::string*> Find(InodeNumber row);

  static constexpr size_t kSlotsMax = 16384;
  static constexpr size_t kKeyBytesMax = 512;  // longer keys are looked up each time

 private:
  struct Slot {
    InodeNumber row;
    bool live = false;
    std::string key;
  };
  void GrowIfWorthwhile();

  const Reader& reader_;
  const View view_;
  const TypeId type_;
  std::vector<Slot> slots_;
  size_t misses_ = 0;
  std::string long_key_;
};

// Live rows in the order of their numbers.
class NodeWalk {
 public:
  // Begins behind the number `after`.
  NodeWalk(const Reader& reader, const View& view, TypeId type, InodeNumber after);

  struct Row {
    InodeNumber row;
    std::string key;
  };
  Result<std::optional<Row>> Next();

 private:
  std::unique_ptr<Cursor> cursor_;
};

}  // namespace mendfs
