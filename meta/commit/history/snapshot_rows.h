// The rows of snapshots: commits that have a name and are kept at any age.
//
// Source:   docs/formats/keys.md
// Threads:  pure functions; EachSnapshot as Reader
// Errors:   kCorruption; kUnsupported for a newer version
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/reader.h"

namespace mendfs {

struct SnapshotRow {
  std::string name;  // stands in the key
  BranchId branch;
  Seq seq;  // of the commit
  CommitId commit;
  int64_t time_ns = 0;  // when it was taken
  std::string actor;
  std::string message;
  friend bool operator==(const SnapshotRow&, const SnapshotRow&) = default;
};

std::string EncodeSnapshotRow(const SnapshotRow& row);
Result<SnapshotRow> DecodeSnapshotRow(std::string_view name, std::string_view bytes);

// All of them, in the order of their names' bytes; one that does not decode with its refusal. Ends
// where `visit` is not ok.
using SnapshotVisitor =
    std::function<Status(std::string_view name, const Result<SnapshotRow>& row)>;
Status EachSnapshotRow(const Reader& reader, const SnapshotVisitor& visit);

}  // namespace mendfs
