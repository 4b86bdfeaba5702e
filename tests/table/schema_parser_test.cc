#include "meta/table/schema/schema_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace mendfs {
namespace {

using testing::HasSubstr;

constexpr std::string_view kSample = R"(
node Person {
  name:  String @key
  age:   I32?            @range(0..150)
  email: String          @unique
  city:  String?         @index
  role:  enum(reader, editor, owner)
  born:  Date?
  tags:  [String]
  photo: Blob?
}
edge Knows: Person -> Person @card(0..*) @ondelete(cascade) { since: Date? }
interface Named { name: String }     node City implements Named { name: String @key }
)";

Schema Parse(std::string_view text) {
  Result<Schema> schema = ParseSchema(text);
  EXPECT_TRUE(schema.ok()) << schema.status().ToString() << "\n" << text;
  return schema.ok() ? *schema : Schema();
}

std::string ErrorOf(std::string_view text) {
  const Result<Schema> schema = ParseSchema(text);
  if (schema.ok()) return "parsed";
  EXPECT_EQ(schema.status().code(), Code::kInvalid);
  return schema.status().message();
}

TEST(SchemaParserTest, TheSampleOfTheProductPageIsRead) {
  const Schema schema = Parse(kSample);
  ASSERT_EQ(schema.nodes.size(), 2U);
  const NodeType* const person = schema.FindNode("Person");
  ASSERT_NE(person, nullptr);
  ASSERT_EQ(person->properties.size(), 8U);
  EXPECT_EQ(person->key, std::vector<uint32_t>{0});
  const Property& age = person->properties[1];
  EXPECT_TRUE(age.type.nullable);
  EXPECT_EQ(age.type.scalar, ScalarKind::kI32);
  EXPECT_EQ(age.range_min->text, "0");
  EXPECT_EQ(age.range_max->text, "150");
  EXPECT_TRUE(person->properties[2].unique);
  EXPECT_TRUE(person->properties[3].index);
  EXPECT_THAT(person->properties[4].type.enum_values,
              testing::ElementsAre("reader", "editor", "owner"));
  EXPECT_TRUE(person->properties[6].type.list);
  const EdgeType* const knows = schema.FindEdge("Knows");
  ASSERT_NE(knows, nullptr);
  EXPECT_EQ(knows->source, person->id);
  EXPECT_EQ(knows->card_max, std::nullopt);
  EXPECT_EQ(schema.FindNode("City")->implements, std::vector<std::string>{"Named"});
}

TEST(SchemaParserTest, CanonicalTextReadsBackAsTheSameSchema) {
  const std::string_view texts[] = {
      kSample,
      "",
      "# nothing\n// at all",
      "open node Place",
      "open node Place { population: U64? @range(1..) }",
      "node Flight @key(day, number) @ttl(day) @description(\"say \\\"hi\\\"\\n\") {\n"
      "day: Date; number: U32, note: String? @check(/^a\\/b\\d+$/) @index\n}",
      "node node { \"given name\": enum(\"a b\", \"1\", c) @key; v: Vector(3); f: F32 "
      "@range(..-1.50)\n"
      "at: DateTime? @range(2020-01-01T01:00:00.500+01:00..2020-01-01T02:00Z) }\n"
      "edge E: node -> node @card(1..4) @ondelete(restrict)\n"
      "edge F: node -> node @rename_from(Old) { w: F64 @unique @rename_from(\"old w\") }",
  };
  for (const std::string_view text : texts) {
    const Schema schema = Parse(text);
    const std::string canonical = FormatSchema(schema);
    EXPECT_TRUE(Parse(canonical) == schema) << canonical;
    EXPECT_EQ(FormatSchema(Parse(canonical)), canonical);
  }
}

TEST(SchemaParserTest, RangesAreKeptInCanonicalForm) {
  const Schema schema = Parse(
      "node T { k: String @key\n at: DateTime @range(2020-01-01T01:00:00.500+01:00..)\n"
      "f: F64 @range(-0.0..1.50)\n}");
  EXPECT_EQ(schema.nodes[0].properties[1].range_min->text, "2020-01-01T00:00:00.5Z");
  EXPECT_EQ(schema.nodes[0].properties[2].range_min->text, "0");
  EXPECT_EQ(schema.nodes[0].properties[2].range_max->text, "1.5");
}

TEST(SchemaParserTest, ErrorsNamePlaceAndWhatWasExpected) {
  EXPECT_EQ(ErrorOf("node A {\n  name: Strng @key\n}"),
            "line 2, column 9: there is no type Strng; did you mean \"String\"?");
  EXPECT_EQ(ErrorOf("node A { name: String @kye }"),
            "line 1, column 24: a property here has no constraint @kye; did you mean \"key\"?");
  EXPECT_EQ(ErrorOf("node A { k: String @key }\nedge E: A -> Aa"),
            "line 2, column 14: there is no node type Aa; did you mean \"A\"?");
  EXPECT_EQ(ErrorOf("nod A {}"),
            "line 1, column 1: expected node, edge, interface or open node, but there is \"nod\"; "
            "did you mean \"node\"?");
  EXPECT_EQ(
      ErrorOf("node A { a: String @key b: String }"),
      "line 1, column 25: expected a constraint, a line end, \",\", \";\" or \"}\", but there "
      "is \"b\"");
  EXPECT_THAT(ErrorOf("node A { a: String @key"), HasSubstr("expected \"}\" to close A"));
  EXPECT_THAT(ErrorOf("node A { a: String @description(\"x"), HasSubstr("closing quote"));
}

