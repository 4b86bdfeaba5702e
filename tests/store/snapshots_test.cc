// Snapshots: names, what keeps their commits, and what happens when they race with thinning.
#include "meta/snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "meta/base/failpoint.h"
#include "meta/codec/hash.h"
#include "meta/commit/history/commit_pins.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/refs.h"
#include "reconcile/check/fsck.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SnapshotRow ExampleRow() {
  SnapshotRow row{.name = "v1",
                  .branch = BranchId(1),
                  .seq = Seq(0x0102),
                  .time_ns = -2,
                  .actor = "uid:7",
                  .message = "why"};
  row.commit.bytes.fill(0xab);
  return row;
}

TEST(SnapshotFormatTest, TheBytesAreGolden) {
  const SnapshotRow row = ExampleRow();
  const std::string bytes = EncodeSnapshotRow(row);
  EXPECT_EQ(ToHex(bytes),
            "01"
            "01000000"
            "0201000000000000" +
                ToHex(std::string(32, '\xab')) +
                "feffffffffffffff"
                "05" +
                ToHex("uid:7") + "03" + ToHex("why"));
  EXPECT_EQ(*DecodeSnapshotRow("v1", bytes), row);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeSnapshotRow("v1", bytes.substr(0, size)).status().code(), Code::kCorruption);
  }
  EXPECT_EQ(DecodeSnapshotRow("v1", bytes + "x").status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeSnapshotRow("v1", "\2" + bytes.substr(1)).status().code(), Code::kUnsupported);
}

TEST(SnapshotNameTest, AreThoseOfGitRefsAndReadAsNothingElse) {
  for (const char* name :
       {"v1", "release/1.0", "before import", "a%b", "ümläut", "2026-11-20-import",
        "daily/2026-11-20", "decade", "HEADS", "a.b", "x@y", "1", "tag-a-go"}) {
    const bool has_space = std::string_view(name).find(' ') != std::string_view::npos;
    EXPECT_EQ(CheckSnapshotName(name).ok(), !has_space) << name;
  }
  for (const char* name : {"",           "/",          "/a",
                           "a/",         "a//b",       ".a",
                           "a/.b",       "a.",         "a/b.",
                           "a..b",       "a.lock",     "a.lock/b",
                           "-a",         "@",          "a@{b",
                           "a~1",        "a^",         "a:b",
                           "a?",         "a*",         "a[b",
                           "a\\b",       "a\nb",       "a\x7f",
                           "HEAD",       "HEAD~2",     "deadbeef",
                           "DEADBEEF01", "2h-ago",     "soon-ago",
                           "2026-11-20", "2026-02-30", "2026-11-20T12",
                           "\xff"}) {
    EXPECT_EQ(CheckSnapshotName(name).code(), Code::kInvalid) << name;
  }
  EXPECT_TRUE(CheckSnapshotName(std::string(255, 'z')).ok());
  EXPECT_EQ(CheckSnapshotName(std::string(256, 'z')).code(), Code::kNameTooLong);
  EXPECT_EQ(CheckSnapshotName("a/" + std::string(252, 'z')).code(), Code::kNameTooLong);
}

TEST(SnapshotNameTest, AsFileNamesTheyGoBothWays) {
  EXPECT_EQ(SnapshotFileName("release/1"), "release%2F1");
  EXPECT_EQ(SnapshotFileName("50%"), "50%25");
  for (const char* name : {"release/1", "a%2Fb", "plain", "a/b/c", "%"}) {
    EXPECT_EQ(ParseSnapshotFileName(SnapshotFileName(name)), name);
  }
  for (const char* name : {"a%2fb", "a%41", "a%", "a%2", "a/b"}) {
    EXPECT_FALSE(ParseSnapshotFileName(name).has_value()) << name;
  }
}

