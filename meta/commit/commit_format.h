// A commit row, and the id that is its hash.
//
// Source:   docs/formats/commit.md
// Threads:  pure functions
// Errors:   kCorruption, also when the row does not hash to its id; kUnsupported
#pragma once

#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/store.h"

namespace mendfs {

// SHA-256 over everything but the id.
CommitId ComputeCommitId(const CommitRow& row);
std::string EncodeCommitRow(const CommitRow& row);
Result<CommitRow> DecodeCommitRow(std::string_view bytes);

}  // namespace mendfs
