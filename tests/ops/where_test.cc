#include <gmock/gmock.h>

#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class WhereTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    for (const char* key : {"alice", "bob", "a/b"}) AddPerson(key);
    ASSERT_TRUE(Put("nodes/Person/carol.json", "{\"age\": 40}\n").ok());
  }
  std::string Link(std::string_view path) {
    Result<std::string> target = file_system_->nodes().ReadLink(caller_, Inode(path));
    EXPECT_TRUE(target.ok()) << path << ": " << target.status().ToString();
    return target.ok() ? *target : "";
  }
};

TEST_F(WhereTest, ADirectoryOfConditionsHoldsLinksToTheRowsThatMeetThem) {
  EXPECT_THAT(List(".mend/where"), ElementsAre("Person", "Flight", "Knows", "Takes"));
  EXPECT_THAT(List(".mend/where/Person"), ElementsAre());
  EXPECT_THAT(List(".mend/where/Person/age=1"),
              UnorderedElementsAre("rows.jsonl", "count", "alice.json", "bob.json", "a%2Fb.json"));
  EXPECT_EQ(Link(".mend/where/Person/age=1/alice.json"), "../../../../nodes/Person/alice.json");
  EXPECT_EQ(Link(".mend/where/Person/age=1/age.ge=0,@limit=1/a%2Fb.json"),
            "../../../../../nodes/Person/a%2Fb.json");
  EXPECT_EQ(*Get(".mend/where/Person/age.gt=1/rows.jsonl"), "{\"name\":\"carol\",\"age\":40}\n");
  EXPECT_EQ(*Get(".mend/where/Person/age.gt=1/count"), "1\n");
  EXPECT_EQ(*Get(".mend/where/Person/age.null/count"), "0\n");
  EXPECT_EQ(*Get(".mend/where/Person/age.null/rows.jsonl"), "");
  EXPECT_EQ(*Get(".mend/where/Person/@order=-age/@limit=1/rows.jsonl"),
            "{\"name\":\"carol\",\"age\":40}\n");
}

TEST_F(WhereTest, EdgesAreAskedForByTheirEndsAndColumns) {
  AddKnows("alice", "bob");
  AddKnows("alice", "bob", 2);
  AddKnows("a/b", "alice");
  ASSERT_TRUE(Put("edges/Knows/bob~carol.json", "{\"since\":\"2020-02-29\"}").ok());
  EXPECT_THAT(List(".mend/where/Knows/$from=alice"),
              UnorderedElementsAre("rows.jsonl", "count", "alice~bob.json", "alice~bob~2.json"));
  EXPECT_EQ(Link(".mend/where/Knows/$from=alice/alice~bob~2.json"),
            "../../../../edges/Knows/alice~bob~2.json");
  EXPECT_EQ(Link(".mend/where/Knows/$from.in=a%2Fb|bob,$to=alice/a%2Fb~alice.json"),
            "../../../../edges/Knows/a%2Fb~alice.json");
  EXPECT_EQ(*Get(".mend/where/Knows/since.gt=2020-01-01/rows.jsonl"),
            "{\"$from\":\"bob\",\"$to\":\"carol\",\"since\":\"2020-02-29\"}\n");
  EXPECT_EQ(*Get(".mend/where/Knows/since.null/count"), "3\n");
  EXPECT_EQ(Look(".mend/where/Knows/$from=bob/alice~bob.json").status().code(), Code::kNotFound);
  EXPECT_EQ(Look(".mend/where/Knows/$from=bob/alice.json").status().code(), Code::kNotFound);
  EXPECT_EQ(Look(".mend/where/Knows/$from.gt=bob").status().code(), Code::kInvalid);
  ASSERT_TRUE(Remove("nodes/Person/alice.json").ok());
  EXPECT_EQ(*Get(".mend/where/Knows/since.null/count"), "0\n");
}

TEST_F(WhereTest, EverythingListedCanBeLookedUp) {
  AddKnows("alice", "bob");
  for (const char* path : {".mend/where", ".mend/where/Person/age=1", ".mend/where/Person/@scan",
                           ".mend/where/Knows/@scan"}) {
    for (size_t room : {1u, 100u}) {
      for (const std::string& name : List(path, room, true)) {
        EXPECT_TRUE(Look(std::string(path) + "/" + name).ok()) << path << "/" << name;
      }
    }
  }
}

TEST_F(WhereTest, ARowIsThereWhileItMeetsTheConditions) {
  EXPECT_TRUE(Look(".mend/where/Person/age=40/carol.json").ok());
  EXPECT_EQ(Look(".mend/where/Person/age=1/carol.json").status().code(), Code::kNotFound);
  EXPECT_EQ(Look(".mend/where/Person/age=1/nobody.json").status().code(), Code::kNotFound);
  ASSERT_TRUE(Put("nodes/Person/carol.json", "{\"age\": 1}\n").ok());
  EXPECT_TRUE(Look(".mend/where/Person/age=1/carol.json").ok());
  EXPECT_EQ(*Get(".mend/where/Person/age=1/count"), "4\n");
}

TEST_F(WhereTest, WrongWordsHaveAReasonAndOtherNamesAreNotThere) {
  EXPECT_EQ(Look(".mend/where/Nobody").status().code(), Code::kNotFound);
  EXPECT_EQ(Look(".mend/where/Person/.git").status().code(), Code::kNotFound);
  EXPECT_EQ(Look(".mend/where/Person/eage=1").status().code(), Code::kNotFound);
  EXPECT_THAT(Look(".mend/where/Person/eage=1").status().message(), HasSubstr("\"age\""));
  EXPECT_EQ(Look(".mend/where/Person/age=x").status().code(), Code::kInvalid);
  EXPECT_EQ(Look(".mend/where/Person/age.like=x").status().code(), Code::kInvalid);
  EXPECT_EQ(OpenFile(".mend/where/Person/age=1/count", O_WRONLY).status().code(),
            Code::kNotPermitted);
  EXPECT_EQ(Make(".mend/where/Person/age=1/new", S_IFDIR | 0755).status().code(),
            Code::kNotPermitted);
  std::string deep = ".mend/where/Person";
  for (int i = 0; i < 20; ++i) deep += "/age.ge=0";
  EXPECT_TRUE(Look(deep).ok());
}

TEST_F(WhereTest, AListingAndAnOpenFileReadOneMoment) {
  for (int i = 0; i < 300; ++i) AddPerson("p" + std::to_string(i));
  Result<uint64_t> open = OpenFile(".mend/where/Person/age=1/rows.jsonl", O_RDONLY);
  ASSERT_TRUE(open.ok());
  auto read = [&](uint64_t offset, size_t size) {
    std::string bytes(size, '\0');
    Result<size_t> count = file_system_->handles().Read(*open, offset, bytes.size(), bytes.data());
    EXPECT_TRUE(count.ok()) << count.status().ToString();
    bytes.resize(count.ok() ? *count : 0);
    return bytes;
  };
  const std::string first = read(0, 100);
  AddPerson("late");
  ASSERT_TRUE(Remove("nodes/Person/p7.json").ok());
  const std::string all = read(0, 1 << 20);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 303);
  EXPECT_THAT(all, HasSubstr("p7"));
  EXPECT_EQ(all.find("late"), all.npos);
  // In any order, also backwards.
  EXPECT_EQ(read(50, 50), all.substr(50, 50));
  EXPECT_EQ(read(all.size() - 10, 100), all.substr(all.size() - 10));
  EXPECT_EQ(read(all.size(), 100), "");
  EXPECT_EQ(read(0, 100), first);
  file_system_->handles().Release(*open);
}

}  // namespace
}  // namespace mendfs
