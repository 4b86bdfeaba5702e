// Any bytes as a row body under a schema that loses properties and narrows others: what was a row
// is one afterwards, keeps every value that stays, and loses nothing a second time.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "meta/commit/migrate/row_rewrite.h"
#include "meta/table/schema/schema_parser.h"
#include "tests/fuzz/fuzz.h"

using namespace mendfs;

namespace {

using Json = nlohmann::json;

constexpr std::string_view kBefore = R"(
node A { k: String @key, a: I64?, b: String?, c: [I64]?, d: enum(x, y)?, e: F64?, f: Vector(2)? }
open node B { a: String?, more: I64? }
)";
constexpr std::string_view kAfter = R"(
node A { k: String @key, a: I32?, c: I64?, d: enum(x)?, f: Vector(2)? }
open node B { more: I32? }
)";

struct Schemas {
  std::shared_ptr<const RowRules> before;
  std::shared_ptr<const RowRules> after;
  SchemaChange change;
};

Schemas MakeSchemas() {
  Schema before = AssignIds(Schema(), ParseSchema(kBefore).value()).value();
  Schema after = AssignIds(before, ParseSchema(kAfter).value()).value();
  SchemaChange change = PlanSchema(before, after, [](TypeId) { return true; });
  return {RowRules::Make(std::move(before)).value(), RowRules::Make(std::move(after)).value(),
          std::move(change)};
}

// What stays is what was; only declared properties of the schema before may go.
void RequireSubset(const std::string& before, const std::string& after) {
  const Json old_body = Json::parse(before, nullptr, false);
  const Json new_body = Json::parse(after, nullptr, false);
  if (old_body.is_discarded()) return;  // numbers that only a row may have
  Require(new_body.is_object());
  for (const auto& [name, value] : new_body.items()) {
    Require(old_body.contains(name) && old_body[name] == value);
  }
  for (const auto& [name, value] : old_body.items()) {
    if (new_body.contains(name)) continue;
    Require(name.size() == 1 || name == "more");
    Require(name != "k" && name != "f");
  }
}

void Try(const Schemas& schemas, RowRewrite& rewrite, std::string_view name,
         const std::string& body) {
  static RowChecker old_checker(schemas.before);
  static RowChecker new_checker(schemas.after);
  static CheckedRow row;
  std::string out;
  const NodeType& type = *schemas.before->FindNode(name);
  const bool changed = rewrite.Run(type.id, body, out);
  if (!old_checker.CheckNode(type, body, "key", row).ok()) return;
  const std::string& after = changed ? out : body;
  Require(new_checker.CheckNode(*schemas.after->FindNode(name), after, "key", row).ok());
  RequireSubset(body, after);
  std::string again;
  Require(!rewrite.Run(type.id, after, again));
}

}  // namespace

namespace mendfs {

std::vector<std::string> Seeds() {
  return {R"({"a":5000000000,"b":"s","c":[1],"d":"y","e":1.5,"f":[1,2]})",
          R"({ "k" : "key" , "a" : 1 , "\u0062" : "}" , "d":"x" })",
          "{\n  \"b\": null,\n  \"a\": -2147483648,\n  \"c\": null\n}\n",
          R"({"more":[1],"a":"x","z":{"a":[null,{"b":1}]}})", R"({"more":4294967296,"a":null})"};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Schemas schemas = MakeSchemas();
  static RowRewrite rewrite = RowRewrite::Make(schemas.after->schema(), schemas.change).value();
  const std::string body(reinterpret_cast<const char*>(data), size);
  Try(schemas, rewrite, "A", body);
  Try(schemas, rewrite, "B", body);
  return 0;
}
