// A load is one commit or nothing: what goes in comes out, what is refused is told, and in both
// cases nothing is left behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/bulk/load_fixture.h"

namespace mendfs {
namespace {

constexpr char kPeople[] =
    R"({"edge":"Knows","from":"bob","to":"alice","data":{"since":"2020-01-02"}}
{"type":"Person","data":{"name":"bob","age":41,"city":"Oslo"}}
{"edge":"Knows","from":"alice","to":"bob"}

{"type":"Person","data":{"name":"alice","email":"a@example.org"}}
{"type":"Place","data":{"country":"no","town":"Oslo"}}
{"edge":"LivesIn","from":"bob","to":["no","Oslo"]}
{"edge":"Knows","from":"alice","to":"bob","n":2,"data":{}})";

constexpr char kPeopleExported[] =
    R"({"type":"Person","data":{"name":"alice","email":"a@example.org"}}
{"type":"Person","data":{"name":"bob","age":41,"city":"Oslo"}}
{"type":"Place","data":{"country":"no","town":"Oslo"}}
{"edge":"Knows","from":"alice","to":"bob"}
{"edge":"Knows","from":"alice","to":"bob","n":2,"data":{}}
{"edge":"Knows","from":"bob","to":"alice","data":{"since":"2020-01-02"}}
{"edge":"LivesIn","from":"bob","to":"no~Oslo"}
)";

TEST_F(LoadTest, LinesInAnyOrderBecomeOneCommit) {
  const Status loaded = Load(kPeople);
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_EQ(summary_.nodes, 3u);
  EXPECT_EQ(summary_.edges, 4u);
  EXPECT_EQ(summary_.commit.counts.nodes, 3u);
  EXPECT_EQ(summary_.commit.counts.edges, 4u);
  EXPECT_EQ(summary_.commit.note.message, "load 3 nodes, 4 edges");
  EXPECT_EQ(Export(), kPeopleExported);
  EXPECT_TRUE(Residue("/staging").empty());
}

TEST_F(LoadTest, WhatIsExportedLoadsAndExportsTheSame) {
  ASSERT_TRUE(Load(kPeople).ok());
  const std::string first = Export();
  Create(kSchema);
  const Status loaded = Load(first);
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_EQ(Export(), first);
}

TEST_F(LoadTest, ALoadSurvivesReopening) {
  ASSERT_TRUE(Load(kPeople).ok());
  Open();
  EXPECT_EQ(Export(), kPeopleExported);
}

TEST_F(LoadTest, ItsTimeStaysWhenItsCommitIsThinnedAway) {
  // More than goes without segments.
  std::string people = kPeople;
  for (int i = 0; i < 11'000; ++i) {
    people += "\n{\"type\":\"Person\",\"data\":{\"name\":\"p" + std::to_string(i) + "\"}}";
  }
  piece_ = 4096;
  ASSERT_TRUE(Load(people).ok());
  const TypeId person = (*TableReader(store_->reader()).GetSchema({}))->nodes[0].id;
  const Seq load = TableReader(store_->reader()).GetNode({}, person, "bob")->start;
  const auto time = LoadTimeOf(store_->reader(), kMainBranch, load);
  ASSERT_TRUE(time.ok() && time->has_value()) << time.status().ToString();
  EXPECT_LE(**time, summary_.commit.time_ns);
  TableWriter writer(store_->door(), kMainBranch);
  ASSERT_TRUE(writer.PutNode(person, "eve", "{}", {}).ok());
  const auto later = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
  ASSERT_TRUE(later.ok() && later->has_value());
  ASSERT_TRUE(store_->Thin(ThinHow::kPressing).ok());
  Open();
  EXPECT_EQ(*LoadTimeOf(store_->reader(), kMainBranch, load), *time);
  EXPECT_EQ(*LoadTimeOf(store_->reader(), kMainBranch, (*later)->seq), std::nullopt);
  EXPECT_EQ(store_->Log(kMainBranch, kHeadSeq, 9)->size(), 1U);
}

TEST_F(LoadTest, RowsWithoutASegmentHaveItsTimeThemselves) {
  ASSERT_TRUE(Load(kPeople).ok());
  EXPECT_EQ(Segments(), 0U);
  const TableReader tables(store_->reader());
  const auto schema = tables.GetSchema({});
  const auto bob = tables.GetNode({}, (*schema)->nodes[0].id, "bob");
  ASSERT_TRUE(bob.ok());
  EXPECT_NE(bob->attributes.mtime_ns, 0);
  EXPECT_LE(bob->attributes.mtime_ns, summary_.commit.time_ns);
  EXPECT_EQ(Export(), kPeopleExported);
}

