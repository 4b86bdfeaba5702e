// Renames of rows whose bodies name their keys: `mv alice.json alicia.json`.
#include <random>

#include "tests/support/seed.h"
#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

constexpr std::string_view kKeysSchema = R"(
node Event @key(at, kind, lane) {
  at: DateTime, kind: enum(red, blue), lane: I32 @range(0..9) @index, note: String?
}
node Switch @key(on, day) { on: Bool, day: Date }
node Code { code: String @key @check("^[^!]*$") @unique }
open node Shop { id: I64 @key }
)";

class RekeyTest : public TableTest {
 protected:
  void SetUp() override {
    TableTest::SetUp();
    Accept(std::string(kPeopleSchema) + std::string(kKeysSchema));
  }
  Result<NodeRow> Rename(std::string_view type, std::string_view key, std::string_view new_key) {
    return writer.RenameNode(Node(type), key, new_key, std::nullopt);
  }
  // The body that a row has after it was written under `key` and renamed.
  std::string Renamed(std::string_view type, std::string_view key, std::string_view new_key,
                      std::string_view body) {
    MustPut(type, key, body);
    const auto renamed = Rename(type, key, new_key);
    if (!renamed.ok()) return renamed.status().ToString();
    const auto row = Get(type, new_key);
    if (!row.ok()) return row.status().ToString();
    EXPECT_EQ(renamed->size_bytes, row->size_bytes);
    return row->body;
  }
};

TEST_F(RekeyTest, OnlyTheBytesOfTheKeyChange) {
  EXPECT_EQ(Renamed("Person", "alice", "alicia",
                    "{ \"city\" : \"alice\",\n\t\"name\" :  \"alice\" ,\"age\":3 }\n\n"),
            "{ \"city\" : \"alice\",\n\t\"name\" :  \"alicia\" ,\"age\":3 }\n\n");
  EXPECT_EQ(Renamed("Person", "bob", "b", R"({"n\u0061me":"b\u006fb"})"), R"({"n\u0061me":"b"})");
  EXPECT_EQ(Renamed("Person", "carol", "c", "{\"name\":null}"), "{\"name\":null}");
  EXPECT_EQ(Renamed("Person", "dave", "d", "{}\n"), "{}\n");
  EXPECT_EQ(Renamed("Shop", "7", "-12", R"({"in":{"id":7,"k":[{"id":7}]},"id": 7})"),
            R"({"in":{"id":7,"k":[{"id":7}]},"id": -12})");
}

TEST_F(RekeyTest, TheNewValueIsEscaped) {
  const std::string key = "a\"b\\c\n\x01 é😀/~%";
  EXPECT_EQ(Renamed("Person", "alice", key, R"({"name":"alice"})"),
            "{\"name\":\"a\\\"b\\\\c\\u000a\\u0001 é😀/~%\"}");
  EXPECT_TRUE(writer.CheckNode(Node("Person"), key, Get("Person", key)->body).ok());
}

TEST_F(RekeyTest, OfACompositeKeyOnlyThePartsThatDifferChange) {
  EXPECT_EQ(Renamed("Event", "2026-11-20T12:00:00Z~red~1", "2026-11-20T12:00:00Z~blue~2",
                    R"({"lane":1, "kind":"red", "at":"2026-11-20T13:00+01:00", "note":"red"})"),
            R"({"lane":2, "kind":"blue", "at":"2026-11-20T13:00+01:00", "note":"red"})");
  EXPECT_EQ(Renamed("Event", "2026-11-20T12:00:00Z~red~3", "2026-11-20T12:30:00Z~blue~4",
                    R"({"at":"2026-11-20T13:00+01:00","lane":3})"),
            R"({"at":"2026-11-20T12:30:00Z","lane":4})");
  EXPECT_EQ(
      Renamed("Switch", "true~2026-11-20", "false~2026-11-21", R"({"day":"2026-11-20","on":true})"),
      R"({"day":"2026-11-21","on":false})");
  const std::vector<std::string> parts = {"2026-11-20", "8"};
  EXPECT_EQ(
      Renamed("Flight", "2026-11-20~7", EncodeKeyText(parts), R"({"day":"2026-11-20","number":7})"),
      R"({"day":"2026-11-20","number":8})");
}

