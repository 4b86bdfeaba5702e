#include "fs/ops/plane/draft.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "fs/ops/plane/error_log.h"
#include "fs/ops/plane/rejected.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

// Bodies are "(…)"; one with an x inside is refused.
struct Row {
  std::string committed;
  int commits = 0;
  int finished = 0;
  bool is_touched = false;
  bool finished_committed = false;
  bool accepts_empty = false;
};

class TestTarget final : public DraftTarget {
 public:
  explicit TestTarget(Row& row) : row_(row) {}
  Result<std::string> Committed() override { return row_.committed; }
  DraftShape ShapeOf(std::string_view body) const override {
    if (body.empty()) return DraftShape::kEmpty;
    return body.ends_with(')') ? DraftShape::kComplete : DraftShape::kIncomplete;
  }
  Status Check(std::string_view body) override {
    if (body.find('x') != body.npos) return Status(Code::kInvalid, "there is an x in it");
    if (!body.empty() && !body.ends_with(')')) return Status(Code::kInvalid, "it has no end");
    return {};
  }
  Status Commit(std::string_view body) override {
    MENDFS_RETURN_IF_ERROR(Check(body));
    row_.committed = std::string(body);
    ++row_.commits;
    return {};
  }
  bool AcceptsEmpty() const override { return row_.accepts_empty; }
  bool IsTouched() const override { return row_.is_touched; }
  void Finished(bool committed) override {
    ++row_.finished;
    row_.finished_committed = committed;
  }
  uint64_t size_max() const override { return 100; }
  std::string Show() const override { return "nodes/Person/bob.json"; }
  std::string RejectedDirectory() const override { return "Person"; }
  std::string RejectedName() const override { return "bob.json"; }

 private:
  Row& row_;
};

class DraftTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    files_ = std::make_unique<FileReader>(store_->door());
    file_writer_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
    table_writer_ = std::make_unique<TableWriter>(store_->door(), kMainBranch);
    rejected_ = std::make_unique<Rejected>(*files_, *file_writer_, kMainBranch);
    context_.reset(new PlaneContext{.store = *store_,
                                    .files = *files_,
                                    .file_writer = *file_writer_,
                                    .tables = TableReader(store_->reader()),
                                    .table_writer = *table_writer_,
                                    .errors = errors_,
                                    .rejected = *rejected_});
  }
  void TearDown() override {
    draft_.reset();
    context_.reset();
    rejected_.reset();
    table_writer_.reset();
    file_writer_.reset();
    MountTest::TearDown();
  }
  DraftHandle& OpenDraft(int flags, bool is_new = false) {
    draft_ = std::make_unique<DraftHandle>(*context_, caller_, std::make_unique<TestTarget>(row_),
                                           OpenRequest{.flags = flags}, is_new);
    return *draft_;
  }
  std::string ReadDraft() {
    std::string bytes(200, '\0');
    bytes.resize(*draft_->Read(0, bytes.size(), bytes.data()));
    return bytes;
  }
  std::string LastRejected() {
    std::vector<Refusal> recent = errors_.Recent();
    return recent.empty() ? "" : recent[0].rejected;
  }

  Row row_;
  ErrorLog errors_;
  std::unique_ptr<FileReader> files_;
  std::unique_ptr<FileWriter> file_writer_;
  std::unique_ptr<TableWriter> table_writer_;
  std::unique_ptr<Rejected> rejected_;
  std::unique_ptr<PlaneContext> context_;
  std::unique_ptr<DraftHandle> draft_;
};

TEST_F(DraftTest, CloseCommitsAndReadersSeeNothingBefore) {
  row_.committed = "(old)";
  DraftHandle& draft = OpenDraft(O_RDWR | O_TRUNC);
  ASSERT_TRUE(draft.Flush().ok());  // the shell's dup2
  ASSERT_TRUE(draft.Write(0, "(new").ok());
  EXPECT_EQ(row_.committed, "(old)");
  EXPECT_EQ(ReadDraft(), "(new");
  ASSERT_TRUE(draft.Flush().ok());  // a child closes its copy in the middle
  EXPECT_EQ(row_.committed, "(old)");
  ASSERT_TRUE(draft.Write(4, " body)").ok());
  ASSERT_TRUE(draft.Flush().ok());
  EXPECT_EQ(row_.committed, "(new body)");
  draft.Release();
  EXPECT_EQ(row_.commits, 1);
  EXPECT_EQ(row_.finished, 1);
  EXPECT_TRUE(row_.finished_committed);
  EXPECT_EQ(errors_.count(), 0u);
}