TEST_F(LoadTest, TablesSeeWhatWasLoaded) {
  ASSERT_TRUE(Load(kPeople).ok());
  const TableReader tables(store_->reader());
  const auto schema = tables.GetSchema({});
  ASSERT_TRUE(schema.ok());
  const NodeType& person = *(*schema)->FindNode("Person");
  const auto bob = tables.GetNode({}, person.id, "bob");
  ASSERT_TRUE(bob.ok()) << bob.status().ToString();
  EXPECT_EQ(bob->body, R"({"name":"bob","age":41,"city":"Oslo"})");
  const auto in = tables.ListEdgesOf({}, *(*schema)->FindEdge("Knows"), EdgeSide::kIn, bob->row);
  ASSERT_TRUE(in.ok());
  const auto edge = (*in)->Next();
  ASSERT_TRUE(edge.ok() && edge->has_value());
  EXPECT_EQ((*edge)->source_key, "alice");
  // The unique index holds, too.
  TableWriter writer(store_->door(), kMainBranch);
  const auto put = writer.PutNode(person.id, "eve", R"({"email":"a@example.org"})", {});
  EXPECT_EQ(put.status().code(), Code::kExists) << put.status().ToString();
}

TEST_F(LoadTest, EveryFaultIsToldWithItsLineAndNothingChanges) {
  ASSERT_TRUE(Load(kPeople).ok());
  const std::string before = Export();
  const Status loaded = Load(
      "{\"type\":\"Person\",\"data\":{\"name\":\"carl\"}}\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"dora\",\"age\":151}}\n"
      "not json\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"carl\",\"age\":1}}\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"bob\"}}\n"
      "{\"edge\":\"Knows\",\"from\":\"carl\",\"to\":\"nobody\"}\n"
      "{\"edge\":\"Knows\",\"from\":\"noone\",\"to\":\"carl\"}\n"
      "{\"edge\":\"Knows\",\"from\":\"carl\",\"to\":\"bob\"}\n"
      "{\"edge\":\"Knows\",\"from\":\"carl\",\"to\":\"bob\",\"data\":{}}\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"fred\",\"email\":\"a@example.org\"}}\n"
      "{\"type\":\"Robot\",\"data\":{}}\n"
      "{\"edge\":\"Knows\",\"from\":\"alice\",\"to\":\"bob\"}\n"
      "{\"edge\":\"LivesIn\",\"from\":\"bob\",\"to\":[\"no\",\"Oslo\"],\"n\":2}\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"g1\",\"email\":\"g@example.org\"}}\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"g2\",\"email\":\"g@example.org\"}}\n");
  EXPECT_EQ(loaded.code(), Code::kInvalid);
  std::vector<uint64_t> lines;
  for (const LoadError& error : summary_.errors) {
    EXPECT_EQ(error.source, "rows.jsonl");
    lines.push_back(error.line);
  }
  EXPECT_EQ(lines, (std::vector<uint64_t>{2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15}))
      << testing::PrintToString(lines);
  EXPECT_EQ(summary_.refused, 12u);
  EXPECT_EQ(Export(), before);
  EXPECT_TRUE(Residue("/staging").empty());
}

TEST_F(LoadTest, AllFaultsAreCountedAndTheFirstFewTold) {
  std::string text;
  for (int row = 0; row < 100; ++row) text += "{\"type\":\"Person\",\"data\":{}}\n";
  EXPECT_EQ(Load(text, {.errors_max = 3}).code(), Code::kInvalid);
  EXPECT_EQ(summary_.refused, 100u);
  EXPECT_EQ(summary_.errors.size(), 3u);
}

TEST_F(LoadTest, ALineThatIsTooLongIsRefusedAndTheNextOneRead) {
  piece_ = 1 << 20;
  std::string text = "{\"type\":\"Person\",\"data\":{\"name\":\"x\",\"city\":\"";
  text.append(size_t{18} << 20, 'y');
  text += "\"}}\n{\"type\":\"Person\",\"data\":{\"name\":\"y\",\"age\":-1}}\n";
  EXPECT_EQ(Load(text).code(), Code::kInvalid);
  ASSERT_EQ(summary_.errors.size(), 2u);
  EXPECT_EQ(summary_.errors[0].status.code(), Code::kTooBig);
  EXPECT_EQ(summary_.errors[1].line, 2u);
}

