// Any bytes as schema text: what parses must be sound, print and read back the same, and survive
// the store's bytes; any bytes as stored schema must decode to something sound or be refused.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "meta/table/schema/schema_format.h"
#include "meta/table/schema/schema_parser.h"
#include "meta/table/schema/schema_plan.h"

using namespace mendfs;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

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
