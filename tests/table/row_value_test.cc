#include "meta/table/schema/row_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "meta/table/schema/schema_parser.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using Parts = std::vector<std::string>;

TEST(KeyTextTest, DifferentPartsHaveDifferentTexts) {
  EXPECT_EQ(EncodeKeyText(Parts{"a~b%"}), "a~b%");
  EXPECT_EQ(EncodeKeyText(Parts{"a|b", "c"}), "a|b~c");
  EXPECT_NE(EncodeKeyText(Parts{"a~b", "c"}), EncodeKeyText(Parts{"a", "b~c"}));
  EXPECT_NE(EncodeKeyText(Parts{"a%7E", "b"}), EncodeKeyText(Parts{"a~", "b"}));
}

TEST(KeyTextTest, SplitTakesOnlyWhatEncodeMakes) {
  EXPECT_EQ(*SplitKeyText("a%7Eb~%25", 2), (Parts{"a~b", "%"}));
  for (const std::string_view bad :
       {"a", "a~b~c", "~b", "a~", "a%7e~b", "a%~b", "a%41~b", "a~b%2"}) {
    EXPECT_FALSE(SplitKeyText(bad, 2).ok()) << bad;
  }
  EXPECT_FALSE(SplitKeyText("", 1).ok());
}

TEST(KeyTextTest, RandomPartsGoBothWays) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr std::string_view kAlphabet = "~%27E5ab|";
  for (int round = 0; round < 20000; ++round) {
    Parts parts(1 + random() % 3);
    for (std::string& part : parts) {
      do {
        part.push_back(kAlphabet[random() % kAlphabet.size()]);
      } while (random() % 3 != 0);
    }
    EXPECT_EQ(*SplitKeyText(EncodeKeyText(parts), parts.size()), parts);
    std::string text;
    for (uint64_t i = random() % 8; i > 0; --i)
      text.push_back(kAlphabet[random() % kAlphabet.size()]);
    const auto split = SplitKeyText(text, parts.size());
    if (split.ok()) {
      EXPECT_EQ(EncodeKeyText(*split), text);
    }
  }
}

TEST(KeyTextTest, ValuesInKeysMustBeCanonical) {
  const Result<Schema> schema = ParseSchema(
      "node A @key(i, d, t) { i: I32, d: Date, t: DateTime } node S { s: String @key } open node "
      "O");
  ASSERT_TRUE(schema.ok());
  const NodeType& a = schema->nodes[0];
  EXPECT_TRUE(CheckKeyText(a, "7~2020-02-29~2020-01-01T00:00:00Z").ok());
  for (const std::string_view bad :
       {"07~2020-02-29~2020-01-01T00:00:00Z", "-0~2020-02-29~2020-01-01T00:00:00Z",
        "7~2021-02-29~2020-01-01T00:00:00Z", "7~2020-02-29~2020-01-01T00:00Z",
        "7~2020-02-29~2020-01-01T01:00:00+01:00", "7~2020-02-29", "3000000000~2020-02-29~x"}) {
    EXPECT_EQ(CheckKeyText(a, bad).code(), Code::kInvalid) << bad;
  }
  EXPECT_TRUE(CheckKeyText(schema->nodes[1], "any~thing%").ok());
  EXPECT_FALSE(CheckKeyText(schema->nodes[1], "").ok());
  EXPECT_FALSE(CheckKeyText(schema->nodes[1], "\xff").ok());
  EXPECT_FALSE(CheckKeyText(schema->nodes[1], std::string(kKeyTextBytesMax + 1, 'a')).ok());
  EXPECT_TRUE(CheckKeyText(schema->nodes[2], "x").ok());
}

TEST(DateTest, TheCalendarIsRight) {
  EXPECT_EQ(ParseDate("1970-01-01"), 0);
  EXPECT_EQ(ParseDate("2000-03-01"), 11017);
  EXPECT_EQ(ParseDate("1969-12-31"), -1);
  for (const std::string_view bad :
       {"", "2020-1-1", "2020-13-01", "2020-00-01", "2020-01-00", "2021-02-29", "1900-02-29",
        "0000-01-01", "2020-01-01 ", "2020-01-01T", "20200101", "+020-01-01"}) {
    EXPECT_EQ(ParseDate(bad), std::nullopt) << bad;
  }
  const int32_t first = *ParseDate("0001-01-01");
  const int32_t last = *ParseDate("9999-12-31");
  for (int32_t days = first; days <= last; days += 13) ASSERT_EQ(ParseDate(FormatDate(days)), days);
}

