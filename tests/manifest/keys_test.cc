// The bytes of every key, as docs/formats/keys.md has them: they are on disk.
#include "meta/manifest/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr TypeId kType(0x01020304);
constexpr InodeNumber kInode(0x1112131415161718);
constexpr EdgeEnds kEnds{InodeNumber(1), InodeNumber(2), 3};

TEST(KeysTest, TheBytesAreGolden) {
  const Hash128 hash{.low = 0x3132333435363738, .high = 0x2122232425262728};
  EXPECT_EQ(ToHex(InodeKey(kInode)), "691112131415161718");
  EXPECT_EQ(ToHex(ExtentKey(kInode, 0x1000)), "6511121314151617180000000000001000");
  EXPECT_EQ(ToHex(XattrKey(kInode, "user.a")), "781112131415161718" + ToHex("user.a"));
  EXPECT_EQ(ToHex(SchemaKey()), "73");
  EXPECT_EQ(ToHex(RowKey(kType, "bob")), "7201020304" + ToHex("bob"));
  EXPECT_EQ(ToHex(RowNameKey(kType, kInode)), "6b010203041112131415161718");
  EXPECT_EQ(ToHex(DeadRowKey(kType, kInode)), "64010203041112131415161718");
  EXPECT_EQ(ToHex(LongNameKey(kType, hash)), "770102030421222324252627283132333435363738");
  EXPECT_EQ(ToHex(EdgeKey(kType, kEnds)), "67010203040000000000000001000000000000000200000003");
  EXPECT_EQ(ToHex(EdgeReverseKey(kType, kEnds)),
            "47010203040000000000000002000000000000000100000003");
  EXPECT_EQ(ToHex(IndexKey(kType, PropertyId(5), std::string_view("a\0", 2), kInode)),
            "7601020304000000056100ff00011112131415161718");
}

TEST(KeysTest, HistoryKeysAreGoldenAndTellTheirEnd) {
  EXPECT_EQ(ToHex(HistoryKey()), "74");
  const std::string key = EarlierKey(kMainBranch, SchemaKey(), Seq(0x0102030405060708));
  EXPECT_EQ(ToHex(key),
            "6800000001"
            "730001"
            "0102030405060708");
  EXPECT_EQ(ParseEarlierEnd(key), Seq(0x0102030405060708));
  const std::string with_zero = EarlierKey(BranchId(7), std::string("x\0y", 3), Seq(9));
  EXPECT_EQ(ParseEarlierEnd(with_zero), Seq(9));
  EXPECT_EQ(ParseEarlierEnd(CurrentKey(kMainBranch, SchemaKey())), std::nullopt);
  for (size_t size = 0; size < key.size(); ++size) {
    EXPECT_EQ(ParseEarlierEnd(key.substr(0, size)), std::nullopt);
  }
  EXPECT_EQ(ParseEarlierEnd(key + "x"), std::nullopt);
}

TEST(KeysTest, KeysOfRowsAreReadBack) {
  EXPECT_EQ(ParseRowNameKey(RowNameKey(kType, kInode)), kInode);
  EXPECT_EQ(ParseDeadRowKey(DeadRowKey(kType, kInode)), kInode);
  EXPECT_EQ(ParseEdgeKey(EdgeKey(kType, kEnds)), kEnds);
  EXPECT_EQ(ParseEdgeKey(EdgeReverseKey(kType, kEnds)), kEnds);
  for (const std::string& key :
       {RowKey(kType, "bob"), RowNameKey(kType, kInode), DeadRowKey(kType, kInode),
        EdgeKey(kType, kEnds), EdgeReverseKey(kType, kEnds)}) {
    EXPECT_EQ(ParseTypeOf(key), kType);
    EXPECT_FALSE(ParseDeadRowKey(key + "x").has_value());
  }
  EXPECT_FALSE(ParseDeadRowKey(RowNameKey(kType, kInode)).has_value());
}

TEST(KeysTest, KeysOfObjectsAreReadBackAndToldApart) {
  const Id128 id{{1, 2, 3}};
  EXPECT_EQ(ToHex(DoomedKey(id)), "7801020300000000000000000000000000");
  EXPECT_EQ(ParseDoomedKey(DoomedKey(id)), id);
  EXPECT_EQ(ParseObjectKey(ObjectKey(id)), id);
  EXPECT_EQ(ParseOpenPackKey(OpenPackKey(id)), id);
  EXPECT_FALSE(ParseDoomedKey(ObjectKey(id)).has_value());
  EXPECT_FALSE(ParseObjectKey(DoomedKey(id)).has_value());
  EXPECT_FALSE(ParseDoomedKey(DoomedKey(id) + "x").has_value());
}

TEST(KeysTest, KeysOfSnapshotsAreGoldenAndReadBack) {
  EXPECT_EQ(ToHex(SnapshotKey("a/b")), "73612f62");
  EXPECT_EQ(ParseSnapshotKey(SnapshotKey("a/b")), "a/b");
  EXPECT_EQ(ParseSnapshotKey(SnapshotKey("")), "");
  EXPECT_FALSE(ParseSnapshotKey(HistoryKey()).has_value());
  EXPECT_FALSE(ParseSnapshotKey("").has_value());
}

TEST(KeysTest, WhatFollowsFromOtherEntriesIsDerived) {
  std::set<char> derived;
  for (int letter = 0; letter < 128; ++letter) {
    const auto kind = KindOf(std::string(1, static_cast<char>(letter)));
    if (kind && IsDerived(*kind)) derived.insert(static_cast<char>(*kind));
  }
  EXPECT_EQ(derived, (std::set<char>{'G', 'd', 'k', 'v', 'w'}));
}

}  // namespace
}  // namespace mendfs
