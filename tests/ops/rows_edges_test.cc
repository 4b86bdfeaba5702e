// edges/: edge rows as files.
#include <gmock/gmock.h>

#include "fs/ops/plane/error_log.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class RowsEdgesTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    for (const char* name : {"ann", "bob", "eve"}) AddPerson(name);
  }
  std::string Why() {
    std::vector<Refusal> recent = file_system_->errors().Recent();
    return recent.empty() ? "" : recent[0].sentence;
  }
};

TEST_F(RowsEdgesTest, AnEdgeIsAFileNamedByItsEnds) {
  std::string body = "{\"since\":\"2020-01-01\"}\n";
  ASSERT_TRUE(Put("edges/Knows/ann~bob.json", body).ok()) << Why();
  EXPECT_EQ(*Get("edges/Knows/ann~bob.json"), body);
  Attributes edge = Look("edges/Knows/ann~bob.json")->attributes;
  EXPECT_EQ(edge.size_bytes, body.size());
  EXPECT_NE(edge.inode.value & kDerivedInodeBit, 0u);
  EXPECT_EQ(edge.mode, S_IFREG | 0644u);
  EXPECT_THAT(List("edges"), ElementsAre("Knows", "Takes"));
  EXPECT_EQ(*file_system_->nodes().GetXattr(caller_, edge.inode, "user.mend.key"), "ann~bob");
}

TEST_F(RowsEdgesTest, AnEmptyFileIsAnEdgeWithoutProperties) {
  uint64_t handle = *OpenFile("edges/Knows/ann~bob.json", O_WRONLY | O_CREAT);
  EXPECT_EQ(Look("edges/Knows/ann~bob.json").status().code(), Code::kNotFound);
  ASSERT_TRUE(Close(handle).ok());
  EXPECT_EQ(*Get("edges/Knows/ann~bob.json"), "");
  EXPECT_THAT(List("edges/Knows"), ElementsAre("ann~bob.json"));
  EXPECT_EQ(file_system_->errors().count(), 0u) << Why();
  // And takes the properties away.
  ASSERT_TRUE(Put("edges/Knows/ann~bob.json", "{\"since\":\"2020-01-01\"}").ok());
  ASSERT_TRUE(Close(*OpenFile("edges/Knows/ann~bob.json", O_WRONLY | O_TRUNC)).ok());
  EXPECT_EQ(*Get("edges/Knows/ann~bob.json"), "");
}

TEST_F(RowsEdgesTest, AMissingEndIsRefusedWhenTheFileIsMade) {
  EXPECT_EQ(Put("edges/Knows/ann~nobody.json", "").code(), Code::kInvalid);
  EXPECT_THAT(Why(), HasSubstr("Person/nobody"));
  EXPECT_EQ(Look("edges/Knows/ann~nobody.json").status().code(), Code::kNotFound);
  EXPECT_EQ(Put("edges/Knows/ann.json", "{}").code(), Code::kInvalid);
  EXPECT_EQ(Put("edges/Knows/ann~bob.json", "{\"since\":\"soon\"}").code(), Code::kInvalid);
  EXPECT_EQ(Put("edges/Knows/ann~bob.json", "{\"$to\":\"eve\"}").code(), Code::kInvalid);
  EXPECT_THAT(List("edges/Knows"), IsEmpty());
}

TEST_F(RowsEdgesTest, ParallelEdgesAndLoopsAreListedAndSeekable) {
  for (const char* name : {"ann~bob", "ann~bob~2", "bob~bob", "eve~ann", "eve~bob~7"}) {
    ASSERT_TRUE(Put("edges/Knows/" + std::string(name) + ".json", "{}").ok()) << name;
  }
  ASSERT_TRUE(Put("edges/Knows/.swap", "x").ok());
  for (size_t room : {1u, 3u, 100u}) {
    EXPECT_THAT(List("edges/Knows", room),
                UnorderedElementsAre("ann~bob.json", "ann~bob~2.json", "bob~bob.json",
                                     "eve~ann.json", "eve~bob~7.json", ".swap"));
  }
  EXPECT_NE(Inode("edges/Knows/ann~bob.json"), Inode("edges/Knows/ann~bob~2.json"));
}

