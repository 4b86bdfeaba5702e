#include "meta/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "meta/disk/sim_disk.h"

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Id128 kStore = [] {
  Id128 id;
  id.bytes.fill(7);
  return id;
}();

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(disk_.MakeDir("/j").ok());
    ASSERT_TRUE(disk_.SyncDir("/").ok());
  }

  Result<ReplayEnd> Replay(Seq after = Seq()) {
    seen_.clear();
    return ReplayJournal(disk_, "/j", kStore, after, [this](const JournalRecord& record) {
      seen_.emplace_back(record.payload);
      return Status::Ok();
    });
  }

  std::unique_ptr<Journal> Open(Seq after = Seq(), uint64_t segment_bytes = 64 << 20) {
    auto end = first_ ? Result<ReplayEnd>(ReplayEnd{}) : Replay(after);
    first_ = false;
    EXPECT_TRUE(end.ok()) << end.status().ToString();
    if (!end.ok()) return nullptr;
    JournalOptions options;
    options.segment_bytes = [=] { return segment_bytes; };
    auto journal = Journal::Open(disk_, "/j", kStore, *end, options);
    EXPECT_TRUE(journal.ok()) << journal.status().ToString();
    return journal.ok() ? *std::move(journal) : nullptr;
  }

  static Seq Append(Journal& journal, std::string_view payload) {
    auto seq = journal.Append(RecordKind::kChange, kMainBranch, 1, payload);
    EXPECT_TRUE(seq.ok()) << seq.status().ToString();
    return seq.ok() ? *seq : Seq();
  }

  SimDisk disk_;
  std::vector<std::string> seen_;
  bool first_ = true;
};

TEST_F(JournalTest, RecordsComeBackInOrder) {
  {
    auto journal = Open();
    EXPECT_EQ(Append(*journal, "a"), Seq(1));
    EXPECT_EQ(Append(*journal, "b"), Seq(2));
    EXPECT_EQ(Append(*journal, ""), Seq(3));
  }
  auto end = Replay();
  ASSERT_TRUE(end.ok());
  EXPECT_THAT(seen_, ElementsAre("a", "b", ""));
  EXPECT_EQ(end->last, Seq(3));
  ASSERT_TRUE(Replay(Seq(2)).ok());
  EXPECT_THAT(seen_, ElementsAre(""));
}

TEST_F(JournalTest, ATornTailIsTakenBackAndWrittenOver) {
  {
    auto journal = Open();
    Append(*journal, "kept");
    ASSERT_TRUE(journal->Sync().ok());
    Append(*journal, std::string(5000, 'x'));
  }
  const std::string path = "/j/" + SegmentFileName(Seq(1));
  auto file = disk_.Open(path, OpenMode::kReadWrite);
  ASSERT_TRUE((*file)->Truncate(*(*file)->Size() - 10).ok());
  {
    auto journal = Open();
    EXPECT_EQ(journal->last(), Seq(1));
    EXPECT_EQ(Append(*journal, "next"), Seq(2));
  }
  ASSERT_TRUE(Replay().ok());
  EXPECT_THAT(seen_, ElementsAre("kept", "next"));
}

TEST_F(JournalTest, DamageToWhatWasDurableIsCorruptionAndChangesNothing) {
  {
    auto journal = Open();
    Append(*journal, "first");
    Append(*journal, "second");
    ASSERT_TRUE(journal->Sync().ok());
    Append(*journal, "third");
  }
  const std::string path = "/j/" + SegmentFileName(Seq(1));
  ASSERT_TRUE(disk_.FlipBit(path, kJournalHeaderBytes + kRecordHeaderBytes + 1, 3).ok());
  const uint64_t before = disk_.mutating_calls();
  auto end = Replay();
  EXPECT_EQ(end.status().code(), Code::kCorruption);
  EXPECT_THAT(end.status().message(), HasSubstr(path));
  EXPECT_EQ(disk_.mutating_calls(), before);
}

TEST_F(JournalTest, DamageBehindTheLastSyncMarkEndsTheJournalThere) {
  {
    auto journal = Open();
    Append(*journal, "first");
    ASSERT_TRUE(journal->Sync().ok());
    Append(*journal, "second");
    Append(*journal, "third");
  }
  const std::string path = "/j/" + SegmentFileName(Seq(1));
  const uint64_t second = kJournalHeaderBytes + 2 * kRecordHeaderBytes + 5;
  ASSERT_TRUE(disk_.FlipBit(path, second + kRecordHeaderBytes, 0).ok());
  testing::internal::CaptureStderr();
  auto end = Replay();
  const std::string logged = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_TRUE(end->torn);
  EXPECT_THAT(seen_, ElementsAre("first"));
  EXPECT_THAT(logged, HasSubstr("replay ends before the journal does"));
  EXPECT_THAT(logged, HasSubstr("last_change=1 dropped_changes_seen=2"));
}

