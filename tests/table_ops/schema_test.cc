#include "meta/table/schema/schema_parser.h"
#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

class SchemaTest : public TableTest {
 protected:
  void SetUp() override {}
  Status Refusal(std::string_view text) { return writer.ApplySchema(text).status(); }
};

TEST_F(SchemaTest, BeforeTheFirstOneItIsEmpty) {
  const auto got = reader.GetSchema(head);
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE((*got)->nodes.empty());
  EXPECT_EQ(*reader.GetSchema(head), *got) << "the same one, not a copy";
}

TEST_F(SchemaTest, TheAcceptedOneIsSeenByReadersAndKept) {
  Accept("node A { k: String @key }");
  const auto got = reader.GetSchema(head);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(**got, *schema);
  EXPECT_EQ(*reader.GetSchema(head), *got);
  const TableReader copy(reader);
  EXPECT_EQ(*copy.GetSchema(head), *got);
}

TEST_F(SchemaTest, AnOlderViewHasTheOlderSchema) {
  Accept("node A { k: String @key }");
  const View then{kMainBranch, door.LastSeq()};
  Accept("node A { k: String @key\n n: I32? }");
  EXPECT_EQ((*reader.GetSchema(then))->FindNode("A")->properties.size(), 1U);
  EXPECT_EQ((*reader.GetSchema(head))->FindNode("A")->properties.size(), 2U);
  EXPECT_EQ((*reader.GetSchema(then))->FindNode("A")->id, Node("A"));
}

TEST_F(SchemaTest, ManySchemasAreAllRight) {
  std::vector<View> views;
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += "node T" + std::to_string(i) + " { k: String @key }\n";
    Accept(text);
    views.push_back({kMainBranch, door.LastSeq()});
  }
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < views.size(); ++i) {
      EXPECT_EQ((*reader.GetSchema(views[i]))->nodes.size(), i + 1);
    }
  }
}

TEST_F(SchemaTest, TheSameTextAgainChangesNothing) {
  Accept(kPeopleSchema);
  const uint64_t changes = door.applied_changes();
  Accept(kPeopleSchema);
  Accept(FormatSchema(*schema));
  EXPECT_EQ(door.applied_changes(), changes);
}

TEST_F(SchemaTest, WhatIsRefusedChangesNothing) {
  Accept(kPeopleSchema);
  MustPut("Person", "alice");
  const auto before = door.Dump({});
  EXPECT_EQ(Refusal("node {").code(), Code::kInvalid);
  ExpectRefused(Refusal("node City { name: String @key }"), Code::kInvalid, "drop");
  std::string required(kPeopleSchema);
  required.replace(required.find("age:   I32?"), 11, "age:   I32 ");
  ExpectRefused(Refusal(required), Code::kInvalid, "Person.age");
  ExpectRefused(Refusal(std::string(kPeopleSchema) + "edge E: City -> City { x: I32? @unique }"),
                Code::kUnsupported, "E.x");
  door.FailApply(Code::kNoSpace);
  EXPECT_EQ(Refusal(std::string(kPeopleSchema) + "open node Place").code(), Code::kNoSpace);
  EXPECT_EQ(door.Dump({}), before);
}

TEST_F(SchemaTest, ARequiredPropertyIsWelcomeWhileThereAreNoRows) {
  Accept("node A { k: String @key\n n: I32? }");
  Accept("node A { k: String @key\n n: I32 }");
  EXPECT_EQ(Put("A", "x", "{}").status().code(), Code::kInvalid);
  MustPut("A", "x", R"({"n":1})");
}

TEST_F(SchemaTest, AnIndexThatIsAddedHoldsTheRowsThatExist) {
  Accept("node A { k: String @key\n city: String? }");
  constexpr int kRows = 2500;  // more than one change takes
  for (int i = 0; i < kRows; ++i) {
    MustPut("A", "r" + std::to_string(i), i % 2 == 0 ? R"({"city":"Rome"})" : "{}");
  }
  // Leftovers of an earlier attempt must not be taken for entries.
  Change leftover;
  const PropertyId city = schema->FindNode("A")->properties[1].id;
  leftover.Put(IndexKey(Node("A"), city, "Paris", InodeNumber(70)), {});
  ASSERT_TRUE(door.Apply(leftover).ok());
  Accept("node A { k: String @key\n city: String? @index }");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), kRows / 2U);
  MustPut("A", "r0", "{}");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), kRows / 2U - 1);
  Accept("node A { k: String @key\n city: String? }");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 0U);
}

TEST_F(SchemaTest, AnIndexBuildThatFailsHalfwayIsNotInForceAndCanBeRepeated) {
  Accept("node A { k: String @key\n city: String? }");
  for (int i = 0; i < 1500; ++i) MustPut("A", "r" + std::to_string(i), R"({"city":"Rome"})");
  door.FailApply(Code::kNoSpace, 2);
  EXPECT_EQ(Refusal("node A { k: String @key\n city: String? @index }").code(), Code::kNoSpace);
  EXPECT_FALSE((*reader.GetSchema(head))->FindNode("A")->properties[1].index);
  Accept("node A { k: String @key\n city: String? @index }");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 1500U);
}

