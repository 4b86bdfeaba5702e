// From row keys to row numbers, for questions that come in rising order: a merge instead of a
// search for each.
//
// Lifetime: Reader and report outlive them
// Threads:  one
// Errors:   as Reader and RunReader
// Cost:     amortised: a step of a cursor, or a seek where the next question is far away
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/commit/load/run_file.h"
#include "meta/manifest/reader.h"

namespace mendfs {

// Rows that the store has already.
class ExistingRows {
 public:
  ExistingRows(const Reader& reader, const View& view) : reader_(reader), view_(view) {}

  // `row_key` (RowKey) is at or above the one of the last call.
  Result<std::optional<InodeNumber>> Find(std::string_view row_key);

 private:
  const Reader& reader_;
  const View view_;
  std::string type_prefix_;
  std::unique_ptr<Cursor> cursor_;
};

// The rows that a load brings: a run of RowKey -> number and line, and the numbers of each type,
// which are without gaps.
struct NewRows {
  struct Range {
    uint64_t first = 0;
    uint64_t count = 0;
  };
  RunInfo run;
  uint64_t first = 0;
  uint64_t count = 0;
  std::map<TypeId, Range> types;

  bool Holds(InodeNumber row) const { return row.value - first < count; }
};

// Both.
class RowResolver {
 public:
  static Result<std::unique_ptr<RowResolver>> Begin(Disk& disk, const NewRows& new_rows,
                                                    const Reader& reader, const View& view);
  // As ExistingRows::Find.
  Result<std::optional<InodeNumber>> Find(std::string_view row_key);

 private:
  RowResolver(std::unique_ptr<RunReader> new_rows, const Reader& reader, const View& view);
  Result<std::optional<InodeNumber>> Search(std::string_view row_key);

  const std::unique_ptr<RunReader> new_rows_;
  ExistingRows existing_;
  std::string last_key_;  // neighbours often ask the same
  std::optional<InodeNumber> last_answer_;
};

}  // namespace mendfs