TEST(CommitPinsTest, WhatIsDoomedIsNotPinnedAndWhatIsPinnedNotDoomed) {
  CommitPins pins;
  EXPECT_TRUE(pins.Pin(kMainBranch, Seq(5)));
  EXPECT_TRUE(pins.Pin(kMainBranch, Seq(5)));
  EXPECT_EQ(pins.count(), 2U);
  const std::vector<Seq> all = {Seq(7), Seq(5), Seq(3)};
  EXPECT_THAT(pins.Doom(kMainBranch, all), ElementsAre(Seq(7), Seq(3)));
  EXPECT_FALSE(pins.Pin(kMainBranch, Seq(3)));
  EXPECT_TRUE(pins.Pin(BranchId(2), Seq(3)));  // of another branch
  EXPECT_TRUE(pins.Pin(kMainBranch, Seq(4)));
  // A second run dooms the same; the first one's end does not free it.
  EXPECT_THAT(pins.Doom(kMainBranch, {Seq(3)}), ElementsAre(Seq(3)));
  pins.Spare(kMainBranch, {Seq(7), Seq(3)});
  EXPECT_TRUE(pins.Pin(kMainBranch, Seq(7)));
  EXPECT_FALSE(pins.Pin(kMainBranch, Seq(3)));
  pins.Spare(kMainBranch, {Seq(3)});
  EXPECT_TRUE(pins.Pin(kMainBranch, Seq(3)));
  pins.Unpin(kMainBranch, Seq(5));
  EXPECT_THAT(pins.Doom(kMainBranch, {Seq(5)}), IsEmpty());
  pins.Unpin(kMainBranch, Seq(5));
  EXPECT_THAT(pins.Doom(kMainBranch, {Seq(5)}), ElementsAre(Seq(5)));
  EXPECT_THAT(pins.Pinned(kMainBranch), ElementsAre(Seq(3), Seq(4), Seq(7)));
}

TEST(CommitPinsTest, NothingIsDoomedWhileAPinIsNotKnown) {
  CommitPins pins;
  pins.Distrust("a", "why a");
  pins.Distrust("b", "why b");
  EXPECT_THAT(pins.CheckTrusted().message(), HasSubstr("snapshot \"a\" cannot be read: why a"));
  EXPECT_THAT(pins.Doom(kMainBranch, {Seq(1)}), IsEmpty());
  pins.Trust("a");
  EXPECT_EQ(pins.CheckTrusted().code(), Code::kCorruption);
  pins.Trust("b");
  EXPECT_TRUE(pins.CheckTrusted().ok());
  EXPECT_THAT(pins.Doom(kMainBranch, {Seq(1)}), ElementsAre(Seq(1)));
}

class SnapshotsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Store::Create(disk_, "/store", {}).ok());
    Open();
  }
  ~SnapshotsTest() override { DisarmFailpoints(); }

  void Open() {
    store_.reset();
    auto opened = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = *std::move(opened);
  }
  void Change(const std::string& name) {
    FileWriter writer(store_->door(), kMainBranch);
    ASSERT_TRUE(writer.Make(kFilesRoot, name, {.mode = S_IFREG | 0644, .link_target = {}}).ok());
  }
  CommitRow Commit() {
    auto commit = store_->CloseCommit(kMainBranch, {.actor = "test", .message = {}});
    EXPECT_TRUE(commit.ok() && *commit);
    return **commit;
  }
  Result<SnapshotRow> Take(const std::string& name, const std::string& ref = "HEAD") {
    return CreateSnapshot(*store_, kMainBranch,
                          {.name = name, .ref = ref, .actor = "me", .message = "why"});
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    EXPECT_TRUE(EachSnapshot(*store_, [&](std::string_view name, const Result<SnapshotRow>&) {
                  names.emplace_back(name);
                  return Status::Ok();
                }).ok());
    return names;
  }
  std::vector<std::string> Files(Seq seq) {
    const FileReader reader(store_->door());
    std::vector<std::string> names;
    const auto cursor = reader.List({kMainBranch, seq}, kFilesRoot, 0);
    EXPECT_TRUE(cursor.ok()) << cursor.status().ToString();
    for (;;) {
      const auto entry = (*cursor)->Next();
      EXPECT_TRUE(entry.ok()) << entry.status().ToString();
      if (!entry.ok() || !*entry) break;
      names.push_back((*entry)->name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  CheckReport Fsck() {
    store_.reset();
    auto report = CheckStore(disk_, "/store", {}, {});
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return *report;
  }

  SimDisk disk_;
  std::unique_ptr<Store> store_;
};

TEST_F(SnapshotsTest, OneOfHeadHoldsAllThatWasChangedSoFar) {
  Change("one");
  const auto taken = Take("v1");
  ASSERT_TRUE(taken.ok()) << taken.status().ToString();
  const auto head = store_->Log(kMainBranch, kHeadSeq, 1);
  EXPECT_EQ(head->front().id, taken->commit);
  EXPECT_EQ(head->front().note.message, "snapshot v1");
  EXPECT_EQ(head->front().note.actor, "me");
  EXPECT_THAT(Files(taken->seq), ElementsAre("one"));
  // Nothing changed: no commit of its own.
  const auto again = Take("v2");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->commit, taken->commit);
  EXPECT_EQ(FindSnapshot(*store_, "v1")->message, "why");
  EXPECT_THAT(Names(), ElementsAre("v1", "v2"));
  EXPECT_EQ(store_->Describe().snapshots, 2U);
}

TEST_F(SnapshotsTest, OneOfAnyRefAndItsNameIsARef) {
  Change("one");
  const CommitRow first = Commit();
  Change("two");
  Commit();
  ASSERT_TRUE(Take("old/one", "HEAD~1").ok());
  EXPECT_EQ(FindCommit(*store_, kMainBranch, "old/one")->id, first.id);
  ASSERT_TRUE(Take("same", "old/one").ok());
  EXPECT_EQ(FindSnapshot(*store_, "same")->commit, first.id);
  EXPECT_EQ(Take("x", "nothing").status().code(), Code::kNotFound);
  EXPECT_EQ(Take("x", "HEAD~99").status().code(), Code::kNotFound);
  EXPECT_EQ(FindCommit(*store_, kMainBranch, "x").status().code(), Code::kNotFound);
}

TEST_F(SnapshotsTest, NoNameIsTakenTwiceOrBeginsAnother) {
  ASSERT_TRUE(Take("a/b").ok());
  for (const char* name : {"a/b", "a", "a/b/c", "a/b/c/d", "main"}) {
    EXPECT_EQ(Take(name).status().code(), Code::kExists) << name;
  }
  for (const char* name : {"a/c", "a/bc", "ab", "a.b"}) EXPECT_TRUE(Take(name).ok()) << name;
  EXPECT_EQ(Take("2h-ago").status().code(), Code::kInvalid);
  EXPECT_EQ(store_->Describe().snapshots, 5U);
}

TEST_F(SnapshotsTest, ItsCommitStaysAtAnyAgeAndOnAFullDiskUntilItGoes) {
  Change("one");
  const auto taken = Take("v1");
  ASSERT_TRUE(taken.ok());
  for (int i = 0; i < 5; ++i) {
    Change("later" + std::to_string(i));
    Commit();
  }
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(store_->Thin(ThinHow::kPressing).ok());
    EXPECT_THAT(Files(taken->seq), ElementsAre("one"));
    EXPECT_EQ(store_->Log(kMainBranch, kHeadSeq, 100)->size(), 2U);
    Open();
  }
  // A second name keeps it too.
  ASSERT_TRUE(Take("v2", "v1").ok());
  ASSERT_TRUE(DeleteSnapshot(*store_, "v1").ok());
  ASSERT_TRUE(store_->Thin(ThinHow::kPressing).ok());
  EXPECT_THAT(Files(taken->seq), ElementsAre("one"));
  ASSERT_TRUE(DeleteSnapshot(*store_, "v2").ok());
  EXPECT_EQ(DeleteSnapshot(*store_, "v2").code(), Code::kNotFound);
  ASSERT_TRUE(store_->Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(store_->Log(kMainBranch, kHeadSeq, 100)->size(), 1U);
  EXPECT_EQ(Take("v3", ShortHex(taken->commit)).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->Describe().snapshots, 0U);
  EXPECT_THAT(Fsck().findings, IsEmpty());
}

TEST_F(SnapshotsTest, RenamingKeepsEverythingButTheName) {
  Change("one");
  const auto taken = Take("a");
  ASSERT_TRUE(taken.ok());
  ASSERT_TRUE(Take("b").ok());
  EXPECT_EQ(RenameSnapshot(*store_, "a", "b").code(), Code::kExists);
  EXPECT_EQ(RenameSnapshot(*store_, "c", "d").code(), Code::kNotFound);
  EXPECT_EQ(RenameSnapshot(*store_, "a", "a b").code(), Code::kInvalid);
  ASSERT_TRUE(RenameSnapshot(*store_, "a", "a/deeper").ok());
  ASSERT_TRUE(RenameSnapshot(*store_, "a/deeper", "a").ok());
  ASSERT_TRUE(RenameSnapshot(*store_, "a", "z").ok());
  EXPECT_THAT(Names(), ElementsAre("b", "z"));
  Open();
  SnapshotRow expected = *taken;
  expected.name = "z";
  EXPECT_EQ(*FindSnapshot(*store_, "z"), expected);
}

TEST_F(SnapshotsTest, WhatIsAcknowledgedIsDurable) {
  Change("one");
  const auto taken = Take("v1");
  ASSERT_TRUE(taken.ok());
  Change("two");
  disk_.PowerCut(7);
  Open();
  EXPECT_EQ(*FindSnapshot(*store_, "v1"), *taken);
  EXPECT_THAT(Files(taken->seq), ElementsAre("one"));
  ASSERT_TRUE(DeleteSnapshot(*store_, "v1").ok());
  disk_.PowerCut(8);
  Open();
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(SnapshotsTest, OneThatFailsPinsNothing) {
  Change("one");
  const CommitRow first = Commit();
  ArmFailpoint(Failpoint::kSnapshotAfterPin, FailAction::kError);
  EXPECT_EQ(Take("v1").status().code(), Code::kIo);
  ArmFailpoint(Failpoint::kJournalBeforeAppend, FailAction::kError);
  EXPECT_EQ(Take("v1").status().code(), Code::kIo);
  DisarmFailpoints();
  EXPECT_EQ(store_->Describe().snapshots, 0U);
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_TRUE(Take("v1", ShortHex(first.id)).ok());
}

TEST_F(SnapshotsTest, ACommitThatIsBeingTakenAwayIsRefused) {
  Change("one");
  const CommitRow first = Commit();
  Change("two");
  Commit();
  store_->commit_pins().Doom(kMainBranch, {first.seq});
  const auto refused = Take("v1", ShortHex(first.id));
  EXPECT_EQ(refused.status().code(), Code::kStale);
  EXPECT_THAT(refused.status().message(), HasSubstr("thinned away"));
  store_->commit_pins().Spare(kMainBranch, {first.seq});
  EXPECT_TRUE(Take("v1", ShortHex(first.id)).ok());
}

TEST_F(SnapshotsTest, ARowThatDoesNotDecodeStopsThinningUntilItIsDeleted) {
  Change("one");
  Commit();
  mendfs::Change change;
  change.PutGlobal(SnapshotKey("odd"), "\1junk");
  ASSERT_TRUE(store_->door().Apply(change).ok());
  Open();
  for (int i = 0; i < 5; ++i) {
    Change("later" + std::to_string(i));
    Commit();
  }
  const StoreStatus status = store_->Describe();
  EXPECT_EQ(status.health, Health::kDegraded);
  EXPECT_THAT(status.reason, HasSubstr("snapshot \"odd\" cannot be read"));
  const size_t commits = store_->Log(kMainBranch, kHeadSeq, 100)->size();
  EXPECT_EQ(store_->Thin(ThinHow::kPressing).code(), Code::kCorruption);
  EXPECT_EQ(store_->Log(kMainBranch, kHeadSeq, 100)->size(), commits);
  {
    const CheckReport report = Fsck();
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_EQ(report.findings[0].kind, "snapshot");
    EXPECT_EQ(report.findings[0].subject, "odd");
  }
  Open();
  EXPECT_EQ(RenameSnapshot(*store_, "odd", "even").code(), Code::kCorruption);
  ASSERT_TRUE(DeleteSnapshot(*store_, "odd").ok());
  EXPECT_EQ(store_->Describe().health, Health::kOk);
  EXPECT_TRUE(store_->Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(store_->Log(kMainBranch, kHeadSeq, 100)->size(), 1U);
}

TEST_F(SnapshotsTest, FsckFindsOneWhoseCommitIsMissing) {
  Change("one");
  const auto taken = Take("v1");
  ASSERT_TRUE(taken.ok());
  Change("two");
  Commit();
  mendfs::Change change;
  change.ClearGlobal(CommitKey(kMainBranch, taken->seq));
  ASSERT_TRUE(store_->door().Apply(change).ok());
  EXPECT_EQ(FindCommit(*store_, kMainBranch, "v1").status().code(), Code::kCorruption);
  const CheckReport report = Fsck();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].kind, "snapshot");
  EXPECT_THAT(report.findings[0].sentence, HasSubstr("not there any more"));
}

TEST_F(SnapshotsTest, AReadOnlyStoreShowsThemAndTakesNone) {
  ASSERT_TRUE(Take("v1").ok());
  store_.reset();
  auto opened = Store::Open(disk_, "/store", {.access = OpenAccess::kReadOnly});
  ASSERT_TRUE(opened.ok());
  store_ = *std::move(opened);
  EXPECT_THAT(Names(), ElementsAre("v1"));
  EXPECT_EQ(store_->Describe().snapshots, 1U);
  EXPECT_EQ(Take("v2").status().code(), Code::kReadOnly);
  EXPECT_EQ(DeleteSnapshot(*store_, "v1").code(), Code::kReadOnly);
}

// Whoever takes a snapshot while everything is thinned gets it whole, or is refused.
TEST_F(SnapshotsTest, RacesWithThinningAreWonOrLostNeverHalf) {
  std::atomic<bool> done = false;
  std::thread thinner([&] {
    while (!done) EXPECT_TRUE(store_->Thin(ThinHow::kPressing).ok());
  });
  std::vector<std::thread> takers;
  std::atomic<int> taken = 0;
  for (int taker = 0; taker < 2; ++taker) {
    takers.emplace_back([&, taker] {
      for (int i = 0; i < 60; ++i) {
        const std::string name = "s" + std::to_string(taker) + "." + std::to_string(i);
        Change(name);
        const auto made = Take(name, i % 2 == 0 ? "HEAD" : "HEAD~1");
        if (made.ok()) ++taken;
        const Code code = made.status().code();
        EXPECT_TRUE(made.ok() || code == Code::kStale || code == Code::kNotFound)
            << made.status().ToString();
        if (made.ok() && i % 3 == 0) {
          EXPECT_TRUE(DeleteSnapshot(*store_, name).ok());
        }
      }
    });
  }
  for (std::thread& taker : takers) taker.join();
  done = true;
  thinner.join();
  EXPECT_GT(taken.load(), 0);
  size_t shown = 0;
  EXPECT_TRUE(
      EachSnapshot(*store_, [&](std::string_view, const Result<SnapshotRow>& row) -> Status {
        ++shown;
        const auto commit = CommitOfSnapshot(*store_, *row);
        EXPECT_TRUE(commit.ok()) << commit.status().ToString();
        EXPECT_EQ(Files(row->seq).size(), commit->counts.files);
        return Status::Ok();
      }).ok());
  EXPECT_EQ(store_->Describe().snapshots, shown);
  EXPECT_THAT(Fsck().findings, IsEmpty());
}

}  // namespace
}  // namespace mendfs
