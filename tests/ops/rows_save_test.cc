// Safe saves: scratch files, backups and renames in table directories, and what keeps its identity.
#include <gmock/gmock.h>

#include "fs/ops/plane/error_log.h"
#include "fs/ops/plane/rejected.h"
#include "fs/ops/rows/detached_rows.h"
#include "fs/ops/rows/row_scratch.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class RowsSaveTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    ASSERT_TRUE(Put("nodes/Person/bob.json", "{\"age\":1}\n").ok());
    ASSERT_TRUE(Put("nodes/Person/ann.json", "{}").ok());
    AddKnows("ann", "bob");
    bob_ = Inode("nodes/Person/bob.json");
  }
  void ExpectSameBob(const std::string& body) {
    EXPECT_EQ(*Get("nodes/Person/bob.json"), body);
    EXPECT_EQ(Inode("nodes/Person/bob.json"), bob_);
    EXPECT_THAT(List("edges/Knows"), ElementsAre("ann~bob.json"));
  }
  std::string Why() {
    std::vector<Refusal> recent = file_system_->errors().Recent();
    return recent.empty() ? "" : recent[0].sentence;
  }

  InodeNumber bob_;
};

TEST_F(RowsSaveTest, ScratchFilesAreOrdinaryFiles) {
  ASSERT_TRUE(Put("nodes/Person/.bob.swp", "anything").ok());
  EXPECT_EQ(*Get("nodes/Person/.bob.swp"), "anything");
  EXPECT_EQ(Look("nodes/Person/.bob.swp")->freshness, Freshness::kNone);
  ASSERT_TRUE(Make("nodes/Person/.#lock", S_IFLNK | 0777, "me@host.1").ok());
  EXPECT_EQ(*file_system_->nodes().ReadLink(caller_, Inode("nodes/Person/.#lock")), "me@host.1");
  ASSERT_TRUE(
      file_system_->nodes()
          .SetAttributes(caller_, Inode("nodes/Person/.bob.swp"), {.permissions = 0600}, kNoHandle)
          .ok());
  EXPECT_EQ(Look("nodes/Person/.bob.swp")->attributes.mode, S_IFREG | 0600u);
  ASSERT_TRUE(Rename("nodes/Person/.bob.swp", "nodes/Person/4913").ok());
  EXPECT_THAT(List("nodes/Person", 2),
              UnorderedElementsAre("bob.json", "ann.json", ".#lock", "4913"));
  EXPECT_THAT(List("nodes/Flight"), IsEmpty());
  ASSERT_TRUE(Remove("nodes/Person/.#lock").ok());
  ASSERT_TRUE(Remove("nodes/Person/4913").ok());
  EXPECT_THAT(List("nodes/Person"), UnorderedElementsAre("bob.json", "ann.json"));
  EXPECT_EQ(Rename("nodes/Person/nothing", "nodes/Person/bob.json").code(), Code::kNotFound);
}

TEST_F(RowsSaveTest, RenamingAScratchFileOntoARowIsAnUpdate) {
  ASSERT_TRUE(Put("nodes/Person/sedAb12", "{\"age\":2}\n").ok());
  ASSERT_TRUE(Rename("nodes/Person/sedAb12", "nodes/Person/bob.json").ok()) << Why();
  ExpectSameBob("{\"age\":2}\n");
  EXPECT_THAT(List("nodes/Person"), UnorderedElementsAre("bob.json", "ann.json"));
}