TEST(DateTimeTest, OneInstantHasOneCanonicalText) {
  const auto canonical = [](std::string_view text) {
    const auto instant = ParseDateTime(text);
    return instant ? FormatDateTime(*instant) : "none";
  };
  EXPECT_EQ(canonical("2020-01-01T00:30:00+01:00"), "2019-12-31T23:30:00Z");
  EXPECT_EQ(canonical("2020-01-01T00:30Z"), "2020-01-01T00:30:00Z");
  EXPECT_EQ(canonical("1969-12-31T23:59:59.250000000Z"), "1969-12-31T23:59:59.25Z");
  EXPECT_EQ(canonical("2020-01-01T00:00:00.000Z"), "2020-01-01T00:00:00Z");
  for (const std::string_view bad :
       {"2020-01-01", "2020-01-01T00:00:00", "2020-01-01 00:00:00Z", "2020-01-01T24:00:00Z",
        "2020-01-01T00:60:00Z", "2020-01-01T00:00:60Z", "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00:00.1234567890Z", "2020-01-01T00:00:00z", "2020-01-01T00:00:00+1:00",
        "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2020-01-01T00:00:00Zx"}) {
    EXPECT_EQ(canonical(bad), "none") << bad;
  }
}

TEST(Base64Test, OneBlobHasOneText) {
  for (const std::string_view good : {"", "AAAA", "AA==", "AAA=", "+/9z"})
    EXPECT_TRUE(IsBase64(good));
  for (const std::string_view bad :
       {"A", "AA", "AA=", "A===", "=AAA", "AB==", "AAB=", "AA-_", "A A="}) {
    EXPECT_FALSE(IsBase64(bad)) << bad;
  }
}

TEST(NumberTest, SixtyFourBitsAreKept) {
  EXPECT_EQ(ParseSigned("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(ParseSigned("9223372036854775808"), std::nullopt);
  EXPECT_EQ(ParseUnsigned("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(ParseUnsigned("18446744073709551616"), std::nullopt);
  EXPECT_EQ(ParseSigned("-0"), 0);
  for (const std::string_view bad : {"", "-", "01", "-01", "+1", "1.0", "1e3", " 1", "1 ", "x"}) {
    EXPECT_EQ(ParseSigned(bad), std::nullopt) << bad;
    EXPECT_EQ(ParseUnsigned(bad), std::nullopt) << bad;
  }
}

TEST(NumberTest, TinyIsZeroAndHugeIsNothing) {
  EXPECT_EQ(ParseNumber("1e-400"), 0.0);
  EXPECT_EQ(ParseNumber("0.000e999999999999"), 0.0);
  EXPECT_EQ(ParseNumber("1e400"), std::nullopt);
  EXPECT_EQ(ParseNumber("-1e400"), std::nullopt);
  EXPECT_EQ(ParseNumber("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(ParseNumber("1" + std::string(400, '0')), std::nullopt);
  EXPECT_EQ(ParseNumber("1.5E+1"), 15.0);
  for (const std::string_view bad : {"", "nan", "inf", "1.", ".5", "01", "1e", "0x1", "1 "}) {
    EXPECT_EQ(ParseNumber(bad), std::nullopt) << bad;
  }
}

TEST(OrderedTest, ComparingBytesIsComparingValues) {
  const auto rising = [](ScalarKind kind, const Parts& texts) {
    const PropertyType type{.scalar = kind};
    for (size_t i = 0; i + 1 < texts.size(); ++i) {
      const auto low = EncodeOrdered(type, texts[i]);
      const auto high = EncodeOrdered(type, texts[i + 1]);
      ASSERT_TRUE(low.ok() && high.ok()) << texts[i] << " " << texts[i + 1];
      EXPECT_LT(*low, *high) << texts[i] << " " << texts[i + 1];
    }
  };
  rising(ScalarKind::kI64, {"-9223372036854775808", "-256", "-255", "-1", "0", "1", "255", "256",
                            "9223372036854775807"});
  rising(ScalarKind::kU64,
         {"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615"});
  rising(ScalarKind::kF64, {"-1e300", "-2", "-1.5", "-1e-300", "0", "1e-300", "1", "1.5", "1e300"});
  rising(ScalarKind::kDate, {"0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31"});
  rising(ScalarKind::kDateTime, {"1969-12-31T23:59:59.1Z", "1969-12-31T23:59:59.2Z",
                                 "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.5Z"});
  rising(ScalarKind::kBool, {"false", "true"});
  rising(ScalarKind::kString, {"", "a", "ab", "b"});
}

TEST(OrderedTest, EqualValuesHaveEqualBytes) {
  const PropertyType wide{.scalar = ScalarKind::kF64};
  EXPECT_EQ(*EncodeOrdered(wide, "-0.0"), *EncodeOrdered(wide, "0"));
  EXPECT_EQ(*EncodeOrdered(wide, "0.1"), *EncodeOrdered({.scalar = ScalarKind::kF32}, "0.1"));
  EXPECT_EQ(*EncodeOrdered({.scalar = ScalarKind::kI32}, "7"),
            *EncodeOrdered({.scalar = ScalarKind::kU64}, "7"));
  const PropertyType time{.scalar = ScalarKind::kDateTime};
  EXPECT_EQ(*EncodeOrdered(time, "2020-01-01T01:00:00+01:00"),
            *EncodeOrdered(time, "2020-01-01T00:00Z"));
  EXPECT_FALSE(EncodeOrdered({.scalar = ScalarKind::kBlob}, "AAAA").ok());
  EXPECT_FALSE(EncodeOrdered({.scalar = ScalarKind::kF32}, "1e39").ok());
}

}  // namespace
}  // namespace mendfs
