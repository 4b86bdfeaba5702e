#include "meta/table/text/row_line.h"

#include "meta/table/schema/row_value.h"
#include "meta/table/text/json_text.h"

namespace mendfs {

Status AppendKeyMembers(std::string& out, const NodeType& type, std::string_view key) {
  MENDFS_ASSIGN_OR_RETURN(const auto parts, SplitKeyText(key, type.key.size()));
  for (size_t index = 0; index < parts.size(); ++index) {
    const Property& property = type.properties[type.key[index]];
    if (index > 0) out.push_back(',');
    AppendJsonString(out, property.name);
    out.push_back(':');
    if (IsInteger(property.type.scalar) || property.type.scalar == ScalarKind::kBool) {
      out.append(parts[index]);
    } else {
      AppendJsonString(out, parts[index]);
    }
  }
  return Status::Ok();
}

void AppendWithMembers(std::string& out, std::string_view members, std::string_view body) {
  std::string object;
  AppendMinified(object, body);
  out.push_back('{');
  out.append(members);
  if (object.size() > 2) {
    out.push_back(',');
    out.append(std::string_view(object).substr(1));
  } else {
    out.push_back('}');
  }
}

}  // namespace mendfs
