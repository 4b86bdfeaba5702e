#include "meta/refs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meta/codec/hash.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/store.h"

namespace mendfs {
namespace {

using testing::HasSubstr;

class RefsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Store::Create(disk_, "/store", {}).ok());
    auto opened = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
    FileWriter writer(store_->door(), kMainBranch);
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(
          writer.Make(kFilesRoot, std::to_string(i), {.mode = S_IFREG | 0644, .link_target = {}})
              .ok());
      // 2026-11-20T12:00Z, then each a minute later.
      auto commit = store_->CloseCommit(
          kMainBranch, {.actor = "test", .message = {}, .time_ns = kFirstNs + i * kMinuteNs});
      ASSERT_TRUE(commit.ok() && *commit);
      commits_.push_back(**commit);
    }
  }
  // The number of the commit that is meant, or the code of the refusal below zero.
  int Find(std::string_view ref) {
    Result<CommitRow> found = FindCommit(*store_, kMainBranch, ref);
    if (!found.ok()) return -static_cast<int>(found.status().code());
    for (size_t i = 0; i < commits_.size(); ++i) {
      if (commits_[i].id == found->id) return static_cast<int>(i);
    }
    return 100;  // the one that mkfs made
  }
  static int Refused(Code code) { return -static_cast<int>(code); }

  static constexpr int64_t kMinuteNs = 60'000'000'000;
  static constexpr int64_t kFirstNs = 1'795'176'000'000'000'000;

  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::vector<CommitRow> commits_;
};

TEST_F(RefsTest, ByPlace) {
  EXPECT_EQ(Find("HEAD"), 4);
  EXPECT_EQ(Find("HEAD~0"), 4);
  EXPECT_EQ(Find("HEAD~3"), 1);
  EXPECT_EQ(Find("HEAD~77"), Refused(Code::kNotFound));
}

TEST_F(RefsTest, ById) {
  const std::string id = ShortHex(commits_[2].id);
  EXPECT_EQ(Find(id), 2);
  EXPECT_EQ(Find(id.substr(0, 8)), 2);
  EXPECT_EQ(Find(id.substr(0, 7)), Refused(Code::kNotFound));  // may be the name of a snapshot
  EXPECT_EQ(Find("00000000"), Refused(Code::kNotFound));
  EXPECT_TRUE(IsCommitId(id));
  EXPECT_FALSE(IsCommitId(id.substr(1)));
  EXPECT_FALSE(IsCommitId(std::string(32, 'g')));
}

TEST_F(RefsTest, ByTime) {
  EXPECT_EQ(Find("2026-11-20T12:02Z"), 2);
  EXPECT_EQ(Find("2026-11-20T12:02:59Z"), 2);
  EXPECT_EQ(Find("2026-11-20T14:01:00+02:00"), 1);
  EXPECT_EQ(Find("2026-11-20"), 4);
  EXPECT_EQ(Find("9999-12-31"), Find("HEAD"));
  EXPECT_EQ(Find("2026-11-19"), Refused(Code::kNotFound));
  EXPECT_EQ(Find("0001-01-01"), Refused(Code::kNotFound));
  EXPECT_EQ(Find("99999999999999w-ago"), Refused(Code::kNotFound));
}

TEST_F(RefsTest, WordsThatAreNone) {
  for (const char* words : {"", "HEAD~", "HEAD~x", "HEAD^", "main~1", "2026-02-30", "h-ago",
                            "5-ago", "5y-ago", "12:30", "DEADBEEF"}) {
    EXPECT_EQ(Find(words), Refused(Code::kInvalid)) << words;
  }
  EXPECT_EQ(Find("zzzzzzzzzz"), Refused(Code::kNotFound));
  EXPECT_THAT(FindCommit(*store_, kMainBranch, "what").status().message(), HasSubstr("HEAD~3"));
}

}  // namespace
}  // namespace mendfs