TEST_F(JournalTest, AFoldedRecordIsNeededByItsHeaderOnly) {
  {
    auto journal = Open();
    for (const char* text : {"first", "second", "third"}) Append(*journal, text);
    ASSERT_TRUE(journal->Sync().ok());
    Append(*journal, "fourth");
  }
  const std::string path = "/j/" + SegmentFileName(Seq(1));
  const uint64_t second = kJournalHeaderBytes + kRecordHeaderBytes + 5;
  ASSERT_TRUE(disk_.FlipBit(path, second + kRecordHeaderBytes, 0).ok());
  EXPECT_EQ(Replay(Seq(1)).status().code(), Code::kCorruption);
  testing::internal::CaptureStderr();
  auto end = Replay(Seq(2));
  const std::string logged = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_FALSE(end->torn);
  EXPECT_EQ(end->last, Seq(4));
  EXPECT_THAT(seen_, ElementsAre("third", "fourth"));
  EXPECT_THAT(logged, HasSubstr("a record that is not needed any more is damaged"));
  EXPECT_THAT(logged, HasSubstr("seq=2"));
  EXPECT_EQ(end->unneeded_damaged, 1u);
  EXPECT_THAT(end->damage, HasSubstr(path));
}

// One record of each of 1 to 4, a mark behind 3; `Header(i)` is where record i begins.
class FoldedDamageTest : public JournalTest {
 protected:
  void SetUp() override {
    JournalTest::SetUp();
    auto journal = Open();
    for (const char* text : {"one  ", "two  ", "three"}) Append(*journal, text);
    ASSERT_TRUE(journal->Sync().ok());
    mark_bytes_ = *ReadWholeFile(disk_, path_, 1 << 20);
    Append(*journal, "four ");
  }
  uint64_t Header(int i) const {
    const uint64_t each = kRecordHeaderBytes + 5;
    if (i < 4) return kJournalHeaderBytes + each * static_cast<uint64_t>(i - 1);
    return mark_bytes_.size();
  }
  void Damage(int i) { ASSERT_TRUE(disk_.FlipBit(path_, Header(i) + 20, 0).ok()); }

  const std::string path_ = "/j/" + SegmentFileName(Seq(1));
  std::string mark_bytes_;
};

TEST_F(FoldedDamageTest, TheHeaderOfAFoldedRecordIsPassedBy) {
  Damage(2);
  EXPECT_EQ(Replay(Seq(1)).status().code(), Code::kCorruption);
  auto end = Replay(Seq(2));
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_EQ(end->last, Seq(4));
  EXPECT_EQ(end->unneeded_damaged, 1u);
  EXPECT_THAT(end->damage, HasSubstr("(change 2)"));
  EXPECT_THAT(seen_, ElementsAre("three", "four "));
}

TEST_F(FoldedDamageTest, AMarkIsPassedBy) {
  const uint64_t mark = Header(3) + kRecordHeaderBytes + 5;
  ASSERT_TRUE(disk_.FlipBit(path_, mark + 20, 0).ok());
  for (const uint64_t after : {0, 2, 3, 4}) {
    auto end = Replay(Seq(after));
    ASSERT_TRUE(end.ok()) << end.status().ToString();
    EXPECT_EQ(end->last, Seq(4));
    EXPECT_EQ(end->records, 4 - after);
    EXPECT_EQ(end->unneeded_damaged, 0u);
  }
}

TEST_F(FoldedDamageTest, ARecordThatIsNeededIsNotPassedByWithAFoldedOne) {
  Damage(2);
  Damage(3);
  EXPECT_EQ(Replay(Seq(2)).status().code(), Code::kCorruption);
  auto end = Replay(Seq(3));
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_THAT(seen_, ElementsAre("four "));
}

TEST_F(FoldedDamageTest, WithoutAnyRecordBehindItTheJournalGoesOnInANewSegment) {
  Damage(4);
  auto end = Replay(Seq(4));
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_EQ(end->last, Seq(4));
  EXPECT_FALSE(end->torn);
  EXPECT_EQ(end->tail_path, "");
  {
    auto journal = Journal::Open(disk_, "/j", kStore, *end, {});
    ASSERT_TRUE(journal.ok()) << journal.status().ToString();
    EXPECT_EQ(Append(**journal, "five"), Seq(5));
    ASSERT_EQ((*journal)->FinishedSegments(Seq(4)).size(), 1u);
  }
  for (int i = 1; i <= 3; ++i) Damage(i);
  ASSERT_TRUE(Replay(Seq(4)).ok());
  EXPECT_THAT(seen_, ElementsAre("five"));
}