TEST(SchemaParserTest, WhatMakesNoSenseIsRefused) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"node A { a: String }", "needs a key"},
      {"node A { a: String? @key }", "must not be nullable"},
      {"node A { a: [String] @key }", "a key is not made of [String]"},
      {"node A { a: F64 @key }", "a key is not made of F64"},
      {"node A { a: Blob @key }", "a key is not made of Blob"},
      {"node A { a: Vector(2) @key }", "a key is not made of Vector(2)"},
      {"node A @key(a, a) { a: String }", "names \"a\" twice"},
      {"node A @key(b) { a: String }", "no property of A"},
      {"node A { a: String @key, b: String @key }", "a second @key"},
      {"node A { a: String @key, a: I32 }", "declared twice"},
      {"node A { a: String @key } node A { a: String @key }", "declared twice"},
      {"node A { a: String @key } edge A: A -> A", "declared twice"},
      {"node A { a: String @key @range(1..2) }", "@range fits numbers"},
      {"node A { a: I32 @key @range(5..2) }", "5 is above 2"},
      {"node A { a: I32 @key @range(1..3000000000) }", "is no I32"},
      {"node A { a: I32 @key @range(..) }", "@range takes"},
      {"node A { a: I32 @key @check(\"x\") }", "@check fits String"},
      {"node A { a: String @key @check(\"(\") }", "missing )"},
      {"node A { a: String @key, b: Blob @index }", "do not fit Blob"},
      {"node A { a: String @key, b: [I32] @unique }", "do not fit [I32]"},
      {"node A { a: String @key, b: [[I32]] }", "lists do not nest"},
      {"node A { a: String @key, b: [I32?] }", "never null"},
      {"node A { a: String @key, b: Vector(0) }", "a dimension"},
      {"node A { a: String @key, b: enum() }", "an enum value"},
      {"node A { a: String @key, b: enum(x, x) }", "twice"},
      {"node A @ttl(a) { a: String @key }", "the column of @ttl"},
      {"node A { \"$from\": String @key }", "reserved"},
      {"node A implements I { a: String @key }", "there is no interface I"},
      {"interface I { b: I32 } node A implements I { a: String @key }", "wants \"b: I32\""},
      {"interface I { a: I32 } node A implements I { a: String @key }", "not String"},
      {"interface I { a: I32 @index }", "a type and a description only"},
      {"node A { a: String @key } edge E: A -> A @card(3..2)", "@card"},
      {"node A { a: String @key } edge E: A -> A @card(x)", "@card takes"},
      {"node A { a: String @key } edge E: A -> A @ondelete(no)", "cascade or restrict"},
      {"node A { a: String @key } edge E: A -> A { b: String @key }", "no constraint @key"},
      {"open A", "expected \"node\""},
      {"node A { a: String @key } \x01", "means nothing here"},
      {"node \xff {}", "not UTF-8"},
  };
  for (const auto& [text, sentence] : cases)
    EXPECT_THAT(ErrorOf(text), HasSubstr(sentence)) << text;
}

TEST(SchemaParserTest, AnInterfaceThatAllowsNullIsMetByARequiredProperty) {
  Parse("interface I { b: I32? } node A implements I { a: String @key, b: I32 }");
}

TEST(SchemaParserTest, SizesAreBounded) {
  EXPECT_EQ(ParseSchema(std::string(kSchemaTextBytesMax + 1, ' ')).status().code(), Code::kTooBig);
  std::string many = "node A { k: String @key\n";
  for (size_t i = 0; i < kTypePropertiesMax; ++i) many += "p" + std::to_string(i) + ": I32\n";
  EXPECT_THAT(ErrorOf(many + "}"), HasSubstr("no more than 1024"));
  std::string types;
  for (size_t i = 0; i <= kSchemaTypesMax; ++i) types += "open node T" + std::to_string(i) + "\n";
  EXPECT_THAT(ErrorOf(types), HasSubstr("at most 4096 types"));
  const std::string pattern(kCheckPatternBytesMax + 1, 'a');
  EXPECT_THAT(ErrorOf("node A { a: String @key @check(\"" + pattern + "\") }"),
              HasSubstr("1 to 256 bytes"));
}

TEST(SchemaParserTest, APatternOfAnySizeInMemoryIsRefusedNotRun) {
  EXPECT_THAT(ErrorOf("node A { a: String @key @check(\"((a{1,99}){1,99}){1,99}\") }"),
              HasSubstr("@check"));
}

}  // namespace
}  // namespace mendfs
