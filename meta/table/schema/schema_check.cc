#include "meta/table/schema/schema_check.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "meta/table/schema/row_check_pattern.h"
#include "meta/table/schema/row_value.h"
#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

using Complaint = std::optional<std::string>;

bool IsPlainName(std::string_view name) {
  if (name.empty() || name.size() > kSchemaNameBytesMax || !IsUtf8(name)) return false;
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Complaint CheckDescription(const std::string& description) {
  if (description.size() > kDescriptionBytesMax) {
    return "the description is longer than " + std::to_string(kDescriptionBytesMax) + " bytes";
  }
  if (!IsUtf8(description)) return "the description is not UTF-8";
  return std::nullopt;
}

Complaint CheckType(const PropertyType& type) {
  if (ScalarName(type.scalar) == "unknown") return "unknown kind of scalar";
  if ((type.scalar == ScalarKind::kEnum) == type.enum_values.empty()) {
    return "an enum needs values, and only an enum has them";
  }
  if (type.enum_values.size() > kEnumValuesMax) {
    return "an enum has at most " + std::to_string(kEnumValuesMax) + " values";
  }
  std::unordered_set<std::string_view> values;
  for (const std::string& value : type.enum_values) {
    if (!IsPlainName(value)) return "enum values are 1 to 128 bytes of UTF-8 without controls";
    if (!values.insert(value).second) return "the enum value \"" + value + "\" stands there twice";
  }
  const bool vector = type.scalar == ScalarKind::kVector;
  if (vector != (type.dimension > 0) || type.dimension > kVectorDimensionMax) {
    return "a Vector has a dimension from 1 to " + std::to_string(kVectorDimensionMax);
  }
  if (vector && type.list) return "a list of Vector is not possible";
  return std::nullopt;
}

bool HasOrder(const PropertyType& type) {
  return !type.list && type.scalar != ScalarKind::kBlob && type.scalar != ScalarKind::kVector;
}

bool HasRange(const PropertyType& type) {
  return !type.list && (IsInteger(type.scalar) || IsFloat(type.scalar) ||
                        type.scalar == ScalarKind::kDate || type.scalar == ScalarKind::kDateTime);
}

Complaint CheckRange(const Property& property) {
  if (!property.range_min && !property.range_max) return std::nullopt;
  if (!HasRange(property.type)) {
    return "@range fits numbers, Date and DateTime, not " + TypeText(property.type);
  }
  for (const auto* bound : {&property.range_min, &property.range_max}) {
    if (!bound->has_value()) continue;
    const auto ordered = EncodeOrdered(property.type, (*bound)->text);
    const auto canonical = CanonicalText(property.type, (*bound)->text);
    if (!ordered.ok() || !canonical.ok()) return "@range: " + ordered.status().message();
    if (*ordered != (*bound)->ordered || *canonical != (*bound)->text) {
      return "@range: the bound " + (*bound)->text + " is not canonical";
    }
  }
  if (property.range_min && property.range_max &&
      property.range_min->ordered > property.range_max->ordered) {
    return "@range: " + property.range_min->text + " is above " + property.range_max->text;
  }
  return std::nullopt;
}

Complaint CheckConstraints(const Property& property) {
  if ((property.unique || property.index) && !HasOrder(property.type)) {
    return "@unique and @index do not fit " + TypeText(property.type);
  }
  if (!property.check.empty()) {
    if (property.type.list || property.type.scalar != ScalarKind::kString) {
      return "@check fits String, not " + TypeText(property.type);
    }
    const auto pattern = CheckedPattern::Compile(property.check);
    if (!pattern.ok()) return pattern.status().message();
  }
  if (property.ttl && (property.type.list || (property.type.scalar != ScalarKind::kDate &&
                                              property.type.scalar != ScalarKind::kDateTime))) {
    return "the column of @ttl is a Date or a DateTime, not " + TypeText(property.type);
  }
  return CheckRange(property);
}

Complaint CheckProperty(const Property& property) {
  if (!IsPlainName(property.name)) {
    return "property names are 1 to 128 bytes of UTF-8 without controls";
  }
  if (property.name.starts_with('$')) return "property names that begin with \"$\" are reserved";
  if (!property.rename_from.empty() && !IsPlainName(property.rename_from)) {
    return "@rename_from does not hold a property name";
  }
  if (auto complaint = CheckType(property.type)) return complaint;
  if (auto complaint = CheckConstraints(property)) return complaint;
  return CheckDescription(property.description);
}

std::optional<SchemaProblem> CheckProperties(const std::string& type,
                                             const std::vector<Property>& properties) {
  if (properties.size() > kTypePropertiesMax) {
    return SchemaProblem{
        type, "", "a type has at most " + std::to_string(kTypePropertiesMax) + " properties"};
  }
  std::unordered_set<std::string_view> names;
  std::string_view ttl;
  for (const Property& property : properties) {
    if (auto complaint = CheckProperty(property)) {
      return SchemaProblem{type, property.name, *std::move(complaint)};
    }
    if (!names.insert(property.name).second) {
      return SchemaProblem{type, property.name, "the property is declared twice"};
    }
    if (property.ttl && !ttl.empty()) {
      return SchemaProblem{type, property.name, "a type has one @ttl column"};
    }
    if (property.ttl) ttl = property.name;
  }
  return std::nullopt;
}

Complaint CheckKey(const NodeType& type) {
  if (type.key.empty() && !type.open) {
    return "a node type needs a key: add @key to a property, or @key(a, b) behind the name";
  }
  if (type.key.size() > kKeyPartsMax) {
    return "a key has at most " + std::to_string(kKeyPartsMax) + " parts";
  }
  std::unordered_set<uint32_t> parts;
  for (const uint32_t part : type.key) {
    if (part >= type.properties.size()) return "the key names a property that is not there";
    const Property& property = type.properties[part];
    if (!parts.insert(part).second) return "the key names \"" + property.name + "\" twice";
    if (property.type.nullable) return "the key \"" + property.name + "\" must not be nullable";
    if (!HasOrder(property.type) || IsFloat(property.type.scalar)) {
      return "a key is not made of " + TypeText(property.type) + " (\"" + property.name + "\")";
    }
  }
  return std::nullopt;
}

// A property that may not be null fits where the interface allows null.
bool Conforms(PropertyType have, const PropertyType& want) {
  if (want.nullable) have.nullable = true;
  return have == want;
}

using InterfacesByName = std::unordered_map<std::string_view, const Interface*>;

Complaint CheckImplements(const InterfacesByName& interfaces, const NodeType& type) {
  if (type.implements.size() > kTypeInterfacesMax) {
    return "a type implements at most " + std::to_string(kTypeInterfacesMax) + " interfaces";
  }
  std::unordered_map<std::string_view, const PropertyType*> haves;
  if (!type.implements.empty()) {
    for (const Property& property : type.properties) haves.emplace(property.name, &property.type);
  }
  std::unordered_set<std::string_view> names;
  for (const std::string& name : type.implements) {
    if (!names.insert(name).second) return "the interface " + name + " is named twice";
    const auto interface = interfaces.find(name);
    if (interface == interfaces.end()) return "there is no interface " + name;
    for (const Property& want : interface->second->properties) {
      const auto have = haves.find(want.name);
      const std::string wanted =
          "interface " + name + " wants \"" + want.name + ": " + TypeText(want.type) + "\"";
      if (have == haves.end()) return wanted;
      if (!Conforms(*have->second, want.type)) return wanted + ", not " + TypeText(*have->second);
    }
  }
  return std::nullopt;
}

Complaint CheckEdge(const Schema& schema, const EdgeType& edge) {
  if (schema.FindNode(edge.source) == nullptr || schema.FindNode(edge.target) == nullptr) {
    return "an end of the edge is no node type";
  }
  if (edge.card_max && (*edge.card_max < edge.card_min || *edge.card_max == 0)) {
    return "@card: the upper bound is below the lower one, or 0";
  }
  if (edge.on_delete != OnDelete::kCascade && edge.on_delete != OnDelete::kRestrict) {
    return "@ondelete is cascade or restrict";
  }
  return std::nullopt;
}

// Names, ids and counts over the whole schema.
class Whole {
 public:
  explicit Whole(const Schema& schema) : schema_(schema) {}

  Complaint AddName(const std::string& name) {
    if (!IsIdentifier(name)) {
      return "a type name is a letter, then letters, digits and _, at most " +
             std::to_string(kSchemaNameBytesMax) + " bytes";
    }
    if (!names_.insert(name).second) return "the name " + name + " is declared twice";
    return std::nullopt;
  }

  Complaint AddType(TypeId id, const std::vector<Property>& properties) {
    if (id.value == 0 || id >= schema_.next_type_id || !types_.insert(id.value).second) {
      return "the type's id is 0, taken, or was never given out";
    }
    for (const Property& property : properties) {
      const PropertyId property_id = property.id;
      if (property_id.value == 0 || property_id >= schema_.next_property_id ||
          !properties_.insert(property_id.value).second) {
        return "the id of \"" + property.name + "\" is 0, taken, or was never given out";
      }
    }
    return std::nullopt;
  }

 private:
  const Schema& schema_;
  std::unordered_set<std::string_view> names_;
  std::unordered_set<uint32_t> types_;
  std::unordered_set<uint32_t> properties_;
};

bool IsBare(const Property& property) {
  Property bare;
  bare.name = property.name;
  bare.type = property.type;
  bare.description = property.description;
  return bare == property;
}

std::optional<SchemaProblem> CheckInterface(const Interface& interface, Whole& whole) {
  if (auto complaint = whole.AddName(interface.name)) {
    return SchemaProblem{interface.name, "", *std::move(complaint)};
  }
  if (auto complaint = CheckDescription(interface.description)) {
    return SchemaProblem{interface.name, "", *std::move(complaint)};
  }
  for (const Property& property : interface.properties) {
    if (!IsBare(property)) {
      return SchemaProblem{interface.name, property.name,
                           "a property of an interface has a type and a description only"};
    }
  }
  return CheckProperties(interface.name, interface.properties);
}

template <typename Type>
std::optional<SchemaProblem> CheckCommon(const Type& type, Whole& whole) {
  if (auto complaint = whole.AddName(type.name)) {
    return SchemaProblem{type.name, "", *std::move(complaint)};
  }
  if (auto problem = CheckProperties(type.name, type.properties)) return problem;
  Complaint complaint = whole.AddType(type.id, type.properties);
  if (!complaint) complaint = CheckDescription(type.description);
  if (!complaint && !type.rename_from.empty() && !IsIdentifier(type.rename_from)) {
    complaint = "@rename_from does not hold a type name";
  }
  if (!complaint) return std::nullopt;
  return SchemaProblem{type.name, "", *std::move(complaint)};
}

}  // namespace