TEST_F(FoldedDamageTest, AMarkThatProvesALostRecordIsCorruption) {
  {
    auto journal = Open(Seq());
    ASSERT_TRUE(journal->Sync().ok());
  }
  Damage(3);
  Damage(4);
  EXPECT_EQ(Replay(Seq(3)).status().code(), Code::kCorruption);
}

TEST_F(JournalTest, ASegmentThatIsEndedCanBeGivenBack) {
  auto journal = Open();
  Append(*journal, "one");
  ASSERT_TRUE(journal->EndSegment(1000).ok());
  EXPECT_TRUE(journal->FinishedSegments(kHeadSeq).empty()) << "not as long as that";
  ASSERT_TRUE(journal->EndSegment(1).ok());
  const auto finished = journal->FinishedSegments(Seq(1));
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].last, Seq(1));
  ASSERT_TRUE(journal->EndSegment(1).ok());
  EXPECT_EQ(journal->FinishedSegments(kHeadSeq).size(), 1u) << "the new one holds nothing";
  Append(*journal, "two");
  journal.reset();
  ASSERT_TRUE(Replay().ok());
  EXPECT_EQ(seen_, (std::vector<std::string>{"one", "two"}));
}

TEST(JournalEndTest, NoRecordIsLostWhereASegmentCannotBeEnded) {
  for (unsigned call = 1; call < 10; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    SimDisk disk;
    ASSERT_TRUE(disk.MakeDir("/j").ok() && disk.SyncDir("/").ok());
    std::vector<std::string> written;
    {
      auto journal = Journal::Open(disk, "/j", kStore, {}, {});
      ASSERT_TRUE(journal.ok());
      const auto append = [&](const std::string& payload) {
        if (!(*journal)->Append(RecordKind::kChange, kMainBranch, 1, payload).ok()) return;
        if ((*journal)->Sync().ok()) written.push_back(payload);
      };
      append("one");
      disk.FailCall(call, Code::kNoSpace, CallScope::kMutating);
      (*journal)->EndSegment(1).IgnoreError();
      disk.ClearFault();
      append("two");
      append("three");
    }
    for (const bool cut : {false, true}) {
      if (cut) disk.PowerCut(call);
      std::vector<std::string> seen;
      const auto end =
          ReplayJournal(disk, "/j", kStore, Seq(), [&](const JournalRecord& record) -> Status {
            seen.emplace_back(record.payload);
            return Status::Ok();
          });
      ASSERT_TRUE(end.ok()) << end.status().ToString();
      EXPECT_EQ(seen, written);
    }
  }
}

TEST_F(JournalTest, WhereASegmentEndsIsAskedWhenItBegins) {
  uint64_t wanted = 100;
  JournalOptions options;
  options.segment_bytes = [&] { return wanted; };
  auto journal = Journal::Open(disk_, "/j", kStore, {}, options);
  ASSERT_TRUE(journal.ok());
  wanted = 1 << 20;
  Append(**journal, std::string(200, 'x'));
  Append(**journal, "ends the first");
  EXPECT_EQ((*journal)->FinishedSegments(kHeadSeq).size(), 1u);
  Append(**journal, std::string(2000, 'x'));
  Append(**journal, "stays");
  EXPECT_EQ((*journal)->FinishedSegments(kHeadSeq).size(), 1u);
}

TEST_F(JournalTest, WhatMarksSayComesBackBeforeTheFirstRecordIsChecked) {
  std::string said = "said at first";
  JournalOptions options;
  options.segment_bytes = [] { return uint64_t{400}; };
  options.before_flush = [&]() -> Result<std::string> { return said; };
  {
    auto journal = Journal::Open(disk_, "/j", kStore, {}, options);
    ASSERT_TRUE(journal.ok());
    Append(**journal, "one");
    ASSERT_TRUE((*journal)->Sync().ok());
    said = "said at the rotation";
    Append(**journal, std::string(200, 'x'));
    Append(**journal, "three");
    Append(**journal, "four");
    said = "said at last";
    ASSERT_TRUE((*journal)->Sync().ok());
    Append(**journal, "five");
  }
  std::vector<std::string> order;
  const auto replay = [&] {
    order.clear();
    return ReplayJournal(
        disk_, "/j", kStore, Seq(), [](const JournalRecord&) { return Status::Ok(); },
        [&](const JournalRecord& record) -> Result<bool> {
          order.emplace_back(record.payload);
          return true;
        },
        [&](std::string_view text) {
          order.emplace_back(text);
          return Status::Ok();
        });
  };
  auto end = replay();
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_THAT(order, ElementsAre("said at the rotation", "said at last", "five"));
  EXPECT_EQ(end->durable, Seq(4));
  // A mark that says nothing readable proves what its header says, and ends nothing.
  const std::string path = "/j/" + SegmentFileName(Seq(3));
  const auto bytes = ReadWholeFile(disk_, path, 1 << 20);
  ASSERT_TRUE(bytes.ok());
  ASSERT_TRUE(disk_.FlipBit(path, bytes->find("said at last"), 0).ok());
  end = replay();
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_THAT(order, ElementsAre("said at the rotation", "five"));
  EXPECT_EQ(end->durable, Seq(4));
  EXPECT_EQ(end->last, Seq(5));
}

