#include "meta/base/failpoint.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>

namespace mendfs {
namespace {

constexpr auto kPoint = Failpoint::kJournalAfterAppend;
constexpr auto kOther = Failpoint::kFoldBeforeWrite;

uint64_t HitsOf(Failpoint point) {
  return FailpointHits()[static_cast<size_t>(point)];
}

class FailpointTest : public testing::Test {
 protected:
  ~FailpointTest() override { DisarmFailpoints(); }
};

TEST_F(FailpointTest, NothingArmedIsOk) {
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
}

TEST_F(FailpointTest, OnlyTheNamedHitActs) {
  ArmFailpoint(kPoint, FailAction::kError, 3);
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
  EXPECT_TRUE(HitFailpoint(kOther).ok());
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
  const Status third = HitFailpoint(kPoint);
  EXPECT_EQ(third.code(), Code::kIo);
  EXPECT_NE(third.message().find("journal.after_append"), std::string::npos);
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
}

TEST_F(FailpointTest, TheNamedHitCallsAndGoesOn) {
  int calls = 0;
  CallAtFailpoint(
      kPoint, [&] { ++calls; }, 2);
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
  EXPECT_EQ(calls, 1);
  CallAtFailpoint(kPoint, [&] { ++calls; });
  DisarmFailpoints();
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
  EXPECT_EQ(calls, 1);
}

TEST_F(FailpointTest, DisarmedNeverActs) {
  ArmFailpoint(kPoint, FailAction::kNoSpace);
  DisarmFailpoints();
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
}

TEST_F(FailpointTest, AParkedHitGoesOnWhenDisarmed) {
  ASSERT_TRUE(ArmFailpointsFromText("journal.after_append=park").ok());
  CountFailpointHits();
  const uint64_t before = HitsOf(kPoint);
  std::atomic<bool> passed{false};
  std::thread parked([&] {
    EXPECT_TRUE(HitFailpoint(kPoint).ok());
    passed.store(true);
  });
  while (HitsOf(kPoint) == before) std::this_thread::yield();
  EXPECT_FALSE(passed.load());
  DisarmFailpoints();
  parked.join();
  EXPECT_TRUE(passed.load());
}

TEST_F(FailpointTest, TextArmsSeveral) {
  ASSERT_TRUE(
      ArmFailpointsFromText("journal.after_append=no-space:2,fold.before_write=error").ok());
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
  EXPECT_EQ(HitFailpoint(kPoint).code(), Code::kNoSpace);
  EXPECT_EQ(HitFailpoint(kOther).code(), Code::kIo);
}

TEST_F(FailpointTest, EmptyTextArmsNothing) {
  EXPECT_TRUE(ArmFailpointsFromText("").ok());
}

TEST_F(FailpointTest, WrongTextNamesTheWordAndArmsNothing) {
  const struct {
    std::string text;
    std::string word;
  } cases[] = {
      {"journal.nowhere=error", "journal.nowhere"},
      {"journal.after_append=explode", "explode"},
      {"journal.after_append", "journal.after_append"},
      {"journal.after_append=error:0", "\"0\""},
      {"journal.after_append=error:x", "\"x\""},
      {"journal.after_append=error:", "\"\""},
      {"journal.after_append=error:99999999999", "99999999999"},
      {"=error", "\"\""},
      {"journal.after_append=", "\"\""},
      {"journal.after_append=none", "none"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.text);
    const Status status = ArmFailpointsFromText("fold.before_write=error," + wrong.text);
    EXPECT_EQ(status.code(), Code::kInvalid);
    EXPECT_NE(status.message().find(wrong.word), std::string::npos) << status.message();
    EXPECT_TRUE(HitFailpoint(kOther).ok());
  }
}

TEST_F(FailpointTest, CrashExitsWithItsOwnCode) {
  EXPECT_EXIT(
      {
        ArmFailpoint(kPoint, FailAction::kCrash);
        HitFailpoint(kPoint).IgnoreError();
      },
      testing::ExitedWithCode(85), "");
}

TEST_F(FailpointTest, DelayGoesOn) {
  ArmFailpoint(kPoint, FailAction::kDelay);
  EXPECT_TRUE(HitFailpoint(kPoint).ok());
}

TEST_F(FailpointTest, HitsCountWhileAsked) {
  CountFailpointHits();
  const uint64_t before = HitsOf(kPoint);
  const uint64_t other_before = HitsOf(kOther);
  HitFailpoint(kPoint).IgnoreError();
  HitFailpoint(kPoint).IgnoreError();
  EXPECT_EQ(HitsOf(kPoint), before + 2);
  EXPECT_EQ(HitsOf(kOther), other_before);
}

TEST_F(FailpointTest, CatalogueNamesAreDottedAndUnique) {
  std::set<std::string_view> names;
  for (size_t index = 0; index < static_cast<size_t>(Failpoint::kCount); ++index) {
    const auto point = static_cast<Failpoint>(index);
    EXPECT_TRUE(names.insert(FailpointName(point)).second) << FailpointName(point);
    EXPECT_NE(FailpointName(point).find('.'), std::string_view::npos);
    EXPECT_FALSE(FailpointDurable(point).empty());
  }
}

}  // namespace
}  // namespace mendfs
