// The manifest's own rows: how far the journal is folded in, what each branch holds, and branches.
//
// Source:   docs/formats/keys.md
// Threads:  pure functions
// Errors:   kCorruption, kUnsupported for a newer version
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/codec/hash.h"

namespace mendfs {

// What a branch holds; moves with every fold.
struct BranchTotals {
  Hash128 content_root;  // sum of the leaves of all entries that are not derived
  uint64_t files = 0;
  uint64_t nodes = 0;
  uint64_t edges = 0;
  uint64_t changed = 0;  // entries changed since the store was made
  friend bool operator==(const BranchTotals&, const BranchTotals&) = default;
};

// Written by the batch of every fold, so that it is always true of the entries beside it.
struct FoldState {
  Seq folded;  // every change up to here is in LevelDB
  std::map<BranchId, BranchTotals> totals;
  friend bool operator==(const FoldState&, const FoldState&) = default;
};

std::string FoldStateKey();
std::string EncodeFoldState(const FoldState& state);
Result<FoldState> DecodeFoldState(std::string_view bytes);

// A branch and where it came from. Its name is the key.
struct BranchRow {
  BranchId id;
  Id128 incarnation;
  std::optional<BranchId> parent;
  Seq fork;  // reads of the parent stop here
  Seq head;  // the seq of its newest commit; 0 before the first
  friend bool operator==(const BranchRow&, const BranchRow&) = default;
};

std::string EncodeBranchRow(const BranchRow& row);
Result<BranchRow> DecodeBranchRow(std::string_view bytes);

}  // namespace mendfs
