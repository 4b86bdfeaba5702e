// Would the rows that stand fit a wanted schema? Reads them and answers in the steps of the plan:
// a checked step that does not hold becomes refused and names the row, a destructive one learns
// from how many rows it takes something.
//
// Lifetime: reader and schemas outlive the call
// Threads:  one
// Errors:   as Reader; a row that does not fit is no error but a refused step
// Cost:     one walk of each type that a step is about; @unique one or two more for each
//           kUniqueHashesMax rows. Memory flat: kUniqueHashesMax hashes at most
#pragma once

#include <cstddef>
#include <memory>

#include "meta/base/status.h"
#include "meta/manifest/reader.h"
#include "meta/table/row_check.h"
#include "meta/table/schema/schema_plan.h"

namespace mendfs {

inline constexpr size_t kUniqueHashesMax = size_t{4} << 20;

struct LookOptions {
  View view;
  size_t hashes_max = kUniqueHashesMax;  // tests make it small
};

Status LookAtRows(const Reader& reader, const LookOptions& options, const RowRules& accepted,
                  const std::shared_ptr<const RowRules>& wanted, SchemaChange& change);

}  // namespace mendfs
