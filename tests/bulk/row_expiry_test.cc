// Rows whose time has passed, by a clock that a test moves.
#include "meta/row_expiry.h"

#include <gmock/gmock.h>

#include "meta/base/clock.h"
#include "meta/table/schema/row_value.h"
#include "tests/bulk/load_fixture.h"

namespace mendfs {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

class RowExpiryTest : public LoadTest {
 protected:
  void SetUp() override { piece_ = size_t{1} << 20; }
  void TearDown() override { ShiftWallClock(0); }

  static std::string In(int64_t ns) {
    const int64_t at = WallClockNs() + ns;
    return FormatDateTime({at / kSecond, static_cast<uint32_t>(at % kSecond)});
  }
  static std::string DayIn(int64_t days) {
    return FormatDate(static_cast<int32_t>(WallClockNs() / kDay + days));
  }
  static std::string Row(const std::string& key, const std::string& gone) {
    return R"({"type":"Note","data":{"k":")" + key + "\"" +
           (gone.empty() ? "" : R"(,"gone":")" + gone + "\"") + "}}\n";
  }
  uint64_t Expire(uint64_t limit = 100) {
    if (!expiry_) expiry_ = std::make_unique<RowExpiry>(*store_, kMainBranch);
    const auto expired = expiry_->Run(limit);
    EXPECT_TRUE(expired.ok()) << expired.status().ToString();
    return expired.ok() ? *expired : 0;
  }
  TableWriter& writer() {
    if (!writer_) writer_ = std::make_unique<TableWriter>(store_->door(), kMainBranch);
    return *writer_;
  }
  void MustLoad(const std::string& text) {
    const Status loaded = Load(text);
    ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  }
  std::string Keys() {
    std::string keys;
    const std::string text = Export({.types = {"Note"}});
    for (size_t at = text.find("\"k\":\""); at != std::string::npos;
         at = text.find("\"k\":\"", at + 1)) {
      keys += text[at + 5];
    }
    return keys;
  }

  std::unique_ptr<TableWriter> writer_;
  std::unique_ptr<RowExpiry> expiry_;
};

TEST_F(RowExpiryTest, ARowGoesOnceItsTimeHasPassed) {
  Create("node Note @ttl(gone) { k: String @key; gone: DateTime? }");
  MustLoad(Row("a", In(10 * kSecond)) + Row("b", In(100 * kSecond)) + Row("c", "") +
           Row("d", "1960-01-01T00:00Z"));
  const Seq before = (*store_->Log(kMainBranch, kHeadSeq, 1)).at(0).seq;
  EXPECT_EQ(Keys(), "abcd") << "reading never triggers";
  EXPECT_EQ(Expire(), 1U);
  EXPECT_EQ(Keys(), "abc");
  EXPECT_EQ(Expire(), 0U);
  ShiftWallClock(11 * kSecond);
  EXPECT_EQ(Expire(), 1U);
  EXPECT_EQ(Keys(), "bc");
  const CommitRow commit = (*store_->Log(kMainBranch, kHeadSeq, 1)).at(0);
  EXPECT_EQ(commit.note.actor, "ttl");
  EXPECT_EQ(commit.note.origin, Origin::kTtl);
  ShiftWallClock(1000 * kDay);
  EXPECT_EQ(Expire(), 1U);
  EXPECT_EQ(Keys(), "c");
  EXPECT_EQ(Expire(), 0U);
  auto moment = store_->Pin(kMainBranch, before);
  ASSERT_TRUE(moment.ok());
  const TypeId type = (*TableReader(store_->reader()).GetSchema({}))->FindNode("Note")->id;
  EXPECT_TRUE(TableReader(store_->reader()).GetNode((*moment)->view(), type, "a").ok());
  moment->reset();
  writer_.reset();
  EXPECT_EQ(Check(), "");
}

