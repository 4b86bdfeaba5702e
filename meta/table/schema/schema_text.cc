#include <string>

#include "meta/table/schema/schema.h"
#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': quoted += "\\\""; break;
      case '\\': quoted += "\\\\"; break;
      case '\n': quoted += "\\n"; break;
      case '\t': quoted += "\\t"; break;
      default: quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

std::string NameText(const std::string& name) {
  return IsIdentifier(name) ? name : Quoted(name);
}

std::string RangeText(const Property& property) {
  return "@range(" + (property.range_min ? property.range_min->text : "") + ".." +
         (property.range_max ? property.range_max->text : "") + ")";
}

void AppendProperty(std::string& out, const Property& property, bool is_key) {
  out += "  " + NameText(property.name) + ": " + TypeText(property.type);
  if (is_key) out += " @key";
  if (property.unique) out += " @unique";
  if (property.index) out += " @index";
  if (property.range_min || property.range_max) out += " " + RangeText(property);
  if (!property.check.empty()) out += " @check(" + Quoted(property.check) + ")";
  if (!property.rename_from.empty()) {
    out += " @rename_from(" + NameText(property.rename_from) + ")";
  }
  if (!property.description.empty()) out += " @description(" + Quoted(property.description) + ")";
  out += "\n";
}

void AppendHeaderEnd(std::string& out, const std::vector<Property>& properties,
                     const std::string& rename_from, const std::string& description) {
  for (const Property& property : properties) {
    if (property.ttl) out += " @ttl(" + NameText(property.name) + ")";
  }
  if (!rename_from.empty()) out += " @rename_from(" + rename_from + ")";
  if (!description.empty()) out += " @description(" + Quoted(description) + ")";
}

void AppendInterface(std::string& out, const Interface& interface) {
  out += "interface " + interface.name;
  AppendHeaderEnd(out, {}, "", interface.description);
  out += " {\n";
  for (const Property& property : interface.properties) AppendProperty(out, property, false);
  out += "}\n";
}

void AppendNode(std::string& out, const NodeType& type) {
  out += (type.open ? "open node " : "node ") + type.name;
  for (size_t i = 0; i < type.implements.size(); ++i) {
    out += (i == 0 ? " implements " : ", ") + type.implements[i];
  }
  if (type.key.size() > 1) {
    out += " @key(";
    for (size_t i = 0; i < type.key.size(); ++i) {
      out += (i == 0 ? "" : ", ") + NameText(type.properties[type.key[i]].name);
    }
    out += ")";
  }
  AppendHeaderEnd(out, type.properties, type.rename_from, type.description);
  if (type.open && type.properties.empty()) {
    out += "\n";
    return;
  }
  out += " {\n";
  for (size_t i = 0; i < type.properties.size(); ++i) {
    AppendProperty(out, type.properties[i], type.key.size() == 1 && type.key[0] == i);
  }
  out += "}\n";
}

void AppendEdge(std::string& out, const Schema& schema, const EdgeType& type) {
  const NodeType* const source = schema.FindNode(type.source);
  const NodeType* const target = schema.FindNode(type.target);
  out += "edge " + type.name + ": " + (source != nullptr ? source->name : "?") + " -> " +
         (target != nullptr ? target->name : "?");
  if (type.card_min != 0 || type.card_max) {
    out += " @card(" + std::to_string(type.card_min) + ".." +
           (type.card_max ? std::to_string(*type.card_max) : "*") + ")";
  }
  if (type.on_delete == OnDelete::kRestrict) out += " @ondelete(restrict)";
  AppendHeaderEnd(out, type.properties, type.rename_from, type.description);
  if (type.properties.empty()) {
    out += "\n";
    return;
  }
  out += " {\n";
  for (const Property& property : type.properties) AppendProperty(out, property, false);
  out += "}\n";
}

}  // namespace

std::string FormatSchema(const Schema& schema) {
  std::string out;
  const auto gap = [&out] {
    if (!out.empty()) out += "\n";
  };
  for (const Interface& interface : schema.interfaces) {
    gap();
    AppendInterface(out, interface);
  }
  for (const NodeType& type : schema.nodes) {
    gap();
    AppendNode(out, type);
  }
  if (!schema.edges.empty()) gap();
  for (const EdgeType& type : schema.edges) AppendEdge(out, schema, type);
  return out;
}

}  // namespace mendfs