std::optional<SchemaProblem> FindSchemaProblem(const Schema& schema) {
  const size_t count = schema.interfaces.size() + schema.nodes.size() + schema.edges.size();
  if (count > kSchemaTypesMax) {
    return SchemaProblem{"", "",
                         "a schema has at most " + std::to_string(kSchemaTypesMax) + " types"};
  }
  Whole whole(schema);
  InterfacesByName interfaces;
  for (const Interface& interface : schema.interfaces) {
    interfaces.emplace(interface.name, &interface);
    if (auto problem = CheckInterface(interface, whole)) return problem;
  }
  for (const NodeType& type : schema.nodes) {
    if (auto problem = CheckCommon(type, whole)) return problem;
    Complaint complaint = CheckKey(type);
    if (!complaint) complaint = CheckImplements(interfaces, type);
    if (complaint) return SchemaProblem{type.name, "", *std::move(complaint)};
  }
  for (const EdgeType& type : schema.edges) {
    if (auto problem = CheckCommon(type, whole)) return problem;
    if (auto complaint = CheckEdge(schema, type)) {
      return SchemaProblem{type.name, "", *std::move(complaint)};
    }
  }
  return std::nullopt;
}

Status CheckSchema(const Schema& schema) {
  const auto problem = FindSchemaProblem(schema);
  if (!problem) return Status::Ok();
  std::string where = problem->type;
  if (!problem->property.empty()) where += "." + problem->property;
  return {Code::kInvalid, where.empty() ? problem->sentence : where + ": " + problem->sentence};
}

}  // namespace mendfs
