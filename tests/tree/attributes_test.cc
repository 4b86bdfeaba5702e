#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

using AttributesTest = TreeTest;

TEST_F(AttributesTest, EachFieldIsSetAloneAndTouchesCtime) {
  const InodeNumber file = MakeFile("f");
  Attributes before = Get(file);
  AttributeChange change;
  change.permissions = 07777;
  ASSERT_TRUE(writer_->Set(file, change).ok());
  EXPECT_EQ(Get(file).mode, S_IFREG | 07777U);
  EXPECT_GT(Get(file).ctime_ns, before.ctime_ns);
  EXPECT_EQ(Get(file).mtime_ns, before.mtime_ns);

  change = {};
  change.uid = 5;
  ASSERT_TRUE(writer_->Set(file, change).ok());
  EXPECT_EQ(Get(file).uid, 5U);
  EXPECT_EQ(Get(file).gid, before.gid);

  change = {};
  change.gid = 6;
  change.atime_ns = -1;
  change.mtime_ns = 123;
  const auto set = writer_->Set(file, change);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->gid, 6U);
  EXPECT_EQ(set->atime_ns, -1);
  EXPECT_EQ(set->mtime_ns, 123);
}

TEST_F(AttributesTest, AReadTouchesAtimeOnly) {
  const InodeNumber file = MakeFile("f");
  const Attributes before = Get(file);
  AttributeChange change;
  change.read_ns = before.atime_ns + 5;
  ASSERT_TRUE(writer_->Set(file, change).ok());
  EXPECT_EQ(Get(file).atime_ns, before.atime_ns + 5);
  EXPECT_EQ(Get(file).ctime_ns, before.ctime_ns);
  EXPECT_EQ(Get(file).mtime_ns, before.mtime_ns);
}

TEST_F(AttributesTest, PermissionsNeverChangeTheType) {
  AttributeChange change;
  change.permissions = S_IFREG | 0700;
  ASSERT_TRUE(writer_->Set(kFilesRoot, change).ok());
  EXPECT_EQ(Get(kFilesRoot).mode, S_IFDIR | 0700U);
}

TEST_F(AttributesTest, NothingAskedForChangesNothing) {
  const uint64_t changes = door_.applied_changes();
  ASSERT_TRUE(writer_->Set(kFilesRoot, {}).ok());
  EXPECT_EQ(door_.applied_changes(), changes);
  EXPECT_CODE(CodeOf(writer_->Set(InodeNumber(1234), {})), Code::kNotFound);
}

TEST_F(AttributesTest, XattrsAreSetListedAndRemoved) {
  const InodeNumber file = MakeFile("f");
  EXPECT_TRUE(reader_.ListXattrs(kHead, file)->empty());
  ASSERT_TRUE(writer_->SetXattr(file, "user.b", "2", XattrMode::kSet).ok());
  ASSERT_TRUE(writer_->SetXattr(file, "user.a", std::string("\0\xFF", 2), XattrMode::kSet).ok());
  EXPECT_EQ(*reader_.ListXattrs(kHead, file), (std::vector<std::string>{"user.a", "user.b"}));
  EXPECT_EQ(*reader_.GetXattr(kHead, file, "user.a"), std::string("\0\xFF", 2));
  ASSERT_TRUE(writer_->SetXattr(file, "user.a", "", XattrMode::kSet).ok());
  EXPECT_EQ(*reader_.GetXattr(kHead, file, "user.a"), "");
  ASSERT_TRUE(writer_->RemoveXattr(file, "user.a").ok());
  EXPECT_CODE(CodeOf(reader_.GetXattr(kHead, file, "user.a")), Code::kNotFound);
  EXPECT_CODE(CodeOf(writer_->RemoveXattr(file, "user.a")), Code::kNotFound);
  EXPECT_EQ(*reader_.ListXattrs(kHead, file), (std::vector<std::string>{"user.b"}));
  EXPECT_CODE(CodeOf(reader_.ListXattrs(kHead, InodeNumber(888))), Code::kNotFound);
}

TEST_F(AttributesTest, XattrModesAreKept) {
  const InodeNumber file = MakeFile("f");
  EXPECT_CODE(CodeOf(writer_->SetXattr(file, "user.a", "1", XattrMode::kReplace)), Code::kNotFound);
  EXPECT_TRUE(writer_->SetXattr(file, "user.a", "1", XattrMode::kCreate).ok());
  EXPECT_CODE(CodeOf(writer_->SetXattr(file, "user.a", "2", XattrMode::kCreate)), Code::kExists);
  EXPECT_EQ(*reader_.GetXattr(kHead, file, "user.a"), "1");
  EXPECT_TRUE(writer_->SetXattr(file, "user.a", "3", XattrMode::kReplace).ok());
  EXPECT_EQ(*reader_.GetXattr(kHead, file, "user.a"), "3");
}

TEST_F(AttributesTest, AnXattrTouchesCtimeOnly) {
  const InodeNumber file = MakeFile("f");
  const Attributes before = Get(file);
  ASSERT_TRUE(writer_->SetXattr(file, "user.a", "1", XattrMode::kSet).ok());
  const Attributes after = Get(file);
  EXPECT_GT(after.ctime_ns, before.ctime_ns);
  EXPECT_EQ(after.mtime_ns, before.mtime_ns);
  ASSERT_TRUE(writer_->RemoveXattr(file, "user.a").ok());
  EXPECT_GT(Get(file).ctime_ns, after.ctime_ns);
}

TEST_F(AttributesTest, XattrsHaveBounds) {
  const InodeNumber file = MakeFile("f");
  const std::string longest = "user." + std::string(kXattrNameBytesMax - 5, 'n');
  EXPECT_CODE(CodeOf(writer_->SetXattr(file, "", "1", XattrMode::kSet)), Code::kInvalid);
  EXPECT_CODE(CodeOf(writer_->SetXattr(file, std::string("user.a\0b", 8), "1", XattrMode::kSet)),
              Code::kInvalid);
  EXPECT_CODE(CodeOf(writer_->SetXattr(file, longest + "n", "1", XattrMode::kSet)),
              Code::kNameTooLong);
  EXPECT_CODE(CodeOf(writer_->SetXattr(file, "user.a", std::string(kXattrValueBytesMax + 1, 'v'),
                                       XattrMode::kSet)),
              Code::kTooBig);
  const std::string biggest(kXattrValueBytesMax, 'v');
  ASSERT_TRUE(writer_->SetXattr(file, longest, biggest, XattrMode::kSet).ok());
  EXPECT_EQ(*reader_.GetXattr(kHead, file, longest), biggest);

  Status status;
  int count = 1;
  for (; status.ok() && count < 1000; ++count) {
    std::string name = "user." + std::to_string(count);
    name.resize(kXattrNameBytesMax, 'x');
    status = writer_->SetXattr(file, name, "", XattrMode::kSet);
  }
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_EQ(reader_.ListXattrs(kHead, file)->size(), kXattrListBytesMax / 256);
  EXPECT_TRUE(writer_->SetXattr(file, longest, "again", XattrMode::kSet).ok());
}

}  // namespace
}  // namespace mendfs