TEST_F(RowsEdgesTest, TheListedNumberIsTheFilesNumber) {
  AddKnows("ann", "bob");
  class Numbers final : public ListingSink {
   public:
    bool Add(const ListedName& listed, const Found*) override {
      if (listed.name == "ann~bob.json") inode = listed.inode;
      return true;
    }
    InodeNumber inode;
  } numbers;
  uint64_t handle = *file_system_->handles().OpenDirectory(caller_, Inode("edges/Knows"));
  ASSERT_TRUE(file_system_->handles().ReadDirectory(caller_, {.handle = handle}, numbers).ok());
  EXPECT_EQ(numbers.inode, Inode("edges/Knows/ann~bob.json"));
  file_system_->handles().ReleaseDirectory(handle);
}

TEST_F(RowsEdgesTest, DeletingARowTakesItsEdgesOutOfSight) {
  AddKnows("ann", "bob");
  AddKnows("bob", "eve");
  ASSERT_TRUE(Remove("nodes/Person/bob.json").ok());
  EXPECT_THAT(List("edges/Knows"), IsEmpty());
  EXPECT_EQ(Look("edges/Knows/ann~bob.json").status().code(), Code::kNotFound);
}

TEST_F(RowsEdgesTest, RenamesWorkLikeThoseOfRows) {
  ASSERT_TRUE(Put("edges/Knows/ann~bob.json", "{\"since\":\"2020-01-01\"}").ok());
  ASSERT_TRUE(Rename("edges/Knows/ann~bob.json", "edges/Knows/ann~eve.json").ok()) << Why();
  EXPECT_THAT(List("edges/Knows"), ElementsAre("ann~eve.json"));
  EXPECT_EQ(Rename("edges/Knows/ann~eve.json", "edges/Knows/ann~none.json").code(), Code::kInvalid);
  ASSERT_TRUE(Rename("edges/Knows/ann~eve.json", "edges/Knows/old~").ok()) << Why();
  EXPECT_THAT(List("edges/Knows"), ElementsAre("old~"));
  EXPECT_EQ(*Get("edges/Knows/old~"), "{\"since\":\"2020-01-01\"}");
  ASSERT_TRUE(Rename("edges/Knows/old~", "edges/Knows/bob~eve.json").ok()) << Why();
  EXPECT_EQ(*Get("edges/Knows/bob~eve.json"), "{\"since\":\"2020-01-01\"}");
  ASSERT_TRUE(Remove("edges/Knows/bob~eve.json").ok());
  EXPECT_EQ(Remove("edges/Knows/bob~eve.json").code(), Code::kNotFound);
  EXPECT_EQ(Rename("edges/Knows/x.json", "edges/Takes/x.json").code(), Code::kCrossDevice);
}

TEST_F(RowsEdgesTest, AnEdgeOfLongKeysHasAHashedNameThatOpensIt) {
  std::string source(200, 's');
  std::string target(200, 't');
  AddPerson(source);
  AddPerson(target);
  AddKnows(source, target);
  AddKnows("ann", "bob");
  std::vector<std::string> names = List("edges/Knows");
  ASSERT_EQ(names.size(), 2u);
  EXPECT_THAT(List("edges/Knows", 100, true), testing::UnorderedElementsAreArray(names));
  std::string hashed = names[0].starts_with("%h") ? names[0] : names[1];
  ASSERT_TRUE(Put("edges/Knows/" + hashed, "{\"since\":\"2020-01-01\"}").ok()) << Why();
  EXPECT_EQ(*Get("edges/Knows/" + hashed), "{\"since\":\"2020-01-01\"}");
  ASSERT_TRUE(Remove("edges/Knows/" + hashed).ok());
  EXPECT_THAT(List("edges/Knows"), ElementsAre("ann~bob.json"));
}

TEST_F(RowsEdgesTest, AnEdgePastItsBoundIsRefusedWhenTheFileIsMade) {
  ASSERT_TRUE(
      Put("schema.graph", std::string(kTestSchema) + "edge Likes: Person -> Person @card(0..1)\n")
          .ok())
      << Why();
  ASSERT_TRUE(Close(*OpenFile("edges/Likes/ann~bob.json", O_WRONLY | O_CREAT)).ok());
  EXPECT_EQ(OpenFile("edges/Likes/ann~eve.json", O_WRONLY | O_CREAT).status().code(),
            Code::kManyLinks);
  EXPECT_THAT(Why(), HasSubstr("@card"));
  ASSERT_TRUE(Close(*OpenFile("edges/Likes/ann~bob.json", O_WRONLY | O_TRUNC)).ok()) << Why();
  EXPECT_THAT(List("edges/Likes"), ElementsAre("ann~bob.json"));
}

