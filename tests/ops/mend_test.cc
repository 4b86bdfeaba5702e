#include <gmock/gmock.h>

#include "meta/base/failpoint.h"
#include "meta/bulk.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

class MendTest : public MountTest {};

TEST_F(MendTest, EveryListedFileOpensWithTheSizeThatStatSays) {
  for (const std::string& name : List(".mend")) {
    std::string path = ".mend/" + name;
    Result<Found> found = Look(path);
    ASSERT_TRUE(found.ok()) << path;
    if (S_ISDIR(found->attributes.mode)) continue;
    EXPECT_EQ(found->freshness, Freshness::kNone) << path;
    Result<std::string> text = Get(path);
    ASSERT_TRUE(text.ok()) << path;
    EXPECT_LE(text->size(), found->attributes.size_bytes + 200) << path;  // counters grow
    if (name == "README" || name == "version.json" || name == "config.json") {
      EXPECT_EQ(text->size(), found->attributes.size_bytes) << path;
    }
  }
  EXPECT_EQ(*Get(".mend/health"), "ok\n");
}

TEST_F(MendTest, ATextIsFixedAtOpen) {
  Result<uint64_t> handle = OpenFile(".mend/last_error", O_RDONLY);
  ASSERT_TRUE(handle.ok());
  EXPECT_FALSE(Make("x", S_IFDIR | 0755).ok());
  char bytes[64];
  EXPECT_EQ(*file_system_->handles().Read(*handle, 0, sizeof bytes, bytes), 0u);
  file_system_->handles().Release(*handle);
  EXPECT_THAT(*Get(".mend/last_error"), HasSubstr("EPERM make x"));
}

TEST_F(MendTest, TheLogShowsEveryCommitOnceNewestFirst) {
  ASSERT_TRUE(Put("files/a", "x").ok());
  ASSERT_TRUE(store_->CloseCommit(kMainBranch, {.actor = "a", .message = "first"}).ok());
  std::string before = *Get(".mend/log.jsonl");
  EXPECT_THAT(before, HasSubstr("\"first\""));
  ASSERT_TRUE(Put("files/b", "x").ok());
  ASSERT_TRUE(store_->CloseCommit(kMainBranch, {.actor = "a", .message = "second"}).ok());
  std::string after = *Get(".mend/log.jsonl");
  EXPECT_TRUE(after.ends_with(before));
  EXPECT_EQ(std::count(after.begin(), after.end(), '\n'),
            std::count(before.begin(), before.end(), '\n') + 1);
  EXPECT_LT(after.find("\"second\""), after.find("\"first\""));
  EXPECT_EQ(*Get(".mend/log.jsonl"), after);
}

TEST_F(MendTest, ALongLogIsMadeWhileItIsRead) {
  const std::string message(60'000, 'm');
  for (int i = 0; i < 80; ++i) {
    ASSERT_TRUE(Put("files/a", std::to_string(i)).ok());
    ASSERT_TRUE(
        store_->CloseCommit(kMainBranch, {.actor = "a", .message = std::to_string(i) + message})
            .ok());
    if (i == 10) {
      EXPECT_GT(Look(".mend/log.jsonl")->attributes.size_bytes, 11 * message.size());
    }
  }
  EXPECT_EQ(Look(".mend/log.jsonl")->attributes.size_bytes, 0u);
  Result<uint64_t> open = OpenFile(".mend/log.jsonl", O_RDONLY);
  ASSERT_TRUE(open.ok()) << open.status().ToString();
  ASSERT_TRUE(Put("files/b", "x").ok());
  ASSERT_TRUE(store_->CloseCommit(kMainBranch, {.actor = "a", .message = "later"}).ok());
  std::string text;
  std::string piece(100'000, '\0');
  for (;;) {
    const Result<size_t> count =
        file_system_->handles().Read(*open, text.size(), piece.size(), piece.data());
    ASSERT_TRUE(count.ok()) << count.status().ToString();
    if (*count == 0) break;
    text.append(piece, 0, *count);
  }
  // From the start again, as a tool may.
  const Result<size_t> again = file_system_->handles().Read(*open, 0, 1000, piece.data());
  EXPECT_EQ(text.substr(0, 1000), piece.substr(0, *again));
  file_system_->handles().Release(*open);
  const auto log = store_->Log(kMainBranch, kHeadSeq, 1000);
  EXPECT_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), log->size() - 1);
  EXPECT_EQ(text.find("later"), text.npos);
  EXPECT_LT(text.find("\"79m"), text.find("\"78m"));
}

