// CSV and TSV in and out: typed by the schema, null is not "", faults with line and column, and
// what is exported loads and exports the same.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/bulk/load_fixture.h"

namespace mendfs {
namespace {

constexpr char kTypes[] = R"(
node T {
  k: String @key
  s: String?
  i: I64?
  u: U64?
  f: F64?
  b: Bool?
  d: Date?
  e: enum(red, green)?
  l: [String]?
  v: Vector(2)?
  x: Blob?
}
node C @key(a, n) { a: String, n: I32, note: String? }
edge E: T -> C { w: I32?, why: String? }
)";

class LoadCsvTest : public LoadTest {
 protected:
  void SetUp() override { Create(kTypes); }

  Status LoadFile(const std::string& name, const std::string& text, LoadOptions options = {}) {
    auto loader = Loader::Begin(*store_, options);
    if (!loader.ok()) return loader.status();
    for (size_t place = 0; place < text.size(); place += piece_) {
      const Status added = (*loader)->Add(name, std::string_view(text).substr(place, piece_));
      if (!added.ok()) return added;
    }
    return (*loader)->Finish({}, summary_);
  }
  std::string Table(const std::string& type, TableFormat format = TableFormat::kCsv) {
    return Export({.types = {type}, .format = format});
  }
  std::string Faults() const {
    std::string text;
    for (const LoadError& error : summary_.errors) {
      text += error.source + ":" + std::to_string(error.line) + ":" + std::to_string(error.column) +
              ": " + error.status.message() + "\n";
    }
    return text;
  }
};

TEST_F(LoadCsvTest, EachKindOfValueIsTypedByTheSchema) {
  const Status loaded =
      LoadFile("dir/T.csv",
               "\xEF\xBB\xBFk,s,i,u,f,b,d,e,l,v,x\r\n"
               "a,\"x, \"\"y\"\"\r\nz\",-9223372036854775808,"
               "18446744073709551615,1.50,TRUE,2020-02-29,red,\"[\"\"p\"\", "
               "\"\"q\"\"]\",\"[1,2.5]\",aGk=\r\n"
               "\r\n"
               "b,\"\",,,,,,,,,\r\n"
               "\xF0\x9F\x98\x80,,9223372036854775807,0,1e-3,false,,green,[],,\r\n");
  ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  EXPECT_EQ(summary_.nodes, 3u);
  EXPECT_EQ(Export({.types = {"T"}, .bare = true}),
            "{\"k\":\"a\",\"s\":\"x, \\\"y\\\"\\u000d\\u000az\",\"i\":-9223372036854775808,"
            "\"u\":18446744073709551615,\"f\":1.50,\"b\":true,\"d\":\"2020-02-29\",\"e\":\"red\","
            "\"l\":[\"p\",\"q\"],\"v\":[1,2.5],\"x\":\"aGk=\"}\n"
            "{\"k\":\"b\",\"s\":\"\"}\n"
            "{\"k\":\"\xF0\x9F\x98\x80\",\"i\":9223372036854775807,\"u\":0,\"f\":1e-3,\"b\":false,"
            "\"e\":\"green\",\"l\":[]}\n");
}

TEST_F(LoadCsvTest, WhatIsExportedLoadsAndExportsTheSame) {
  ASSERT_TRUE(
      LoadFile("T.csv", "s,k,i,l\n\"\",a,1,\n,\"b,\"\"\n\",,\"[\"\"x,y\"\"]\"\nplain,c\t,3,[]\n")
          .ok());
  ASSERT_TRUE(LoadFile("C.csv", "n,a,note\n7,x,\n-1,\"y~z\",n\n").ok());
  ASSERT_TRUE(
      LoadFile("E.csv", "$from,$to,$n,w,why\na,x~7,,,\na,x~7,2,5,\"\"\nc\t,y%7Ez~-1,,,\"q\"\"\"\n")
          .ok())
      << Faults();
  for (const TableFormat format : {TableFormat::kCsv, TableFormat::kTsv}) {
    const char* const ending = format == TableFormat::kCsv ? ".csv" : ".tsv";
    const std::vector<std::string> types = {"T", "C", "E"};
    std::vector<std::string> tables;
    for (const std::string& type : types) tables.push_back(Table(type, format));
    const std::string lines = Export();
    Create(kTypes);
    for (size_t i = 0; i < types.size(); ++i) {
      const Status loaded = LoadFile("x/" + types[i] + ending, tables[i]);
      ASSERT_TRUE(loaded.ok()) << loaded.ToString();
    }
    for (size_t i = 0; i < types.size(); ++i) EXPECT_EQ(Table(types[i], format), tables[i]);
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 8);
  }
  EXPECT_EQ(Table("E"), "$from,$to,$n,w,why\na,x~7,,,\na,x~7,2,5,\"\"\nc\t,y%7Ez~-1,,,\"q\"\"\"\n");
}

