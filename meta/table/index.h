// Index entries of rows: which ones a row has, what a write changes about them, who holds a value.
//
// Columns that are @unique, @index or @ttl have one entry for each row whose value is not null:
// (type, property, value, row number). Edges have none.
//
// Threads:  free functions
// Errors:   as Reader
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/table/row_check.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

bool IsIndexed(const Property& property);
bool HasIndexes(const NodeType& type);

// Keys of the index entries of a row: sorted, unique.
using IndexKeys = std::vector<std::string>;
IndexKeys IndexKeysOf(TypeId type, InodeNumber row, const CheckedRow& checked);

// Clears what is only in `had` and sets what is only in `want`. `fresh`: see ChangeEntry.
void ChangeIndexes(const IndexKeys& had, const IndexKeys& want, bool fresh, Change& change);

// What the stored entries say, found by walking every index of the type: for a row whose body no
// longer passes the check that would tell.
// Cost: linear in the type's rows
Result<IndexKeys> ScanIndexKeys(const Reader& reader, const View& view, const NodeType& type,
                                InodeNumber row);

// A live row with this value that is none of `except`.
struct UniqueHolder {
  InodeNumber row;
  std::string key;
};
Result<std::optional<UniqueHolder>> FindHolder(const Reader& reader, const View& view, TypeId type,
                                               PropertyId property, std::string_view value,
                                               std::span<const InodeNumber> except);

// kExists naming the property and the row that has the value already.
Status CheckUnique(const Reader& reader, const View& view, const NodeType& type,
                   const CheckedRow& checked, std::span<const InodeNumber> except);

}  // namespace mendfs