TEST_F(MendTest, ALoadIsAuditedAndASidecarThatWaitsCanBeRead) {
  EXPECT_EQ(*Get(".mend/audit.jsonl"), "");
  EXPECT_TRUE(List(".mend/sidecars").empty());
  ASSERT_TRUE(Make("nodes/City", S_IFDIR | 0755).ok());
  const auto load = [&](const std::string& name) {
    auto loader = Loader::Begin(*store_, {.note = {.actor = "me"}});
    EXPECT_TRUE(loader.ok()) << loader.status().ToString();
    EXPECT_TRUE(
        (*loader)->Add("rows", R"({"type":"City","key":")" + name + R"(","data":{}})" + "\n").ok());
    LoadSummary summary;
    return (*loader)->Finish({}, summary);
  };
  ArmFailpoint(Failpoint::kIntentAfterConfirm, FailAction::kError);
  const Status failed = load("oslo");
  DisarmFailpoints();
  ASSERT_EQ(failed.code(), Code::kRecoveryNeeded) << failed.ToString();
  const std::vector<std::string> names = List(".mend/sidecars");
  ASSERT_EQ(names.size(), 1u);
  const std::string path = ".mend/sidecars/" + names[0];
  const Result<std::string> text = Get(path);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  EXPECT_THAT(*text, StartsWith("{\"mendfs\":\"sidecar\",\"format_version\":1,"));
  EXPECT_THAT(*text, HasSubstr("\"actor\":\"me\""));
  EXPECT_EQ(Look(path)->attributes.size_bytes, text->size());
  EXPECT_EQ(*Get(".mend/health"), "degraded\n");
  EXPECT_THAT(*Get(".mend/status.json"), HasSubstr("\"sidecars\":{\"live\":0,\"left\":1}"));
  EXPECT_EQ(OpenFile(path, O_WRONLY).status().code(), Code::kNotPermitted);

  ASSERT_TRUE(Put("nodes/City/rome.json", "{}").ok());
  EXPECT_TRUE(List(".mend/sidecars").empty());
  EXPECT_EQ(Look(path).status().code(), Code::kNotFound);
  EXPECT_THAT(*Get(".mend/audit.jsonl"), HasSubstr("\"outcome\":\"rolled-forward\""));
  EXPECT_EQ(*Get(".mend/health"), "ok\n");
}

TEST_F(MendTest, TheControlFileTakesOneCompleteLine) {
  EXPECT_TRUE(Put(".mend/ctl", "flush\n").ok());
  EXPECT_GE(store_->Describe().durable_seq, store_->LastSeq());
  for (const char* command : {"flush", "flush\nflush\n", "\n", "bogus\n", ""}) {
    Result<uint64_t> handle = OpenFile(".mend/ctl", O_WRONLY);
    ASSERT_TRUE(handle.ok());
    EXPECT_EQ(Write(*handle, 0, command).code(), Code::kInvalid) << command;
    file_system_->handles().Release(*handle);
  }
  EXPECT_EQ(*Get(".mend/ctl"), "");
}

TEST_F(MendTest, GeneratedFilesAreNotWritten) {
  EXPECT_EQ(OpenFile(".mend/health", O_WRONLY).status().code(), Code::kNotPermitted);
  EXPECT_EQ(OpenFile(".mend/new", O_WRONLY | O_CREAT).status().code(), Code::kNotPermitted);
  EXPECT_EQ(Remove(".mend/health").code(), Code::kNotPermitted);
  EXPECT_EQ(Look(".mend/nothing").status().code(), Code::kNotFound);
}

TEST_F(MendTest, HandlesShowsWhoHasWhatOpen) {
  ASSERT_TRUE(Put("files/a", "x").ok());
  Result<uint64_t> handle = OpenFile("files/a", O_RDWR);
  EXPECT_THAT(*Get(".mend/handles.json"), HasSubstr("\"access\":\"read-write\",\"pid\":42"));
  file_system_->handles().Release(*handle);
}

