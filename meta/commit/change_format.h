// A change as the payload of a journal record.
//
// Source:   docs/formats/journal.md
// Threads:  pure functions
// Errors:   kCorruption
#pragma once

#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/manifest/change.h"

namespace mendfs {

std::string EncodeChange(const Change& change);
Result<Change> DecodeChange(BranchId branch, std::string_view payload);

}  // namespace mendfs