TEST_F(JournalTest, BytesOfAUserNeverPassForASyncMark) {
  // A journal with marks of its own, stored as the payload of another one's torn record.
  std::string stolen;
  {
    auto journal = Open();
    for (int i = 0; i < 20; ++i) {
      Append(*journal, "x");
      ASSERT_TRUE(journal->Sync().ok());
    }
    auto whole = ReadWholeFile(disk_, "/j/" + SegmentFileName(Seq(1)), 1 << 20);
    stolen = *whole;
    ASSERT_TRUE(disk_.Remove("/j/" + SegmentFileName(Seq(1))).ok());
    first_ = true;
  }
  {
    auto journal = Open();
    Append(*journal, stolen);
  }
  const std::string path = "/j/" + SegmentFileName(Seq(1));
  ASSERT_TRUE(disk_.FlipBit(path, kJournalHeaderBytes + kRecordHeaderBytes, 0).ok());
  auto end = Replay();
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_TRUE(end->torn);
}

TEST_F(JournalTest, SegmentsFollowEachOtherAndOneMissingIsNoticed) {
  {
    auto journal = Open(Seq(), 1000);
    for (int i = 0; i < 50; ++i) Append(*journal, std::string(100, 'a'));
    EXPECT_GT(journal->FinishedSegments(Seq(50)).size(), 3u);
    EXPECT_TRUE(journal->FinishedSegments(Seq(1)).empty());
  }
  auto end = Replay();
  ASSERT_TRUE(end.ok()) << end.status().ToString();
  EXPECT_EQ(seen_.size(), 50u);
  auto names = disk_.List("/j");
  ASSERT_TRUE(disk_.Remove("/j/" + (*names)[2].name).ok());
  EXPECT_EQ(Replay().status().code(), Code::kCorruption);
  // What lies behind the gap is not needed when it is folded.
  Seq next;
  ASSERT_TRUE(ParseSegmentFileName((*names)[3].name, next));
  EXPECT_TRUE(Replay(Seq(next.value - 1)).ok());
}

TEST_F(JournalTest, AJournalOlderThanTheManifestIsCorruption) {
  {
    auto journal = Open();
    Append(*journal, "a");
  }
  EXPECT_EQ(Replay(Seq(5)).status().code(), Code::kCorruption);
}

TEST_F(JournalTest, AFailedAppendIsTakenBack) {
  auto journal = Open();
  Append(*journal, "a");
  disk_.FailCall(1, Code::kNoSpace, CallScope::kMutating);
  auto failed = journal->Append(RecordKind::kChange, kMainBranch, 1, std::string(1000, 'b'));
  EXPECT_EQ(failed.status().code(), Code::kNoSpace);
  EXPECT_EQ(Append(*journal, "c"), Seq(2));
  ASSERT_TRUE(Replay().ok());
  EXPECT_THAT(seen_, ElementsAre("a", "c"));
}

TEST_F(JournalTest, AFailedFlushFencesForGood) {
  auto journal = Open();
  Append(*journal, "a");
  disk_.FailCall(1, Code::kIo, CallScope::kMutating);
  EXPECT_FALSE(journal->Sync().ok());
  EXPECT_EQ(journal->Sync().code(), Code::kReadOnly);
  auto refused = journal->Append(RecordKind::kChange, kMainBranch, 1, "b");
  EXPECT_EQ(refused.status().code(), Code::kReadOnly);
}

TEST_F(JournalTest, AnotherStoresSegmentIsRefused) {
  { Append(*Open(), "a"); }
  Id128 other;
  other.bytes.fill(9);
  auto end =
      ReplayJournal(disk_, "/j", other, Seq(), [](const JournalRecord&) { return Status::Ok(); });
  EXPECT_EQ(end.status().code(), Code::kCorruption);
  EXPECT_THAT(end.status().message(), HasSubstr("another store"));
}

