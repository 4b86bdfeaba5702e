// Snapshots: commits with a name, which thinning never takes, at any age and however full the disk
// is. Taking one costs the same at any size: it is one row.
//
//   create   1 a commit is closed for what was changed, if HEAD is meant · 2 its commit is pinned
//   in
//            memory · 3 the commit's row is looked for · 4 the snapshot's row is appended · 5
//            flushed
//   delete   1 the row is cleared · 2 the commit unpinned · 3 flushed
//
// Crash before 4 of create: there is at most one commit more. Behind it: the snapshot is there, or
// was never acknowledged. The commit's row stands before the snapshot's in the journal, and what
// takes it behind the record that clears the snapshot, so whatever end of the journal is lost, a
// snapshot that is there has its commit. Renaming is one record.
//
// Shape:    names are those of git refs, with `/` in them; none is the beginning of another up to a
//           `/`, none reads as another kind of ref (meta/refs.h). As a file name `/` and `%` are
//           percent-encoded
// Threads:  as Store
// Errors:   as Store; kInvalid for a name that cannot be one; kExists; kNotFound; kStale where the
//           commit is just being thinned away
// Source:   docs/formats/keys.md, docs/decisions/0022-snapshots.md
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meta/commit/history/snapshot_rows.h"
#include "meta/store.h"

namespace mendfs {

inline constexpr size_t kSnapshotNameBytesMax = 255;  // as a file name
inline constexpr size_t kSnapshotMessageBytesMax = 4096;
inline constexpr size_t kSnapshotsMax = 65'536;

// kInvalid says what the name must not have.
Status CheckSnapshotName(std::string_view name);
std::string SnapshotFileName(std::string_view name);
// Nothing for what SnapshotFileName does not answer.
std::optional<std::string> ParseSnapshotFileName(std::string_view file_name);

struct NewSnapshot {
  std::string name;
  std::string ref = "HEAD";  // HEAD: with all that was changed so far
  std::string actor;
  std::string message;
};
// On error nothing was taken; but kIo and kReadOnly may come from a failed flush.
Result<SnapshotRow> CreateSnapshot(Store& store, BranchId branch, const NewSnapshot& wanted);
// Also one whose row does not decode.
Status DeleteSnapshot(Store& store, std::string_view name);
Status RenameSnapshot(Store& store, std::string_view name, std::string_view new_name);

Result<SnapshotRow> FindSnapshot(const Store& store, std::string_view name);
Status EachSnapshot(const Store& store, const SnapshotVisitor& visit);
// kCorruption where it is not there.
Result<CommitRow> CommitOfSnapshot(const Store& store, const SnapshotRow& snapshot);

// {"name":…,"commit":…,"seq":…,"time":…,"actor":…,"message":…}
std::string SnapshotJson(const SnapshotRow& snapshot);

}  // namespace mendfs