TEST_F(RowsEdgesTest, ATouchedEdgeIsThereWhenItIsClosed) {
  NewName name = NameOf("edges/Knows/ann~bob.json");
  CreatedFile created = *file_system_->names().Create(caller_, name.parent, name.name, 0644,
                                                      {.flags = O_WRONLY | O_CREAT});
  ASSERT_TRUE(file_system_->handles().Flush(caller_, created.handle).ok());
  EXPECT_EQ(Look("edges/Knows/ann~bob.json").status().code(), Code::kNotFound);
  ASSERT_TRUE(file_system_->nodes()
                  .SetAttributes(caller_, created.found.attributes.inode,
                                 {.mtime_ns = 5'000'000'000}, created.handle)
                  .ok());
  ASSERT_TRUE(file_system_->handles().Flush(caller_, created.handle).ok());
  EXPECT_EQ(Look("edges/Knows/ann~bob.json")->attributes.mtime_ns, 5'000'000'000);
  file_system_->handles().Release(created.handle);
  EXPECT_EQ(file_system_->errors().count(), 0u) << Why();
}

TEST_F(RowsEdgesTest, ABoundedEdgeIsRenamedWithinItsBound) {
  ASSERT_TRUE(
      Put("schema.graph", std::string(kTestSchema) + "edge Likes: Person -> Person @card(0..1)\n")
          .ok())
      << Why();
  ASSERT_TRUE(Close(*OpenFile("edges/Likes/ann~bob.json", O_WRONLY | O_CREAT)).ok());
  EXPECT_EQ(Put("edges/Likes/ann~eve.json", "{}").code(), Code::kManyLinks);
  ASSERT_TRUE(Rename("edges/Likes/ann~bob.json", "edges/Likes/ann~eve.json").ok()) << Why();
  EXPECT_THAT(List("edges/Likes"), ElementsAre("ann~eve.json"));
}

TEST_F(RowsEdgesTest, ARowThatIsNeededStaysInItsTable) {
  ASSERT_TRUE(Put("schema.graph",
                  std::string(kTestSchema) + "edge Needs: Person -> Person @ondelete(restrict)\n")
                  .ok())
      << Why();
  ASSERT_TRUE(Put("edges/Needs/ann~bob.json", "{}").ok()) << Why();
  EXPECT_EQ(Remove("nodes/Person/bob.json").code(), Code::kBusy);
  EXPECT_EQ(Rename("nodes/Person/bob.json", "nodes/Person/bob~").code(), Code::kBusy);
  EXPECT_THAT(List("nodes/Person"), UnorderedElementsAre("ann.json", "bob.json", "eve.json"));
  EXPECT_THAT(Why(), HasSubstr("Needs"));
}

TEST_F(RowsEdgesTest, AttributesAreTheEdgesOwn) {
  AddKnows("ann", "bob");
  InodeNumber edge = Inode("edges/Knows/ann~bob.json");
  ASSERT_TRUE(file_system_->nodes()
                  .SetAttributes(caller_, edge,
                                 {.permissions = 0600, .uid = 7, .mtime_ns = 3'000'000'000},
                                 kNoHandle)
                  .ok());
  Attributes attributes = Look("edges/Knows/ann~bob.json")->attributes;
  EXPECT_EQ(attributes.mode, S_IFREG | 0600u);
  EXPECT_EQ(attributes.uid, 7u);
  EXPECT_EQ(attributes.mtime_ns, 3'000'000'000);
  // They stay with a new body.
  ASSERT_TRUE(Put("edges/Knows/ann~bob.json", "{}").ok());
  EXPECT_EQ(Look("edges/Knows/ann~bob.json")->attributes.mode, S_IFREG | 0600u);
}

TEST_F(RowsEdgesTest, EdgesInGraphAndInEdgesAreTheSame) {
  ASSERT_TRUE(Make("graph/Person/ann/out/Knows/bob", S_IFLNK | 0777, "../../../bob").ok()) << Why();
  EXPECT_THAT(List("edges/Knows"), ElementsAre("ann~bob.json"));
  ASSERT_TRUE(Remove("edges/Knows/ann~bob.json").ok());
  EXPECT_EQ(Look("graph/Person/ann/out/Knows/bob").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace mendfs
