#include "meta/table/schema/schema_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

using testing::HasSubstr;

Schema Parse(std::string_view text) {
  Result<Schema> schema = ParseSchema(text);
  EXPECT_TRUE(schema.ok()) << schema.status().ToString() << "\n" << text;
  return schema.ok() ? *schema : Schema();
}

Schema Assign(const Schema& accepted, std::string_view text) {
  Result<Schema> wanted = AssignIds(accepted, Parse(text));
  EXPECT_TRUE(wanted.ok()) << wanted.status().ToString();
  if (!wanted.ok()) return {};
  EXPECT_TRUE(CheckSchema(*wanted).ok()) << CheckSchema(*wanted).ToString();
  return *wanted;
}

// "class code" of every step of going from one text to the other.
std::vector<std::string> Steps(std::string_view from, std::string_view to, bool populated = true) {
  const Schema accepted = Assign(Schema(), from);
  const Schema wanted = Assign(accepted, to);
  std::vector<std::string> steps;
  for (const SchemaStep& step :
       PlanSchema(accepted, wanted, [&](TypeId) { return populated; }).steps) {
    EXPECT_FALSE(step.sentence.empty());
    EXPECT_EQ(step.code.empty(), step.step_class == StepClass::kSafe);
    steps.push_back(std::string(StepClassName(step.step_class)) + " " + step.code);
  }
  return steps;
}

TEST(SchemaPlanTest, AnEmptySchemaTakesEverything) {
  const Schema wanted =
      Assign(Schema(), "node A { a: String @key @index } edge E: A -> A { w: F64 }");
  EXPECT_EQ(wanted.next_type_id, TypeId(3));
  EXPECT_EQ(wanted.next_property_id, PropertyId(3));
  const SchemaChange change = PlanSchema(Schema(), wanted, [](TypeId) { return false; });
  EXPECT_EQ(change.steps.size(), 2U);
  EXPECT_TRUE(change.Applicable(false).ok());
  EXPECT_TRUE(PlanSchema(wanted, wanted, [](TypeId) { return true; }).empty());
}

TEST(SchemaPlanTest, NamesKeepTheirIdsWhateverTheOrder) {
  const Schema accepted =
      Assign(Schema(), "node A { a: String @key, b: I32? } node B { k: I64 @key }");
  const Schema wanted = Assign(
      accepted,
      "node C { k: I64 @key } node B { k: I64 @key } node A { b: I32?, c: I32?, a: String @key }"
      "edge E: B -> A");
  EXPECT_EQ(wanted.FindNode("A")->id, accepted.FindNode("A")->id);
  EXPECT_EQ(wanted.FindNode("B")->id, accepted.FindNode("B")->id);
  EXPECT_EQ(wanted.FindNode("C")->id, TypeId(3));
  EXPECT_EQ(wanted.FindNode("A")->properties[0].id, accepted.FindNode("A")->properties[1].id);
  EXPECT_EQ(wanted.FindEdge("E")->source, accepted.FindNode("B")->id);
  EXPECT_EQ(wanted.FindEdge("E")->target, accepted.FindNode("A")->id);
}

TEST(SchemaPlanTest, DropAndAddAgainIsANewLife) {
  const Schema first =
      Assign(Schema(), "node A { a: String @key, b: I32? } node B { k: I64 @key }");
  const Schema without = Assign(first, "node A { a: String @key }");
  const Schema again = Assign(without, "node A { a: String @key, b: I32? } node B { k: I64 @key }");
  EXPECT_NE(again.FindNode("B")->id, first.FindNode("B")->id);
  EXPECT_NE(again.FindNode("A")->properties[1].id, first.FindNode("A")->properties[1].id);
  EXPECT_EQ(again.FindNode("A")->properties[0].id, first.FindNode("A")->properties[0].id);
}

TEST(SchemaPlanTest, ARenameKeepsTheId) {
  const Schema accepted = Assign(Schema(), "node A { a: String @key, b: I32? }");
  const std::string_view text =
      "node AA @rename_from(A) { a: String @key, c: I32? @rename_from(b) }";
  const Schema wanted = Assign(accepted, text);
  EXPECT_EQ(wanted.nodes[0].id, accepted.nodes[0].id);
  EXPECT_EQ(wanted.nodes[0].properties[1].id, accepted.nodes[0].properties[1].id);
  EXPECT_EQ(wanted.nodes[0].rename_from, "");
  // The same text again says nothing new.
  EXPECT_TRUE(Assign(wanted, text) == wanted);
  EXPECT_THAT(Steps("node A { a: String @key, b: I32? }", text, false),
              testing::ElementsAre("safe ", "safe "));
}

TEST(SchemaPlanTest, APropertyOfStoredBodiesKeepsItsName) {
  using List = std::vector<std::string>;
  const std::string a = "node A { a: String @key, b: I32? } ";
  const std::string renamed = "node A { a: String @key, c: I32? @rename_from(b) } ";
  EXPECT_EQ(Steps(a, renamed), List{"refused rename-on-populated"});
  EXPECT_EQ(Steps(a, renamed, false), List{"safe "});
  EXPECT_EQ(Steps(a, "node A { k: String @key @rename_from(a), b: I32? }"),
            List{"refused rename-on-populated"})
      << "a key may stand in the body, too";
  EXPECT_EQ(
      Steps(a + "edge E: A -> A { w: F64 }", a + "edge E: A -> A { weight: F64 @rename_from(w) }"),
      List{"refused rename-on-populated"});
  EXPECT_EQ(Steps(a, "node B @rename_from(A) { a: String @key, b: I32? }"), List{"safe "});

  const Schema accepted = Assign(Schema(), a);
  const std::string why =
      PlanSchema(accepted, Assign(accepted, renamed), [](TypeId) { return true; })
          .Applicable(true)
          .message();
  for (const char* word : {"A.b", "to c", "export", "load", "rename-on-populated"}) {
    EXPECT_THAT(why, HasSubstr(word));
  }
}

