#include "meta/tree/extent_format.h"

#include <gtest/gtest.h>

namespace mendfs {
namespace {

RunRef SomeRun() {
  RunRef run;
  for (size_t i = 0; i < run.object.bytes.size(); ++i)
    run.object.bytes[i] = static_cast<uint8_t>(i);
  run.record_offset = 300;
  run.run_bytes = 200'000;
  run.skip_bytes = 65'000;
  run.size_bytes = 1000;
  run.hashes = {{1, 2}, {3, 4}};
  return run;
}

TEST(ExtentFormatTest, GoldenBytes) {
  EXPECT_EQ(ToHex(EncodeExtent("abc")), "010103616263");
  EXPECT_EQ(ToHex(EncodeExtent(SomeRun())),
            "020202"
            "000102030405060708090a0b0c0d0e0f"
            "ac02"
            "c09a0c"
            "e8fb03"
            "e807"
            "01000000000000000200000000000000"
            "03000000000000000400000000000000");
}

TEST(ExtentFormatTest, GoldenBytesOfARunInABlob) {
  RunRef run = SomeRun();
  run.kind = ObjectKind::kBlob;
  std::string pack = EncodeExtent(SomeRun());
  pack[2] = 3;
  EXPECT_EQ(ToHex(EncodeExtent(run)), ToHex(pack));
  const auto extent = DecodeExtent(EncodeExtent(run));
  ASSERT_TRUE(extent.ok()) << extent.status().ToString();
  EXPECT_EQ(extent->run, run);
  EXPECT_EQ(RunBytesOffset(run), 300U);
  EXPECT_EQ(RunBytesOffset(SomeRun()), 372U);
}

TEST(ExtentFormatTest, ARunReadsBackWhole) {
  const auto extent = DecodeExtent(EncodeExtent(SomeRun()));
  ASSERT_TRUE(extent.ok()) << extent.status().ToString();
  EXPECT_FALSE(extent->is_inline());
  EXPECT_EQ(extent->run, SomeRun());
}

TEST(ExtentFormatTest, GoldenBytesOfRoomThatIsSetAside) {
  EXPECT_EQ(ToHex(EncodeSetAside(65536)), "0303808004");
  const auto extent = DecodeExtent(EncodeSetAside(kPieceBytesMax));
  ASSERT_TRUE(extent.ok());
  EXPECT_TRUE(extent->is_set_aside());
  EXPECT_FALSE(extent->is_inline() || extent->has_run());
  EXPECT_EQ(extent->size_bytes(), kPieceBytesMax);
  EXPECT_EQ(CutExtent(*extent, 10, 20).size_bytes(), 20u);
  EXPECT_EQ(EncodeExtent(*extent), EncodeSetAside(kPieceBytesMax));
  EXPECT_EQ(DecodeExtent(std::string("\x03\x03\x00", 3)).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeExtent("\x03\x03\x81\x80\x40").status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeExtent("\x03\x02\x01").status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeExtent("\x03\x03\x01x").status().code(), Code::kCorruption);
}

TEST(ExtentFormatTest, CutsAndTailsAndImpossibleSizesAreCorruption) {
  const std::string good = EncodeExtent(SomeRun());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeExtent(good.substr(0, size)).status().code(), Code::kCorruption) << size;
  }
  EXPECT_EQ(DecodeExtent(good + "x").status().code(), Code::kCorruption);
  const auto refused = [](auto spoil) {
    RunRef run = SomeRun();
    spoil(run);
    std::string bytes = EncodeExtent(PartOf(SomeRun(), 0, 1000));
    bytes = EncodeExtent(run);
    return DecodeExtent(bytes).status().code();
  };
  EXPECT_EQ(refused([](RunRef& run) { run.run_bytes = kRunBytesMax + 1; }), Code::kCorruption);
  EXPECT_EQ(refused([](RunRef& run) { run.run_bytes = 65'999; }), Code::kCorruption);
  EXPECT_EQ(refused([](RunRef& run) { run.kind = ObjectKind::kSegment; }), Code::kCorruption);
}

TEST(ExtentFormatTest, PartsOfARunKeepTheHashesOfTheirBlocks) {
  const std::string bytes(300'000, 'b');
  RunRef run{.run_bytes = bytes.size(), .size_bytes = bytes.size(), .hashes = HashRun(bytes)};
  EXPECT_EQ(run.block_count(), 5U);
  const RunRef part = PartOf(run, 70'000, 70'000);
  EXPECT_EQ(part.first_block(), 1U);
  EXPECT_EQ(part.hashes, std::vector<Hash128>(run.hashes.begin() + 1, run.hashes.begin() + 3));
  const RunRef inner = PartOf(part, 65'000, 5000);
  EXPECT_EQ(inner.skip_bytes, 135'000U);
  EXPECT_EQ(inner.hashes, std::vector<Hash128>(run.hashes.begin() + 2, run.hashes.begin() + 3));
}

TEST(ExtentFormatTest, TheDigestIsThatOfTheBytesWhereverTheyLie) {
  const std::string bytes(100'000, 'q');
  RunRef run{.run_bytes = bytes.size(), .size_bytes = bytes.size(), .hashes = HashRun(bytes)};
  run.record_offset = 12'345;
  EXPECT_EQ(ExtentDigest({.bytes = bytes, .run = {}}), ExtentDigest({.bytes = {}, .run = run}));
  std::string other = bytes;
  other[99'999] = 'r';
  EXPECT_NE(ExtentDigest({.bytes = other, .run = {}}), ExtentDigest({.bytes = bytes, .run = {}}));
  EXPECT_NE(ExtentDigest({.bytes = "a", .run = {}}),
            ExtentDigest({.bytes = std::string_view("a\0", 2), .run = {}}));
}

}  // namespace
}  // namespace mendfs