TEST_F(RowsSaveTest, RenamingAScratchFileToANewNameMakesARow) {
  ASSERT_TRUE(Put("nodes/Person/tmp", "{\"age\":2}\n").ok());
  InodeNumber tmp = Inode("nodes/Person/tmp");
  ASSERT_TRUE(
      file_system_->nodes()
          .SetAttributes(caller_, tmp, {.permissions = 0600, .mtime_ns = 9'000'000'000}, kNoHandle)
          .ok());
  ASSERT_TRUE(Rename("nodes/Person/tmp", "nodes/Person/eve.json").ok()) << Why();
  EXPECT_EQ(*Get("nodes/Person/eve.json"), "{\"age\":2}\n");
  Attributes eve = Look("nodes/Person/eve.json")->attributes;
  EXPECT_EQ(eve.mode, S_IFREG | 0600u);
  EXPECT_EQ(eve.mtime_ns, 9'000'000'000);
}

TEST_F(RowsSaveTest, ARefusedRenameLeavesBothSidesUntouched) {
  ASSERT_TRUE(Put("nodes/Person/tmp", "{\"age\":200}\n").ok());
  EXPECT_EQ(Rename("nodes/Person/tmp", "nodes/Person/bob.json").code(), Code::kInvalid);
  EXPECT_THAT(Why(), HasSubstr("age"));
  ExpectSameBob("{\"age\":1}\n");
  EXPECT_EQ(*Get("nodes/Person/tmp"), "{\"age\":200}\n");
  EXPECT_EQ(Rename("nodes/Person/tmp", "nodes/Person/%zz.json").code(), Code::kInvalid);
  ASSERT_TRUE(Put("nodes/Person/tmp", "{}").ok());
  EXPECT_EQ(Rename("nodes/Person/tmp", "nodes/Person/bob.json", RenameMode::kNoReplace).code(),
            Code::kExists);
  EXPECT_EQ(Rename("nodes/Person/tmp", "nodes/Person/bob.json", RenameMode::kExchange).code(),
            Code::kInvalid);
  ASSERT_TRUE(Make("nodes/Person/link", S_IFLNK | 0777, "tmp").ok());
  EXPECT_EQ(Rename("nodes/Person/link", "nodes/Person/bob.json").code(), Code::kInvalid);
  ExpectSameBob("{\"age\":1}\n");
}

TEST_F(RowsSaveTest, AScratchFilePastTheLimitIsNoRow) {
  uint64_t handle = *OpenFile("nodes/Person/tmp", O_WRONLY | O_CREAT);
  ASSERT_TRUE(Write(handle, 16 << 20, "x").ok());
  ASSERT_TRUE(Close(handle).ok());
  EXPECT_EQ(Rename("nodes/Person/tmp", "nodes/Person/bob.json").code(), Code::kTooBig);
  ExpectSameBob("{\"age\":1}\n");
}

// vim: rename to the backup, write anew, remove the backup.
TEST_F(RowsSaveTest, ABackupByRenameKeepsTheRow) {
  ASSERT_TRUE(Rename("nodes/Person/bob.json", "nodes/Person/bob.json~").ok()) << Why();
  EXPECT_EQ(Look("nodes/Person/bob.json").status().code(), Code::kNotFound);
  EXPECT_THAT(List("edges/Knows"), IsEmpty());
  EXPECT_EQ(*Get("nodes/Person/bob.json~"), "{\"age\":1}\n");
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{\"age\":3}\n").ok()) << Why();
  ExpectSameBob("{\"age\":3}\n");
  ASSERT_TRUE(Remove("nodes/Person/bob.json~").ok());
  ExpectSameBob("{\"age\":3}\n");
}

// tar x, git checkout: remove, then create.
TEST_F(RowsSaveTest, ARowThatIsMadeAgainAtOnceIsTheSame) {
  ASSERT_TRUE(Remove("nodes/Person/bob.json").ok());
  EXPECT_THAT(List("edges/Knows"), IsEmpty());
  EXPECT_EQ(Look("edges/Knows/ann~bob.json").status().code(), Code::kNotFound);
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok()) << Why();
  ExpectSameBob("{}");
  // By rename, too.
  ASSERT_TRUE(Put("nodes/Person/tmp", "{\"age\":8}").ok());
  ASSERT_TRUE(Remove("nodes/Person/bob.json").ok());
  ASSERT_TRUE(Rename("nodes/Person/tmp", "nodes/Person/bob.json").ok());
  ExpectSameBob("{\"age\":8}");
}

TEST_F(RowsSaveTest, ABackupThatIsRenamedBackIsTheSameRow) {
  ASSERT_TRUE(Rename("nodes/Person/bob.json", "nodes/Person/.old").ok());
  ASSERT_TRUE(Rename("nodes/Person/.old", "nodes/Person/bob.json").ok());
  ExpectSameBob("{\"age\":1}\n");
}

TEST_F(RowsSaveTest, ARowThatIsMadeAgainUnderAnotherKeyIsAnother) {
  ASSERT_TRUE(Remove("nodes/Person/bob.json").ok());
  ASSERT_TRUE(Put("nodes/Person/rob.json", "{}").ok());
  EXPECT_NE(Inode("nodes/Person/rob.json"), bob_);
  EXPECT_THAT(List("edges/Knows"), IsEmpty());
}

TEST_F(RowsSaveTest, RenamingARowKeepsItsEdges) {
  ASSERT_TRUE(Rename("nodes/Person/bob.json", "nodes/Person/rob.json").ok()) << Why();
  EXPECT_EQ(Inode("nodes/Person/rob.json"), bob_);
  EXPECT_THAT(List("edges/Knows"), ElementsAre("ann~rob.json"));
  EXPECT_EQ(Look("nodes/Person/bob.json").status().code(), Code::kNotFound);
  // An open of the node under its old place finds it under its new key.
  Result<OpenedFile> opened = file_system_->handles().Open(caller_, bob_, {.flags = O_RDONLY});
  ASSERT_TRUE(opened.ok());
  file_system_->handles().Release(opened->handle);
}

TEST_F(RowsSaveTest, RenamingARowOntoAnotherKeepsTheTarget) {
  InodeNumber ann = Inode("nodes/Person/ann.json");
  EXPECT_EQ(Rename("nodes/Person/ann.json", "nodes/Person/bob.json", RenameMode::kNoReplace).code(),
            Code::kExists);
  ASSERT_TRUE(Rename("nodes/Person/ann.json", "nodes/Person/bob.json").ok()) << Why();
  EXPECT_EQ(Inode("nodes/Person/bob.json"), bob_);
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}");
  EXPECT_THAT(List("nodes/Person"), ElementsAre("bob.json"));
  EXPECT_EQ(file_system_->nodes().GetAttributes(caller_, ann, kNoHandle).status().code(),
            Code::kStale);
}

