// Renames within one table: row to row, scratch to row (a safe save's commit), row to scratch (its
// backup), scratch to scratch.
//
// Threads:  safe from any thread
// Errors:   kExists (kNoReplace), kInvalid with the reason, kTooBig, kBusy while the name is only a
//           draft; both sides are as they were then
#pragma once

#include <string_view>

#include "fs/ops/rows/row_files.h"
#include "fs/ops/rows/row_scratch.h"

namespace mendfs {

class RowRenames {
 public:
  RowRenames(RowFiles& files, TableScratch& scratch) : files_(files), scratch_(scratch) {}

  struct Names {
    TypeId table;
    std::string_view source;
    std::string_view target;
    RenameMode mode = RenameMode::kReplace;
  };
  Status Rename(const Caller& caller, const Names& names);

 private:
  Status ScratchToScratch(const Caller& caller, const Names& names);
  Status ScratchToRow(const Caller& caller, const Names& names);
  Status RowToScratch(const Names& names);
  Status RowToRow(const Names& names);
  Result<RowFile> LiveRow(const Names& names);

  RowFiles& files_;
  TableScratch& scratch_;
};

}  // namespace mendfs
