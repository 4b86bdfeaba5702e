#include "meta/commit/migrate/row_rewrite.h"

#include <algorithm>
#include <utility>

namespace mendfs {
namespace {

const Property* FindById(const Schema& schema, TypeId type, PropertyId id) {
  const NodeType* const node = schema.FindNode(type);
  const EdgeType* const edge = schema.FindEdge(type);
  if (node == nullptr && edge == nullptr) return nullptr;
  for (const Property& property : node != nullptr ? node->properties : edge->properties) {
    if (property.id == id) return &property;
  }
  return nullptr;
}

// Rules under which {"name": value} is a row when the value is one of that type, or null.
Result<std::unique_ptr<RowChecker>> MakeProbe(const Property& wanted) {
  Property property;
  property.id = PropertyId(1);
  property.name = wanted.name;
  property.type = wanted.type;
  property.type.nullable = true;
  NodeType type;
  type.id = TypeId(1);
  type.name = "Probe";
  type.open = true;
  type.properties.push_back(std::move(property));
  Schema schema;
  schema.nodes.push_back(std::move(type));
  schema.next_type_id = TypeId(2);
  schema.next_property_id = PropertyId(2);
  MENDFS_ASSIGN_OR_RETURN(auto rules, RowRules::Make(std::move(schema)));
  return std::make_unique<RowChecker>(std::move(rules));
}

}  // namespace

Result<RowRewrite> RowRewrite::Make(const Schema& wanted, const SchemaChange& change) {
  RowRewrite rewrite;
  for (size_t index = 0; index < change.steps.size(); ++index) {
    const SchemaStep& step = change.steps[index];
    if (step.step_class != StepClass::kDestructive) continue;
    MENDFS_RETURN_IF_ERROR(rewrite.Add(wanted, step, index));
  }
  return rewrite;
}

Status RowRewrite::Add(const Schema& wanted, const SchemaStep& step, size_t index) {
  Rule rule{.step = index};
  if (step.kind == StepKind::kRetypeProperty) {
    const Property* const property = FindById(wanted, step.type, step.property);
    if (property == nullptr) {
      return {Code::kInternal, step.sentence + ": the wanted schema does not have it"};
    }
    MENDFS_ASSIGN_OR_RETURN(rule.probe, MakeProbe(*property));
  } else if (step.kind != StepKind::kDropProperty) {
    return Status::Ok();
  }
  types_[step.type].insert_or_assign(step.name, std::move(rule));
  return Status::Ok();
}

bool RowRewrite::Goes(const Rule& rule, std::string_view member) {
  if (!rule.probe) return true;
  text_.assign("{").append(member).append("}");
  const NodeType& type = rule.probe->rules().schema().nodes.front();
  return !rule.probe->CheckNode(type, text_, "x", checked_).ok();
}

// Where the members stand; false when it is no object, or nothing goes.
bool RowRewrite::Walk(const std::map<std::string, Rule, std::less<>>& rules,
                      std::string_view body) {
  members_.clear();
  JsonNames names;
  JsonCursor cursor(body, names);
  if (!cursor.TakeIf('{') || cursor.TakeIf('}')) return false;
  do {
    cursor.Peek();
    Member member{.begin = cursor.offset()};
    JsonString name;
    if (!cursor.ReadString(name) || !cursor.TakeIf(':') || !cursor.SkipValue(1)) return false;
    member.end = cursor.offset();
    std::string text;
    AppendUnescaped(text, name.raw);
    const auto rule = rules.find(text);
    if (rule != rules.end() && Goes(rule->second, cursor.Slice(member.begin))) {
      member.goes = true;
      taken_.push_back(rule->second.step);
    }
    members_.push_back(member);
  } while (cursor.TakeIf(','));
  return cursor.TakeIf('}') && !taken_.empty();
}

// What stands before a member that stays is what stood before it; before the first that stays, what
// stood before the first.
void RowRewrite::Build(std::string_view body, std::string& out) const {
  out.assign(body.substr(0, members_.front().begin));
  bool first = true;
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    if (member.goes) continue;
    if (!first) out.append(body.substr(members_[i - 1].end, member.begin - members_[i - 1].end));
    first = false;
    out.append(body.substr(member.begin, member.end - member.begin));
  }
  out.append(body.substr(members_.back().end));
}

bool RowRewrite::Run(TypeId type, std::string_view body, std::string& out) {
  taken_.clear();
  const auto rules = types_.find(type);
  if (rules == types_.end() || body.empty() || !Walk(rules->second, body)) return false;
  Build(body, out);
  return true;
}

}  // namespace mendfs
