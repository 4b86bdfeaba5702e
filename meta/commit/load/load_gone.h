// Rows that a load takes away: their names are cleared, and the edges that hung on them.
//
//   rows in key order -> sorted by number -> kRowName cleared · joined with the edges of both
//   sides -> sorted by EdgeKey, for the pass that writes edges
//
// Edges of types that the load brings whole are that pass's own: what the input does not have goes,
// whatever it hangs on.
//
// Lifetime: context and output outlive it
// Threads:  one
// Errors:   a row that an edge with @ondelete(restrict) holds goes to the report; else as Reader
//           and LoadOutput
// Cost:     a sort of the rows, a sort of their edges' keys; a step or a seek a row and edge type
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/commit/load/load_context.h"
#include "meta/commit/load/load_output.h"
#include "meta/table/index.h"

namespace mendfs {

class GonePass {
 public:
  explicit GonePass(LoadContext& context);

  Status Add(TypeId type, InodeNumber row, std::string_view key);
  uint64_t rows() const { return sort_->records(); }
  // Clears the names; answers them as a run, RowNameKey -> key.
  Result<RunInfo> ClearNames(LoadOutput::Stream& row_names);
  // Keys of the edges that go with the rows of `gone`.
  static Result<std::unique_ptr<ExternalSorter>> CollectEdges(LoadContext& context,
                                                              const RunInfo& gone);

 private:
  LoadContext& context_;
  std::unique_ptr<ExternalSorter> sort_;
};

}  // namespace mendfs