TEST_F(DraftTest, OpeningAndClosingWithoutAWriteChangesNothing) {
  row_.committed = "(old)";
  DraftHandle& draft = OpenDraft(O_RDWR);
  ASSERT_TRUE(draft.Flush().ok());
  ASSERT_TRUE(draft.Sync().ok());
  draft.Release();
  EXPECT_EQ(row_.commits, 0);
  EXPECT_EQ(errors_.count(), 0u);
}

TEST_F(DraftTest, ASmallCompleteBodyIsJudgedAtItsWrite) {
  row_.committed = "(old)";
  DraftHandle& draft = OpenDraft(O_WRONLY | O_TRUNC);
  EXPECT_EQ(draft.Write(0, "(x)").code(), Code::kInvalid);
  EXPECT_EQ(draft.Flush().code(), Code::kInvalid);
  draft.Release();
  EXPECT_EQ(row_.committed, "(old)");
  EXPECT_EQ(LastRejected(), ".mend/rejected/Person/bob.json.1");
  EXPECT_EQ(*Get(".mend/rejected/Person/bob.json.1"), "(x)");
  EXPECT_EQ(*Get(".mend/rejected/Person/bob.json.1.why"), "there is an x in it\n");
}

// vim: ftruncate, write, fsync, close; the draft without the refused write would be an empty edge.
TEST_F(DraftTest, WhatIsLeftOfADraftByARefusedWriteIsNotCommitted) {
  row_.committed = "(old)";
  row_.accepts_empty = true;
  DraftHandle& draft = OpenDraft(O_WRONLY);
  ASSERT_TRUE(draft.Truncate(0).ok());
  EXPECT_EQ(draft.Write(0, "(x)").code(), Code::kInvalid);
  EXPECT_EQ(draft.Sync().code(), Code::kInvalid);
  EXPECT_EQ(draft.Flush().code(), Code::kInvalid);
  draft.Release();
  EXPECT_EQ(row_.committed, "(old)");
  EXPECT_EQ(*Get(LastRejected()), "(x)");
}

TEST_F(DraftTest, ARefusedWriteCanBeReplacedByABetterOne) {
  DraftHandle& draft = OpenDraft(O_WRONLY | O_CREAT, true);
  EXPECT_EQ(draft.Write(0, "(a long body with x)").code(), Code::kInvalid);
  ASSERT_TRUE(draft.Write(0, "(ok)").ok());
  ASSERT_TRUE(draft.Flush().ok());
  draft.Release();
  EXPECT_EQ(row_.committed, "(ok)");
  EXPECT_EQ(errors_.count(), 0u);
}

TEST_F(DraftTest, CompleteAndInvalidIsTheErrnoOfCloseAndIsKept) {
  row_.committed = "(old)";
  DraftHandle& draft = OpenDraft(O_WRONLY | O_TRUNC);
  ASSERT_TRUE(draft.Write(0, "(two ").ok());
  ASSERT_TRUE(draft.Write(5, "x writes)").ok());
  EXPECT_EQ(draft.Flush().code(), Code::kInvalid);
  EXPECT_EQ(row_.committed, "(old)");
  draft.Release();
  EXPECT_EQ(row_.committed, "(old)");
  EXPECT_EQ(*Get(LastRejected()), "(two x writes)");
  EXPECT_FALSE(row_.finished_committed);
}