TEST_F(RowExpiryTest, ADateIsTheBeginningOfItsDay) {
  Create("node Note @ttl(gone) { k: String @key; gone: Date? }");
  MustLoad(Row("a", DayIn(-1)) + Row("b", DayIn(0)) + Row("c", DayIn(1)));
  EXPECT_EQ(Expire(), 2U);
  EXPECT_EQ(Keys(), "c");
  ShiftWallClock(kDay);
  EXPECT_EQ(Expire(), 1U);
}

TEST_F(RowExpiryTest, WhatIsChangedInTimeStays) {
  Create("node Note @ttl(gone) { k: String @key; gone: DateTime? }");
  MustLoad(Row("a", In(10 * kSecond)));
  const TypeId type = (*TableReader(store_->reader()).GetSchema({}))->FindNode("Note")->id;
  ASSERT_TRUE(writer().PutNode(type, "a", R"({"k":"a","gone":")" + In(kDay) + "\"}", {}).ok());
  ShiftWallClock(20 * kSecond);
  EXPECT_EQ(Expire(), 0U);
  EXPECT_EQ(Keys(), "a");
}

TEST_F(RowExpiryTest, AtMostSoManyAtATimeAndAllInTheEnd) {
  Create("node Note @ttl(gone) { k: String @key; gone: DateTime? }");
  std::string rows;
  for (int i = 0; i < 25; ++i) rows += Row("r" + std::to_string(i), "2000-01-01T00:00Z");
  MustLoad(rows);
  EXPECT_EQ(Expire(10), 10U);
  EXPECT_EQ(Expire(10), 10U);
  EXPECT_EQ(Expire(10), 5U);
  EXPECT_EQ(Expire(10), 0U);
}

TEST_F(RowExpiryTest, EdgesGoWithTheirRowsUnlessTheyHoldThem) {
  Create(
      "node Note @ttl(gone) { k: String @key; gone: DateTime? }\n"
      "edge Near: Note -> Note\nedge Holds: Note -> Note @ondelete(restrict)\n"
      "node Src { k: String @key }\nedge Needs: Src -> Note @card(1..9)");
  const std::string past = "2000-01-01T00:00Z";
  MustLoad(Row("a", past) + Row("b", past) + Row("c", "") + Row("d", past) + Row("e", past) +
           R"({"type":"Src","data":{"k":"s"}})"
           "\n"
           R"({"edge":"Near","from":"a","to":"c"})"
           "\n"
           R"({"edge":"Holds","from":"c","to":"b"})"
           "\n"
           R"({"edge":"Needs","from":"s","to":"d"})"
           "\n"
           R"({"edge":"Needs","from":"s","to":"e"})"
           "\n");
  for (int i = 0; i < 5; ++i) Expire();
  const std::string keys = Keys();
  EXPECT_EQ(keys.size(), 3U) << keys;
  EXPECT_THAT(keys, testing::HasSubstr("bc")) << "b is held, and one of d and e";
  EXPECT_EQ(Export({.types = {"Near"}}), "");
  EXPECT_EQ(store_->Describe().counts.edges, 2U);
  // What held it goes: it is asked again after a while.
  const auto schema = *TableReader(store_->reader()).GetSchema({});
  ASSERT_TRUE(writer().DeleteEdge(schema->FindEdge("Holds")->id, "c", "b", 1).ok());
  ShiftWallClock(61 * kSecond);
  EXPECT_EQ(Expire(), 1U);
  writer_.reset();
  EXPECT_EQ(Check(), "");
}

TEST_F(RowExpiryTest, EdgesHaveNoTimeOfTheirOwn) {
  Create("node Note { k: String @key }");
  EXPECT_EQ(writer()
                .ApplySchema("node Note { k: String @key }\n"
                             "edge Near: Note -> Note @ttl(gone) { gone: Date? }")
                .status()
                .code(),
            Code::kUnsupported);
}

}  // namespace
}  // namespace mendfs
