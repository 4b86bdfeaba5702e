// Rows of a node type that meet conditions: what `.mend/where` shows.
//
// A RowSelection is a RowQuery that was judged against a schema: columns exist, values are values
// of them. It reads an index where a condition has one, else the whole table.
//
// Threads:  values; a RowSelection is immutable: share it; a cursor belongs to one thread at a time
// Errors:   kNotFound for a column that the type does not have, kInvalid for a value that is none
// of
//           the column's or a condition that it cannot have; kOverflow past the SelectLimits
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "meta/base/status.h"
#include "meta/table/select/row_query.h"
#include "meta/table/text/line_stream.h"
#include "meta/tables.h"

namespace mendfs {

struct SelectLimits {
  uint64_t rows_scanned_max = 1'000'000;            // without an index
  uint64_t ordered_bytes_max = uint64_t{64} << 20;  // of rows that wait to be put in order
};

class RowSelection {
 public:
  static Result<std::shared_ptr<const RowSelection>> Make(std::shared_ptr<const Schema> schema,
                                                          TypeId type, const RowQuery& query,
                                                          const SelectLimits& limits = {});
  ~RowSelection();

  const NodeType& type() const;
  // Does the row meet the conditions? It has its body. The limit is not asked.
  Result<bool> Matches(const NodeRow& row) const;
  // The rows of a moment with their bodies; the selection and the reader outlive the cursor.
  // Cost:     what the index, or the table, holds for the conditions; with an order everything is
  //           read before the first row comes, and kept in memory up to the limits
  std::unique_ptr<NodeCursor> Open(const Reader& reader, const View& view) const;

  // The same rows as lines of JSON: the body, with the key where the body does not have it: as its
  // columns, or as "$key" where the type has none. The lines keep the selection alive.
  static std::unique_ptr<LineStream> OpenLines(std::shared_ptr<const RowSelection> selection,
                                               const Reader& reader, const View& view);

  struct State;

 private:
  class Lines;
  explicit RowSelection(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace mendfs
