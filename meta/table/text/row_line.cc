#include "meta/table/text/row_line.h"

#include <algorithm>

#include "meta/table/json_cursor.h"
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

void AppendEndMembers(std::string& out, std::string_view source, std::string_view target) {
  out.append("\"$from\":");
  AppendJsonString(out, source);
  out.append(",\"$to\":");
  AppendJsonString(out, target);
}

std::vector<std::string_view> KeyMemberNames(const NodeType& type) {
  std::vector<std::string_view> names;
  for (const uint32_t index : type.key) names.push_back(type.properties[index].name);
  return names;
}

namespace {

// The members of an object that have none of `names`, each with a comma in front.
bool AppendOthers(std::string& out, std::span<const std::string_view> names,
                  std::string_view body) {
  JsonNames scratch;
  JsonCursor cursor(body, scratch);
  if (!cursor.TakeIf('{')) return false;
  if (cursor.TakeIf('}')) return true;
  do {
    JsonString name;
    if (!cursor.ReadString(name) || !cursor.TakeIf(':')) return false;
    cursor.Peek();
    const size_t from = cursor.offset();
    if (!cursor.SkipValue(1)) return false;
    std::string text;
    if (name.escaped) {
      AppendUnescaped(text, name.raw);
    } else {
      text = name.raw;
    }
    if (std::find(names.begin(), names.end(), text) != names.end()) continue;
    out.append(",\"").append(name.raw).append("\":");
    AppendMinified(out, cursor.Slice(from));
  } while (cursor.TakeIf(','));
  return cursor.TakeIf('}');
}

}  // namespace

Status AppendWithMembers(std::string& out, std::string_view members,
                         std::span<const std::string_view> names, std::string_view body) {
  out.push_back('{');
  out.append(members);
  if (!body.empty() && !AppendOthers(out, names, body)) {
    return {Code::kCorruption, "read a row: its body is no JSON object"};
  }
  out.push_back('}');
  return Status::Ok();
}

}  // namespace mendfs