TEST_F(LoadCsvTest, FaultsHaveLineAndColumn) {
  EXPECT_EQ(LoadFile("T.csv",
                     "k,i,e\n"
                     "a,1,red\n"
                     "\"b\n\",007,\n"
                     "c,1\n"
                     "d,99999999999999999999,\n"
                     "e,1,blue\n"
                     "f\"g,1,\n"
                     ",1,\n"
                     "a,2,\n"
                     "h,1,\"never\n")
                .code(),
            Code::kInvalid);
  std::string places;
  for (const LoadError& error : summary_.errors) {
    places += std::to_string(error.line) + ":" + std::to_string(error.column) + " ";
  }
  EXPECT_EQ(places, "4:3 5:1 6:3 7:5 8:2 9:0 10:0 11:5 ") << Faults();
  EXPECT_NE(Faults().find("column \"i\": \"007\" is no I64"), std::string::npos) << Faults();
  EXPECT_EQ(Export(), "");
}

TEST_F(LoadCsvTest, HeadersAreJudged) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"k,k\n", "twice"},
      {"k,\n", "without a name"},
      {"k,zzz\n", "no property \"zzz\""},
      {"s\n", "lacks the key"},
      {"k,$from\n", "no property \"$from\""}};
  for (const auto& [header, sentence] : wrong) {
    EXPECT_EQ(LoadFile("T.csv", header + "1,2\n1,2\n").code(), Code::kInvalid) << header;
    EXPECT_EQ(summary_.refused, 1u) << header;
    EXPECT_NE(Faults().find(sentence), std::string::npos) << Faults();
  }
  EXPECT_EQ(LoadFile("E.csv", "$from\na\n").code(), Code::kInvalid);
  EXPECT_NE(Faults().find("$from and $to"), std::string::npos) << Faults();
  EXPECT_EQ(LoadFile("people.csv", "k\na\n").code(), Code::kInvalid);
  EXPECT_NE(Faults().find("people.csv:1:0: whose rows are these?"), std::string::npos) << Faults();
}

TEST_F(LoadCsvTest, TypeAndFormatCanBeGiven) {
  ASSERT_TRUE(LoadFile("-", "k\ts\na\t1\n", {.format = TableFormat::kTsv, .type = "T"}).ok());
  EXPECT_EQ(Table("T").substr(0, 9), "k,s,i,u,f");
  EXPECT_EQ(LoadFile("T.csv", "{\"type\":\"T\",\"data\":{\"k\":\"b\"}}\n",
                     {.format = TableFormat::kJsonLines})
                .ToString(),
            Status::Ok().ToString());
}

TEST_F(LoadCsvTest, AHeaderAloneIsAnEmptyTable) {
  ASSERT_TRUE(LoadFile("T.csv", "k\na\nb\n").ok());
  ASSERT_TRUE(LoadFile("T.csv", "k\n").ok());
  EXPECT_EQ(Export({.types = {"T"}, .bare = true}), "{\"k\":\"a\"}\n{\"k\":\"b\"}\n");
  ASSERT_TRUE(LoadFile("T.csv", "k\n", {.mode = LoadMode::kReplace}).ok());
  EXPECT_EQ(summary_.nodes_gone, 2u);
  EXPECT_EQ(Export(), "");
  // Lines that name no type change nothing.
  ASSERT_TRUE(LoadFile("T.csv", "k\na\n").ok());
  ASSERT_TRUE(LoadFile("x", "\n", {.mode = LoadMode::kReplace, .type = "T"}).ok());
  EXPECT_EQ(Export({.types = {"T"}, .bare = true}), "{\"k\":\"a\"}\n");
}

