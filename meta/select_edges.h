// Edges of a type that meet conditions: what `.mend/where/<EdgeType>` shows. As meta/select.h does
// for nodes, but that edges have no index of their own columns: conditions on an end (`$from`,
// `$to`) are read from the edges of that row, all others from the whole table.
//
// Threads:  values; an EdgeSelection is immutable: share it; a SelectedEdges belongs to one thread
//           at a time
// Errors:   as meta/select.h
#pragma once

#include <memory>
#include <optional>

#include "meta/base/status.h"
#include "meta/select.h"
#include "meta/tables.h"

namespace mendfs {

class SelectedEdges {
 public:
  virtual ~SelectedEdges() = default;
  // With the body.
  virtual Result<std::optional<EdgeRow>> Next() = 0;
};

class EdgeSelection {
 public:
  static Result<std::shared_ptr<const EdgeSelection>> Make(std::shared_ptr<const Schema> schema,
                                                           TypeId type, const RowQuery& query,
                                                           const SelectLimits& limits = {});
  ~EdgeSelection();

  const EdgeType& type() const;
  // Does the edge meet the conditions? It has its body. The limit is not asked.
  Result<bool> Matches(const EdgeRow& row) const;
  // The edges of a moment; the selection and the reader outlive the cursor.
  // Cost:     the edges of the rows that are named; with an order as RowSelection::Open
  std::unique_ptr<SelectedEdges> Open(const Reader& reader, const View& view) const;
  // The same as lines of JSON: the body, with "$from" and "$to" where it does not name them, and
  // "$n" where that is not 1. The lines keep the selection alive.
  static std::unique_ptr<LineStream> OpenLines(std::shared_ptr<const EdgeSelection> selection,
                                               const Reader& reader, const View& view);

  struct State;

 private:
  class Lines;
  explicit EdgeSelection(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace mendfs
