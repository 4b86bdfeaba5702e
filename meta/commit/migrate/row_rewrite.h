// What a change of the schema takes out of a body: members of properties that are dropped, and
// values that a narrowed property cannot hold any more. All other bytes stay.
//
// Lifetime: copies what it needs of the schemas
// Threads:  one
// Errors:   kInternal when no rules can be made for a narrowed type
// Cost:     one walk of the body, and a check of each value of a narrowed property
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/json_cursor.h"
#include "meta/table/row_check.h"
#include "meta/table/schema/schema_plan.h"

namespace mendfs {

class RowRewrite {
 public:
  // For the destructive steps of `change`, which leads to `wanted`.
  static Result<RowRewrite> Make(const Schema& wanted, const SchemaChange& change);

  bool Touches(TypeId type) const { return types_.contains(type); }
  // Indexes into SchemaChange::steps of what was taken out of the last body.
  const std::vector<size_t>& taken() const { return taken_; }
  // True when `out` holds another body; false: this one stays. One that is no JSON object stays.
  bool Run(TypeId type, std::string_view body, std::string& out);

 private:
  // A member that goes: always, or unless its value fits `probe`.
  struct Rule {
    size_t step = 0;
    std::unique_ptr<RowChecker> probe;
  };
  struct Member {
    size_t begin = 0;
    size_t end = 0;
    bool goes = false;
  };
  Status Add(const Schema& wanted, const SchemaStep& step, size_t index);
  bool Goes(const Rule& rule, std::string_view member);
  bool Walk(const std::map<std::string, Rule, std::less<>>& rules, std::string_view body);
  void Build(std::string_view body, std::string& out) const;

  std::map<TypeId, std::map<std::string, Rule, std::less<>>> types_;
  std::vector<size_t> taken_;
  std::vector<Member> members_;  // scratch, as the rest
  std::string text_;
  CheckedRow checked_;
};

}  // namespace mendfs
