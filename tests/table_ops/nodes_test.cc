#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

using NodeTest = TableTest;

TEST_F(NodeTest, ABodyReadsBackByteForByte) {
  const std::string body = "{ \"age\" : 7,\n\t\"name\":\"alice\" }\n\n";
  const auto put = Put("Person", "alice", body);
  ASSERT_TRUE(put.ok()) << put.status().ToString();
  EXPECT_EQ(put->size_bytes, body.size());
  const auto got = Get("Person", "alice");
  ASSERT_TRUE(got.ok()) << got.status().ToString();
  EXPECT_EQ(got->body, body);
  EXPECT_EQ(got->size_bytes, body.size());
  EXPECT_EQ(got->row, put->row);
  EXPECT_EQ(got->attributes, put->attributes);
  EXPECT_GT(got->attributes.mtime_ns, 0);
  EXPECT_EQ(*reader.KeyOf(head, Node("Person"), put->row), "alice");
}

TEST_F(NodeTest, WhatIsAbsentIsNotFound) {
  EXPECT_EQ(Get("Person", "nobody").status().code(), Code::kNotFound);
  EXPECT_EQ(reader.KeyOf(head, Node("Person"), InodeNumber(999)).status().code(), Code::kNotFound);
  EXPECT_EQ(writer.DeleteNode(Node("Person"), "nobody").status().code(), Code::kNotFound);
  EXPECT_EQ(writer.SetNodeAttributes(Node("Person"), "nobody", {}).code(), Code::kNotFound);
  EXPECT_EQ(writer.RenameNode(Node("Person"), "nobody", "somebody", {}).status().code(),
            Code::kNotFound);
  EXPECT_EQ(writer.PutNode(TypeId(999), "a", "{}", {}).status().code(), Code::kNotFound);
}

TEST_F(NodeTest, ABadBodyIsRefusedAndChangesNothing) {
  MustPut("Person", "alice", R"({"age":1})");
  const auto before = door.Dump({});
  for (const char* body : {"", "{", "[]", R"({"age":"x"})", R"({"name":"bob"})", R"({"zzz":1})"}) {
    ExpectRefused(Put("Person", "alice", body).status(), Code::kInvalid, "Person/alice");
    ExpectRefused(writer.CheckNode(Node("Person"), "alice", body), Code::kInvalid, "Person/alice");
  }
  EXPECT_EQ(door.Dump({}), before);
}

TEST_F(NodeTest, AnUpdateKeepsNumberAndAttributesThatAreNotGiven) {
  PutOptions options;
  options.attributes = {.mtime_ns = 42, .permissions = 0640, .uid = 5, .gid = 6};
  const InodeNumber row = MustPut("Person", "alice", "{}", options);
  PutOptions update;
  update.attributes.uid = 9;
  const auto put = Put("Person", "alice", R"({"age":2})", update);
  ASSERT_TRUE(put.ok());
  EXPECT_EQ(put->row, row);
  EXPECT_EQ(put->attributes.permissions, 0640U);
  EXPECT_EQ(put->attributes.uid, 9U);
  EXPECT_EQ(put->attributes.gid, 6U);
  EXPECT_GT(put->attributes.mtime_ns, 42) << "a write without a time happens now";
  EXPECT_EQ(Get("Person", "alice")->attributes, put->attributes);
}

TEST_F(NodeTest, CreateOnlyRefusesARowThatIsThere) {
  PutOptions options;
  options.create_only = true;
  MustPut("Person", "alice", "{}", options);
  ExpectRefused(Put("Person", "alice", "{}", options).status(), Code::kExists, "Person/alice");
}

TEST_F(NodeTest, AttributesChangeWithoutTheBody) {
  MustPut("Person", "alice", R"({"email":"a@x"})");
  const RowAttributes given = {.mtime_ns = 77, .permissions = 0400};
  ASSERT_TRUE(writer.SetNodeAttributes(Node("Person"), "alice", given).ok());
  const auto got = Get("Person", "alice");
  EXPECT_EQ(got->attributes, given);
  EXPECT_EQ(got->body, R"({"email":"a@x"})");
  EXPECT_EQ(door.last_change().entries.size(), 1U);
  const uint64_t changes = door.applied_changes();
  ASSERT_TRUE(writer.SetNodeAttributes(Node("Person"), "alice", given).ok());
  EXPECT_EQ(door.applied_changes(), changes) << "nothing to change";
}

