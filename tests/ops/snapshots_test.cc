// .mend/snapshots/ as the kernel uses it.
#include "meta/snapshots.h"

#include <gmock/gmock.h>

#include "meta/codec/hash.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class SnapshotMountTest : public MountTest {
 protected:
  void WriteFile(const std::string& path, std::string_view bytes) {
    Result<uint64_t> handle = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC);
    ASSERT_TRUE(handle.ok()) << handle.status().ToString();
    EXPECT_TRUE(Write(*handle, 0, bytes).ok());
    EXPECT_TRUE(Close(*handle).ok());
  }
  Code MakeSnapshot(const std::string& name) {
    return Make(".mend/snapshots/" + name, S_IFDIR | 0755).status().code();
  }
  std::string HeadId() { return ShortHex(store_->Log(kMainBranch, kHeadSeq, 1)->front().id); }
};

TEST_F(SnapshotMountTest, MkdirTakesOneThatShowsEverythingAsItWas) {
  AddPerson("alice");
  WriteFile("files/one", "first");
  const Result<Found> made = Make(".mend/snapshots/v1", S_IFDIR | 0755);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_TRUE(S_ISDIR(made->attributes.mode));
  WriteFile("files/one", "second");
  ASSERT_TRUE(Remove("nodes/Person/alice.json").ok());
  EXPECT_EQ(*Get(".mend/snapshots/v1/files/one"), "first");
  EXPECT_EQ(*Get(".mend/snapshots/v1/nodes/Person/alice.json"), "{\"age\": 1}\n");
  EXPECT_THAT(List(".mend/snapshots/v1"),
              UnorderedElementsAre("schema.graph", "nodes", "edges", "graph", "files"));
  EXPECT_THAT(List(".mend/snapshots", 1, true), ElementsAre("v1"));
  EXPECT_EQ(FindSnapshot(*store_, "v1")->actor, "uid:1000");
  EXPECT_EQ(Look(".mend/snapshots/v1")->attributes.inode, made->attributes.inode);
}

// The kernel knows a directory by one way only.
TEST_F(SnapshotMountTest, NothingInThemHasTheNumberOfWhatIsElsewhere) {
  WriteFile("files/one", "first");
  ASSERT_EQ(MakeSnapshot("a"), Code::kOk);
  ASSERT_EQ(MakeSnapshot("b"), Code::kOk);
  for (const char* path : {"", "/files", "/files/one", "/nodes/Person"}) {
    const InodeNumber a = Inode(std::string(".mend/snapshots/a") + path);
    const InodeNumber b = Inode(std::string(".mend/snapshots/b") + path);
    const InodeNumber at = Inode(".mend/at/" + HeadId() + path);
    EXPECT_NE(a, b) << path;
    EXPECT_NE(a, at) << path;
    EXPECT_NE(b, at) << path;
  }
  const InodeNumber snapshots = Inode(".mend/snapshots");
  EXPECT_EQ(
      file_system_->names().Lookup(caller_, Inode(".mend/snapshots/a"), "..")->attributes.inode,
      snapshots);
}

TEST_F(SnapshotMountTest, RmdirDropsOneAndMvRenamesIt) {
  WriteFile("files/one", "first");
  ASSERT_EQ(MakeSnapshot("a%2Fb"), Code::kOk);
  EXPECT_TRUE(FindSnapshot(*store_, "a/b").ok());
  EXPECT_THAT(List(".mend/snapshots"), ElementsAre("a%2Fb"));
  EXPECT_EQ(Rename(".mend/snapshots/a%2Fb", ".mend/snapshots/c").code(), Code::kOk);
  EXPECT_EQ(Look(".mend/snapshots/a%2Fb").status().code(), Code::kNotFound);
  EXPECT_EQ(*Get(".mend/snapshots/c/files/one"), "first");
  ASSERT_EQ(MakeSnapshot("d"), Code::kOk);
  EXPECT_EQ(Rename(".mend/snapshots/c", ".mend/snapshots/d").code(), Code::kExists);
  EXPECT_EQ(Rename(".mend/snapshots/c", ".mend/snapshots/d", RenameMode::kExchange).code(),
            Code::kInvalid);
  EXPECT_EQ(Rename(".mend/snapshots/c", ".mend/snapshots/d/c").code(), Code::kReadOnly);
  EXPECT_EQ(Rename(".mend/snapshots/c", "files/c").code(), Code::kCrossDevice);
  EXPECT_EQ(Remove(".mend/snapshots/c", true).code(), Code::kOk);
  EXPECT_EQ(Remove(".mend/snapshots/c", true).code(), Code::kNotFound);
  EXPECT_EQ(Remove(".mend/snapshots/d", true).code(), Code::kOk);
  EXPECT_THAT(List(".mend/snapshots"), IsEmpty());
}