TEST_F(DraftTest, AnIncompleteBodyIsRejectedAtTheLastClose) {
  DraftHandle& draft = OpenDraft(O_WRONLY | O_CREAT, true);
  ASSERT_TRUE(draft.Write(0, "(half").ok());
  EXPECT_TRUE(draft.Flush().ok());
  EXPECT_EQ(draft.Sync().code(), Code::kInvalid);  // fsync means durable
  draft.Release();
  EXPECT_EQ(row_.commits, 0);
  EXPECT_EQ(*Get(LastRejected()), "(half");
}

TEST_F(DraftTest, AnEmptyDraftIsDecidedAtTheLastClose) {
  row_.committed = "(old)";
  OpenDraft(O_WRONLY | O_TRUNC).Release();
  EXPECT_EQ(row_.committed, "(old)");
  EXPECT_EQ(errors_.count(), 1u);
  EXPECT_EQ(LastRejected(), "");  // there are no bytes to keep
  row_.accepts_empty = true;
  OpenDraft(O_WRONLY | O_TRUNC).Release();
  EXPECT_EQ(row_.committed, "");
  EXPECT_EQ(row_.commits, 1);
}

TEST_F(DraftTest, AnEmptyBodyThatIsMeantIsCommittedAtItsClose) {
  row_.accepts_empty = true;
  DraftHandle& shell = OpenDraft(O_WRONLY | O_CREAT, true);
  ASSERT_TRUE(shell.Flush().ok());
  EXPECT_EQ(row_.commits, 0) << "a shell closes before it writes";
  row_.is_touched = true;
  ASSERT_TRUE(OpenDraft(O_WRONLY | O_CREAT, true).Flush().ok());
  EXPECT_EQ(row_.commits, 2) << "the first at its last close";
  row_.is_touched = false;
  row_.committed = "(old)";
  DraftHandle& emptied = OpenDraft(O_RDWR);
  ASSERT_TRUE(emptied.Truncate(0).ok());
  ASSERT_TRUE(emptied.Flush().ok());
  EXPECT_EQ(row_.committed, "");
  DraftHandle& synced = OpenDraft(O_WRONLY | O_CREAT, true);
  ASSERT_TRUE(synced.Sync().ok());
  EXPECT_EQ(row_.commits, 4) << "fsync means durable";
  EXPECT_EQ(errors_.count(), 0U);
}

TEST_F(DraftTest, AppendExtendsTheCommittedBytes) {
  row_.committed = "(old)";
  DraftHandle& draft = OpenDraft(O_WRONLY | O_APPEND);
  ASSERT_TRUE(draft.Write(0, " and ").ok());
  ASSERT_TRUE(draft.Write(0, "(new)").ok());
  ASSERT_TRUE(draft.Flush().ok());
  EXPECT_EQ(row_.committed, "(old) and (new)");
}

TEST_F(DraftTest, OverwritingInPlaceStartsFromTheCommittedBytes) {
  row_.committed = "(old)";
  DraftHandle& draft = OpenDraft(O_RDWR);
  EXPECT_EQ(ReadDraft(), "(old)");
  ASSERT_TRUE(draft.Write(1, "OLD").ok());
  ASSERT_TRUE(draft.Flush().ok());
  EXPECT_EQ(row_.committed, "(OLD)");
}

TEST_F(DraftTest, TruncateThenWriteIsOneChange) {
  row_.committed = "(old and long)";
  DraftHandle& draft = OpenDraft(O_RDWR);
  ASSERT_TRUE(draft.Truncate(0).ok());
  EXPECT_EQ(draft.Flush().code(), Code::kInvalid) << "as it stands it is no row; it stays open";
  EXPECT_EQ(row_.committed, "(old and long)");
  ASSERT_TRUE(draft.Write(0, "(new)").ok());
  ASSERT_TRUE(draft.Flush().ok());
  EXPECT_EQ(row_.committed, "(new)");
}

