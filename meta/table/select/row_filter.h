// Conditions of a query over one node type, judged and compared: columns are looked up, values are
// brought into the bytes that compare as the values do.
//
// Threads:  a RowFilter is immutable; a FilterScratch belongs to one thread
// Errors:   kNotFound for a column that the type does not have, kInvalid for a value that is none
//           of the column's or a condition that it cannot have
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/row_check.h"
#include "meta/table/schema/schema.h"
#include "meta/table/select/row_query.h"

namespace mendfs {

struct ColumnCondition {
  const Property* property = nullptr;
  Compare compare = Compare::kEqual;
  std::vector<std::string> ordered;  // see EncodeOrdered; sorted, unique

  // `value`: nothing for null.
  bool Holds(std::optional<std::string_view> value) const;
};

// A column of a type by its name; a condition on one; one that rows are put in the order of.
Result<const Property*> FindColumn(const std::string& type_name,
                                   const std::vector<Property>& properties, std::string_view name);
Result<ColumnCondition> JudgeCondition(const std::string& type_name,
                                       const std::vector<Property>& properties,
                                       const RowCondition& asked);
Result<const Property*> FindOrderColumn(const std::string& type_name,
                                        const std::vector<Property>& properties,
                                        std::string_view name);

// What a check of one row leaves.
struct FilterScratch {
  explicit FilterScratch(std::shared_ptr<const RowRules> rules) : checker(std::move(rules)) {}
  RowChecker checker;
  CheckedRow row;

  // The ordered bytes of a column that the filter reads; nothing for null.
  std::optional<std::string_view> ValueOf(PropertyId property) const;
};

class RowFilter {
 public:
  static Result<RowFilter> Make(const NodeType& type, const RowQuery& query);

  // As the filter keeps it: valid while the filter lives.
  const NodeType& type() const { return rules_->schema().nodes.front(); }
  const std::vector<ColumnCondition>& conditions() const { return conditions_; }
  const Property* order_by() const { return order_by_; }
  FilterScratch MakeScratch() const { return FilterScratch(rules_); }
  // Does the body have the whole key, not only the row's name?
  bool HasKey(std::string_view key, std::string_view body, FilterScratch& scratch) const;
  // Reads the row into `scratch` and tells whether all conditions hold.
  Result<bool> Matches(std::string_view key, std::string_view body, FilterScratch& scratch) const;

 private:
  std::shared_ptr<const RowRules> rules_;  // of a schema of this type alone
  std::vector<ColumnCondition> conditions_;
  const Property* order_by_ = nullptr;
};

}  // namespace mendfs
