#include "meta/table/json_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mendfs {
namespace {

using testing::HasSubstr;

Status Split(std::string_view line, LoadLine& out) {
  return SplitLoadLine(line, {}, out);
}

TEST(LoadLineTest, ANodeLineHasTypeAndTheExactBytesOfItsBody) {
  LoadLine out;
  const std::string_view line = R"({"type":"Person","data":{ "name" : "a\"}", "x":[{}] } })";
  ASSERT_TRUE(Split(line, out).ok());
  EXPECT_EQ(out.kind, LoadLine::Kind::kNode);
  EXPECT_EQ(out.type, "Person");
  EXPECT_EQ(out.data, R"({ "name" : "a\"}", "x":[{}] })");
  EXPECT_EQ(out.data.data(), line.data() + line.find("{ \"name"));
  EXPECT_EQ(out.key, std::nullopt);
}

TEST(LoadLineTest, AnEdgeLineHasItsEndsAsKeyText) {
  LoadLine out;
  ASSERT_TRUE(Split(R"( { "to" : 7, "edge":"Knows", "from":["a~b", -0], "n":3 } )", out).ok());
  EXPECT_EQ(out.kind, LoadLine::Kind::kEdge);
  EXPECT_EQ(out.type, "Knows");
  EXPECT_EQ(out.from, "a%7Eb~0");
  EXPECT_EQ(out.to, "7");
  EXPECT_EQ(out.n, 3U);
  EXPECT_TRUE(out.n_given);
  EXPECT_TRUE(out.data.empty());
  ASSERT_TRUE(Split(R"({"edge":"Kn\u006fws","from":"\u00e9","to":"b","data":{}})", out).ok());
  EXPECT_EQ(out.type, "Knows");
  EXPECT_EQ(out.from, "é");
  EXPECT_EQ(out.n, 1U);
  EXPECT_FALSE(out.n_given);
  EXPECT_EQ(out.data, "{}");
}

TEST(LoadLineTest, AKeyMayStandBesideTheBody) {
  LoadLine out;
  ASSERT_TRUE(Split(R"({"type":"Place","key":"berlin","data":{}})", out).ok());
  EXPECT_EQ(out.key, "berlin");
  ASSERT_TRUE(Split(R"({"type":"Place","data":{}})", out).ok());
  EXPECT_EQ(out.key, std::nullopt);
}

TEST(LoadLineTest, ABareLineIsTheBody) {
  LoadLine out;
  ASSERT_TRUE(SplitLoadLine(R"({"name":"a"})", {.bare = true}, out).ok());
  EXPECT_EQ(out.kind, LoadLine::Kind::kBare);
  EXPECT_EQ(out.data, R"({"name":"a"})");
}

TEST(LoadLineTest, OtherLinesAreRefusedWithTheColumn) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"name":"a"})", "a load line has type, data, key or edge, from, to, n, data (column 2)"},
      {R"({"type":"A"})", "needs \"data\""},
      {R"({"edge":"A","from":"a"})", "needs \"from\" and \"to\""},
      {R"({"edge":"A","from":"a","to":"b","key":"c"})", "no \"key\""},
      {R"({"type":"A","data":{},"from":"x"})", "no \"from\""},
      {R"({"type":"A","edge":"B","data":{}})", "exclude"},
      {R"({"type":"A","type":"A","data":{}})", "twice (column 13)"},
      {R"({"type":"A","data":[]})", "\"data\" is a JSON object (column 20)"},
      {R"({"type":"A","data":{}} x)", "something stands behind"},
      {R"({"type":"A","data":{)", "does not end"},
      {R"({"type":"A","data":{"x)", "does not end"},
      {R"({"edge":"A","from":1.5,"to":"b"})", "a key is a string"},
      {R"({"edge":"A","from":{},"to":"b"})", "a key is a string"},
      {R"({"edge":"A","from":"a","to":"b","n":0})", "from 1 up"},
      {R"({"edge":"A","from":[],"to":"b"})", "a key is a string"},
      {"{}", "neither"},
      {"", "expected a JSON object"},
      {"[]", "expected a JSON object"},
  };
  for (const auto& [line, sentence] : cases) {
    LoadLine out;
    const Status status = Split(line, out);
    EXPECT_EQ(status.code(), Code::kInvalid) << line;
    EXPECT_THAT(status.message(), HasSubstr(sentence)) << line;
  }
}

}  // namespace
}  // namespace mendfs
