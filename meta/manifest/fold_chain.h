// Is every fold that LevelDB acknowledged still there?
//
// The state row names the newest fold; the rows of the kFoldRows folds before it must stand in
// their places, each chained to the one before. A batch that went missing from the middle (a lost
// table, an older copy of a file) shows as a row that is absent, old, or not chained.
//
// Bound:    a fold is in LevelDB's log for at most kFoldsInLog folds, then Manifest::Fold settles
//           the log into a table. LevelDB keeps at most 12 tables that it has not merged, and a
//           merge removes what it read: a missing file, which LevelDB refuses. 4096 rows are more
//           than all folds that 15 logs can hold, however small their batches are
// Errors:   kCorruption with what is missing and what to do; kUnsupported; as Kv
// Cost:     reads at most kFoldRows rows of 65 bytes, once an open
#pragma once

#include "meta/base/status.h"
#include "meta/manifest/kv/kv.h"
#include "meta/manifest/state_format.h"

namespace mendfs {

inline constexpr uint64_t kFoldsInLog = 256;
static_assert(kFoldRows > 15 * kFoldsInLog);

Status CheckFoldChain(const Kv& kv, const FoldState& state);

}  // namespace mendfs