TEST_F(LoadTest, AByteOrderMarkIsRefusedInWords) {
  EXPECT_EQ(Load("\xEF\xBB\xBF{\"type\":\"Person\",\"data\":{\"name\":\"x\"}}").code(),
            Code::kInvalid);
  ASSERT_EQ(summary_.errors.size(), 1u);
  EXPECT_NE(summary_.errors[0].status.message().find("byte order mark"), std::string::npos);
}

TEST_F(LoadTest, FilesThatHoldNoTextYetAreRefusedInOneSentence) {
  for (const auto& [begin, word] : std::vector<std::pair<std::string, std::string>>{
           {"\x1F\x8B\x08\n\n", "gzip"}, {"\xFF\xFE{\n", "UTF-16"}, {"\x28\xB5\x2F\xFD", "zstd"}}) {
    EXPECT_EQ(Load(begin).code(), Code::kInvalid);
    ASSERT_EQ(summary_.errors.size(), 1u) << word;
    EXPECT_NE(summary_.errors[0].status.message().find(word), std::string::npos);
  }
}

TEST_F(LoadTest, BareRowsAndWindowsLineEnds) {
  ASSERT_TRUE(Load("{\"name\":\"x\"}\r\n\r\n{\"name\":\"y\"}\r\n", {.type = "Person"}).ok());
  ASSERT_TRUE(Load("{\"$from\":\"x\",\"$to\":\"y\"}\n", {.type = "Knows"}).ok());
  EXPECT_EQ(Export({.types = {"Person"}, .bare = true}), "{\"name\":\"x\"}\n{\"name\":\"y\"}\n");
  EXPECT_EQ(Export({.types = {"Knows"}, .bare = true}), "{\"$from\":\"x\",\"$to\":\"y\"}\n");
  EXPECT_EQ(Load("{}", {.type = "Robot"}).code(), Code::kNotFound);
}

TEST_F(LoadTest, KeysThatStandOnlyInNamesAreExported) {
  const auto schema = TableReader(store_->reader()).GetSchema({});
  ASSERT_TRUE(schema.ok());
  TableWriter writer(store_->door(), kMainBranch);
  const TypeId person = (*schema)->FindNode("Person")->id;
  ASSERT_TRUE(
      writer.PutNode(person, "a\"b", "{\n  \"age\": 1,\n  \"city\": \"x y\\\" z\"\n}\n", {}).ok());
  const std::string exported = Export();
  EXPECT_EQ(exported, R"({"type":"Person","key":"a\"b","data":{"age":1,"city":"x y\" z"}})"
                      "\n");
  EXPECT_EQ(Export({.types = {"Person"}, .bare = true}),
            R"({"name":"a\"b","age":1,"city":"x y\" z"})"
            "\n");
  Create(kSchema);
  ASSERT_TRUE(Load(exported).ok());
  EXPECT_EQ(Export(), exported);
}

TEST_F(LoadTest, NamesThatStandInTheBodyInPartAreExportedOnce) {
  const auto schema = TableReader(store_->reader()).GetSchema({});
  TableWriter writer(store_->door(), kMainBranch);
  const TypeId place = (*schema)->FindNode("Place")->id;
  const TypeId person = (*schema)->FindNode("Person")->id;
  const TypeId knows = (*schema)->FindEdge("Knows")->id;
  ASSERT_TRUE(writer.PutNode(place, "no~Oslo", R"({"size": 7, "country": "no"})", {}).ok());
  ASSERT_TRUE(writer.PutNode(person, "x", R"({"n\u0061me": null, "age": 1})", {}).ok());
  ASSERT_TRUE(writer.PutEdge(knows, "x", "x", 1, R"({"$from": "x"})", {}).ok());
  EXPECT_EQ(Export({.types = {"Place"}, .bare = true}), R"({"country":"no","town":"Oslo","size":7})"
                                                        "\n");
  EXPECT_EQ(Export({.types = {"Person"}, .bare = true}), "{\"name\":\"x\",\"age\":1}\n");
  EXPECT_EQ(Export({.types = {"Knows"}, .bare = true}), "{\"$from\":\"x\",\"$to\":\"x\"}\n");
}