TEST_F(RowsSaveTest, ABodyThatNamesItsKeyNamesTheNewOneAfterARename) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{ \"age\":3,  \"name\":\"bob\" }\n").ok());
  ASSERT_TRUE(Rename("nodes/Person/bob.json", "nodes/Person/robert.json").ok()) << Why();
  EXPECT_EQ(*Get("nodes/Person/robert.json"), "{ \"age\":3,  \"name\":\"robert\" }\n");
  EXPECT_EQ(Inode("nodes/Person/robert.json"), bob_);
}

TEST_F(RowsSaveTest, ARenameToWhatIsNoKeyOfTheTypeIsRefused) {
  ASSERT_TRUE(Put("nodes/Flight/2026-11-20~7.json", "{}").ok()) << Why();
  EXPECT_EQ(Rename("nodes/Flight/2026-11-20~7.json", "nodes/Flight/soon~7.json").code(),
            Code::kInvalid);
  EXPECT_THAT(Why(), HasSubstr("day"));
  EXPECT_THAT(List("nodes/Flight"), ElementsAre("2026-11-20~7.json"));
}

TEST_F(RowsSaveTest, ADraftWithoutAnAcceptedBodyIsNotThereToBeRenamed) {
  uint64_t handle = *OpenFile("nodes/Person/new.json", O_WRONLY | O_CREAT);
  EXPECT_EQ(Rename("nodes/Person/new.json", "nodes/Person/x.json").code(), Code::kNotFound);
  EXPECT_EQ(Rename("nodes/Person/new.json", "nodes/Person/x").code(), Code::kNotFound);
  ASSERT_TRUE(Write(handle, 0, "{}").ok());
  ASSERT_TRUE(Close(handle).ok());
  EXPECT_TRUE(Rename("nodes/Person/new.json", "nodes/Person/x.json").ok());
}

TEST_F(RowsSaveTest, ScratchFilesSurviveAReopenAndTypesKeepThemApart) {
  ASSERT_TRUE(Put("nodes/Person/.a", "1").ok());
  ASSERT_TRUE(Put("edges/Knows/.a", "2").ok());
  Open({});
  EXPECT_EQ(*Get("nodes/Person/.a"), "1");
  EXPECT_EQ(*Get("edges/Knows/.a"), "2");
}

// tar x, install, git checkout: remove, then create what is refused.
TEST_F(RowsSaveTest, ARowThatMadeRoomForWhatIsRefusedComesBack) {
  const Attributes before = Look("nodes/Person/bob.json")->attributes;
  ASSERT_TRUE(Remove("nodes/Person/bob.json").ok());
  EXPECT_EQ(Put("nodes/Person/bob.json", "{\"age\":200}\n").code(), Code::kInvalid);
  ExpectSameBob("{\"age\":1}\n");
  EXPECT_EQ(Look("nodes/Person/bob.json")->attributes.mtime_ns, before.mtime_ns);
  EXPECT_EQ(*Get(".mend/rejected/Person/bob.json.1"), "{\"age\":200}\n");
  // sed -i.bak, perl -pi.bak: aside, then a rename.
  ASSERT_TRUE(Put("nodes/Person/sedAb12", "{\"age\":300}\n").ok());
  ASSERT_TRUE(Rename("nodes/Person/bob.json", "nodes/Person/bob.json.bak").ok());
  EXPECT_EQ(Rename("nodes/Person/sedAb12", "nodes/Person/bob.json").code(), Code::kInvalid);
  ExpectSameBob("{\"age\":1}\n");
  EXPECT_EQ(*Get("nodes/Person/bob.json.bak"), "{\"age\":1}\n");
  EXPECT_EQ(*Get(".mend/rejected/Person/bob.json.2"), "{\"age\":300}\n");
  // An edge is the same edge.
  ASSERT_TRUE(Put("edges/Knows/ann~bob.json", "{\"since\":\"2020-01-01\"}").ok());
  ASSERT_TRUE(Remove("edges/Knows/ann~bob.json").ok());
  EXPECT_EQ(Put("edges/Knows/ann~bob.json", "{\"since\":1}").code(), Code::kInvalid);
  EXPECT_EQ(*Get("edges/Knows/ann~bob.json"), "{\"since\":\"2020-01-01\"}");
  // Not over what somebody else made meanwhile.
  ASSERT_TRUE(Remove("nodes/Person/ann.json").ok());
  uint64_t first = *OpenFile("nodes/Person/ann.json", O_WRONLY | O_CREAT);
  ASSERT_TRUE(Write(first, 0, "{\"age\":").ok());
  ASSERT_TRUE(Put("nodes/Person/ann.json", "{\"age\":9}").ok()) << Why();
  ASSERT_TRUE(Close(first).ok());
  EXPECT_EQ(*Get("nodes/Person/ann.json"), "{\"age\":9}");
}