TEST(RecordFormatTest, EveryBitOfAHeaderCounts) {
  RecordHeader header;
  header.seq = Seq(42);
  header.branch = kMainBranch;
  header.payload_bytes = 17;
  const std::string bytes = EncodeRecordHeader(header, 99);
  ASSERT_TRUE(DecodeRecordHeader(bytes, 99).ok());
  EXPECT_FALSE(DecodeRecordHeader(bytes, 98).ok());
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string bad = bytes;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(DecodeRecordHeader(bad, 99).ok()) << "bit " << i;
  }
}

TEST_F(JournalTest, WhatRecordsReferToIsSyncedBeforeThemAndNotForWhatComesLater) {
  std::vector<std::string> order;
  JournalOptions options;
  options.segment_bytes = [] { return uint64_t{200}; };
  Journal* opened = nullptr;
  bool appends = true;
  options.before_flush = [&]() -> Result<std::string> {
    order.push_back("bytes, durable " + std::to_string(opened->durable().value));
    // Somebody appends while the bytes are synced: this flush does not answer for that record.
    if (std::exchange(appends, false)) Append(*opened, "later");
    return std::string();
  };
  auto journal = Journal::Open(disk_, "/j", kStore, {}, options);
  ASSERT_TRUE(journal.ok());
  opened = journal->get();
  Append(*opened, "one");
  ASSERT_TRUE(opened->Sync().ok());
  EXPECT_EQ(opened->durable(), Seq(1));
  EXPECT_EQ(opened->last(), Seq(2));
  ASSERT_TRUE(opened->Sync().ok());
  EXPECT_EQ(opened->durable(), Seq(2));
  EXPECT_THAT(order, ElementsAre("bytes, durable 0", "bytes, durable 1"));
}

TEST_F(JournalTest, ARotationSyncsWhatTheOldSegmentRefersTo) {
  int synced = 0;
  JournalOptions options;
  options.segment_bytes = [] { return uint64_t{100}; };
  options.before_flush = [&]() -> Result<std::string> {
    ++synced;
    return std::string();
  };
  auto journal = Journal::Open(disk_, "/j", kStore, {}, options);
  ASSERT_TRUE(journal.ok());
  Append(**journal, std::string(100, 'x'));
  EXPECT_EQ(synced, 0);
  Append(**journal, "in the next segment");
  EXPECT_EQ(synced, 1);
}

TEST_F(JournalTest, AFailureToSyncWhatRecordsReferToFences) {
  JournalOptions options;
  options.before_flush = []() -> Result<std::string> {
    return Status(Code::kIo, "the pack is gone");
  };
  auto journal = Journal::Open(disk_, "/j", kStore, {}, options);
  ASSERT_TRUE(journal.ok());
  Append(**journal, "one");
  EXPECT_EQ((*journal)->Sync().code(), Code::kReadOnly);
  EXPECT_THAT((*journal)->fence().message(), HasSubstr("the pack is gone"));
  EXPECT_EQ((*journal)->durable(), Seq());
}

TEST_F(JournalTest, ARecordWithoutWhatItRefersToEndsReplayUnlessItWasDurable) {
  {
    auto journal = Open();
    Append(*journal, "one");
    Append(*journal, "two");
    ASSERT_TRUE(journal->Sync().ok());
    Append(*journal, "three");
    Append(*journal, "four");
    Append(*journal, "five");
  }
  std::vector<std::string> asked;
  std::string missing;
  const auto replay = [&] {
    seen_.clear();
    asked.clear();
    return ReplayJournal(
        disk_, "/j", kStore, Seq(),
        [this](const JournalRecord& record) {
          seen_.emplace_back(record.payload);
          return Status::Ok();
        },
        [&](const JournalRecord& record) -> Result<bool> {
          asked.emplace_back(record.payload);
          return record.payload != missing;
        });
  };
  missing = "two";
  auto end = replay();
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(end->torn);
  EXPECT_EQ(end->records, 5U);
  EXPECT_THAT(asked, ElementsAre("three", "four", "five"));
  missing = "four";
  end = replay();
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->torn);
  EXPECT_EQ(end->last, Seq(3));
  EXPECT_THAT(seen_, ElementsAre("one", "two", "three"));
  // What stood behind it is gone for good.
  { ASSERT_TRUE(Journal::Open(disk_, "/j", kStore, *end, {}).ok()); }
  missing = "";
  end = replay();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->last, Seq(3));
}

}  // namespace
}  // namespace mendfs
