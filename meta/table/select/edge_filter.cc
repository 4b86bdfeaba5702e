#include "meta/table/select/edge_filter.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mendfs {
namespace {

constexpr std::string_view kFrom = "$from";
constexpr std::string_view kTo = "$to";

bool IsEnd(std::string_view column) {
  return column == kFrom || column == kTo;
}

Schema AloneWithEnds(const Schema& schema, const EdgeType& type) {
  Schema alone;
  for (const NodeType& node : schema.nodes) {
    if (node.id != type.source && node.id != type.target) continue;
    alone.nodes.push_back(node);
    alone.nodes.back().implements.clear();
  }
  alone.edges.push_back(type);
  alone.next_type_id = schema.next_type_id;
  alone.next_property_id = schema.next_property_id;
  return alone;
}

bool Contains(const std::optional<std::vector<std::string>>& keys, std::string_view key) {
  return !keys || std::binary_search(keys->begin(), keys->end(), key);
}

Status AddEnds(const RowCondition& asked, std::optional<std::vector<std::string>>& keys) {
  if (asked.compare != Compare::kEqual || asked.values.empty()) {
    return {Code::kInvalid, "\"" + asked.column +
                                "\" is the key of a row: it is compared with = and "
                                ".in only"};
  }
  std::vector<std::string> sorted = asked.values;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  if (!keys) {
    keys = std::move(sorted);
    return {};
  }
  std::vector<std::string> both;
  std::set_intersection(keys->begin(), keys->end(), sorted.begin(), sorted.end(),
                        std::back_inserter(both));
  keys = std::move(both);
  return {};
}

}  // namespace

Result<EdgeFilter> EdgeFilter::Make(const Schema& schema, const EdgeType& type,
                                    const RowQuery& query) {
  EdgeFilter filter;
  std::vector<PropertyId> columns;
  for (const RowCondition& condition : query.conditions) {
    if (IsEnd(condition.column)) continue;
    MENDFS_ASSIGN_OR_RETURN(const Property* property,
                            FindColumn(type.name, type.properties, condition.column));
    columns.push_back(property->id);
  }
  if (IsEnd(query.order_by)) {
    return Status(Code::kInvalid, "edges have no order by their ends; ask for one end's with " +
                                      query.order_by + "=");
  }
  if (!query.order_by.empty()) {
    MENDFS_ASSIGN_OR_RETURN(const Property* property,
                            FindColumn(type.name, type.properties, query.order_by));
    columns.push_back(property->id);
  }
  MENDFS_ASSIGN_OR_RETURN(filter.rules_, RowRules::Make(AloneWithEnds(schema, type), columns));
  const EdgeType& kept = filter.type();
  for (const RowCondition& condition : query.conditions) {
    if (IsEnd(condition.column)) {
      MENDFS_RETURN_IF_ERROR(
          AddEnds(condition, condition.column == kFrom ? filter.sources_ : filter.targets_));
      continue;
    }
    MENDFS_ASSIGN_OR_RETURN(filter.conditions_.emplace_back(),
                            JudgeCondition(kept.name, kept.properties, condition));
  }
  if (!query.order_by.empty()) {
    MENDFS_ASSIGN_OR_RETURN(filter.order_by_,
                            FindOrderColumn(kept.name, kept.properties, query.order_by));
  }
  return filter;
}

bool EdgeFilter::HasEnds(std::string_view source, std::string_view target, std::string_view body,
                         FilterScratch& scratch) const {
  scratch.row.Clear();
  return !body.empty() &&
         scratch.checker.CheckEdge(type(), body, std::nullopt, std::nullopt, scratch.row).ok() &&
         scratch.row.source_key == source && scratch.row.target_key == target;
}

Result<bool> EdgeFilter::Matches(std::string_view source, std::string_view target,
                                 std::string_view body, FilterScratch& scratch) const {
  if (!Contains(sources_, source) || !Contains(targets_, target)) return false;
  if (!reads_bodies()) return true;
  scratch.row.Clear();
  MENDFS_RETURN_IF_ERROR(scratch.checker.CheckEdge(type(), body, source, target, scratch.row));
  for (const ColumnCondition& condition : conditions_) {
    if (!condition.Holds(scratch.ValueOf(condition.property->id))) return false;
  }
  return true;
}

}  // namespace mendfs
