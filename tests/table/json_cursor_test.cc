#include "meta/table/json_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <random>
#include <regex>
#include <string>

#include "meta/table/row_check.h"
#include "meta/table/schema/row_value.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

bool Accepts(std::string_view text, JsonError* error = nullptr) {
  JsonNames names;
  JsonCursor cursor(text, names);
  const bool ok = cursor.SkipValue() && cursor.ExpectEnd();
  EXPECT_EQ(ok, cursor.error().sentence == nullptr) << text;
  if (error != nullptr) *error = cursor.error();
  return ok;
}

TEST(JsonCursorTest, TakesWhatTheStandardTakes) {
  for (const std::string_view good :
       {"{}", " [ ] ", "[1,-0,1.5e+3,0.1,1E9]", "[true,false,null]", R"({"a":{"b":[{}]},"":1})",
        R"(["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"])", "12345678901234567890123456789", "1e999",
        R"([{"a":1},{"a":1}])", "\"\x7f\""}) {
    EXPECT_TRUE(Accepts(good)) << good;
  }
  for (const std::string_view bad : {"",
                                     "{",
                                     "[1,]",
                                     "{,}",
                                     R"({"a":1,})",
                                     R"({"a"})",
                                     R"({"a":})",
                                     "{a:1}",
                                     "[1 2]",
                                     "01",
                                     "1.",
                                     ".5",
                                     "+1",
                                     "1e",
                                     "-",
                                     "tru",
                                     "nulll",
                                     "NaN",
                                     "[Infinity]",
                                     "'a'",
                                     "\"\t\"",
                                     R"("\x")",
                                     R"("\u12g4")",
                                     R"("\ud800")",
                                     R"("\udc00")",
                                     R"("\ud800\u0041")",
                                     "{} {}",
                                     "[}",
                                     "{]",
                                     R"({"a":1 "b":2})",
                                     "\"abc",
                                     "/**/1",
                                     "[1]x"}) {
    EXPECT_FALSE(Accepts(bad)) << bad;
  }
}

TEST(JsonCursorTest, ANameTwiceIsFoundAtAnyDepthAndInAnySpelling) {
  for (const std::string_view bad :
       {R"({"a":1,"a":2})", R"({"a":1,"\u0061":2})", R"([{"x":{"b":1,"c":2,"b":3}}])"}) {
    JsonError error;
    EXPECT_FALSE(Accepts(bad, &error)) << bad;
    EXPECT_FALSE(error.name.empty());
  }
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += "\"n" + std::to_string(i) + "\":{\"n1\":0},";
  EXPECT_TRUE(Accepts(many + "\"last\":1}"));
  JsonError error;
  EXPECT_FALSE(Accepts(many + "\"n500\":1}", &error));
  EXPECT_EQ(error.offset, many.size());
}

TEST(JsonCursorTest, DepthIsBounded) {
  const std::string open(kJsonDepthMax, '[');
  const std::string close(kJsonDepthMax, ']');
  EXPECT_TRUE(Accepts(open + close));
  EXPECT_FALSE(Accepts("[" + open + close + "]"));
  EXPECT_FALSE(Accepts(std::string(1000000, '[')));
}

TEST(JsonCursorTest, EscapesAreUndone) {
  std::string out;
  AppendUnescaped(out, R"(a\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00\u0000z)");
  EXPECT_EQ(out, std::string("a\"\\/\b\f\n\r\té€😀\0z", 20));
}

TEST(JsonCursorTest, EveryPrefixIsIncompleteAndNeverBroken) {
  const std::string body =
      "{\"a\":[1.5e+3,true,null,false,{}],\"é😀\\ud83d\\ude00\\n\":{\"b\":\"long enough for "
      "sixteen\"}}";
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(ProbeBody(body.substr(0, size)), BodyState::kIncomplete) << body.substr(0, size);
  }
  EXPECT_EQ(ProbeBody(body), BodyState::kComplete);
  EXPECT_EQ(ProbeBody(body + " \n"), BodyState::kComplete);
  for (const std::string_view bad :
       {"hello", "{\"a\":1}}", "{'", "{\"a\" 1", "\xff", "{\"\xc3(", "[01"}) {
    EXPECT_EQ(ProbeBody(bad), BodyState::kBroken) << bad;
  }
}

TEST(JsonCursorTest, AgreesWithSimdjsonOnRandomTexts) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string pieces[] = {
      "{",  "}",    "[",    "]", ":",  ",",           "\"a\"", "\"b\"", "1", "-0",  "1.5",
      "e3", "true", "null", " ", "\n", "\"\\u00e9\"", "\"\\",  "\"",    "é", "\\n", "0"};
  const std::string sample = R"({"a":[1,2.5,{"b":null}],"c":"x\ny","d":{"e":true,"f":-3e2}})";
  const std::regex beyond_64_bits("[eE][+-]?[0-9]{3}|[0-9]{19}");
  simdjson::dom::parser parser;
  int accepted = 0;
  for (int round = 0; round < 100000; ++round) {
    std::string text;
    if (round % 2 == 0) {
      for (uint64_t i = random() % 9; i > 0; --i) text += pieces[random() % std::size(pieces)];
    } else {
      text = sample;
      for (uint64_t i = random() % 3; i > 0; --i) {
        text[random() % text.size()] = static_cast<char>(' ' + random() % 95);
      }
    }
    JsonError error;
    const bool ours = IsUtf8(text) && Accepts(text, &error);
    const bool theirs = parser.parse(simdjson::padded_string(text)).error() == simdjson::SUCCESS;
    accepted += ours ? 1 : 0;
    // It does not look for names that stand twice, and takes no number that 64 bits cannot hold.
    if (ours && std::regex_search(text, beyond_64_bits)) continue;
    if (ours != theirs && error.name.empty()) FAIL() << text << " ours " << ours;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace mendfs
