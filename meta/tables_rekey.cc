#include "meta/tables_rekey.h"

#include <optional>
#include <vector>

#include "meta/table/json_cursor.h"
#include "meta/table/schema/row_value.h"
#include "meta/table/text/json_text.h"

namespace mendfs {
namespace {

void AppendValue(std::string& out, const PropertyType& type, std::string_view text) {
  switch (type.scalar) {
    case ScalarKind::kBool:
    case ScalarKind::kI32:
    case ScalarKind::kI64:
    case ScalarKind::kU32:
    case ScalarKind::kU64: out.append(text); break;
    default: AppendJsonString(out, text);
  }
}

std::optional<size_t> FindKeyPart(const NodeType& type, const JsonString& name) {
  std::string text;
  AppendUnescaped(text, name.raw);
  for (size_t part = 0; part < type.key.size(); ++part) {
    if (type.properties[type.key[part]].name == text) return part;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> RekeyBody(const NodeType& type, std::string_view body, std::string_view key,
                              std::string_view new_key) {
  MENDFS_RETURN_IF_ERROR(CheckKeyText(type, new_key));
  if (type.key.empty()) return std::string(body);
  MENDFS_ASSIGN_OR_RETURN(const auto parts, SplitKeyText(key, type.key.size()));
  MENDFS_ASSIGN_OR_RETURN(const auto new_parts, SplitKeyText(new_key, type.key.size()));

  std::string rekeyed;
  size_t copied = 0;
  JsonNames names;
  JsonCursor cursor(body, names);
  if (!cursor.TakeIf('{') || cursor.TakeIf('}')) return std::string(body);
  do {
    cursor.Peek();
    JsonString name;
    if (!cursor.ReadString(name) || !cursor.TakeIf(':')) break;
    const char first = cursor.Peek();
    const size_t value = cursor.offset();
    if (!cursor.SkipValue(1)) break;
    const auto part = FindKeyPart(type, name);
    // The same value may be written in another way, as a time in another zone: then it stays so.
    if (!part || first == 'n' || parts[*part] == new_parts[*part]) continue;
    rekeyed.append(body.substr(copied, value - copied));
    AppendValue(rekeyed, type.properties[type.key[*part]].type, new_parts[*part]);
    copied = cursor.offset();
  } while (cursor.TakeIf(','));
  // A walk that ended early met what no row has: the check behind this one says what.
  return rekeyed.append(body.substr(copied));
}

}  // namespace mendfs
