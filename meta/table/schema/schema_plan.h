// From the accepted schema to a wanted one: who keeps which id, and which steps lead there. Pure;
// applying a plan is the work of meta/commit.
//
// Threads:  free functions over values
// Source:   docs/formats/schema.md
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

// `wanted` with the store's ids: the same name keeps its id, @rename_from(old) takes over the id of
// `old` and is then cleared, everything else draws new numbers, which are never given out again.
// kInvalid: a @rename_from that names nothing, or whose new name is taken by another id.
Result<Schema> AssignIds(const Schema& accepted, const Schema& wanted);

enum class StepClass : unsigned char {
  kSafe,         // may be applied
  kChecked,      // may be applied if what `check` names holds for the rows that stand
  kDestructive,  // takes data away: needs --allow-data-loss
  kRefused,      // must not be applied; `code` and `sentence` say why
};

// What has to hold for the rows of the step's type.
enum class StepCheck : unsigned char {
  kNone,
  kRows,    // each fits the wanted schema, once what the plan takes out of it is gone
  kUnique,  // no two have the same value of the property
  kCard,    // each source has as many edges as the type wants
};

enum class StepKind : unsigned char {
  kAddType,
  kDropType,
  kRenameType,
  kChangeType,  // open, implements, description, card, ondelete, endpoints
  kChangeKey,
  kAddProperty,
  kDropProperty,
  kRenameProperty,
  kRetypeProperty,
  kChangeConstraint,  // unique, range, check, ttl, description
  kAddIndex,          // rows that exist must be entered
  kDropIndex,
  kChangeInterface,
};

struct SchemaStep {
  StepKind kind = StepKind::kAddType;
  StepClass step_class = StepClass::kSafe;
  std::string code;      // "required-on-populated", …; empty for safe steps
  std::string sentence;  // "add property Person.age: I32?"
  TypeId type;           // 0 for interfaces
  PropertyId property;   // 0 where the step concerns the type
  StepCheck check = StepCheck::kNone;
  std::string name;   // of the property, as the rows have it; empty as `property` is 0
  uint64_t rows = 0;  // that a destructive step takes something from, once they were looked at
};

struct SchemaChange {
  std::vector<SchemaStep> steps;  // in an order in which they can be applied

  bool empty() const { return steps.empty(); }
  bool Has(StepClass step_class) const;
  // Ok; or kInvalid with the first refused step, or the first destructive one unless allowed.
  // Steps that are to be checked count as safe: see meta/commit/migrate.
  Status Applicable(bool allow_data_loss) const;
};

// Both with the store's ids (`wanted` from AssignIds). `populated` says whether a type has rows.
SchemaChange PlanSchema(const Schema& accepted, const Schema& wanted,
                        const std::function<bool(TypeId)>& populated);

// "safe", "checked", "destructive", "refused".
std::string_view StepClassName(StepClass step_class);

}  // namespace mendfs