TEST(SchemaPlanTest, ARenameThatCannotBeMeantIsRefused) {
  const Schema accepted =
      Assign(Schema(), "node A { a: String @key, b: I32? } node B { k: I64 @key }");
  const auto error = [&](std::string_view text) {
    return AssignIds(accepted, Parse(text)).status().message();
  };
  EXPECT_THAT(error("node C @rename_from(X) { a: String @key }"), HasSubstr("no such name"));
  EXPECT_THAT(error("node B @rename_from(A) { k: I64 @key }"), HasSubstr("both"));
  EXPECT_THAT(error("node A { a: String @key, b: I32?, c: I32? @rename_from(b) }"),
              HasSubstr("still declared"));
}

TEST(SchemaPlanTest, StepsAreOfTheRightClass) {
  const auto is = [](std::string_view from, std::string_view to, std::vector<std::string> want) {
    const std::string head = "node A { k: String @key; ";
    EXPECT_EQ(Steps(head + std::string(from) + "}", head + std::string(to) + "}"), want)
        << from << " -> " << to;
  };
  is("", "a: I32?", {"safe "});
  is("", "a: I32", {"refused required-on-populated"});
  is("a: I32", "", {"destructive drop-property"});
  is("a: I32", "a: I64", {"safe "});
  is("a: I32", "a: I64?", {"safe "});
  is("a: I64", "a: I32", {"destructive narrowed-type"});
  is("a: I64?", "a: I32", {"destructive narrowed-type"});
  is("a: I32?", "a: I32", {"checked required-on-populated"});
  is("a: I32", "a: String", {"destructive narrowed-type"});
  is("a: enum(x)", "a: enum(y, x)", {"safe "});
  is("a: enum(x, y)", "a: enum(x)", {"destructive narrowed-type"});
  is("a: enum(x, y)", "a: String", {"safe "});
  is("a: [I32]", "a: I32", {"destructive narrowed-type"});
  is("a: I32", "a: I32 @range(0..)", {"checked constraint-on-populated"});
  is("a: I32 @range(0..5)", "a: I32 @range(..5)", {"safe "});
  is("a: I32 @range(0..5)", "a: I32 @range(0..4)", {"checked constraint-on-populated"});
  is("a: I32", "a: I32 @unique", {"checked constraint-on-populated"});
  is("a: I32 @unique", "a: I32", {"safe "});
  is("a: I32", "a: I32 @index", {"safe "});
  is("a: String", "a: String @index", {"checked constraint-on-populated"});
  is("a: String", "a: String @check(\"x\")", {"checked constraint-on-populated"});
  is("a: String @check(\"x\")", "a: String", {"safe "});
  is("a: I32", "a: I32 @description(\"d\")", {"safe "});
}

TEST(SchemaPlanTest, TypesAndKeysAreOfTheRightClass) {
  using List = std::vector<std::string>;
  const std::string a = "node A { k: String @key } ";
  const std::string b = "node B { k: String @key } ";
  EXPECT_EQ(Steps(a, a + b), List{"safe "});
  EXPECT_EQ(Steps(a + b, a), List{"destructive drop-type"});
  EXPECT_EQ(Steps("node A { k: String @key, l: I32 }", "node A { k: String, l: I32 @key }"),
            List{"refused key-change"});
  EXPECT_EQ(Steps("open node A", a), (List{"checked required-on-populated",
                                           "checked closed-on-populated", "refused key-change"}));
  EXPECT_EQ(Steps(a + b + "edge E: A -> A", a + b + "edge E: A -> B"),
            List{"refused endpoints-change"});
  EXPECT_EQ(Steps(a + "edge E: A -> A", a + "edge E: A -> A @card(0..3)"),
            List{"checked constraint-on-populated"});
  EXPECT_EQ(Steps(a + "edge E: A -> A @card(1..3)", a + "edge E: A -> A"), List{"safe "});
  EXPECT_EQ(Steps(a + "edge E: A -> A", a + "edge E: A -> A @ondelete(restrict)"), List{"safe "});
  // Without rows everything but a drop is safe.
  for (const std::string& step :
       Steps("node A { k: String @key, a: I64? }",
             "node A { k: String, a: I32 @key, b: I32 @unique }", false)) {
    EXPECT_EQ(step, "safe ");
  }
}

TEST(SchemaPlanTest, DropsNeedLeaveAndRefusalsStay) {
  const Schema accepted = Assign(Schema(), "node A { k: String @key } node B { k: String @key }");
  const Schema wanted = Assign(accepted, "node A { k: String @key }");
  const SchemaChange change = PlanSchema(accepted, wanted, [](TypeId) { return true; });
  EXPECT_THAT(change.Applicable(false).message(), HasSubstr("--allow-data-loss"));
  EXPECT_TRUE(change.Applicable(true).ok());
  const Schema refused = Assign(accepted, "node A { k: I32 @key } node B { k: String @key }");
  EXPECT_FALSE(PlanSchema(accepted, refused, [](TypeId) { return true; }).Applicable(true).ok());
}

}  // namespace
}  // namespace mendfs
