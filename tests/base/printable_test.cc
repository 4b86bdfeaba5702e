#include "meta/base/printable.h"

#include <gtest/gtest.h>

namespace mendfs {
namespace {

TEST(PrintableTest, WhatPeopleReadStaysAndEveryOtherByteIsSpelled) {
  EXPECT_EQ(Printable("plain ünïcode 漢字 😀 \\x1b"), "plain ünïcode 漢字 😀 \\x1b");
  EXPECT_EQ(Printable(std::string_view("a\x1b[31m\n\0b\x7f", 10)), "a\\x1b[31m\\x0a\\x00b\\x7f");
  EXPECT_EQ(Printable("\xff\xc3(\xe2\x82"), "\\xff\\xc3(\\xe2\\x82");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m")
      << "C1: a terminal takes it for ESC [";
  EXPECT_EQ(Printable("\xc2\xa0"), "\xc2\xa0");
}

TEST(PrintableTest, AskedTwiceItChangesNothing) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  const std::string once = Printable(bytes);
  EXPECT_EQ(Printable(once), once);
  for (const char c : once) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST(PrintableTest, APieceOfAFileIsCut) {
  EXPECT_EQ(Quoted("short"), "\"short\"");
  EXPECT_EQ(Quoted("a\nb"), "\"a\\x0ab\"");
  EXPECT_EQ(Quoted(std::string(100, 'x'), 10), "\"xxxxxxxxxx…\"");
}

}  // namespace
}  // namespace mendfs
