#include <gmock/gmock.h>

#include <algorithm>

#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class GraphTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    for (const char* key : {"alice", "bob", "a/b"}) AddPerson(key);
    AddKnows("alice", "bob");
    AddKnows("alice", "bob", 2);
    AddKnows("alice", "a/b");
  }
  std::string Link(std::string_view path) {
    Result<std::string> target = file_system_->nodes().ReadLink(caller_, Inode(path));
    EXPECT_TRUE(target.ok()) << path << ": " << target.status().ToString();
    return target.ok() ? *target : "";
  }
};

TEST_F(GraphTest, ARowIsADirectoryWithItsEdgesByDirection) {
  EXPECT_THAT(List("graph"), ElementsAre("Person", "Flight"));
  EXPECT_THAT(List("graph/Person"), UnorderedElementsAre("alice", "bob", "a%2Fb"));
  EXPECT_THAT(List("graph/Person/alice"), ElementsAre("row.json", "out", "in"));
  EXPECT_THAT(List("graph/Person/alice/out"), ElementsAre("Knows", "Takes"));
  EXPECT_THAT(List("graph/Person/alice/in"), ElementsAre("Knows"));
  EXPECT_THAT(List("graph/Person/alice/out/Knows"), UnorderedElementsAre("bob", "bob~2", "a%2Fb"));
  EXPECT_THAT(List("graph/Person/bob/in/Knows"), UnorderedElementsAre("alice", "alice~2"));
  EXPECT_THAT(List("graph/Person/bob/out/Knows"), ElementsAre());
}

TEST_F(GraphTest, EverythingListedCanBeLookedUp) {
  for (const char* path : {"graph", "graph/Person", "graph/Person/alice", "graph/Person/alice/out",
                           "graph/Person/alice/out/Knows"}) {
    for (size_t room : {1u, 100u}) {
      for (const std::string& name : List(path, room, true)) {
        EXPECT_TRUE(Look(std::string(path) + "/" + name).ok()) << path << "/" << name;
      }
    }
  }
}

TEST_F(GraphTest, LinksLeadToTheNeighboursDirectorySoThatHopsChain) {
  EXPECT_EQ(Link("graph/Person/alice/out/Knows/bob"), "../../../../Person/bob");
  EXPECT_EQ(Link("graph/Person/alice/out/Knows/bob~2"), "../../../../Person/bob");
  EXPECT_EQ(Link("graph/Person/alice/out/Knows/a%2Fb"), "../../../../Person/a%2Fb");
  EXPECT_EQ(Link("graph/Person/bob/in/Knows/alice"), "../../../../Person/alice");
  EXPECT_EQ(Link("graph/Person/alice/row.json"), "../../../nodes/Person/alice.json");
  Result<Found> found = Look("graph/Person/alice/out/Knows/bob");
  EXPECT_EQ(found->attributes.size_bytes, std::string("../../../../Person/bob").size());
  EXPECT_TRUE(S_ISLNK(found->attributes.mode));
}

TEST_F(GraphTest, ADirectoryIsOneInodeWheneverItIsLookedUp) {
  InodeNumber first = Inode("graph/Person/alice");
  file_system_->names().Forget(first, 1);
  EXPECT_EQ(Inode("graph/Person/alice"), first);
  Open({});
  EXPECT_EQ(Inode("graph/Person/alice"), first);
}

TEST_F(GraphTest, ASymlinkMakesAnEdgeAndUnlinkTakesItAway) {
  ASSERT_TRUE(Make("graph/Person/bob/out/Knows/alice", S_IFLNK | 0777, "../../../alice").ok());
  EXPECT_THAT(List("graph/Person/alice/in/Knows"), ElementsAre("bob"));
  EXPECT_EQ(
      Make("graph/Person/bob/out/Knows/alice", S_IFLNK | 0777, "../../../alice").status().code(),
      Code::kExists);
  ASSERT_TRUE(Remove("graph/Person/alice/in/Knows/bob").ok());
  EXPECT_EQ(Look("graph/Person/bob/out/Knows/alice").status().code(), Code::kNotFound);
  // From the other side.
  ASSERT_TRUE(
      Make("graph/Person/alice/in/Knows/bob", S_IFLNK | 0777, "../../../../Person/bob").ok());
  EXPECT_THAT(List("graph/Person/bob/out/Knows"), ElementsAre("alice"));
}

