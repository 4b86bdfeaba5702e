// Any bytes as a row body: judged without harm, the same twice, and never against simdjson's idea
// of JSON.
#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "meta/table/row_check.h"
#include "meta/table/schema/row_value.h"
#include "meta/table/schema/schema_parser.h"
#include "tests/fuzz/fuzz.h"

using namespace mendfs;

namespace {

constexpr std::string_view kSchema = R"(
node A @key(k, n) { k: String, n: I64, a: I32? @range(-5..5), b: Bool? @index, c: F32? @unique
  d: Date? @index, e: DateTime? @index, f: enum(x, "y z")?, g: [String]?, h: Blob?, i: Vector(2)?
  j: U64?, l: F64? @range(..1.5), m: String? @check(/^[a-z]+$/) @index, o: [F64]?, p: [I32]? }
open node B { t: U32? @index }
edge E: A -> B { w: F64? @index }
)";

std::shared_ptr<const RowRules> MakeRules() {
  return RowRules::Make(ParseSchema(kSchema).value()).value();
}

bool IsJsonObject(std::string_view body) {
  static simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (parser.parse(simdjson::padded_string(body)).get(element) != simdjson::SUCCESS) return false;
  return element.is_object();
}

}  // namespace

namespace mendfs {

std::vector<std::string> Seeds() {
  return {R"({"k":"a","n":1,"a":-5,"b":true,"c":-0.0,"d":"2020-02-29","f":"y z","g":["x"]})",
          R"({"k":"a","n":9223372036854775807,"i":[1,2.5],"j":18446744073709551615,"l":1.5})",
          R"({"k":"\\ud83d\\ude00","n":1,"e":"2020-01-01T00:00:00.5Z","m":"abc","o":[1e300]})",
          R"({"t":7,"more":{"a":[null,false]}})", R"({"w":2.5})"};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::shared_ptr<const RowRules> rules = MakeRules();
  static RowChecker checker(rules);
  static CheckedRow row;
  const std::string_view body(reinterpret_cast<const char*>(data), size);

  const NodeType& closed = *rules->FindNode("A");
  const Status in_body = checker.CheckNode(closed, body, std::nullopt, row);
  if (in_body.ok()) {
    // A closed type has no place for numbers that simdjson cannot hold but in F32 and F64.
    const std::string key = row.key;
    Require(CheckKeyText(closed, key).ok());
    Require(ProbeBody(body) == BodyState::kComplete);
    Require(checker.CheckNode(closed, body, key, row).ok() && row.key == key);
    for (const IndexValue& value : row.values) Require(row.BytesOf(value).size() == value.size);
  }
  checker.CheckNode(closed, body, "k~1", row).IgnoreError();
  const Status open = checker.CheckNode(*rules->FindNode("B"), body, "key", row);
  if (open.ok()) Require(ProbeBody(body) == BodyState::kComplete);
  if (!open.ok() && IsJsonObject(body)) {
    // Refused though it is JSON: for a declared property, a name that stands twice, or its depth.
    const std::string& why = open.message();
    Require(why.find("property") != std::string::npos || why.find("twice") != std::string::npos ||
            why.find("deep") != std::string::npos || why.find("byte order") != std::string::npos);
  }
  checker.CheckEdge(*rules->FindEdge("E"), body, std::nullopt, "b", row).IgnoreError();
  if (ProbeBody(body) == BodyState::kComplete) {
    for (size_t cut = 1; cut < size && cut < 8; ++cut) {
      Require(ProbeBody(body.substr(0, size - cut)) != BodyState::kBroken);
    }
  }
  return 0;
}
