// What appends to tables ask of a load: lines that name their type beside bare rows, and a check
// that publishes nothing.
#include <gtest/gtest.h>

#include "tests/bulk/load_fixture.h"

namespace mendfs {
namespace {

class LoadCheckTest : public LoadTest {
 protected:
  Status Merge(const std::string& type, const std::string& text, bool check_only = false) {
    return Load(
        text,
        {.mode = LoadMode::kMerge, .check_only = check_only, .type = type, .named_lines = true});
  }
};

TEST_F(LoadCheckTest, LinesOfATypeMayNameIt) {
  ASSERT_TRUE(Merge("Person",
                    "{\"name\":\"x\"}\n"
                    "{\"data\":{\"name\":\"y\"},\"type\":\"Person\"}\n"
                    "{\"type\":\"Person\",\"key\":\"z\",\"data\":{}}\n")
                  .ok());
  ASSERT_TRUE(Merge("Knows",
                    "{\"$from\":\"x\",\"$to\":\"y\"}\n"
                    "{\"edge\":\"Knows\",\"from\":\"x\",\"to\":\"z\"}\n")
                  .ok());
  EXPECT_EQ(summary_.edges, 2u);
  for (const char* line :
       {R"({"type":"Place","data":{"country":"no","town":"Oslo"}})",
        R"({"edge":"Knows","from":"x","to":"y"})", R"({"type":"Person","date":{}})"}) {
    EXPECT_EQ(Merge("Person", line).code(), Code::kInvalid) << line;
  }
  EXPECT_EQ(Merge("Knows", R"({"type":"Knows","data":{}})").code(), Code::kInvalid);
  // A column of that name wins over what only looks like a line of an export.
  Create("node Thing { name: String @key, type: String? }\n");
  ASSERT_TRUE(Merge("Thing", "{\"type\":\"round\",\"name\":\"ball\"}\n").ok());
  EXPECT_EQ(Export({.types = {"Thing"}, .bare = true}), "{\"type\":\"round\",\"name\":\"ball\"}\n");
}

TEST_F(LoadCheckTest, ACheckTellsAllAndChangesNothing) {
  ASSERT_TRUE(Merge("Person", "{\"name\":\"x\",\"email\":\"x@x\"}\n").ok());
  const std::string before = Export();
  const size_t commits = store_->Log(kMainBranch, kHeadSeq, 100)->size();
  EXPECT_TRUE(Merge("Person", "{\"name\":\"y\"}\n", true).ok());
  EXPECT_EQ(Merge("Person", "{\"name\":\"y\",\"email\":\"x@x\"}\n", true).code(), Code::kInvalid);
  EXPECT_EQ(Merge("Knows", "{\"$from\":\"x\",\"$to\":\"y\"}\n", true).code(), Code::kInvalid);
  EXPECT_EQ(Merge("Person", "{\"name\":\"y\",\"age\":200}\n", true).code(), Code::kInvalid);
  EXPECT_EQ(summary_.refused, 1u);
  EXPECT_EQ(Export(), before);
  EXPECT_EQ(store_->Log(kMainBranch, kHeadSeq, 100)->size(), commits);
  EXPECT_TRUE(Residue("/sidecars").empty());
  EXPECT_TRUE(Residue("/staging").empty());
}

}  // namespace
}  // namespace mendfs
