#include "meta/table/row_check_rules.h"

#include <algorithm>
#include <utility>

#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

Status AddProperties(const std::vector<Property>& properties, const std::vector<uint32_t>& key,
                     std::span<const PropertyId> columns, RowRules::TypeRules& rules) {
  for (const Property& property : properties) {
    rules.names.emplace(property.name, static_cast<uint32_t>(rules.properties.size()));
    PropertyRules& added = rules.properties.emplace_back();
    added.property = &property;
    added.indexed = property.unique || property.index || property.ttl;
    added.collect = added.indexed || std::count(columns.begin(), columns.end(), property.id) > 0;
    added.required = !property.type.nullable;
    if (property.check.empty()) continue;
    MENDFS_ASSIGN_OR_RETURN(added.pattern, CheckedPattern::Compile(property.check));
  }
  for (size_t part = 0; part < key.size(); ++part) {
    PropertyRules& in_key = rules.properties[key[part]];
    in_key.key_part = static_cast<uint32_t>(part);
    in_key.required = false;
  }
  for (const PropertyRules& property : rules.properties) {
    rules.any_required |= property.required;
    rules.any_collected |= property.collect;
  }
  return Status::Ok();
}

}  // namespace

RowRules::RowRules() : state_(std::make_unique<State>()) {}
RowRules::~RowRules() = default;

Result<std::shared_ptr<const RowRules>> RowRules::Make(Schema schema,
                                                       std::span<const PropertyId> columns) {
  MENDFS_RETURN_IF_ERROR(CheckSchema(schema));
  std::shared_ptr<RowRules> made(new RowRules());
  State& state = *made->state_;
  state.schema = std::move(schema);
  std::unordered_map<TypeId, const NodeType*> nodes;
  for (const NodeType& type : state.schema.nodes) {
    state.nodes.emplace(type.name, &type);
    nodes.emplace(type.id, &type);
    TypeRules& rules = state.rules[type.id];
    rules.node = &type;
    MENDFS_RETURN_IF_ERROR(AddProperties(type.properties, type.key, columns, rules));
  }
  for (const EdgeType& type : state.schema.edges) {
    state.edges.emplace(type.name, &type);
    TypeRules& rules = state.rules[type.id];
    rules.edge = &type;
    rules.source = nodes.at(type.source);  // CheckSchema has seen that they exist
    rules.target = nodes.at(type.target);
    MENDFS_RETURN_IF_ERROR(AddProperties(type.properties, {}, columns, rules));
  }
  return std::shared_ptr<const RowRules>(std::move(made));
}

const Schema& RowRules::schema() const {
  return state_->schema;
}

const NodeType* RowRules::FindNode(std::string_view name) const {
  const auto found = state_->nodes.find(name);
  return found == state_->nodes.end() ? nullptr : found->second;
}

const EdgeType* RowRules::FindEdge(std::string_view name) const {
  const auto found = state_->edges.find(name);
  return found == state_->edges.end() ? nullptr : found->second;
}

const RowRules::TypeRules* RowRules::FindRules(TypeId type) const {
  const auto found = state_->rules.find(type);
  return found == state_->rules.end() ? nullptr : &found->second;
}

}  // namespace mendfs
