// Takes rows away whose time has passed: @ttl(column) of their type says when. Reading triggers
// nothing; whoever keeps a store open for writing calls this now and then.
//
//   1 a look without the gate whether anything has passed · 2 the gate, exclusively · 3 up to
//   `limit` rows, found by the column's index, and their edges are cleared in one change · 4 it is
//   published with a commit of its own, by the actor "ttl"
//
// A crash before 4 leaves them all; they are found again. A row that @ondelete(restrict) or @card
// holds stays until nothing holds it. Of one with more than kExpiredEdgesMax edges the rest is owed
// and swept as after a delete, by a later open.
//
// Lifetime: the Store outlives it
// Threads:  one at a time
// Errors:   as TableWriter::DeleteNode; kReadOnly. Nothing was changed then
// Cost:     nothing has passed: a look at the first index entry of each such type; else as deleting
//           the rows one by one, and one commit. Writers of rows wait for it
#pragma once

#include <cstdint>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/store.h"

namespace mendfs {

class RowExpiry {
 public:
  RowExpiry(Store& store, BranchId branch) : store_(store), branch_(branch) {}

  static constexpr uint64_t kExpiredEdgesMax = 5000;

  // Answers how many rows went.
  Result<uint64_t> Run(uint64_t limit);

 private:
  Store& store_;
  const BranchId branch_;
  int64_t held_until_ns_ = 0;  // all that had passed is held by edges; asked again then
};

}  // namespace mendfs
