// Any bytes as a row name: what decodes is what encodes to it, and any bytes as a key go both ways.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "meta/row_name.h"
#include "meta/table/schema/row_value.h"

using namespace mendfs;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

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
