// Making and clearing whole indexes, in chunks that are ordinary changes.
//
// Nobody reads an index that the schema in force does not name. So one is built before the schema
// that names it, and cleared after the last one that did; what a crash or a failure between leaves
// is in nobody's way, and is cleared first by the next build.
//
// Threads:  one; the caller holds the tables' gate exclusively
// Errors:   as Door and Reader
// Cost:     one walk of the type; memory of one chunk
#pragma once

#include <memory>
#include <vector>

#include "meta/base/status.h"
#include "meta/commit/door.h"
#include "meta/commit/migrate/row_rewrite.h"
#include "meta/table/row_check.h"

namespace mendfs {

// One column of one type.
struct IndexColumn {
  const NodeType* type = nullptr;  // of the schema that has the index
  PropertyId property;
};

// Columns that have an index in `schema` and none in `other`.
std::vector<IndexColumn> IndexesOnlyIn(const Schema& schema, const Schema& other);

// Entries of all rows as `rewrite` leaves them, judged by `wanted`.
Status BuildIndexes(Door& door, const View& view, const std::shared_ptr<const RowRules>& wanted,
                    const std::vector<IndexColumn>& columns, RowRewrite& rewrite);
Status ClearIndex(Door& door, const View& view, TypeId type, PropertyId property);

}  // namespace mendfs