TEST_F(GraphTest, ALinkMustLeadWhereItsNameSays) {
  for (const char* target : {"../../../bob", "../../../../Flight/alice", "alice", "/etc/passwd",
                             "../../../../../files/alice", ""}) {
    EXPECT_EQ(Make("graph/Person/bob/out/Knows/alice", S_IFLNK | 0777, target).status().code(),
              Code::kInvalid)
        << target;
  }
  EXPECT_FALSE(Make("graph/Person/bob/out/Knows/nobody", S_IFLNK | 0777, "../../../nobody").ok());
  EXPECT_THAT(List("graph/Person/bob/out/Knows"), ElementsAre());
}

TEST_F(GraphTest, OnlyEdgesAreMadeAndRemovedHere) {
  EXPECT_EQ(Make("graph/Person/carol", S_IFDIR | 0755).status().code(), Code::kNotPermitted);
  EXPECT_EQ(Make("graph/Person/bob/out/Knows/alice", S_IFDIR | 0755).status().code(),
            Code::kNotPermitted);
  EXPECT_EQ(OpenFile("graph/Person/bob/out/Knows/alice", O_WRONLY | O_CREAT).status().code(),
            Code::kNotPermitted);
  EXPECT_EQ(Remove("graph/Person/bob", true).code(), Code::kNotPermitted);
  EXPECT_EQ(Remove("graph/Person/bob/row.json").code(), Code::kNotPermitted);
  EXPECT_EQ(Remove("graph/Person/alice/out/Knows/bob", true).code(), Code::kNotDirectory);
}

TEST_F(GraphTest, NamesThatNoKeyHasAreAbsent) {
  for (const char* path :
       {"graph/Nobody", "graph/Person/.git", "graph/Person/no%zz", "graph/Person/alice/x",
        "graph/Person/alice/out/Nothing", "graph/Person/alice/in/Takes",
        "graph/Person/alice/out/Knows/bob~3", "graph/Person/alice/out/Knows/bob~x",
        "graph/Person/alice/out/Knows/.x"}) {
    EXPECT_EQ(Look(path).status().code(), Code::kNotFound) << path;
  }
}

TEST_F(GraphTest, ARowThatIsGoneTakesItsDirectoryAlong) {
  InodeNumber bob = Inode("graph/Person/bob");
  InodeNumber edges = Inode("graph/Person/bob/in/Knows");
  TableWriter writer(store_->door(), kMainBranch);
  ASSERT_TRUE(writer.DeleteNode(NodeTypeId("Person"), "bob").ok());
  EXPECT_EQ(file_system_->nodes().GetAttributes(caller_, bob, kNoHandle).status().code(),
            Code::kNotFound);
  EXPECT_EQ(file_system_->handles().OpenDirectory(caller_, edges).status().code(), Code::kNotFound);
  EXPECT_THAT(List("graph/Person/alice/out/Knows"), ElementsAre("a%2Fb"));
}

TEST_F(GraphTest, AListingReadsTheMomentItWasOpened) {
  Result<uint64_t> handle =
      file_system_->handles().OpenDirectory(caller_, Inode("graph/Person/alice/out/Knows"));
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Remove("graph/Person/alice/out/Knows/bob").ok());
  ASSERT_TRUE(Remove("graph/Person/alice/out/Knows/bob~2").ok());
  NameList all(100);
  ASSERT_TRUE(file_system_->handles().ReadDirectory(caller_, {.handle = *handle}, all).ok());
  EXPECT_THAT(all.names, UnorderedElementsAre(".", "..", "bob", "bob~2", "a%2Fb"));
  file_system_->handles().ReleaseDirectory(*handle);
}

TEST_F(GraphTest, SeekingInALongListOfEdgesGoesOnBehindTheCookie) {
  for (int i = 0; i < 40; ++i) {
    AddPerson("p" + std::to_string(i));
    AddKnows("bob", "p" + std::to_string(i));
  }
  Result<uint64_t> handle =
      file_system_->handles().OpenDirectory(caller_, Inode("graph/Person/bob/out/Knows"));
  ASSERT_TRUE(handle.ok());
  NameList first(12);
  ASSERT_TRUE(file_system_->handles().ReadDirectory(caller_, {.handle = *handle}, first).ok());
  for (int round = 0; round < 2; ++round) {  // the second seeks back
    NameList rest(100);
    ASSERT_TRUE(file_system_->handles()
                    .ReadDirectory(caller_, {.handle = *handle, .after = first.last}, rest)
                    .ok());
    EXPECT_EQ(rest.names.size(), 30u);
    for (const std::string& name : rest.names) {
      EXPECT_EQ(std::count(first.names.begin(), first.names.end(), name), 0) << name;
    }
  }
  file_system_->handles().ReleaseDirectory(*handle);
}

}  // namespace
}  // namespace mendfs
