#include <gmock/gmock.h>

#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

class NamesTest : public MountTest {};

TEST_F(NamesTest, TheMountPointListsFiveNamesAndHidesDotMend) {
  EXPECT_THAT(List(""), ElementsAre("schema.graph", "nodes", "edges", "graph", "files"));
  EXPECT_TRUE(Look(".mend").ok());
}

TEST_F(NamesTest, GraphCanBeLeftOut) {
  Open({.graph = false});
  EXPECT_THAT(List(""), Not(Contains("graph")));
  EXPECT_EQ(Look("graph").status().code(), Code::kNotFound);
}

TEST_F(NamesTest, NothingCanBeMadeOrRemovedAtTheMountPoint) {
  EXPECT_EQ(Make("x", S_IFDIR | 0755).status().code(), Code::kNotPermitted);
  EXPECT_EQ(OpenFile("x", O_WRONLY | O_CREAT).status().code(), Code::kNotPermitted);
  EXPECT_EQ(Remove("files", true).code(), Code::kNotPermitted);
  EXPECT_EQ(Rename("files", "nodes").code(), Code::kNotPermitted);
}

TEST_F(NamesTest, PlanesCountAsDevices) {
  ASSERT_TRUE(Put("files/a", "x").ok());
  EXPECT_EQ(Rename("files/a", "nodes/a").code(), Code::kCrossDevice);
  EXPECT_EQ(Rename("files/a", "a").code(), Code::kCrossDevice);
  EXPECT_EQ(file_system_->names()
                .Link(caller_, Inode("files/a"), {.parent = kGraphRoot, .name = "a"})
                .status()
                .code(),
            Code::kCrossDevice);
  EXPECT_EQ(*Get("files/a"), "x");
}

TEST_F(NamesTest, AnAbsentFileIsAnAnswerThatMayBeRemembered) {
  Result<Found> found = file_system_->names().Lookup(caller_, kFilesRoot, "nothing");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->attributes.inode.value, 0u);
  EXPECT_EQ(found->freshness, Freshness::kLong);
  EXPECT_EQ(file_system_->names().Lookup(caller_, kMountRoot, "nothing").status().code(),
            Code::kNotFound);
}

TEST_F(NamesTest, NamesThatNoFileCanHaveAreRefused) {
  EXPECT_EQ(Make("files/" + std::string(256, 'a'), S_IFDIR | 0755).status().code(),
            Code::kNameTooLong);
  EXPECT_EQ(
      file_system_->names().Lookup(caller_, kFilesRoot, std::string(300, 'a')).status().code(),
      Code::kNameTooLong);
  for (std::string_view name : {std::string_view(), std::string_view("."), std::string_view(".."),
                                std::string_view("a/b"), std::string_view("a\0b", 3)}) {
    EXPECT_EQ(file_system_->names()
                  .Make(caller_, kFilesRoot, name,
                        {.mode = S_IFDIR | 0755, .device = 0, .link_target = {}})
                  .status()
                  .code(),
              Code::kInvalid);
  }
}

TEST_F(NamesTest, AReadOnlyMountChangesNothing) {
  ASSERT_TRUE(Put("files/a", "x").ok());
  AddPerson("alice");
  Open({.read_only = true});
  EXPECT_EQ(Put("files/a", "y").code(), Code::kReadOnly);
  EXPECT_EQ(Put("files/b", "y").code(), Code::kReadOnly);
  EXPECT_EQ(Make("files/d", S_IFDIR | 0755).status().code(), Code::kReadOnly);
  EXPECT_EQ(Remove("files/a").code(), Code::kReadOnly);
  EXPECT_EQ(Rename("files/a", "files/b").code(), Code::kReadOnly);
  EXPECT_EQ(Remove("nodes/Person/alice.json").code(), Code::kReadOnly);
  EXPECT_EQ(file_system_->nodes()
                .SetAttributes(caller_, Inode("files/a"), {.permissions = 0600}, kNoHandle)
                .status()
                .code(),
            Code::kReadOnly);
  EXPECT_EQ(file_system_->nodes()
                .SetXattr(caller_, Inode("files/a"), "user.x", "v", XattrMode::kSet)
                .code(),
            Code::kReadOnly);
  EXPECT_EQ(*Get("files/a"), "x");
}

TEST_F(NamesTest, PlacesAreKeptUntilTheirLastLookupIsForgotten) {
  AddPerson("alice");
  InodeNumber alice = Inode("graph/Person/alice");
  ASSERT_EQ(Inode("graph/Person/alice"), alice);  // a second lookup
  file_system_->names().Forget(alice, 1);
  EXPECT_TRUE(file_system_->nodes().GetAttributes(caller_, alice, kNoHandle).ok());
  file_system_->names().Forget(alice, 1);
  EXPECT_FALSE(file_system_->nodes().GetAttributes(caller_, alice, kNoHandle).ok());
  file_system_->names().Forget(alice, 1000);  // more than was counted is harmless
  EXPECT_TRUE(Look("graph/Person/alice").ok());
}

TEST_F(NamesTest, RefusalsAreKeptWithTheirSentence) {
  EXPECT_EQ(Make("x", S_IFDIR | 0755).status().code(), Code::kNotPermitted);
  std::vector<Refusal> recent = file_system_->errors().Recent();
  ASSERT_EQ(recent.size(), 1u);
  EXPECT_EQ(recent[0].path, "x");
  EXPECT_EQ(recent[0].operation, "make");
  EXPECT_EQ(recent[0].code, Code::kNotPermitted);
  EXPECT_EQ(recent[0].uid, 1000u);
  EXPECT_FALSE(recent[0].sentence.empty());
  EXPECT_FALSE(Look("nodes/nothing").ok());
  EXPECT_EQ(file_system_->errors().count(), 1u);  // absence is no refusal
}

}  // namespace
}  // namespace mendfs
