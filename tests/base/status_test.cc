#include "meta/base/status.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace mendfs {
namespace {

Result<std::unique_ptr<int>> Make(int value) {
  if (value < 0) return Status(Code::kInvalid, "negative");
  return std::make_unique<int>(value);
}

Status Use(int value, int* seen) {
  MENDFS_ASSIGN_OR_RETURN(const auto made, Make(value));
  *seen = *made;
  return Status::Ok();
}

TEST(StatusTest, OkHasNoMessage) {
  EXPECT_TRUE(Status::Ok().ok());
  EXPECT_EQ(Status::Ok().ToString(), "ok");
}

TEST(StatusTest, TextNamesTheCodeThenTheMessage) {
  EXPECT_EQ(Status(Code::kNotFound, "open row x").ToString(), "not found: open row x");
  EXPECT_EQ(Status(Code::kBusy, "").ToString(), "busy");
}

TEST(StatusTest, AnnotateKeepsTheCodeAndPutsTheContextInFront) {
  const Status status = Status(Code::kNoSpace, "write a").Annotate("load b");
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_EQ(status.message(), "load b: write a");
  EXPECT_TRUE(Status::Ok().Annotate("anything").ok());
}

TEST(StatusTest, EveryCodeHasItsOwnName) {
  std::vector<std::string> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    names.emplace_back(CodeName(static_cast<Code>(code)));
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_FALSE(std::binary_search(names.begin(), names.end(), "unknown code"));
}

TEST(ResultTest, AssignOrReturnMovesTheValueOrReturnsTheStatus) {
  int seen = 0;
  EXPECT_TRUE(Use(7, &seen).ok());
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(Use(-1, &seen).code(), Code::kInvalid);
  EXPECT_EQ(seen, 7);
}

}  // namespace
}  // namespace mendfs