// truncate(1): nothing follows, so half a body is no draft of a whole one.
TEST_F(DraftTest, AShortenedBodyIsJudgedAtItsClose) {
  row_.committed = "(old) ";
  DraftHandle& draft = OpenDraft(O_WRONLY);
  ASSERT_TRUE(draft.Truncate(2).ok());
  EXPECT_EQ(draft.Flush().code(), Code::kInvalid);
  draft.Release();
  EXPECT_EQ(row_.committed, "(old) ");
  EXPECT_EQ(*Get(LastRejected()), "(o");
  DraftHandle& whole = OpenDraft(O_WRONLY);
  ASSERT_TRUE(whole.Truncate(5).ok());
  ASSERT_TRUE(whole.Flush().ok());
  EXPECT_EQ(row_.committed, "(old)");
}

TEST_F(DraftTest, ABodyPastTheLimitIsRefusedAtTheWrite) {
  DraftHandle& draft = OpenDraft(O_WRONLY | O_CREAT, true);
  EXPECT_EQ(draft.Write(0, std::string(101, 'a')).code(), Code::kTooBig);
  EXPECT_EQ(draft.Write(UINT64_MAX, "a").code(), Code::kTooBig);
  EXPECT_EQ(draft.Truncate(101).code(), Code::kTooBig);
  ASSERT_TRUE(draft.Write(0, "(" + std::string(98, 'a') + ")").ok());
  ASSERT_TRUE(draft.Flush().ok());
}

TEST_F(DraftTest, WritingOnAfterACommitCommitsAgain) {
  DraftHandle& draft = OpenDraft(O_WRONLY | O_CREAT, true);
  ASSERT_TRUE(draft.Write(0, "(a)").ok());
  ASSERT_TRUE(draft.Sync().ok());
  ASSERT_TRUE(draft.Write(3, "(b)").ok());
  draft.Release();
  EXPECT_EQ(row_.committed, "(a)(b)");
  EXPECT_EQ(row_.commits, 2);
}

TEST_F(DraftTest, AHandleThatIsDroppedIsReleasedOnce) {
  DraftHandle& draft = OpenDraft(O_WRONLY | O_CREAT, true);
  ASSERT_TRUE(draft.Write(0, "(a)").ok());
  draft.Release();
  draft_.reset();
  EXPECT_EQ(row_.finished, 1);
  EXPECT_EQ(row_.commits, 1);
}

TEST_F(DraftTest, RejectedBodiesAreBoundedAndTheNewestAreKept) {
  for (size_t i = 0; i < kRejectedEntriesMax + 5; ++i) {
    ASSERT_TRUE(rejected_
                    ->Add({.directory = "Person",
                           .name = "p" + std::to_string(i) + ".json",
                           .body = "body",
                           .reason = "why",
                           .uid = 1000,
                           .gid = 1000})
                    .ok());
  }
  std::vector<std::string> names = List(".mend/rejected/Person", 1000);
  EXPECT_EQ(names.size(), 2 * kRejectedEntriesMax);  // each with its .why
  EXPECT_THAT(names, testing::Not(testing::Contains("p0.json.1")));
  EXPECT_THAT(names, testing::Contains("p68.json.1"));
  // They come and go without a request of the kernel, which keeps neither names nor their absence.
  EXPECT_EQ(Look(".mend/rejected/Person/p68.json.1")->freshness, Freshness::kNone);
  Result<Found> absent = Look(".mend/rejected/Person/p0.json.1");
  EXPECT_TRUE(!absent.ok() || absent->freshness == Freshness::kNone);
  // A later mount counts what it finds.
  Rejected later(*files_, *file_writer_, kMainBranch);
  EXPECT_EQ(*later.Add({.directory = "Person", .name = "p68.json", .body = "b", .reason = "r"}),
            ".mend/rejected/Person/p68.json.2");
  EXPECT_EQ(List(".mend/rejected/Person", 1000).size(), 2 * kRejectedEntriesMax);
}

TEST_F(DraftTest, ManyBytesPushOlderBodiesOut) {
  std::string big(kRejectedBytesMax / 2, 'a');
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(rejected_->Add({.directory = "T", .name = name, .body = big, .reason = "r"}).ok());
  }
  std::vector<std::string> names = List(".mend/rejected/T");
  EXPECT_THAT(names, testing::UnorderedElementsAre("b.1", "b.1.why", "c.1", "c.1.why"));
}

}  // namespace
}  // namespace mendfs