TEST_F(SnapshotMountTest, WhatIsRefused) {
  ASSERT_EQ(MakeSnapshot("v1"), Code::kOk);
  EXPECT_EQ(MakeSnapshot("v1"), Code::kExists);
  EXPECT_EQ(MakeSnapshot("v1%2Fa"), Code::kExists);
  EXPECT_EQ(MakeSnapshot("HEAD"), Code::kInvalid);
  EXPECT_EQ(MakeSnapshot("a%2fb"), Code::kInvalid);
  EXPECT_EQ(MakeSnapshot("has space"), Code::kInvalid);
  EXPECT_EQ(Make(".mend/snapshots/link", S_IFLNK | 0777, "x").status().code(), Code::kNotPermitted);
  EXPECT_EQ(OpenFile(".mend/snapshots/file", O_WRONLY | O_CREAT).status().code(), Code::kReadOnly);
  EXPECT_EQ(OpenFile(".mend/snapshots/v1/files/new", O_WRONLY | O_CREAT).status().code(),
            Code::kReadOnly);
  EXPECT_EQ(Make(".mend/snapshots/v1/files/new", S_IFDIR | 0755).status().code(), Code::kReadOnly);
  EXPECT_EQ(Remove(".mend/snapshots/v1/files", true).code(), Code::kReadOnly);
  EXPECT_EQ(Make(".mend/at/x", S_IFDIR | 0755).status().code(), Code::kReadOnly);
  EXPECT_EQ(Look(".mend/snapshots/v1/.mend").status().code(), Code::kNotFound);
  Open({.read_only = true});
  EXPECT_EQ(MakeSnapshot("v2"), Code::kReadOnly);
  EXPECT_EQ(Remove(".mend/snapshots/v1", true).code(), Code::kReadOnly);
}

TEST_F(SnapshotMountTest, TheirNamesAreRefsOfMendAt) {
  WriteFile("files/one", "first");
  ASSERT_EQ(MakeSnapshot("v1"), Code::kOk);
  const std::string id = HeadId();
  ASSERT_EQ(MakeSnapshot("old%2F1"), Code::kOk);
  WriteFile("files/one", "second");
  ASSERT_TRUE(store_->CloseCommit(kMainBranch, {}).ok());
  for (const char* ref : {"v1", "old%2F1"}) {
    EXPECT_EQ(*file_system_->nodes().ReadLink(caller_, Inode(std::string(".mend/at/") + ref)), id);
  }
  EXPECT_EQ(Look(".mend/at/v2").status().code(), Code::kNotFound);
}

TEST_F(SnapshotMountTest, WhatIsOpenReadsOnWhenItsSnapshotGoesAndComesAgain) {
  WriteFile("files/one", "first");
  ASSERT_EQ(MakeSnapshot("v"), Code::kOk);
  const InodeNumber then = Inode(".mend/snapshots/v/files/one");
  Result<uint64_t> open = OpenFile(".mend/snapshots/v/files/one", O_RDONLY);
  ASSERT_TRUE(open.ok());
  ASSERT_TRUE(Remove(".mend/snapshots/v", true).ok());
  WriteFile("files/one", "second");
  ASSERT_EQ(MakeSnapshot("v"), Code::kOk);
  ASSERT_TRUE(store_->Thin(ThinHow::kPressing).ok());
  char bytes[8];
  Result<size_t> count = file_system_->handles().Read(*open, 0, sizeof bytes, bytes);
  ASSERT_TRUE(count.ok()) << count.status().ToString();
  EXPECT_EQ(std::string(bytes, *count), "first");
  EXPECT_EQ(*Get(".mend/snapshots/v/files/one"), "second");
  EXPECT_NE(Inode(".mend/snapshots/v/files/one"), then);
  file_system_->handles().Release(*open);
}

}  // namespace
}  // namespace mendfs