TEST_F(NodeTest, ADeletedRowIsGoneWithAllItsEntries) {
  const auto before = door.Dump({});
  const std::string long_key(300, 'k');
  const InodeNumber row = MustPut("Person", "alice", R"({"email":"a@x","city":"Rome"})");
  MustPut("Person", long_key, R"({"city":"Rome"})");
  EXPECT_EQ(*writer.DeleteNode(Node("Person"), "alice"), row);
  EXPECT_TRUE(writer.DeleteNode(Node("Person"), long_key).ok());
  EXPECT_EQ(door.Dump({}), before);
  EXPECT_TRUE(Rows("Person").empty());
}

TEST_F(NodeTest, AUniqueValueBelongsToOneLiveRow) {
  MustPut("Person", "alice", R"({"email":"a@x"})");
  ExpectRefused(Put("Person", "bob", R"({"email":"a@x"})").status(), Code::kExists, "alice");
  ExpectRefused(writer.CheckNode(Node("Person"), "bob", R"({"email":"a@x"})"), Code::kExists,
                "email");
  EXPECT_TRUE(writer.CheckNode(Node("Person"), "alice", R"({"email":"a@x","age":3})").ok());
  MustPut("Person", "alice", R"({"email":"a@x","age":3})");
  // Values that only begin alike differ, and null is never taken.
  MustPut("Person", "bob", R"({"email":"a@x2"})");
  MustPut("Person", "carol", R"({"email":null})");
  MustPut("Person", "dave");
  // Given up or deleted, a value is free.
  MustPut("Person", "alice", R"({"email":"new"})");
  MustPut("Person", "eve", R"({"email":"a@x"})");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "eve").ok());
  MustPut("Person", "dave", R"({"email":"a@x"})");
}

TEST_F(NodeTest, AnUpdateTouchesOnlyTheIndexEntriesThatChange) {
  MustPut("Person", "alice", R"({"email":"a@x","city":"Rome"})");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 2U);
  MustPut("Person", "alice", R"({"email":"a@x","city":"Rome","age":1})");
  EXPECT_EQ(door.last_change().entries.size(), 1U);
  MustPut("Person", "alice", R"({"email":"a@x","city":"Oslo"})");
  EXPECT_EQ(door.last_change().entries.size(), 3U);
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 2U);
  MustPut("Person", "alice", R"({})");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 0U);
}

TEST_F(NodeTest, ListingGoesOnBehindANumber) {
  std::vector<InodeNumber> numbers;
  for (int i = 0; i < 5; ++i) numbers.push_back(MustPut("City", "c" + std::to_string(i)));
  MustPut("Person", "alice");
  auto cursor = *reader.ListNodes(head, Node("City"), numbers[2]);
  EXPECT_EQ((*cursor->Next())->key, "c3");
  EXPECT_EQ((*cursor->Next())->row, numbers[4]);
  EXPECT_FALSE(cursor->Next()->has_value());
  cursor = *reader.ListNodes(head, Node("City"), InodeNumber(UINT64_MAX));
  EXPECT_FALSE(cursor->Next()->has_value());
}

TEST_F(NodeTest, AListingThatCannotReadSaysSo) {
  const InodeNumber row = MustPut("City", "a");
  MustPut("City", "b");
  door.FailReadsOf(RowNameKey(Node("City"), row));
  auto cursor = *reader.ListNodes(head, Node("City"), InodeNumber(0));
  EXPECT_EQ(cursor->Next().status().code(), Code::kIo);
}

TEST_F(NodeTest, AnOlderViewShowsTheOlderRow) {
  MustPut("Person", "alice", R"({"age":1})");
  const View then{kMainBranch, door.LastSeq()};
  MustPut("Person", "alice", R"({"age":2})");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  EXPECT_EQ(reader.GetNode(then, Node("Person"), "alice")->body, R"({"age":1})");
  EXPECT_EQ(Rows("Person", then).size(), 1U);
  EXPECT_TRUE(Rows("Person").empty());
}

TEST_F(NodeTest, ARowIsPutBackUnderItsNumberOnlyWhileThatIsFree) {
  const InodeNumber alice = MustPut("Person", "alice");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  PutOptions options;
  options.reuse_row = alice;
  EXPECT_EQ(MustPut("Person", "alice", "{}", options), alice);
  EXPECT_NE(MustPut("Person", "bob", "{}", options), alice) << "alice lives";
  EXPECT_EQ(MustPut("Person", "alice", "{}", options), alice);
}

