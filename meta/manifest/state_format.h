// The manifest's own rows: how far the journal is folded in, what each branch holds, the last
// folds, and branches.
//
// Source:   docs/formats/keys.md
// Threads:  pure functions
// Errors:   kCorruption; kUnsupported for another version, the message says what to do
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
  Seq folded;           // every change up to here is in LevelDB
  uint64_t number = 0;  // of the fold that wrote this; 0: nothing was folded yet
  Hash128 chain;        // as in that fold's row
  std::map<BranchId, BranchTotals> totals;
  friend bool operator==(const FoldState&, const FoldState&) = default;
};

std::string FoldStateKey();
std::string EncodeFoldState(const FoldState& state);
Result<FoldState> DecodeFoldState(std::string_view bytes);

// Written by the batch of every fold beside the state, in one of kFoldRows places in turn. A batch
// that LevelDB lost leaves its place empty or with the row of an earlier round.
struct FoldRow {
  uint64_t number = 0;
  Seq from;        // folded before
  Seq to;          // folded after
  Hash128 totals;  // hash of the totals after it
  Hash128 chain;   // hash of all of the above and the chain of the fold before
  friend bool operator==(const FoldRow&, const FoldRow&) = default;
};

inline constexpr uint64_t kFoldRows = 4096;

std::string FoldRowPrefix();
std::string FoldRowKey(uint64_t number);
std::string EncodeFoldRow(const FoldRow& row);
Result<FoldRow> DecodeFoldRow(std::string_view bytes);

Hash128 HashTotals(const FoldState& state);
Hash128 FoldChain(const Hash128& before, const FoldRow& row);
// The row of the fold that ends in `state`; `state` gets its number and chain.
FoldRow ChainFold(const FoldState& before, FoldState& state);

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
