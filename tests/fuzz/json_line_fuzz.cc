// Any bytes as a load line: split without harm, and the body lies within the line.
#include <cstdint>
#include <string_view>

#include "meta/table/json_line.h"
#include "meta/table/row_check.h"
#include "tests/fuzz/fuzz.h"

using namespace mendfs;

namespace mendfs {

std::vector<std::string> Seeds() {
  return {R"({"type":"Person","data":{"name":"bob","age":4}})",
          R"({"edge":"Knows","from":"a","to":"b","n":2,"data":{"since":"2020-01-01"}})",
          R"({"edge":"Knows","from":["a",1],"to":"b"})",
          R"({"type":"P","data":{"a\\u0041":[1,{}]}})"};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  LoadLine out;
  if (!SplitLoadLine(line, {}, out).ok()) return 0;
  Require(out.kind != LoadLine::Kind::kBare && out.n >= 1);
  if (out.data.empty()) {
    Require(out.kind == LoadLine::Kind::kEdge);
    return 0;
  }
  Require(out.data.data() >= line.data());
  Require(out.data.data() + out.data.size() <= line.data() + line.size());
  Require(out.data.front() == '{');
  // A line that is JSON as a whole has a body that is.
  if (ProbeBody(line) == BodyState::kComplete) {
    Require(ProbeBody(out.data) == BodyState::kComplete && out.data.back() == '}');
  }
  return 0;
}
