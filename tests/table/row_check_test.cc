#include "meta/table/row_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "meta/table/schema/row_value.h"
#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

using testing::HasSubstr;

constexpr std::string_view kText = R"(
node Person {
  name: String @key
  age: I32? @range(0..150)
  email: String? @unique @check("^[^@]+@[^@]+$")
  role: enum(reader, editor)?
  born: Date? @index @range(1900-01-01..)
  seen: DateTime? @index
  tags: [String]?
  photo: Blob?
  big: U64?
  small: I64?
  single: F32? @index
  score: F64? @range(-1.5..1.5)
  face: Vector(2)?
  flag: Bool? @index
  "odd name": String?
}
node Flight @key(day, number) { day: Date, number: U32, seats: I32 }
node Event { at: DateTime @key }
node Code { code: String @key @unique @check("^[a-z]+$") }
node Spot @key(x, y) { x: I32 @index @range(-9..9), y: I32 @index, label: String? @index }
open node Place { population: U64? @index }
open node Shop { id: I64 @key }
edge Knows: Person -> Person { since: Date?, weight: F64 @index }
edge Likes: Person -> Flight
)";

class RowCheckTest : public testing::Test {
 protected:
  RowCheckTest() : rules_(MakeRules()), checker_(rules_) {}

  static std::shared_ptr<const RowRules> MakeRules() {
    Result<Schema> schema = ParseSchema(kText);
    EXPECT_TRUE(schema.ok()) << schema.status().ToString();
    Result<std::shared_ptr<const RowRules>> rules = RowRules::Make(*schema);
    EXPECT_TRUE(rules.ok());
    return *rules;
  }

  Status Node(std::string_view type, std::string_view body,
              std::optional<std::string_view> key = std::nullopt) {
    return checker_.CheckNode(*rules_->FindNode(type), body, key, row_);
  }
  // Of a Person whose other members are `members`.
  std::string Person(const std::string& members) {
    const Status status = Node("Person", "{\"name\":\"a\"," + members + "}");
    EXPECT_TRUE(status.ok() || status.code() == Code::kInvalid);
    return status.ok() ? "ok" : status.message();
  }

  std::shared_ptr<const RowRules> rules_;
  RowChecker checker_;
  CheckedRow row_;
};

TEST_F(RowCheckTest, AGoodRowGivesKeyAndIndexValues) {
  const Status status = Node("Person", R"({"born":"2000-01-02","name":"bob","email":"b@c",
      "flag":true,"single":-0.0,"role":null,"tags":["x","y"],"photo":"AA==","face":[1,2.5],
      "big":18446744073709551615,"small":-9223372036854775808,"odd name":"","score":1.5})");
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(row_.key, "bob");
  const NodeType& type = *rules_->FindNode("Person");
  const auto bytes = [&](std::string_view name) -> std::string {
    const Property& property = type.properties[*FindProperty(type.properties, name)];
    for (const IndexValue& value : row_.values) {
      if (value.property == property.id) {
        EXPECT_EQ(value.unique, property.unique);
        return std::string(row_.BytesOf(value));
      }
    }
    return "none";
  };
  EXPECT_EQ(row_.values.size(), 4U);
  EXPECT_EQ(bytes("email"), "b@c");
  EXPECT_EQ(bytes("born"), *EncodeOrdered({.scalar = ScalarKind::kDate}, "2000-01-02"));
  EXPECT_EQ(bytes("single"), *EncodeOrdered({.scalar = ScalarKind::kF32}, "0"));
  EXPECT_EQ(bytes("flag"), "\1");
  EXPECT_EQ(bytes("seen"), "none");
  // Nothing of one row stays for the next.
  ASSERT_TRUE(Node("Person", R"({"name":"eve"})").ok());
  EXPECT_EQ(row_.key, "eve");
  EXPECT_TRUE(row_.values.empty());
}

