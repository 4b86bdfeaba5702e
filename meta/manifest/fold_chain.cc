#include "meta/manifest/fold_chain.h"

#include <map>

namespace mendfs {
namespace {

Status Missing(const FoldState& state, uint64_t number, const std::string& seen) {
  return Status(Code::kCorruption,
                "of its folds up to " + std::to_string(state.number) + " (change " +
                    std::to_string(state.folded.value) + "), fold " + std::to_string(number) + " " +
                    seen +
                    ": rows are lost; the store is readable but not writable: mount it with " +
                    "-o ro, export what is left and load it into a new store");
}

Result<std::map<uint64_t, FoldRow>> ReadRows(const Kv& kv) {
  std::map<uint64_t, FoldRow> rows;
  const std::string prefix = FoldRowPrefix();
  const auto iterator = kv.Scan();
  for (iterator->Seek(prefix); iterator->Valid(); iterator->Next()) {
    if (iterator->key().substr(0, prefix.size()) != prefix) break;
    MENDFS_ASSIGN_OR_RETURN(const FoldRow row, DecodeFoldRow(iterator->value()));
    if (iterator->key() != FoldRowKey(row.number)) {
      return Status(Code::kCorruption,
                    "the row of fold " + std::to_string(row.number) + " stands in another's place");
    }
    rows.emplace(row.number, row);
  }
  MENDFS_RETURN_IF_ERROR(iterator->status());
  return rows;
}

}  // namespace

Status CheckFoldChain(const Kv& kv, const FoldState& state) {
  MENDFS_ASSIGN_OR_RETURN(const auto rows, ReadRows(kv));
  const uint64_t oldest = state.number < kFoldRows ? 1 : state.number - kFoldRows + 1;
  FoldRow before;  // of the fold before; number 0 and chain 0 stand before the first
  for (uint64_t number = oldest; number <= state.number; ++number) {
    const auto found = rows.find(number);
    if (found == rows.end()) return Missing(state, number, "is missing");
    const FoldRow& row = found->second;
    const bool chained = row.from == before.to && row.chain == FoldChain(before.chain, row);
    // What stands before the oldest row is not known any more.
    if (!chained && (number != oldest || oldest == 1)) {
      return Missing(state, number, "does not follow the one before");
    }
    before = row;
  }
  if (before.to != state.folded || before.chain != state.chain ||
      (state.number > 0 && before.totals != HashTotals(state))) {
    return Missing(state, state.number, "does not lead to the position");
  }
  if (!rows.empty() && rows.rbegin()->first > state.number) {
    return Missing(state, rows.rbegin()->first, "is there and the position is older");
  }
  return Status::Ok();
}

}  // namespace mendfs
