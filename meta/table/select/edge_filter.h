// Conditions of a query over one edge type, judged: those on its columns as of a node type, and
// those on `$from` and `$to`, which name the rows at its ends by their keys.
//
// Threads:  an EdgeFilter is immutable; a FilterScratch belongs to one thread
// Errors:   as RowFilter; kInvalid for an end that is compared with anything but = and .in
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/table/row_format.h"
#include "meta/table/select/row_filter.h"

namespace mendfs {

class EdgeFilter {
 public:
  static Result<EdgeFilter> Make(const Schema& schema, const EdgeType& type, const RowQuery& query);

  // As the filter keeps it: valid while the filter lives.
  const EdgeType& type() const { return rules_->schema().edges.front(); }
  const Property* order_by() const { return order_by_; }
  // Keys of rows, one of which is the edge's end there; sorted. Nothing: any row is.
  const std::optional<std::vector<std::string>>& Ends(EdgeSide side) const {
    return side == EdgeSide::kOut ? sources_ : targets_;
  }
  bool reads_bodies() const { return !conditions_.empty() || order_by_ != nullptr; }
  FilterScratch MakeScratch() const { return FilterScratch(rules_); }
  // Does the body name both ends?
  bool HasEnds(std::string_view source, std::string_view target, std::string_view body,
               FilterScratch& scratch) const;
  // Reads the body into `scratch` if a condition needs it.
  Result<bool> Matches(std::string_view source, std::string_view target, std::string_view body,
                       FilterScratch& scratch) const;

 private:
  std::shared_ptr<const RowRules> rules_;  // of this type and its ends alone
  std::vector<ColumnCondition> conditions_;
  std::optional<std::vector<std::string>> sources_;
  std::optional<std::vector<std::string>> targets_;
  const Property* order_by_ = nullptr;
};

}  // namespace mendfs