std::string ManyRows(int rows) {
  std::string text;
  for (int row = 0; row < rows; ++row) {
    const std::string name = "p" + std::to_string(row * 7919 % rows);
    const std::string other = "p" + std::to_string(row * 31 % rows);
    text += "{\"edge\":\"Knows\",\"from\":\"" + name + "\",\"to\":\"" + other + "\"}\n";
    text += "{\"type\":\"Person\",\"data\":{\"name\":\"" + name + "\",\"city\":\"c" +
            std::to_string(row % 10) + "\"}}\n";
  }
  return text;
}

TEST_F(LoadTest, ALargeLoadGoesThroughSegmentsWithLittleMemory) {
  piece_ = 4096;
  const std::string text = ManyRows(12'000);
  const Status loaded = Load(text, {.memory_bytes = 256 << 10});
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_GE(Segments(), 5u);
  EXPECT_TRUE(Residue("/staging").empty());
  const std::string exported = Export();
  EXPECT_EQ(std::count(exported.begin(), exported.end(), '\n'), 24'000);
  EXPECT_EQ(store_->Describe().counts.nodes, 12'000u);
  EXPECT_EQ(store_->Describe().counts.edges, 12'000u);

  Create(kSchema);
  ASSERT_TRUE(Load(exported).ok());
  EXPECT_EQ(Export(), exported);
}

TEST_F(LoadTest, ASecondLoadJoinsWithTheRowsOfTheFirst) {
  piece_ = 4096;
  ASSERT_TRUE(Load(ManyRows(12'000)).ok());
  const Status loaded = Load(
      "{\"type\":\"Person\",\"data\":{\"name\":\"new\"}}\n"
      "{\"edge\":\"Knows\",\"from\":\"p17\",\"to\":\"new\"}\n"
      "{\"edge\":\"Knows\",\"from\":\"new\",\"to\":\"p11999\"}\n");
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_NE(Export().find("{\"edge\":\"Knows\",\"from\":\"p17\",\"to\":\"new\"}\n"),
            std::string::npos);
  EXPECT_EQ(Load("{\"type\":\"Person\",\"data\":{\"name\":\"p5\"}}").code(), Code::kInvalid);
}

TEST_F(LoadTest, ARowThatWasDeletedFromASegmentCanBeLoadedAgain) {
  piece_ = 4096;
  const std::string text = ManyRows(12'000);
  ASSERT_TRUE(Load(text).ok());
  const std::string exported = Export();
  const auto schema = TableReader(store_->reader()).GetSchema({});
  const TypeId person = (*schema)->FindNode("Person")->id;
  TableWriter writer(store_->door(), kMainBranch);
  for (int row = 0; row < 12'000; ++row) {
    ASSERT_TRUE(writer.DeleteNode(person, "p" + std::to_string(row)).ok());
  }
  EXPECT_EQ(Export(), "");
  Open();
  EXPECT_EQ(Export(), "");
  const Status loaded = Load(text);
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_EQ(Export(), exported);
  EXPECT_EQ(store_->Describe().counts.nodes, 12'000u);
}

TEST_F(LoadTest, ALoadThatIsGivenUpLeavesNothing) {
  piece_ = 4096;
  {
    auto loader = Loader::Begin(*store_, {.memory_bytes = 256 << 10});
    ASSERT_TRUE(loader.ok());
    ASSERT_TRUE((*loader)->Add("a", ManyRows(12'000)).ok());
    EXPECT_FALSE(Residue("/staging").empty());
  }
  EXPECT_TRUE(Residue("/staging").empty());
  EXPECT_EQ(Export(), "");
}

TEST_F(LoadTest, ATroubledLoadLeavesNothingAndSucceedsWhenRepeated) {
  piece_ = 4096;
  const std::string text = ManyRows(6'000);
  for (const Failpoint point : {Failpoint::kObjectBeforeSync, Failpoint::kObjectBeforeRename,
                                Failpoint::kObjectAfterRename, Failpoint::kIntentBeforeConfirm}) {
    SCOPED_TRACE(std::string(FailpointName(point)));
    ArmFailpoint(point, FailAction::kError);
    EXPECT_EQ(Load(text).code(), Code::kIo);
    DisarmFailpoints();
    EXPECT_EQ(Export(), "");
    EXPECT_TRUE(Residue("/staging").empty());
    EXPECT_TRUE(Residue("/sidecars").empty());
    EXPECT_EQ(Segments(), 0u);
  }
  ASSERT_TRUE(Load(text).ok());
  EXPECT_GT(Segments(), 0u);
}

TEST_F(LoadTest, AfterPublishingTheLoadStays) {
  piece_ = 4096;
  ArmFailpoint(Failpoint::kIntentAfterPublish, FailAction::kError);
  EXPECT_FALSE(Load(ManyRows(6'000)).ok());
  DisarmFailpoints();
  const std::string exported = Export();
  EXPECT_EQ(std::count(exported.begin(), exported.end(), '\n'), 12'000);
  Open();
  EXPECT_EQ(Export(), exported);
}

TEST_F(LoadTest, EveryDiskCallMayFailAndTheLoadIsWholeOrAbsent) {
  piece_ = 4096;
  const std::string text = ManyRows(6'000);
  bool failed = true;
  unsigned runs = 0;
  for (uint64_t call = 1; failed; call += 1 + call / 4, ++runs) {
    SCOPED_TRACE("mutating call " + std::to_string(call));
    Create(kSchema);
    disk_.FailCall(call, Code::kIo);
    const Status loaded = Load(text, {.memory_bytes = 256 << 10});
    failed = !disk_.FaultWaits();
    disk_.ClearFault();
    Open();
    const auto rows = Export().size();
    EXPECT_TRUE(rows == 0 || rows > 300'000) << rows;
    EXPECT_TRUE(!loaded.ok() || rows > 0);
  }
  EXPECT_GT(runs, 10u);
}

TEST_F(LoadTest, APowerCutAnywhereLeavesAllOrNothingAndNoResidue) {
  piece_ = 4096;
  const std::string text = ManyRows(6'000);
  bool cut = true;
  for (uint64_t call = 1; cut; call += 1 + call / 4) {
    SCOPED_TRACE("mutating call " + std::to_string(call));
    Create(kSchema);
    disk_.StopAt(call);
    const Status loaded = Load(text, {.memory_bytes = 256 << 10});
    cut = !disk_.FaultWaits();
    store_.reset();
    disk_.PowerCut(call);
    Open();
    const std::string exported = Export();
    const bool there = std::count(exported.begin(), exported.end(), '\n') == 12'000;
    EXPECT_TRUE(there || exported.empty());
    EXPECT_TRUE(!loaded.ok() || there);
    EXPECT_TRUE(Residue("/staging").empty()) << testing::PrintToString(Residue("/staging"));
    EXPECT_TRUE(Residue("/sidecars").empty()) << testing::PrintToString(Residue("/sidecars"));
    EXPECT_EQ(Segments() > 0, there);
    EXPECT_EQ(Export(), exported);
  }
}

TEST_F(LoadTest, NothingToLoadIsNoError) {
  EXPECT_TRUE(Load("\n  \n").ok());
  EXPECT_EQ(summary_.nodes, 0u);
}

TEST_F(LoadTest, CardinalityBoundsHoldForNewAndStoredSources) {
  Create(
      "node A { k: String @key }\n"
      "edge E: A -> A @card(1..2)\n");
  EXPECT_EQ(Load("{\"type\":\"A\",\"data\":{\"k\":\"a\"}}\n"
                 "{\"type\":\"A\",\"data\":{\"k\":\"b\"}}\n"
                 "{\"edge\":\"E\",\"from\":\"a\",\"to\":\"b\"}\n")
                .code(),
            Code::kInvalid);
  ASSERT_EQ(summary_.errors.size(), 1u);
  EXPECT_EQ(summary_.errors[0].line, 2u);
  EXPECT_EQ(summary_.errors[0].status.code(), Code::kManyLinks);
  ASSERT_TRUE(Load("{\"type\":\"A\",\"data\":{\"k\":\"a\"}}\n"
                   "{\"edge\":\"E\",\"from\":\"a\",\"to\":\"a\"}\n")
                  .ok());
  ASSERT_TRUE(Load("{\"edge\":\"E\",\"from\":\"a\",\"to\":\"a\",\"n\":2}\n").ok());
  EXPECT_EQ(Load("{\"edge\":\"E\",\"from\":\"a\",\"to\":\"a\",\"n\":3}\n").code(), Code::kInvalid);
}

}  // namespace
}  // namespace mendfs
