#include "mount-tools/verbs/text.h"

#include <gtest/gtest.h>

#include <array>

namespace mendfs {
namespace {

constexpr std::array<std::string_view, 4> kWords = {"status", "load", "export", "umount"};

TEST(TextTest, NearestFindsATypingMistake) {
  EXPECT_EQ(Nearest("staus", kWords), "status");
  EXPECT_EQ(Nearest("laod", kWords), "load");
  EXPECT_EQ(Nearest("unmount", kWords), "umount");
}

TEST(TextTest, NearestIsSilentAboutOtherWords) {
  EXPECT_EQ(Nearest("frobnicate", kWords), "");
  EXPECT_EQ(Nearest("", kWords), "");
  EXPECT_EQ(Nearest(std::string(1000, 'x'), kWords), "");
}

TEST(TextTest, DurationsHaveUnits) {
  EXPECT_EQ(ParseDurationMs("500ms"), 500U);
  EXPECT_EQ(ParseDurationMs("1s"), 1000U);
  EXPECT_EQ(ParseDurationMs("5"), 5000U);
  EXPECT_EQ(ParseDurationMs("2m"), 120'000U);
  for (const char* wrong :
       {"", "s", "-1s", "1.5s", "1d", "1s ", "99999999999999999999s", "18446744073709551615h"}) {
    EXPECT_EQ(ParseDurationMs(wrong), std::nullopt) << wrong;
  }
}

TEST(TextTest, SizesArePowersOf1024) {
  EXPECT_EQ(ParseSizeBytes("4096"), 4096U);
  EXPECT_EQ(ParseSizeBytes("64K"), 64U << 10);
  EXPECT_EQ(ParseSizeBytes("64MiB"), 64U << 20);
  EXPECT_EQ(ParseSizeBytes("2G"), uint64_t{2} << 30);
  for (const char* wrong : {"", "M", "64Q", "64Mi", "-5", "64 M", "18446744073709551615T"}) {
    EXPECT_EQ(ParseSizeBytes(wrong), std::nullopt) << wrong;
  }
}

TEST(TextTest, NumbersForPeople) {
  EXPECT_EQ(HumanBytes(17), "17 bytes");
  EXPECT_EQ(HumanBytes(4096), "4.0 KiB");
  EXPECT_EQ(HumanBytes(uint64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(Counted(0, "node", "nodes"), "0 nodes");
  EXPECT_EQ(Counted(1, "node", "nodes"), "1 node");
  EXPECT_EQ(Counted(999, "node", "nodes"), "999 nodes");
  EXPECT_EQ(Counted(1'234'567, "node", "nodes"), "1,234,567 nodes");
  EXPECT_EQ(HumanTime(1'795'177'805'999'999'999), "2026-11-20T12:30:05Z");
}

TEST(TextTest, PrintableLeavesNoControlBytes) {
  EXPECT_EQ(Printable("plain ünïcode"), "plain ünïcode");
  EXPECT_EQ(Printable(std::string_view("a\x1b[31m\n\0b\x7f", 10)), "a\\x1b[31m\\x0a\\x00b\\x7f");
}

}  // namespace
}  // namespace mendfs
