#include "meta/table/row_format.h"

#include <gtest/gtest.h>

#include "meta/codec/hash.h"

namespace mendfs {
namespace {

RowAttributes AllAttributes() {
  RowAttributes attributes;
  attributes.mtime_ns = 0x0102030405060708;
  attributes.permissions = 0640;
  attributes.uid = 1000;
  attributes.gid = UINT32_MAX;
  return attributes;
}

std::string RowValue(const RowAttributes& attributes, std::string_view body) {
  std::string value;
  AppendRowValue(value, InodeNumber(300), attributes, body);
  return value;
}

TEST(RowFormatTest, GoldenBytesOfVersionOne) {
  EXPECT_EQ(ToHex(RowValue(AllAttributes(), "{}")),
            "010fac020807060504030201a003e807ffffffff0f7b7d");
  EXPECT_EQ(ToHex(RowValue({}, "{}")), "0100ac027b7d");
  std::string edge;
  AppendEdgeValue(edge, {}, "");
  EXPECT_EQ(ToHex(edge), "0100");
  edge.clear();
  AppendEdgeValue(edge, AllAttributes(), "{\"a\":1}");
  EXPECT_EQ(ToHex(edge), "010f0807060504030201a003e807ffffffff0f7b2261223a317d");
}

TEST(RowFormatTest, WhatIsEncodedDecodes) {
  for (const std::string& body : {std::string(), std::string("{}"), std::string(100000, 'x')}) {
    for (const RowAttributes& attributes : {RowAttributes(), AllAttributes()}) {
      const std::string value = RowValue(attributes, body);
      const auto row = DecodeRowHead(value);
      ASSERT_TRUE(row.ok()) << row.status().ToString();
      EXPECT_EQ(row->row, InodeNumber(300));
      EXPECT_EQ(row->attributes, attributes);
      EXPECT_EQ(value.substr(row->body_offset), body);

      std::string edge_value;
      AppendEdgeValue(edge_value, attributes, body);
      const auto edge = DecodeEdgeHead(edge_value);
      ASSERT_TRUE(edge.ok()) << edge.status().ToString();
      EXPECT_EQ(edge->attributes, attributes);
      EXPECT_EQ(edge_value.substr(edge->body_offset), body);
    }
  }
}

TEST(RowFormatTest, ATornHeadIsCorruption) {
  const std::string value = RowValue(AllAttributes(), "");
  for (size_t size = 0; size < value.size(); ++size) {
    const auto row = DecodeRowHead(std::string_view(value).substr(0, size));
    ASSERT_FALSE(row.ok()) << size;
    EXPECT_EQ(row.status().code(), Code::kCorruption) << size;
  }
}

TEST(RowFormatTest, WhatNoEncoderWritesIsRefused) {
  const auto code_of = [](std::string value) { return DecodeRowHead(value).status().code(); };
  const std::string good = RowValue({}, "{}");
  std::string bad = good;
  bad[0] = 2;
  EXPECT_EQ(code_of(bad), Code::kUnsupported);
  bad[0] = 0;
  EXPECT_EQ(code_of(bad), Code::kCorruption);
  bad = good;
  bad[1] = 16;
  EXPECT_EQ(code_of(bad), Code::kCorruption);
  EXPECT_EQ(code_of(std::string("\x01\x00\x00{}", 5)), Code::kCorruption) << "row number 0";
  EXPECT_EQ(code_of(std::string("\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12)),
            Code::kCorruption)
      << "a derived number";
  EXPECT_EQ(code_of(std::string("\x01\x02\x05\x80\x80\x04{}", 8)), Code::kCorruption)
      << "permissions above 07777";
  EXPECT_EQ(code_of(std::string("\x01\x01\x05\0\0\0\0\0\0\0\0", 11)), Code::kCorruption)
      << "a time of 0 is written as no time";
}

TEST(RowFormatTest, MergingKeepsWhatIsNotGiven) {
  RowAttributes given;
  given.permissions = 0600;
  RowAttributes want = AllAttributes();
  want.permissions = 0600;
  EXPECT_EQ(MergeAttributes(AllAttributes(), given), want);
  EXPECT_EQ(MergeAttributes({}, AllAttributes()), AllAttributes());
}

}  // namespace
}  // namespace mendfs