TEST_F(NodeTest, ALongNameIsFoundByItsHash) {
  const std::string key(300, 'k');
  MustPut("Person", key);
  const auto hash = LongNameHash(*schema->FindNode("Person"), key);
  ASSERT_TRUE(hash.has_value());
  const std::string name = *NodeNameOfKey(key, 1, RowNameForm::kFile);
  const auto decoded = DecodeNodeName(name, 1);
  ASSERT_TRUE(decoded.ok() && decoded->hashed);
  EXPECT_EQ(*reader.KeyOfLongName(head, Node("Person"), *hash), key);
  EXPECT_EQ(name.substr(0, 2), "%h");
  EXPECT_EQ(ParseHashedStem(name.substr(0, 34)), hash);
  EXPECT_FALSE(LongNameHash(*schema->FindNode("Person"), std::string(250, 'k')).has_value());
  EXPECT_TRUE(LongNameHash(*schema->FindNode("Person"), std::string(84, '%')).has_value());

  ASSERT_TRUE(writer.RenameNode(Node("Person"), key, "short", {}).ok());
  EXPECT_EQ(reader.KeyOfLongName(head, Node("Person"), *hash).status().code(), Code::kNotFound);
  EXPECT_EQ(EntriesOf(KeyKind::kLongName), 0U);
}

TEST_F(NodeTest, CompositeKeysAreRowsLikeOthers) {
  const std::vector<std::string> parts = {"2026-11-20", "7"};
  const std::string key = EncodeKeyText(parts);
  const InodeNumber row = MustPut("Flight", key, R"({"day":"2026-11-20","number":7})");
  EXPECT_EQ(*reader.KeyOf(head, Node("Flight"), row), key);
  EXPECT_EQ(Put("Flight", "2026-11-20").status().code(), Code::kInvalid);
  EXPECT_EQ(Put("Flight", "2026-11-20~007").status().code(), Code::kInvalid);
  ASSERT_TRUE(
      writer.RenameNode(Node("Flight"), key, "2026-11-20~8", R"({"day":"2026-11-20","number":8})")
          .ok());
  EXPECT_EQ(Get("Flight", "2026-11-20~8")->row, row);
}

TEST_F(NodeTest, ARefusedChangeLeavesEverythingAsItWas) {
  MustPut("Person", "alice", R"({"email":"a@x"})");
  MustPut("Person", "bob");
  const auto before = door.Dump({});
  for (const Code code : {Code::kNoSpace, Code::kReadOnly, Code::kIo}) {
    door.FailApply(code);
    EXPECT_EQ(Put("Person", "carol", R"({"email":"c@x"})").status().code(), code);
    door.FailApply(code);
    EXPECT_EQ(Put("Person", "alice", R"({"email":"c@x"})").status().code(), code);
    door.FailApply(code);
    EXPECT_EQ(writer.DeleteNode(Node("Person"), "alice").status().code(), code);
    door.FailApply(code);
    EXPECT_EQ(writer.RenameNode(Node("Person"), "alice", "bob", {}).status().code(), code);
    door.FailApply(code);
    EXPECT_EQ(writer.SetNodeAttributes(Node("Person"), "alice", {.mtime_ns = 5}).code(), code);
    EXPECT_EQ(door.Dump({}), before);
  }
  EXPECT_EQ(SweepAll(), 0U) << "a delete that failed left nothing to sweep";
  EXPECT_EQ(door.Dump({}), before);
}

TEST_F(NodeTest, WhatCannotBeReadIsNotTakenForAbsent) {
  const InodeNumber row = MustPut("Person", "alice", R"({"email":"a@x"})");
  door.FailReadsOf(RowKey(Node("Person"), "alice"));
  EXPECT_EQ(Put("Person", "alice").status().code(), Code::kIo);
  EXPECT_EQ(Get("Person", "alice").status().code(), Code::kIo);
  door.FailReadsOf(RowNameKey(Node("Person"), row));
  EXPECT_EQ(Put("Person", "bob", R"({"email":"a@x"})").status().code(), Code::kIo);
}

// ---------------------------------------------------------------------------------- renames
using RenameTest = TableTest;

TEST_F(RenameTest, TheNumberMovesAndEdgesFollow) {
  const InodeNumber alice = MustPut("Person", "alice", R"({"email":"a@x","city":"Rome"})");
  MustPut("Person", "bob");
  MustLink("Knows", "alice", "bob");
  MustLink("Knows", "bob", "alice");
  const auto renamed = writer.RenameNode(Node("Person"), "alice", "alicia", {});
  ASSERT_TRUE(renamed.ok()) << renamed.status().ToString();
  EXPECT_EQ(renamed->row, alice);
  EXPECT_EQ(Get("Person", "alice").status().code(), Code::kNotFound);
  EXPECT_EQ(Get("Person", "alicia")->body, R"({"email":"a@x","city":"Rome"})");
  EXPECT_TRUE(HasEdge("Knows", "alicia", "bob"));
  EXPECT_TRUE(HasEdge("Knows", "bob", "alicia"));
  EXPECT_EQ(Rows("Person").count("alice"), 0U);
  EXPECT_EQ(*reader.KeyOf(head, Node("Person"), alice), "alicia");
}