Place NodePlace(TypeId type, const std::string& key, uint64_t row = 0) {
  return {.kind = PlaceKind::kNodeRow, .type = type, .row = InodeNumber{row}, .key = key};
}

TEST(DetachedRowsTest, CountForTwoSecondsAndAreBounded) {
  DetachedRows rows;
  TypeId type{7};
  auto found = [&](TypeId table, const std::string& key, int64_t now_ns) {
    std::optional<DetachedRow> row = rows.Find(NodePlace(table, key), now_ns);
    return row ? row->row.place.row.value : 0;
  };
  rows.Add({.place = NodePlace(type, "bob", 100)}, 1000);
  EXPECT_EQ(found(type, "bob", 1000 + kDetachedNs), 100U);
  EXPECT_EQ(found(type, "bob", 1001 + kDetachedNs), 0U);
  EXPECT_EQ(found(TypeId{8}, "bob", 1000), 0U);
  rows.Add({.place = NodePlace(type, "bob", 101)}, 2000);
  EXPECT_EQ(found(type, "bob", 2000), 101U);
  rows.Drop(NodePlace(type, "bob"));
  EXPECT_EQ(found(type, "bob", 2000), 0U);
  rows.Add({.place = NodePlace(type, "first", 1)}, 3000);
  for (size_t i = 0; i < kDetachedRowsMax; ++i) {
    rows.Add({.place = NodePlace(type, "k" + std::to_string(i), 200 + i)}, 3000);
  }
  EXPECT_EQ(found(type, "first", 3000), 0U);
  EXPECT_EQ(found(type, "k0", 3000), 200U);
}

TEST(DetachedRowsTest, TheOldestBodiesAreLetGoBeforeTheirNumbers) {
  DetachedRows rows;
  TypeId type{7};
  for (uint64_t i = 1; i <= 3; ++i) {
    rows.Add({.place = NodePlace(type, std::to_string(i), i),
              .body = std::string(kDetachedBytesMax / 2, 'a')},
             1000);
  }
  EXPECT_FALSE(rows.Find(NodePlace(type, "1"), 1000)->is_whole);
  EXPECT_EQ(rows.Find(NodePlace(type, "1"), 1000)->row.place.row, InodeNumber{1});
  EXPECT_TRUE(rows.Find(NodePlace(type, "2"), 1000)->is_whole);
  rows.Drop(NodePlace(type, "2"));
  rows.Add({.place = NodePlace(type, "4"), .body = std::string(kDetachedBytesMax / 2, 'a')}, 1000);
  EXPECT_TRUE(rows.Find(NodePlace(type, "3"), 1000)->is_whole);
}

TEST_F(RowsSaveTest, ScratchFilesExpireADayAfterTheirLastChange) {
  ErrorLog errors;
  FileReader files(store_->door());
  FileWriter file_writer(store_->door(), kMainBranch);
  TableWriter table_writer(store_->door(), kMainBranch);
  Rejected rejected(files, file_writer, kMainBranch);
  PlaneContext context{.store = *store_,
                       .files = files,
                       .file_writer = file_writer,
                       .tables = TableReader(store_->reader()),
                       .table_writer = table_writer,
                       .errors = errors,
                       .rejected = rejected};
  TableScratch scratch(context);
  TypeId person = NodeTypeId("Person");
  int64_t now_ns = store_->door().NowNs();
  EXPECT_TRUE(scratch.Sweep(person, now_ns + 2 * kScratchLifeNs).ok());  // nothing was ever there
  Result<std::string> name =
      scratch.Write(person, {.body = "{}", .permissions = 0644, .uid = 0, .gid = 0, .mtime_ns = 1});
  ASSERT_TRUE(name.ok());
  ASSERT_TRUE(scratch.Sweep(person, now_ns + kScratchLifeNs / 2).ok());
  EXPECT_EQ(scratch.Lookup(person, *name)->mtime_ns, 1);
  ASSERT_TRUE(scratch.Sweep(person, store_->door().NowNs() + kScratchLifeNs + 1).ok());
  EXPECT_EQ(scratch.Lookup(person, *name).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace mendfs
