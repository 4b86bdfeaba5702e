#include "fs/view/where_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/support/seed.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RowQuery Parse(std::string_view segment) {
  RowQuery query;
  const Status status = AddWhereSegment(segment, query);
  EXPECT_TRUE(status.ok()) << segment << ": " << status.ToString();
  return query;
}

TEST(WhereNamesTest, AConditionIsAColumnAComparisonAndAValue) {
  struct Case {
    const char* segment;
    Compare compare;
  };
  for (const Case& c :
       {Case{"age=18", Compare::kEqual}, Case{"age.gt=18", Compare::kGreater},
        Case{"age.ge=18", Compare::kGreaterEqual}, Case{"age.lt=18", Compare::kLess},
        Case{"age.le=18", Compare::kLessEqual}, Case{"age.in=18", Compare::kEqual}}) {
    const RowQuery query = Parse(c.segment);
    ASSERT_EQ(query.conditions.size(), 1u) << c.segment;
    EXPECT_EQ(query.conditions[0].column, "age") << c.segment;
    EXPECT_EQ(query.conditions[0].compare, c.compare) << c.segment;
    EXPECT_THAT(query.conditions[0].values, ElementsAre("18")) << c.segment;
  }
  const RowQuery null = Parse("age.null");
  EXPECT_EQ(null.conditions[0].compare, Compare::kNull);
  EXPECT_THAT(null.conditions[0].values, ElementsAre());
  EXPECT_THAT(Parse("a=").conditions[0].values, ElementsAre(""));
  EXPECT_THAT(Parse("a=b=c").conditions[0].values, ElementsAre("b=c"));
  EXPECT_THAT(Parse("a=1.5").conditions[0].values, ElementsAre("1.5"));
}

TEST(WhereNamesTest, TermsOfASegmentAndSegmentsAddUp) {
  RowQuery query = Parse("city.in=Paris|Rome|,age.ge=18,@order=-age,@limit=3,@scan");
  ASSERT_TRUE(AddWhereSegment("name=x", query).ok());
  ASSERT_EQ(query.conditions.size(), 3u);
  EXPECT_THAT(query.conditions[0].values, ElementsAre("Paris", "Rome", ""));
  EXPECT_EQ(query.order_by, "age");
  EXPECT_TRUE(query.descending);
  EXPECT_EQ(query.limit, 3u);
  EXPECT_TRUE(query.scan);
  EXPECT_EQ(query.conditions[2].column, "name");
}

TEST(WhereNamesTest, PercentStandsForAnyByte) {
  const RowQuery query = Parse("given%20name%2Eold=a%2Cb%2Fc%25%7c");
  EXPECT_EQ(query.conditions[0].column, "given name.old");
  EXPECT_THAT(query.conditions[0].values, ElementsAre("a,b/c%|"));
  EXPECT_THAT(Parse("a.in=x%7Cy|z").conditions[0].values, ElementsAre("x|y", "z"));
}

TEST(WhereNamesTest, WhatIsNoConditionIsRefusedWithWhatThereIs) {
  struct Case {
    const char* segment;
    const char* sentence;
  };
  for (const Case& c :
       {Case{"", "beside a comma"}, Case{",", "beside a comma"}, Case{"a=1,", "beside a comma"},
        Case{"a=1,,b=2", "beside a comma"}, Case{"age", "<column>=<value>"},
        Case{"age.eq=1", ".gt .ge"}, Case{"age.null=1", "compared with nothing"},
        Case{"age.gt", "<column>=<value>"}, Case{"=1", "begins with a column"},
        Case{"a=%4", "hexadecimal"}, Case{"a%zz=1", "begins with a column"},
        Case{"@limit=", "number of rows"}, Case{"@limit=-1", "number of rows"},
        Case{"@limit=1x", "number of rows"}, Case{"@order=", "names a column"},
        Case{"@order=-", "names a column"}, Case{"@scan=1", "@scan"}, Case{"@other", "@scan"}}) {
    RowQuery query;
    const Status status = AddWhereSegment(c.segment, query);
    EXPECT_EQ(status.code(), Code::kInvalid) << c.segment;
    EXPECT_THAT(status.message(), HasSubstr(c.sentence)) << c.segment;
  }
  std::string many = "a=1";
  for (size_t i = 0; i < kWhereTermsMax; ++i) many += ",a=1";
  RowQuery query;
  EXPECT_EQ(AddWhereSegment(many, query).code(), Code::kInvalid);
}

TEST(WhereNamesTest, AnyBytesAreTakenOrRefused) {
  std::mt19937_64 random(TestSeed());
  const std::string_view bytes = "ab=.,|%@4gtenull/-\xff\n";
  for (int round = 0; round < 20'000; ++round) {
    std::string segment;
    for (size_t size = random() % 24; size > 0; --size) {
      segment.push_back(bytes[random() % bytes.size()]);
    }
    RowQuery query;
    const Status status = AddWhereSegment(segment, query);
    EXPECT_TRUE(status.ok() || status.code() == Code::kInvalid) << segment;
  }
}

}  // namespace
}  // namespace mendfs