TEST_F(RenameTest, OneChangeOneRecord) {
  MustPut("Person", "alice", R"({"email":"a@x"})");
  MustPut("Person", "bob", R"({"email":"b@x"})");
  const uint64_t changes = door.applied_changes();
  ASSERT_TRUE(writer.RenameNode(Node("Person"), "alice", "bob", {}).ok());
  EXPECT_EQ(door.applied_changes(), changes + 1);
}

TEST_F(RenameTest, OntoARowTheTargetKeepsNumberAndEdges) {
  MustPut("Person", "alice", R"({"email":"a@x","city":"Rome"})");
  const InodeNumber bob = MustPut("Person", "bob", R"({"email":"b@x"})");
  MustPut("Person", "carol");
  MustLink("Knows", "alice", "carol");
  MustLink("Knows", "carol", "bob");
  const auto renamed = writer.RenameNode(Node("Person"), "alice", "bob", {});
  ASSERT_TRUE(renamed.ok()) << renamed.status().ToString();
  EXPECT_EQ(renamed->row, bob);
  EXPECT_EQ(Get("Person", "bob")->body, R"({"email":"a@x","city":"Rome"})");
  EXPECT_EQ(Rows("Person").size(), 2U);
  EXPECT_EQ(Edges("Knows"), std::vector<std::string>{"carol~bob~1"});
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 2U);
  MustPut("Person", "dave", R"({"email":"b@x"})");
  ExpectRefused(Put("Person", "erin", R"({"email":"a@x"})").status(), Code::kExists, "bob");
  EXPECT_EQ(SweepAll(), 1U);
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), 1U);
  EXPECT_EQ(EntriesOf(KeyKind::kEdgeReverse), 1U);
}

TEST_F(RenameTest, NewBytesMustAgreeWithTheNewKey) {
  MustPut("Person", "alice", R"({"name":"alice"})");
  ExpectRefused(writer.RenameNode(Node("Person"), "alice", "bob", R"({"name":"carol"})").status(),
                Code::kInvalid, "Person/bob");
  EXPECT_TRUE(Get("Person", "alice").ok());
  ASSERT_TRUE(writer.RenameNode(Node("Person"), "alice", "bob", R"({"name":"bob"})").ok());
  EXPECT_EQ(Get("Person", "bob")->body, R"({"name":"bob"})");
}

TEST_F(RenameTest, OntoItselfIsAnUpdateAtMost) {
  const InodeNumber row = MustPut("Person", "alice", R"({"city":"Rome"})");
  const uint64_t changes = door.applied_changes();
  EXPECT_EQ(writer.RenameNode(Node("Person"), "alice", "alice", {})->row, row);
  EXPECT_EQ(door.applied_changes(), changes) << "nothing to record";
  EXPECT_EQ(writer.RenameNode(Node("Person"), "alice", "alice", R"({"city":"Oslo"})")->row, row);
  EXPECT_EQ(Get("Person", "alice")->body, R"({"city":"Oslo"})");
  EXPECT_EQ(Rows("Person").size(), 1U);
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 1U);
}

TEST_F(RenameTest, AttributesTravelWithTheRow) {
  PutOptions options;
  options.attributes = {.mtime_ns = 42, .permissions = 0600};
  MustPut("Person", "alice", "{}", options);
  MustPut("Person", "bob");
  ASSERT_TRUE(writer.RenameNode(Node("Person"), "alice", "bob", {}).ok());
  EXPECT_EQ(Get("Person", "bob")->attributes, options.attributes);
}

TEST_F(RenameTest, AKeyThatIsIndexedMovesItsEntryToo) {
  Accept(R"(node Tag { name: String @key @index }  )" + std::string(kPeopleSchema));
  MustPut("Tag", "red", R"({"name":"red"})");
  ASSERT_EQ(EntriesOf(KeyKind::kIndex), 1U);
  const auto before = door.Dump({});
  ASSERT_TRUE(writer.RenameNode(Node("Tag"), "red", "blue", R"({"name":"blue"})").ok());
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 1U);
  const auto after = door.Dump({});
  for (const auto& [key, value] : before) {
    if (KindOf(key) == KeyKind::kIndex) {
      EXPECT_EQ(after.count(key), 0U) << "the old value";
    }
  }
}

}  // namespace
}  // namespace mendfs
