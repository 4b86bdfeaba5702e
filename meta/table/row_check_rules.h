// A type as RowChecker wants it: names to look up, patterns compiled, what to collect. Private to
// row_check.
//
// Lifetime: points into the Schema that RowRules holds
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "meta/table/row_check.h"
#include "meta/table/schema/row_check_pattern.h"

namespace mendfs {

struct PropertyRules {
  const Property* property = nullptr;
  std::unique_ptr<CheckedPattern> pattern;
  bool indexed = false;              // @unique, @index, @ttl
  bool collect = false;              // its ordered bytes go to the row: indexed, or asked for
  std::optional<uint32_t> key_part;  // which part of the key it is
  bool required = false;             // neither nullable nor part of the key
};

struct RowRules::TypeRules {
  const NodeType* node = nullptr;  // one of the two
  const EdgeType* edge = nullptr;
  const NodeType* source = nullptr;  // edges
  const NodeType* target = nullptr;
  std::vector<PropertyRules> properties;
  std::unordered_map<std::string_view, uint32_t> names;
  bool any_required = false;
  bool any_collected = false;

  // Rows mostly write their properties in declared order: `hint` is the one expected next.
  std::optional<uint32_t> Find(std::string_view name, uint32_t hint) const {
    if (hint < properties.size() && properties[hint].property->name == name) return hint;
    const auto found = names.find(name);
    if (found == names.end()) return std::nullopt;
    return found->second;
  }
};

struct RowRules::State {
  Schema schema;
  std::unordered_map<std::string_view, const NodeType*> nodes;
  std::unordered_map<std::string_view, const EdgeType*> edges;
  std::unordered_map<TypeId, TypeRules> rules;
};

}  // namespace mendfs