TEST_F(LoadCsvTest, ALargeFieldFitsAndALargerRecordIsRefused) {
  piece_ = 1 << 20;
  const std::string large((size_t{16} << 20) - 64, 'x');
  ASSERT_TRUE(LoadFile("T.csv", "k,s\na,\"" + large + "\"\n").ok()) << Faults();
  EXPECT_EQ(LoadFile("T.csv", "k,s\nb,\"" + large + large + "\"\nc,1\n").code(), Code::kInvalid);
  EXPECT_EQ(summary_.refused, 1u);
  EXPECT_EQ(summary_.errors.at(0).line, 2u);
  EXPECT_EQ(Table("T").size(),
            std::string("k,s,i,u,f,b,d,e,l,v,x\na,,,,,,,,,,\n").size() + large.size());
}

TEST_F(LoadCsvTest, JsonLinesTellTheirColumnToo) {
  EXPECT_EQ(LoadFile("a.jsonl",
                     "{\"type\":\"T\",\"data\":{\"k\":\"a\",\"i\":1.5}}\n"
                     "{\"type\":\"T\",\"data\":nope}\n")
                .code(),
            Code::kInvalid);
  ASSERT_EQ(summary_.errors.size(), 2u);
  EXPECT_EQ(summary_.errors[0].column, 33u) << Faults();
  EXPECT_EQ(summary_.errors[1].column, 20u) << Faults();
}

// --------------------------------------------------------------------------------- conditions
TEST_F(LoadCsvTest, ALoadMayDependOnTheNewestCommit) {
  ASSERT_TRUE(LoadFile("T.csv", "k\na\n").ok());
  const std::string first = ToHex(summary_.commit.id);
  ASSERT_TRUE(LoadFile("T.csv", "k\nb\n", {.if_commit = first}).ok());
  const Status lost = LoadFile("T.csv", "k\nc\n", {.if_commit = first.substr(0, 12)});
  EXPECT_EQ(lost.code(), Code::kConditionLost) << lost.ToString();
  EXPECT_EQ(Table("T"), "k,s,i,u,f,b,d,e,l,v,x\na,,,,,,,,,,\nb,,,,,,,,,,\n");
  // A change without a commit of its own counts.
  const std::string second = ToHex(store_->Log(kMainBranch, kHeadSeq, 1)->front().id);
  TableWriter writer(store_->door(), kMainBranch);
  const TypeId type = (*TableReader(store_->reader()).GetSchema({}))->FindNode("T")->id;
  ASSERT_TRUE(writer.PutNode(type, "z", "{}", {}).ok());
  EXPECT_EQ(LoadFile("T.csv", "k\nc\n", {.if_commit = second}).code(), Code::kConditionLost);
  EXPECT_EQ(LoadFile("T.csv", "k\nc\n", {.if_commit = "12"}).code(), Code::kInvalid);
  EXPECT_EQ(LoadFile("T.csv", "k\nc\n", {.if_commit = "0123456789"}).code(), Code::kNotFound);
}

TEST_F(LoadCsvTest, ALoadMayDependOnTheRowsOfItsTypes) {
  ASSERT_TRUE(LoadFile("T.csv", "k,i\na,1\nb,1\nc,1\n").ok());
  const std::string base = ToHex(summary_.commit.id);
  ASSERT_TRUE(LoadFile("C.csv", "a,n\nx,1\n").ok());
  // Another type was changed: that is nobody's condition.
  ASSERT_TRUE(LoadFile("T.csv", "k,i\na,2\n", {.mode = LoadMode::kMerge, .from = base}).ok());
  TableWriter writer(store_->door(), kMainBranch);
  const TypeId type = (*TableReader(store_->reader()).GetSchema({}))->FindNode("T")->id;
  ASSERT_TRUE(writer.DeleteNode(type, "b").ok());
  ASSERT_TRUE(writer.PutNode(type, "new", "{}", {}).ok());
  EXPECT_EQ(LoadFile("T.csv", "k,i\nc,9\n", {.mode = LoadMode::kMerge, .from = base}).code(),
            Code::kConditionLost);
  ASSERT_EQ(summary_.errors.size(), 3u) << Faults();
  EXPECT_NE(Faults().find("T \"a\" was changed since"), std::string::npos) << Faults();
  EXPECT_NE(Faults().find("T \"b\" was deleted since"), std::string::npos);
  EXPECT_NE(Faults().find("T \"new\" was added since"), std::string::npos);
}

}  // namespace
}  // namespace mendfs
