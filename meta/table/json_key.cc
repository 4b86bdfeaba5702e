#include "meta/table/json_key.h"

#include <vector>

#include "meta/table/schema/row_value.h"
#include "meta/table/schema/schema.h"

namespace mendfs {
namespace {

bool ReadPart(JsonCursor& cursor, std::string& part) {
  const char c = cursor.Peek();
  part.clear();
  if (c == '"') {
    JsonString string;
    if (!cursor.ReadString(string)) return false;
    if (string.escaped) {
      AppendUnescaped(part, string.raw);
    } else {
      part.assign(string.raw);
    }
    return true;
  }
  if (c == 't' || c == 'f') {
    part = c == 't' ? "true" : "false";
    return cursor.ReadLiteral(part);
  }
  const size_t where = cursor.offset();
  constexpr const char* kWanted = "a key is a string, an integer, or an array of them";
  if (c != '-' && (c < '0' || c > '9')) return cursor.Fail(kWanted);
  JsonNumber number;
  if (!cursor.ReadNumber(number)) return false;
  if (!number.integer) return cursor.FailAt(where, kWanted);
  part.assign(number.text == "-0" ? "0" : number.text);
  return true;
}

}  // namespace

bool ReadKeyText(JsonCursor& cursor, std::string& key) {
  if (cursor.Peek() != '[') return ReadPart(cursor, key);
  cursor.TakeIf('[');
  std::vector<std::string> parts;
  do {
    if (parts.size() >= kKeyPartsMax) return cursor.Fail("a key has at most 16 parts");
    if (!ReadPart(cursor, parts.emplace_back())) return false;
  } while (cursor.TakeIf(','));
  if (!cursor.Expect(']', "expected \",\" or \"]\"")) return false;
  key = EncodeKeyText(parts);
  return true;
}

}  // namespace mendfs