TEST_F(MendTest, ReadingMakesNothing) {
  Seq before = store_->LastSeq();
  List(".mend", 100, true);
  for (const std::string& name : List(".mend")) Look(".mend/" + name).status().IgnoreError();
  EXPECT_EQ(store_->LastSeq(), before);
}

TEST_F(MendTest, SchemaShowsTheAcceptedTextAndTakesANewOne) {
  std::string text = *Get("schema.graph");
  EXPECT_THAT(text, HasSubstr("node Person"));
  EXPECT_EQ(Look("schema.graph")->attributes.size_bytes, text.size());
  ASSERT_TRUE(Put("schema.graph", text + "\nnode City { name: String @key }\n").ok());
  EXPECT_THAT(*Get("schema.graph"), HasSubstr("node City"));
  EXPECT_TRUE(Look("graph/City").ok());
}

TEST_F(MendTest, ASchemaThatIsRefusedIsKeptWithItsReason) {
  std::string text = *Get("schema.graph");
  EXPECT_EQ(Put("schema.graph", "node Person {").code(), Code::kInvalid);
  EXPECT_EQ(*Get("schema.graph"), text);
  EXPECT_EQ(*Get(".mend/rejected/schema/schema.graph.1"), "node Person {");
  EXPECT_THAT(*Get(".mend/rejected/schema/schema.graph.1.why"), HasSubstr("line 1"));
  // A text that drops something is refused, too: losing data takes the command line.
  EXPECT_EQ(Put("schema.graph", "node Person { name: String @key }\n").code(), Code::kInvalid);
  EXPECT_EQ(*Get("schema.graph"), text);
  EXPECT_THAT(List(".mend"), Contains("rejected"));
}

TEST_F(MendTest, OpeningTheSchemaForWritingWithoutAWriteChangesNothing) {
  std::string text = *Get("schema.graph");
  Result<uint64_t> handle = OpenFile("schema.graph", O_WRONLY | O_TRUNC);
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Close(*handle).ok());
  EXPECT_EQ(*Get("schema.graph"), text);
}

TEST_F(MendTest, AnEmptySchemaIsRefusedWithItsReason) {
  std::string text = *Get("schema.graph");
  const auto why = [&] { return file_system_->errors().Recent().at(0).sentence; };
  // As a shell's `: > schema.graph`, which nobody can tell from the beginning of a write.
  ASSERT_TRUE(Close(*OpenFile("schema.graph", O_WRONLY | O_TRUNC)).ok());
  EXPECT_THAT(why(), HasSubstr("drop every type"));
  InodeNumber schema = Inode("schema.graph");
  const auto empty = [&](uint64_t handle) {
    return file_system_->nodes().SetAttributes(caller_, schema, {.size_bytes = 0}, handle).status();
  };
  EXPECT_EQ(empty(kNoHandle).code(), Code::kInvalid);  // truncate(2)
  EXPECT_THAT(why(), HasSubstr("drop every type"));
  uint64_t handle = *OpenFile("schema.graph", O_WRONLY);
  ASSERT_TRUE(empty(handle).ok());
  EXPECT_EQ(Close(handle).code(), Code::kInvalid);  // ftruncate, close
  handle = *OpenFile("schema.graph", O_WRONLY);
  ASSERT_TRUE(empty(handle).ok());
  ASSERT_TRUE(Write(handle, 0, text + "open node Place\n").ok());
  EXPECT_TRUE(Close(handle).ok());
  EXPECT_THAT(*Get("schema.graph"), HasSubstr("Place"));
}

TEST_F(MendTest, ShutdownReleasesWhatIsOpen) {
  Result<uint64_t> handle = OpenFile("schema.graph", O_WRONLY);
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Write(*handle, 0, *Get("schema.graph") + "node Late { k: String @key }\n").ok());
  file_system_->Shutdown();
  EXPECT_THAT(*Get("schema.graph"), HasSubstr("node Late"));
}

}  // namespace
}  // namespace mendfs
