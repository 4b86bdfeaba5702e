// The names in .mend/snapshots/, and what mkdir, rmdir and mv there do.
//
// Threads:  safe from any thread
// Errors:   as meta/snapshots.h
#pragma once

#include <memory>
#include <string_view>

#include "fs/ops/plane/plane.h"
#include "meta/snapshots.h"

namespace mendfs {

// `name` is a file name in all of them.
Result<SnapshotRow> LookupSnapshot(const PlaneContext& context, std::string_view name);
// mkdir: of everything that was changed so far.
Result<SnapshotRow> TakeSnapshot(const PlaneContext& context, const Caller& caller,
                                 std::string_view name, const MakeRequest& request);
// rmdir. It shows everything and is never empty: that is no reason to refuse.
Status DropSnapshot(const PlaneContext& context, std::string_view name);
Status MoveSnapshot(const PlaneContext& context, const RenameCall& request);
// `self` is the directory.
Result<std::unique_ptr<DirectoryHandle>> OpenSnapshots(const PlaneContext& context,
                                                       InodeNumber self);

}  // namespace mendfs
