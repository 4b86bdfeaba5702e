#include "meta/pack/pack_format.h"

#include <gtest/gtest.h>

namespace mendfs {
namespace {

PackRecord SomeRecord() {
  return {.inode = InodeNumber(77),
          .generation = 3,
          .offset = 1 << 20,
          .seq = 0,
          .run_bytes = 70'000,
          .fingerprint = {5, 6}};
}

TEST(PackFormatTest, GoldenBytes) {
  const std::string bytes = EncodePackRecord(SomeRecord());
  EXPECT_EQ(bytes.size(), kPackRecordHeaderBytes);
  EXPECT_EQ(ToHex(bytes.substr(0, 64)),
            "4d504b31"
            "01"
            "000000"
            "4d00000000000000"
            "0000100000000000"
            "0000000000000000"
            "03000000"
            "70110100"
            "0500000000000000"
            "0600000000000000"
            "0000000000000000");
  EXPECT_EQ(ToHex(EncodeOpenObject(ObjectKind::kPack)), "01020000");
  EXPECT_EQ(ToHex(EncodeOpenObject(ObjectKind::kBlob)), "01030000");
  Id128 first, second;
  first.bytes.fill(1);
  second.bytes.fill(2);
  EXPECT_EQ(ToHex(EncodeSyncedPacks({{second, 70'000}, {first, 513}})),
            "01000000"
            "01010101010101010101010101010101"
            "0102000000000000"
            "02020202020202020202020202020202"
            "7011010000000000");
  EXPECT_EQ(EncodeSyncedPacks({}), "");
}

TEST(PackFormatTest, WhatAMarkSaysOfPacksReadsBackOrIsRefused) {
  Id128 first, second;
  first.bytes.fill(1);
  second.bytes.fill(2);
  const SyncedPacks packs{{first, 513}, {second, 70'000}};
  const std::string good = EncodeSyncedPacks(packs);
  EXPECT_EQ(*DecodeSyncedPacks(good), packs);
  EXPECT_EQ(*DecodeSyncedPacks(""), SyncedPacks());
  const auto code = [](std::string_view bytes) { return DecodeSyncedPacks(bytes).status().code(); };
  EXPECT_EQ(code("\x02"), Code::kUnsupported);
  for (size_t size = 1; size < good.size(); ++size) {
    if (size == 4 + 24) continue;  // one pack less
    EXPECT_EQ(code(good.substr(0, size)), Code::kCorruption) << size;
  }
  EXPECT_EQ(code(good.substr(0, 4) + good.substr(28) + good.substr(4, 24)), Code::kCorruption);
  EXPECT_EQ(code(good + good.substr(28)), Code::kCorruption);
  EXPECT_EQ(code(std::string("\x01\0\0\1", 4) + good.substr(4)), Code::kCorruption);
}

TEST(PackFormatTest, ARecordReadsBackAndEveryBitCounts) {
  const std::string good = EncodePackRecord(SomeRecord());
  ASSERT_TRUE(DecodePackRecord(good).ok());
  EXPECT_EQ(*DecodePackRecord(good), SomeRecord());
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodePackRecord(bad).ok()) << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodePackRecord(good.substr(0, size)).status().code(), Code::kCorruption);
  }
}

TEST(PackFormatTest, ANewerOrMalformedRowIsRefused) {
  const Id128 id{};
  for (const ObjectKind kind : {ObjectKind::kPack, ObjectKind::kBlob}) {
    EXPECT_EQ(*DecodeOpenObject(id, EncodeOpenObject(kind)), kind);
  }
  const auto code = [&](std::string_view value) {
    return DecodeOpenObject(id, value).status().code();
  };
  EXPECT_EQ(code(std::string_view("\x02\x02\0\0", 4)), Code::kUnsupported);
  EXPECT_EQ(code(std::string_view("\x01\x04\0\0", 4)), Code::kCorruption);
  EXPECT_EQ(code(std::string_view("\x01\x02\0\1", 4)), Code::kCorruption);
  EXPECT_EQ(code(std::string_view("\x01\x02\0", 3)), Code::kCorruption);
  EXPECT_EQ(code(""), Code::kCorruption);
}

}  // namespace
}  // namespace mendfs