TEST_F(RowCheckTest, ValuesOfTheWrongKindAreRefusedByName) {
  EXPECT_EQ(Person(R"("age":151)"),
            "property \"age\": 151 is outside of 0..150 (line 1, column 19)");
  EXPECT_EQ(Person("\n \"age\":\"1\""),
            "property \"age\": expected I32?, found a string (line 2, column 8)");
  EXPECT_THAT(Person(R"("age":1.0)"), HasSubstr("must be written as an integer"));
  EXPECT_THAT(Person(R"("age":3000000000)"), HasSubstr("does not fit I32"));
  EXPECT_THAT(Person(R"("big":-1)"), HasSubstr("does not fit U64"));
  EXPECT_THAT(Person(R"("big":18446744073709551616)"), HasSubstr("does not fit U64"));
  EXPECT_THAT(Person(R"("email":"nobody")"), HasSubstr("does not match"));
  EXPECT_THAT(Person(R"("role":"edtor")"), HasSubstr("did you mean \"editor\"?"));
  EXPECT_THAT(Person(R"("born":"2021-02-29")"), HasSubstr("is no Date"));
  EXPECT_THAT(Person(R"("born":"1899-12-31")"), HasSubstr("outside of 1900-01-01.."));
  EXPECT_THAT(Person(R"("seen":"2021-02-28T00:00:00")"), HasSubstr("with an offset"));
  EXPECT_THAT(Person(R"("tags":"x")"), HasSubstr("expected [String]?, found a string"));
  EXPECT_THAT(Person(R"("tags":["x",1])"), HasSubstr("found a number"));
  EXPECT_THAT(Person(R"("tags":["x",null])"), HasSubstr("found null"));
  EXPECT_THAT(Person(R"("photo":"?")"), HasSubstr("base64"));
  EXPECT_THAT(Person(R"("face":[1])"), HasSubstr("has 1 numbers, not 2"));
  EXPECT_THAT(Person(R"("face":[1,1e39])"), HasSubstr("too large for F32"));
  EXPECT_THAT(Person(R"("score":1e400)"), HasSubstr("too large for F64"));
  EXPECT_THAT(Person(R"("score":1.6)"), HasSubstr("outside of -1.5..1.5"));
  EXPECT_THAT(Person(R"("score":NaN)"), HasSubstr("NaN and Infinity are no JSON numbers"));
  EXPECT_THAT(Person(R"("flag":1)"), HasSubstr("expected Bool?, found a number"));
  EXPECT_THAT(Person(R"("agee":1)"),
              HasSubstr("\"agee\" is not declared in Person; did you mean \"age\"?"));
  EXPECT_THAT(Person(R"("age":1,"\u0061ge":2)"), HasSubstr("stands in the row twice"));
  EXPECT_EQ(Person(R"("age":null,"score":1e-400)"), "ok");
}

TEST_F(RowCheckTest, BodiesThatAreNoJsonObjectAreRefused) {
  for (const std::string_view bad : {"", "[]", "1", "{\"name\":\"a\"", "{\"name\":\"a\"} {}",
                                     "{\"name\":}", "{\"name\":\"a\",}", "{name:\"a\"}"}) {
    EXPECT_EQ(Node("Person", bad).code(), Code::kInvalid) << bad;
  }
  EXPECT_THAT(Node("Person", "\xef\xbb\xbf{\"name\":\"a\"}").message(),
              HasSubstr("byte order mark"));
  EXPECT_THAT(Node("Person", "{\n\"name\":\"\xff\"}").message(), HasSubstr("not UTF-8 (line 2"));
  EXPECT_EQ(Node("Person", std::string(kRowBodyBytesMax + 1, ' ')).code(), Code::kTooBig);
}

TEST_F(RowCheckTest, RequiredPropertiesMustBeThere) {
  EXPECT_EQ(Node("Flight", R"({"day":"2020-01-01","number":1})").message(),
            "property \"seats\" is required and missing");
  EXPECT_THAT(Node("Flight", R"({"day":"2020-01-01","number":1,"seats":null})").message(),
              HasSubstr("is required, not null"));
}

