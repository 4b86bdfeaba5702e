// The entries by which a change of the schema takes data away, as sorted streams: rows and edges of
// dropped types are cleared with all that follows from them, those of types that lose a property
// get a new body. Only as whiteouts and newer versions: what was there stays readable in the past.
//
// Lifetime: all that it is given outlives the call
// Threads:  one; the caller holds the tables' gate exclusively
// Errors:   as Reader and LoadOutput
// Cost:     one walk of the types; a sort of the index entries that change
#pragma once

#include <memory>
#include <string>

#include "meta/base/status.h"
#include "meta/commit/load/load_output.h"
#include "meta/disk/disk.h"
#include "meta/manifest/reader.h"
#include "meta/table/row_check.h"
#include "meta/table/schema/schema_plan.h"

namespace mendfs {

struct WriteOptions {
  View view;
  Disk& disk;
  std::string staging;  // a directory for sorts
};

Status WriteDataLoss(const Reader& reader, const WriteOptions& options,
                     const std::shared_ptr<const RowRules>& accepted,
                     const std::shared_ptr<const RowRules>& wanted, const SchemaChange& change,
                     LoadOutput& output);

}  // namespace mendfs