TEST_F(SchemaTest, AnOpenTypeTakesAnyObject) {
  const auto added = writer.AddOpenType("Place");
  ASSERT_TRUE(added.ok()) << added.status().ToString();
  schema = *added;
  EXPECT_TRUE(schema->FindNode("Place")->open);
  MustPut("Place", "here", R"({"what":["ever",1,null]})");
  EXPECT_EQ(Put("Place", "there", "[]").status().code(), Code::kInvalid);
  ExpectRefused(writer.AddOpenType("Place").status(), Code::kExists, "Place");
  for (const char* name : {"", "1a", "a b", "a\nnode B", "a/b"}) {
    EXPECT_EQ(writer.AddOpenType(name).status().code(), Code::kInvalid) << name;
  }
  const TypeId place = Node("Place");
  schema = *writer.AddOpenType("Other");
  EXPECT_EQ(Node("Place"), place) << "ids are stable";
  EXPECT_TRUE(Get("Place", "here").ok());
}

TEST_F(SchemaTest, APropertyIsRenamedOnlyWhileNoBodyHasItsOldName) {
  const std::string renamed =
      "node A { k: String @key\n years: I32? @rename_from(age) }\nedge E: A -> A { w: I32? }";
  Accept("node A { k: String @key\n age: I32? }\nedge E: A -> A { w: I32? }");
  const PropertyId age = schema->FindNode("A")->properties[1].id;
  MustPut("A", "x", R"({"age":1})");
  const auto before = door.Dump({});
  ExpectRefused(Refusal(renamed), Code::kInvalid, "rename-on-populated");
  EXPECT_EQ(door.Dump({}), before);
  EXPECT_TRUE(Put("A", "x", Get("A", "x")->body).ok()) << "what is stored can be stored again";

  MustLink("E", "x", "x", 1, R"({"w":1})");
  ExpectRefused(Refusal("node A { k: String @key\n age: I32? }\n"
                        "edge E: A -> A { weight: I32? @rename_from(w) }"),
                Code::kInvalid, "rename-on-populated");

  ASSERT_TRUE(writer.DeleteNode(Node("A"), "x").ok());
  Accept(renamed);
  EXPECT_EQ(schema->FindNode("A")->properties[1].id, age);
  MustPut("A", "x", R"({"years":1})");
}

TEST_F(SchemaTest, ATypeThatIsRenamedKeepsItsRowsEdgesAndIndexes) {
  Accept(
      "node A { k: String @key\n city: String? @index\n mail: String? @unique }\n"
      "edge E: A -> A { w: I32? }");
  const InodeNumber x = MustPut("A", "x", R"({ "city":"Rome", "mail":"x@x" })");
  MustPut("A", "y");
  MustLink("E", "x", "y", 1, R"({"w":1})");
  const TypeId node = Node("A");
  const TypeId edge = Edge("E").id;
  auto before = door.Dump({});
  Accept(
      "node B @rename_from(A) { k: String @key\n city: String? @index\n mail: String? @unique }\n"
      "edge F: B -> B @rename_from(E) { w: I32? }");
  EXPECT_EQ(Node("B"), node);
  EXPECT_EQ(Edge("F").id, edge);
  auto after = door.Dump({});
  before.erase(SchemaKey());
  after.erase(SchemaKey());
  EXPECT_EQ(after, before) << "a rename moves no data";

  EXPECT_EQ(Get("B", "x")->row, x);
  EXPECT_EQ(Get("B", "x")->body, R"({ "city":"Rome", "mail":"x@x" })");
  EXPECT_EQ(Edges("F"), std::vector<std::string>{"x~y~1"});
  EXPECT_TRUE(Put("B", "x", Get("B", "x")->body).ok());
  ExpectRefused(Put("B", "z", R"({"mail":"x@x"})").status(), Code::kExists, "mail");
  EXPECT_TRUE(writer.DeleteNode(node, "x").ok());
  EXPECT_TRUE(Edges("F").empty());
}

TEST_F(SchemaTest, BytesThatAreNoSchemaAreReportedNotGuessed) {
  Change change;
  change.Put(SchemaKey(), "not a schema");
  ASSERT_TRUE(door.Apply(change).ok());
  EXPECT_EQ(reader.GetSchema(head).status().code(), Code::kCorruption);
  EXPECT_EQ(writer.PutNode(TypeId(1), "a", "{}", {}).status().code(), Code::kCorruption);
  EXPECT_EQ(Refusal("node A { k: String @key }").code(), Code::kCorruption);
}

}  // namespace
}  // namespace mendfs