TEST_F(RowCheckTest, TheKeyComesFromTheBodyOrTheNameOrBoth) {
  EXPECT_THAT(Node("Person", "{}").message(), HasSubstr("\"name\" is the key and missing"));
  EXPECT_THAT(Node("Person", R"({"name":null})").message(), HasSubstr("is the key and missing"));
  ASSERT_TRUE(Node("Person", "{}", "bob").ok());
  EXPECT_EQ(row_.key, "bob");
  EXPECT_TRUE(Node("Person", R"({"name":"bob"})", "bob").ok());
  EXPECT_EQ(Node("Person", R"({"name":"eve"})", "bob").message(),
            "property \"name\" is \"eve\" in the row and \"bob\" in its name");
  EXPECT_THAT(Node("Person", R"({"name":""})").message(), HasSubstr("must not be empty"));
  EXPECT_THAT(
      Node("Person", "{\"name\":\"" + std::string(kKeyTextBytesMax + 1, 'a') + "\"}").message(),
      HasSubstr("longer than"));
}

TEST_F(RowCheckTest, PartsOfACompositeKeyAgreeOneByOne) {
  ASSERT_TRUE(Node("Flight", R"({"day":"2020-01-01","number":7,"seats":1})").ok());
  EXPECT_EQ(row_.key, "2020-01-01~7");
  ASSERT_TRUE(Node("Flight", R"({"number":7,"seats":1})", "2020-01-01~7").ok());
  EXPECT_EQ(row_.key, "2020-01-01~7");
  EXPECT_THAT(Node("Flight", R"({"number":8,"seats":1})", "2020-01-01~7").message(),
              HasSubstr("\"number\" is \"8\" in the row and \"7\" in its name"));
  EXPECT_FALSE(Node("Flight", R"({"seats":1})", "2020-01-01~07").ok());
  EXPECT_FALSE(Node("Flight", R"({"seats":1})", "2020-01-01").ok());
}

TEST_F(RowCheckTest, AKeyInTheNameOnlyIsJudgedAndIndexedLikeOneInTheBody) {
  EXPECT_EQ(Node("Code", "{}", "A").message(),
            "property \"code\": \"A\" does not match ^[a-z]+$ (in the row's name)");
  ASSERT_TRUE(Node("Code", "{}", "a").ok());
  ASSERT_EQ(row_.values.size(), 1U);
  EXPECT_EQ(row_.BytesOf(row_.values[0]), "a");

  EXPECT_EQ(Node("Spot", R"({"y":2})", "12~2").message(),
            "property \"x\": 12 is outside of -9..9 (in the row's name)");
  EXPECT_FALSE(Node("Spot", "{}", "-10~2").ok());
  const auto values = [&](std::string_view body) {
    EXPECT_TRUE(Node("Spot", body, "1~2").ok()) << body;
    std::vector<std::pair<uint32_t, std::string>> all;
    for (const IndexValue& value : row_.values) {
      all.emplace_back(value.property.value, row_.BytesOf(value));
    }
    return all;
  };
  const auto want = values(R"({"label":"l","y":2,"x":1})");
  ASSERT_EQ(want.size(), 3U);
  for (const char* const body : {R"({"label":"l","y":2})", R"({"x":1,"label":"l"})",
                                 R"({"label":"l"})", R"({"x":null,"label":"l","y":null})"}) {
    EXPECT_EQ(values(body), want) << "in declared order: " << body;
  }
}

TEST_F(RowCheckTest, AKeyOfTimeIsCanonical) {
  ASSERT_TRUE(Node("Event", R"({"at":"2020-01-01T01:00:00+01:00"})").ok());
  EXPECT_EQ(row_.key, "2020-01-01T00:00:00Z");
  EXPECT_TRUE(Node("Event", R"({"at":"2020-01-01T01:00:00+01:00"})", "2020-01-01T00:00:00Z").ok());
}

