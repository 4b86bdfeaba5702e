// What is a field, where it stands and whether it was quoted, in whatever pieces the text comes.
#include "meta/table/text/csv_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mendfs {
namespace {

// Records as text: fields joined by '|', quoted ones in '…', each with its place when asked.
class Shown : public CsvSink {
 public:
  Status TakeRecord(std::span<const CsvField> fields) override {
    std::string line;
    for (const CsvField& field : fields) {
      if (!line.empty()) line += "|";
      line += field.quoted ? "'" + std::string(field.text) + "'" : std::string(field.text);
      line += "@" + std::to_string(field.place.line) + ":" + std::to_string(field.place.column);
    }
    lines.push_back(line);
    return Status::Ok();
  }
  Status TakeFault(const CsvPlace& place, const Status& fault) override {
    lines.push_back("fault@" + std::to_string(place.line) + ":" + std::to_string(place.column));
    faults.push_back(fault.message());
    return Status::Ok();
  }
  std::vector<std::string> lines;
  std::vector<std::string> faults;
};

std::vector<std::string> Read(const std::string& text, char delimiter = ',',
                              size_t record_bytes_max = 1000) {
  std::vector<std::string> whole;
  // The same in whatever pieces.
  for (const size_t piece : {text.size() + 1, size_t{1}, size_t{2}, size_t{3}}) {
    CsvReader reader(delimiter, record_bytes_max);
    Shown shown;
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(reader.Add(std::string_view(text).substr(at, piece), shown).ok());
    }
    EXPECT_TRUE(reader.End(shown).ok());
    if (piece > text.size()) {
      whole = shown.lines;
    } else {
      EXPECT_EQ(shown.lines, whole) << "pieces of " << piece;
    }
  }
  return whole;
}

using Lines = std::vector<std::string>;

TEST(CsvReaderTest, FieldsAndPlaces) {
  EXPECT_EQ(Read("a,bb,c\n1,,3\n"), (Lines{"a@1:1|bb@1:3|c@1:6", "1@2:1|@2:3|3@2:4"}));
  EXPECT_EQ(Read("a\tb\n", '\t'), (Lines{"a@1:1|b@1:3"}));
  EXPECT_EQ(Read("x,\n,y"), (Lines{"x@1:1|@1:3", "@2:1|y@2:2"}));
}

TEST(CsvReaderTest, NothingIsNotTheEmptyString) {
  EXPECT_EQ(Read("a,b\n,\"\"\n"), (Lines{"a@1:1|b@1:3", "@2:1|''@2:2"}));
  EXPECT_EQ(Read("\"\"\n"), (Lines{"''@1:1"}));
}

TEST(CsvReaderTest, QuotesHoldDelimitersQuotesAndLines) {
  EXPECT_EQ(Read("\"a,\"\"b\"\"\",\"x\r\ny\"\nz,\"\"\"\"\n"),
            (Lines{"'a,\"b\"'@1:1|'x\r\ny'@1:11", "z@3:1|'\"'@3:3"}));
}

TEST(CsvReaderTest, LineEndsMarksAndBlankLines) {
  EXPECT_EQ(Read("\xEF\xBB\xBF"
                 "a,b\r\n\r\n1,2\r\n\n3,4"),
            (Lines{"a@1:1|b@1:3", "1@3:1|2@3:3", "3@5:1|4@5:3"}));
  EXPECT_EQ(Read("\xEF\xBB"
                 "a"),
            (Lines{"\xEF\xBB"
                   "a@1:1"}));
  EXPECT_EQ(Read(""), Lines{});
  EXPECT_EQ(Read("\n\n"), Lines{});
}

TEST(CsvReaderTest, WhatIsNoCsvIsToldWithItsPlaceAndTheNextLineIsRead) {
  EXPECT_EQ(Read("a\"b,c\n1\n"), (Lines{"fault@1:2", "1@2:1"}));
  EXPECT_EQ(Read("x,\"a\"b,c\n1\n"), (Lines{"fault@1:6", "1@2:1"}));
  EXPECT_EQ(Read("a\rb\n1\n"), (Lines{"fault@1:3", "1@2:1"}));
  EXPECT_EQ(Read("1\nx,\"never\nclosed"), (Lines{"1@1:1", "fault@2:3"}));
}

TEST(CsvReaderTest, ARecordIsBounded) {
  EXPECT_EQ(Read("aaaaaaaaaaaa,b\n1,2\n", ',', 8), (Lines{"fault@1:1", "1@2:1|2@2:3"}));
  // Its quotes are followed, so that the next record begins where it does.
  EXPECT_EQ(Read("\"aaaaaaaaaaaa\nx\",b\n1,2\n", ',', 8), (Lines{"fault@1:1", "1@3:1|2@3:3"}));
  EXPECT_EQ(Read(std::string(kCsvFieldsMax, ',') + "\n1\n", ',', 1 << 20).back(), "1@2:1");
}

}  // namespace
}  // namespace mendfs
