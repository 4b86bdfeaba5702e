// Any bytes as schema text: what parses must be sound, print and read back the same, and survive
// the store's bytes; any bytes as stored schema must decode to something sound or be refused.
#include <cstdint>
#include <string_view>

#include "meta/table/schema/schema_format.h"
#include "meta/table/schema/schema_parser.h"
#include "meta/table/schema/schema_plan.h"
#include "tests/fuzz/fuzz.h"

using namespace mendfs;

namespace mendfs {

std::vector<std::string> Seeds() {
  return {"node Person { name: String @key  age: I32? @range(0..150)  tags: [String] }",
          "open node B { t: U32? @index }\nedge E: B -> B @card(0..2) { w: F64? }",
          "node A @key(k, n) { k: String, n: I64, e: enum(x, \"y z\")?, v: Vector(2)? }",
          "interface Named { name: String }\nnode City implements Named { name: String @key }",
          EncodeSchema(ParseSchema("node A { k: String @key }").value())};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<Schema> decoded = DecodeSchema(text);
  if (decoded.ok()) Require(CheckSchema(*decoded).ok());

  const Result<Schema> schema = ParseSchema(text);
  if (!schema.ok()) return 0;
  Require(CheckSchema(*schema).ok());
  const Result<Schema> again = ParseSchema(FormatSchema(*schema));
  Require(again.ok() && *again == *schema);
  const Result<Schema> stored = DecodeSchema(EncodeSchema(*schema));
  Require(stored.ok() && *stored == *schema);
  const Result<Schema> assigned = AssignIds(Schema(), *schema);
  if (!assigned.ok()) return 0;
  Require(CheckSchema(*assigned).ok());
  Require(PlanSchema(*assigned, *assigned, [](TypeId) { return true; }).empty());
  return 0;
}