TEST_F(RowCheckTest, AnOpenTypeTakesAnyObjectButChecksWhatItDeclares) {
  EXPECT_TRUE(Node("Place", R"({"x":{"y":[1,1e999,12345678901234567890123]},"z":null})", "b").ok());
  EXPECT_EQ(row_.key, "b");
  EXPECT_THAT(Node("Place", R"({"population":-1})", "b").message(), HasSubstr("does not fit U64"));
  EXPECT_THAT(Node("Place", R"({"x":1,"x":2})", "b").message(), HasSubstr("twice"));
  EXPECT_THAT(Node("Place", R"({"x":{"y":1,"y":2}})", "b").message(),
              HasSubstr("\"y\" stands in this object twice"));
  EXPECT_THAT(Node("Place", "{}").message(), HasSubstr("has its key in its name only"));
  ASSERT_TRUE(Node("Shop", R"({"id":-0,"x":1})").ok());
  EXPECT_EQ(row_.key, "0");
  const std::string deep(kRowDepthMax - 1, '[');
  const std::string shut(kRowDepthMax - 1, ']');
  EXPECT_TRUE(Node("Place", "{\"x\":" + deep + shut + "}", "b").ok());
  EXPECT_FALSE(Node("Place", "{\"x\":[" + deep + shut + "]}", "b").ok());
}

TEST_F(RowCheckTest, EdgesAgreeWithTheirEnds) {
  const EdgeType& knows = *rules_->FindEdge("Knows");
  const EdgeType& likes = *rules_->FindEdge("Likes");
  const auto check = [&](const EdgeType& type, std::string_view body,
                         std::optional<std::string_view> from, std::optional<std::string_view> to) {
    const Status status = checker_.CheckEdge(type, body, from, to, row_);
    return status.ok() ? "ok" : status.message();
  };
  EXPECT_EQ(check(likes, "", "a", "2020-01-01~7"), "ok");
  EXPECT_EQ(row_.source_key, "a");
  EXPECT_EQ(row_.target_key, "2020-01-01~7");
  EXPECT_EQ(check(likes, R"({"$from":"a","$to":["2020-01-01",7]})", std::nullopt, std::nullopt),
            "ok");
  EXPECT_EQ(row_.target_key, "2020-01-01~7");
  EXPECT_EQ(check(likes, R"({"$to":"2020-01-01~7"})", "a", "2020-01-01~7"), "ok");
  EXPECT_THAT(check(likes, R"({"$to":"2020-01-01~8"})", "a", "2020-01-01~7"), HasSubstr("\"$to\""));
  EXPECT_THAT(check(likes, "", "a", "2020-01-01"), HasSubstr("2 parts"));
  EXPECT_THAT(check(likes, "", "a", std::nullopt), HasSubstr("\"$to\" is missing"));
  EXPECT_THAT(check(likes, R"({"$from":"a","$from":"a"})", "a", "2020-01-01~7"),
              HasSubstr("twice"));
  EXPECT_THAT(check(likes, R"({"x":1})", "a", "2020-01-01~7"), HasSubstr("not declared in Likes"));
  EXPECT_EQ(check(knows, R"({"weight":0.5})", "a", "b"), "ok");
  EXPECT_EQ(row_.values.size(), 1U);
  EXPECT_THAT(check(knows, "", "a", "b"), HasSubstr("\"weight\" is required"));
}

TEST_F(RowCheckTest, AnIndexTakesNoEndlessValue) {
  EXPECT_THAT(Person("\"email\":\"a@" + std::string(kIndexValueBytesMax, 'b') + "\""),
              HasSubstr("too long for an index"));
}

TEST_F(RowCheckTest, ATypeOfAnotherSchemaIsOurMistake) {
  NodeType stranger = *rules_->FindNode("Person");
  stranger.id = TypeId(999);
  EXPECT_EQ(checker_.CheckNode(stranger, "{}", "a", row_).code(), Code::kInternal);
  EXPECT_EQ(rules_->FindNode("Nobody"), nullptr);
  EXPECT_EQ(rules_->FindEdge("Person"), nullptr);
}

}  // namespace
}  // namespace mendfs
