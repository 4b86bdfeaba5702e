// Any bytes as a row name: what decodes is what encodes to it, and any bytes as a key go both ways.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meta/row_name.h"
#include "meta/table/schema/row_value.h"
#include "tests/fuzz/fuzz.h"

using namespace mendfs;

namespace {

void CheckNode(std::string_view name, size_t parts, RowNameForm form) {
  const auto node = DecodeNodeName(name, parts, form);
  if (!node.ok() || node->hashed) return;
  const auto encoded = EncodeNodeName(node->key, form);
  Require(encoded.ok() && *encoded == name);
}

void CheckKey(std::string_view key, size_t parts) {
  const auto split = SplitKeyText(key, parts);
  if (!split.ok()) return;
  Require(EncodeKeyText(*split) == key);
  const auto name = NodeNameOfKey(key, parts);
  if (!name.ok()) return;
  const auto node = DecodeNodeName(*name, parts);
  Require(node.ok() && (node->hashed || node->key == *split));
}

}  // namespace

namespace mendfs {

std::vector<std::string> Seeds() {
  return {"bob", "a~b", "%2Fetc", "%h00112233445566778899aabbccddeeff", "a~b~2", "\xc3\xa9%7E"};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string name = std::string(bytes) + ".json";
  for (const size_t parts : {1, 2, 3}) {
    CheckNode(bytes, parts, RowNameForm::kFile);
    CheckNode(name, parts, RowNameForm::kFile);
    CheckNode(bytes, parts, RowNameForm::kDirectory);
    CheckKey(bytes, parts);
    const auto edge = DecodeEdgeName(name, {.source = parts, .target = 1});
    if (!edge.ok() || edge->hashed) continue;
    const auto encoded = EncodeEdgeName(edge->source, edge->target, edge->n);
    Require(encoded.ok() && *encoded == name);
  }
  return 0;
}
