#include "meta/table/select/row_filter.h"

#include <algorithm>
#include <utility>

#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

bool IsComparable(const PropertyType& type) {
  return !type.list && type.scalar != ScalarKind::kBlob && type.scalar != ScalarKind::kVector;
}

// The type alone, without what else the schema holds: interfaces, ids of others.
Schema Alone(const NodeType& type) {
  Schema schema;
  schema.nodes.push_back(type);
  schema.nodes.back().implements.clear();
  schema.next_type_id = TypeId{type.id.value + 1};
  for (const Property& property : type.properties) {
    schema.next_property_id.value = std::max(schema.next_property_id.value, property.id.value + 1);
  }
  return schema;
}

}  // namespace

Result<const Property*> FindColumn(const std::string& type_name,
                                   const std::vector<Property>& properties, std::string_view name) {
  const auto index = FindProperty(properties, name);
  if (index) return &properties[*index];
  std::vector<std::string_view> names;
  for (const Property& property : properties) names.push_back(property.name);
  std::string sentence = type_name + " has no column \"" + std::string(name) + "\"";
  const std::string_view near = NearestName(name, names);
  if (!near.empty()) sentence += "; is \"" + std::string(near) + "\" meant?";
  return Status(Code::kNotFound, std::move(sentence));
}

Result<ColumnCondition> JudgeCondition(const std::string& type_name,
                                       const std::vector<Property>& properties,
                                       const RowCondition& asked) {
  ColumnCondition condition;
  condition.compare = asked.compare;
  MENDFS_ASSIGN_OR_RETURN(condition.property, FindColumn(type_name, properties, asked.column));
  const Property& property = *condition.property;
  if (asked.compare == Compare::kNull) return condition;
  if (!IsComparable(property.type)) {
    return Status(Code::kInvalid, "column \"" + property.name + "\" is a " +
                                      TypeText(property.type) +
                                      ": only whether it is null can be asked");
  }
  if (asked.values.empty() || (asked.compare != Compare::kEqual && asked.values.size() != 1)) {
    return Status(Code::kInvalid, "column \"" + property.name + "\": one value is compared with");
  }
  for (const std::string& value : asked.values) {
    Result<std::string> ordered = EncodeOrdered(property.type, value);
    if (!ordered.ok()) {
      return Status(Code::kInvalid, "column \"" + property.name + "\" is a " +
                                        TypeText(property.type) + ", and \"" + value +
                                        "\" is no value of it");
    }
    condition.ordered.push_back(*std::move(ordered));
  }
  std::sort(condition.ordered.begin(), condition.ordered.end());
  condition.ordered.erase(std::unique(condition.ordered.begin(), condition.ordered.end()),
                          condition.ordered.end());
  return condition;
}

Result<const Property*> FindOrderColumn(const std::string& type_name,
                                        const std::vector<Property>& properties,
                                        std::string_view name) {
  MENDFS_ASSIGN_OR_RETURN(const Property* property, FindColumn(type_name, properties, name));
  if (IsComparable(property->type)) return property;
  return Status(Code::kInvalid, "column \"" + property->name + "\" is a " +
                                    TypeText(property->type) + " and has no order");
}

bool ColumnCondition::Holds(std::optional<std::string_view> value) const {
  if (compare == Compare::kNull) return !value;
  if (!value) return false;
  switch (compare) {
    case Compare::kEqual: return std::binary_search(ordered.begin(), ordered.end(), *value);
    case Compare::kLess: return *value < ordered.front();
    case Compare::kLessEqual: return *value <= ordered.front();
    case Compare::kGreater: return *value > ordered.front();
    default: return *value >= ordered.front();
  }
}

std::optional<std::string_view> FilterScratch::ValueOf(PropertyId property) const {
  for (const IndexValue& value : row.values) {
    if (value.property == property) return row.BytesOf(value);
  }
  return std::nullopt;
}

Result<RowFilter> RowFilter::Make(const NodeType& type, const RowQuery& query) {
  RowFilter filter;
  Schema schema = Alone(type);
  std::vector<PropertyId> columns;
  for (const RowCondition& condition : query.conditions) {
    MENDFS_ASSIGN_OR_RETURN(const Property* property,
                            FindColumn(type.name, type.properties, condition.column));
    columns.push_back(property->id);
  }
  if (!query.order_by.empty()) {
    MENDFS_ASSIGN_OR_RETURN(const Property* property,
                            FindColumn(type.name, type.properties, query.order_by));
    columns.push_back(property->id);
  }
  MENDFS_ASSIGN_OR_RETURN(filter.rules_, RowRules::Make(std::move(schema), columns));
  for (const RowCondition& condition : query.conditions) {
    MENDFS_ASSIGN_OR_RETURN(
        filter.conditions_.emplace_back(),
        JudgeCondition(filter.type().name, filter.type().properties, condition));
  }
  if (!query.order_by.empty()) {
    MENDFS_ASSIGN_OR_RETURN(
        filter.order_by_,
        FindOrderColumn(filter.type().name, filter.type().properties, query.order_by));
  }
  return filter;
}

bool RowFilter::HasKey(std::string_view key, std::string_view body, FilterScratch& scratch) const {
  scratch.row.Clear();
  return scratch.checker.CheckNode(type(), body, std::nullopt, scratch.row).ok() &&
         scratch.row.key == key;
}

Result<bool> RowFilter::Matches(std::string_view key, std::string_view body,
                                FilterScratch& scratch) const {
  scratch.row.Clear();
  MENDFS_RETURN_IF_ERROR(scratch.checker.CheckNode(type(), body, key, scratch.row));
  for (const ColumnCondition& condition : conditions_) {
    if (!condition.Holds(scratch.ValueOf(condition.property->id))) return false;
  }
  return true;
}

}  // namespace mendfs
