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
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/commit/load/run_file.h"
#include "meta/manifest/reader.h"

namespace mendfs {

// Entries that the store has already.
class StoredEntries {
 public:
  StoredEntries(const Reader& reader, const View& view) : reader_(reader), view_(view) {}

  // `key` is at or above the one of the last call, and of a kind whose keys go by type. The value,
  // valid until the next call; nothing: there is none.
  Result<std::optional<std::string_view>> Find(std::string_view key);

 private:
  const Reader& reader_;
  const View view_;
  std::string type_prefix_;
  std::unique_ptr<Cursor> cursor_;
};

// All that the store has under some prefixes, in rising order.
class StoredWalk {
 public:
  StoredWalk(const Reader& reader, const View& view, std::vector<std::string> prefixes);

  bool Valid() const { return cursor_ != nullptr; }
  std::string_view key() const { return cursor_->key(); }
  std::string_view value() const { return cursor_->value(); }
  Status Next();
  // Why it is not valid at the beginning.
  const Status& status() const { return status_; }

 private:
  Status SkipEmpty();

  const Reader& reader_;
  const View view_;
  std::vector<std::string> prefixes_;  // those to come, rising from the back
  std::unique_ptr<Cursor> cursor_;
  Status status_;
};

// The rows that a load brings: a run of RowKey -> number and line, and the numbers of each type,
// which are without gaps. A row that it takes away stands there with the number 0; those are in
// `gone`, too, by number: RowNameKey -> key.
struct NewRows {
  struct Range {
    uint64_t first = 0;
    uint64_t count = 0;
  };
  RunInfo run;
  RunInfo gone;
  uint64_t first = 0;
  uint64_t count = 0;
  std::map<TypeId, Range> types;
  uint64_t changed_count = 0;  // rows that were there and get a new body
  uint64_t gone_count = 0;

  bool Holds(InodeNumber row) const { return row.value - first < count; }
};

// Both.
class RowResolver {
 public:
  static Result<std::unique_ptr<RowResolver>> Begin(Disk& disk, const NewRows& new_rows,
                                                    const Reader& reader, const View& view);
  // As StoredEntries::Find. Nothing for a row that the load takes away.
  Result<std::optional<InodeNumber>> Find(std::string_view row_key);

 private:
  RowResolver(std::unique_ptr<RunReader> new_rows, const Reader& reader, const View& view);
  Result<std::optional<InodeNumber>> Search(std::string_view row_key);

  const std::unique_ptr<RunReader> new_rows_;
  StoredEntries existing_;
  std::string last_key_;  // neighbours often ask the same
  std::optional<InodeNumber> last_answer_;
};

}  // namespace mendfs