TEST_F(RekeyTest, AValueThatDoesNotFitIsNamedAndNothingChanges) {
  MustPut("Flight", "2026-11-20~7", R"({"day":"2026-11-20","number":7})");
  MustPut("Event", "2026-11-20T12:00:00Z~red~1", R"({"kind":"red","lane":1})");
  MustPut("Event", "2026-11-20T12:00:00Z~red~2", "{}");
  MustPut("Code", "a", R"({"code":"a"})");
  MustPut("Code", "b");
  const auto before = door.Dump({});
  const auto refused = [&](std::string_view type, std::string_view key, std::string_view new_key,
                           std::string_view word) {
    ExpectRefused(Rename(type, key, new_key).status(), Code::kInvalid, word);
  };
  refused("Flight", "2026-11-20~7", "2026-11-20~x", "number");
  refused("Flight", "2026-11-20~7", "2026-11-20~99999999999", "number");
  refused("Flight", "2026-11-20~7", "2026-11-31~7", "day");
  refused("Flight", "2026-11-20~7", "2026-11-20", "part");
  refused("Flight", "2026-11-20~7", "2026-11-20~007", "number");
  refused("Event", "2026-11-20T12:00:00Z~red~1", "2026-11-20T12:00:00Z~green~1", "kind");
  refused("Event", "2026-11-20T12:00:00Z~red~1", "2026-11-20T12:00:00Z~red~12", "lane");
  refused("Event", "2026-11-20T12:00:00Z~red~2", "2026-11-20T12:00:00Z~red~12", "lane");
  refused("Code", "a", "a!", "code");
  refused("Code", "b", "b!", "code");
  refused("Code", "a", "", "empty");
  refused("Code", "a", "\xff", "UTF-8");
  EXPECT_EQ(door.Dump({}), before);
}

TEST_F(RekeyTest, EdgesFollowAndAttributesStay) {
  PutOptions options;
  options.attributes = {.mtime_ns = 42, .permissions = 0600};
  const InodeNumber alice = MustPut("Person", "alice", R"({"name":"alice"})", options);
  MustPut("Person", "bob");
  MustLink("Knows", "alice", "bob");
  const auto renamed = Rename("Person", "alice", "alicia");
  ASSERT_TRUE(renamed.ok()) << renamed.status().ToString();
  EXPECT_EQ(renamed->row, alice);
  EXPECT_EQ(Get("Person", "alicia")->attributes, options.attributes);
  EXPECT_TRUE(HasEdge("Knows", "alicia", "bob"));
}

TEST_F(RekeyTest, OntoARowTheBodyTakesItsName) {
  MustPut("Person", "alice", R"({"name":"alice","city":"Rome"})");
  const InodeNumber bob = MustPut("Person", "bob", R"({"name":"bob"})");
  ASSERT_TRUE(Rename("Person", "alice", "bob").ok());
  EXPECT_EQ(Get("Person", "bob")->body, R"({"name":"bob","city":"Rome"})");
  EXPECT_EQ(Get("Person", "bob")->row, bob);
}

TEST_F(RekeyTest, ABodyThatOutgrowsItsLimitIsRefused) {
  std::string body = R"({"name":"a"})";
  body.append(kRowBodyBytesMax - body.size(), '\n');
  MustPut("Person", "a", body);
  EXPECT_EQ(Rename("Person", "a", "ab").status().code(), Code::kTooBig);
  EXPECT_TRUE(Rename("Person", "a", "b").ok());
}

TEST_F(RekeyTest, AKeyThatStandsInTheNameOnlyIsIndexedToo) {
  MustPut("Code", "a");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 1U);
  const auto before = door.Dump({});
  ASSERT_TRUE(Rename("Code", "a", "b").ok());
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 1U);
  MustPut("Code", "b", R"({"code":"b"})");
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 1U) << "the same value, wherever it stands";
  ASSERT_TRUE(writer.DeleteNode(Node("Code"), "b").ok());
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), 0U);
}

TEST_F(RekeyTest, AnyBodyKeepsAllOtherBytes) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto blank = [&] {
    constexpr std::string_view kBlanks = " \n\t\r";
    std::string text;
    while (random() % 2 == 0) text.push_back(kBlanks[random() % kBlanks.size()]);
    return text;
  };
  const auto members = [&](bool behind) {
    const std::vector<std::string> all = {R"("x":{"id":1,"\"id":[{"id":5}]})",
                                          R"("y":"\"id\":7,\\")",
                                          R"("z":1.50e+3)",
                                          R"("ID":"]}{[")",
                                          R"("w":[[],{},""])",
                                          R"("é":null)"};
    std::string text;
    for (size_t i = behind ? 3 : 0; i < (behind ? all.size() : 3); ++i) {
      if (random() % 2 == 0) continue;
      const std::string member = blank() + all[i] + blank();
      text += behind ? "," + member : member + ",";
    }
    return text;
  };
  std::string key = "0";
  for (int round = 0; round < 500; ++round) {
    const std::string new_key = std::to_string(static_cast<int64_t>(random()));
    const std::string begin = blank() + "{" + members(false) + blank() + "\"id\"" + blank() + ":";
    const std::string gap = blank();
    const std::string end = blank() + members(true) + "}" + blank();
    ASSERT_EQ(Renamed("Shop", key, new_key, begin + gap + key + end), begin + gap + new_key + end);
    key = new_key;
  }
  EXPECT_EQ(Rows("Shop").size(), 1U);
}

}  // namespace
}  // namespace mendfs
