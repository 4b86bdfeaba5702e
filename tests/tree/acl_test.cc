#include "meta/tree/acl.h"

#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

// As the kernel hands it over.
std::string Bytes(const Acl& acl) {
  return EncodeAcl(acl);
}
const Acl kMinimal = {{AclTag::kOwner, 7, kNoAclId},
                      {AclTag::kOwningGroup, 5, kNoAclId},
                      {AclTag::kOther, 1, kNoAclId}};
const Acl kNamed = {{AclTag::kOwner, 7, kNoAclId},       {AclTag::kUser, 6, 1000},
                    {AclTag::kOwningGroup, 5, kNoAclId}, {AclTag::kGroup, 4, 77},
                    {AclTag::kMask, 6, kNoAclId},        {AclTag::kOther, 0, kNoAclId}};

TEST(AclTest, TheBytesAreTheKernels) {
  EXPECT_EQ(Bytes(kMinimal), std::string("\2\0\0\0\1\0\7\0\xFF\xFF\xFF\xFF\4\0\5\0\xFF\xFF\xFF\xFF"
                                         "\x20\0\1\0\xFF\xFF\xFF\xFF",
                                         28));
  EXPECT_EQ(*DecodeAcl(Bytes(kNamed)), kNamed);
}

TEST(AclTest, WhatIsNoAclIsRefused) {
  const std::string whole = Bytes(kNamed);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_CODE(CodeOf(DecodeAcl(whole.substr(0, size))), Code::kInvalid) << size;
  }
  const auto changed = [&](size_t at, char value) {
    std::string bytes = whole;
    bytes[at] = value;
    return CodeOf(DecodeAcl(bytes));
  };
  EXPECT_CODE(changed(0, 1), Code::kInvalid);      // version
  EXPECT_CODE(changed(4, 2), Code::kInvalid);      // no owner
  EXPECT_CODE(changed(4, 3), Code::kInvalid);      // unknown tag
  EXPECT_CODE(changed(6, 8), Code::kInvalid);      // more than rwx
  EXPECT_CODE(changed(12, 0x20), Code::kInvalid);  // out of order
  EXPECT_CODE(changed(36, 8), Code::kInvalid);     // named without a mask
}

TEST(AclTest, ModeAndAclSayTheSame) {
  EXPECT_TRUE(SaysNoMoreThanMode(kMinimal));
  EXPECT_FALSE(SaysNoMoreThanMode(kNamed));
  EXPECT_EQ(ModeOfAcl(kMinimal, S_IFREG | 04000), S_IFREG | 04751U);
  EXPECT_EQ(ModeOfAcl(kNamed, S_IFDIR | 01777), S_IFDIR | 01760U);
  Acl acl = kNamed;
  SetAclMode(acl, 0417);
  EXPECT_EQ(acl[0].permissions, 4);
  EXPECT_EQ(acl[1].permissions, 6);  // named entries stay, the mask bounds them
  EXPECT_EQ(acl[2].permissions, 5);
  EXPECT_EQ(acl[4].permissions, 1);
  EXPECT_EQ(acl[5].permissions, 7);
}

class TreeAclTest : public TreeTest {
 protected:
  void Set(InodeNumber inode, std::string_view name, const Acl& acl) {
    const Status status = writer_->SetXattr(inode, name, Bytes(acl), XattrMode::kSet);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  std::optional<Acl> AclOf(InodeNumber inode, std::string_view name = kAccessAclXattr) {
    const auto value = reader_.GetXattr(kHead, inode, name);
    if (!value.ok()) return std::nullopt;
    return *DecodeAcl(*value);
  }
  InodeNumber MakeMasked(InodeNumber parent, std::string_view name, uint32_t mode) {
    const auto made = writer_->Make(parent, name, {.mode = mode, .umask = 027});
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return made.ok() ? made->inode : InodeNumber(0);
  }
};

TEST_F(TreeAclTest, AnAccessAclSetsTheMode) {
  const InodeNumber file = MakeFile("f");
  Set(file, kAccessAclXattr, kNamed);
  EXPECT_EQ(Get(file).mode, S_IFREG | 0760U);
  EXPECT_EQ(AclOf(file), kNamed);
}

TEST_F(TreeAclTest, AnAclThatSaysNoMoreThanTheModeIsTheMode) {
  const InodeNumber file = MakeFile("f");
  Set(file, kAccessAclXattr, kNamed);
  Set(file, kAccessAclXattr, kMinimal);
  EXPECT_EQ(Get(file).mode, S_IFREG | 0751U);
  EXPECT_EQ(AclOf(file), std::nullopt);
  EXPECT_TRUE(reader_.ListXattrs(kHead, file)->empty());
}

TEST_F(TreeAclTest, ChmodMovesTheMask) {
  const InodeNumber file = MakeFile("f");
  Set(file, kAccessAclXattr, kNamed);
  AttributeChange change;
  change.permissions = 02501;
  ASSERT_TRUE(writer_->Set(file, change).ok());
  EXPECT_EQ(Get(file).mode, S_IFREG | 02501U);
  const std::optional<Acl> acl = AclOf(file);
  ASSERT_TRUE(acl);
  EXPECT_EQ(ModeOfAcl(*acl, 0), 0501U);
  EXPECT_EQ((*acl)[1].permissions, 6);
  EXPECT_EQ((*acl)[2].permissions, 5);
}

TEST_F(TreeAclTest, ADefaultAclIsInheritedAndTheUmaskIsNot) {
  const InodeNumber directory = MakeDirectory("d");
  const uint32_t mode = Get(directory).mode;
  Set(directory, kDefaultAclXattr, kNamed);
  EXPECT_EQ(Get(directory).mode, mode);

  const InodeNumber file = MakeMasked(directory, "f", S_IFREG | 0666);
  EXPECT_EQ(Get(file).mode, S_IFREG | 0660U);
  Acl wanted = kNamed;
  wanted[0].permissions = 6;
  EXPECT_EQ(AclOf(file), wanted);
  EXPECT_EQ(AclOf(file, kDefaultAclXattr), std::nullopt);

  const InodeNumber below = MakeMasked(directory, "sub", S_IFDIR | 0700);
  EXPECT_EQ(Get(below).mode, S_IFDIR | 0700U);
  EXPECT_EQ(AclOf(below, kDefaultAclXattr), kNamed);
  EXPECT_EQ(ModeOfAcl(*AclOf(below), 0), 0700U);

  const auto link =
      writer_->Make(directory, "l", {.mode = S_IFLNK | 0777, .umask = 027, .link_target = "f"});
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->mode, S_IFLNK | 0777U);
  EXPECT_EQ(AclOf(link->inode), std::nullopt);
}

TEST_F(TreeAclTest, AMinimalDefaultAclGivesAPlainMode) {
  const InodeNumber directory = MakeDirectory("d");
  Set(directory, kDefaultAclXattr, kMinimal);
  const InodeNumber file = MakeMasked(directory, "f", S_IFREG | 0666);
  EXPECT_EQ(Get(file).mode, S_IFREG | 0640U);
  EXPECT_EQ(AclOf(file), std::nullopt);
}

TEST_F(TreeAclTest, WithoutADefaultAclTheUmaskCounts) {
  EXPECT_EQ(Get(MakeMasked(kFilesRoot, "f", S_IFREG | 06666)).mode, S_IFREG | 06640U);
  EXPECT_EQ(Get(MakeMasked(kFilesRoot, "d", S_IFDIR | 01777)).mode, S_IFDIR | 01750U);
}

TEST_F(TreeAclTest, AclsGoWithTheirInode) {
  const InodeNumber directory = MakeDirectory("d");
  Set(directory, kDefaultAclXattr, kNamed);
  const InodeNumber file = MakeMasked(directory, "f", S_IFREG | 0666);
  ASSERT_TRUE(writer_->Remove(directory, "f", false).ok());
  EXPECT_EQ(CountTraces(file), 0U);
}

TEST_F(TreeAclTest, WhoIsOutsideOfTheGroupLosesItsBit) {
  const InodeNumber file = MakeFile("f");
  AttributeChange change;
  change.permissions = 02755;
  ASSERT_TRUE(writer_->Set(file, change).ok());
  XattrWrite write(XattrMode::kSet);
  write.drop_set_group_id = true;
  ASSERT_TRUE(writer_->SetXattr(file, kAccessAclXattr, Bytes(kMinimal), write).ok());
  EXPECT_EQ(Get(file).mode, S_IFREG | 0751U);
}

TEST_F(TreeAclTest, WhatHasNoAclRefusesOne) {
  const InodeNumber file = MakeFile("f");
  const auto set = [&](InodeNumber inode, std::string_view name, std::string_view value) {
    return writer_->SetXattr(inode, name, value, XattrMode::kSet).code();
  };
  EXPECT_CODE(set(file, kDefaultAclXattr, Bytes(kNamed)), Code::kDenied);
  EXPECT_CODE(set(file, kAccessAclXattr, "v"), Code::kInvalid);
  EXPECT_CODE(set(file, "system.other", "v"), Code::kUnsupported);
  EXPECT_CODE(set(file, "user", "v"), Code::kUnsupported);
  EXPECT_CODE(set(file, "user.", "v"), Code::kInvalid);
  EXPECT_TRUE(reader_.ListXattrs(kHead, file)->empty());
  EXPECT_CODE(CodeOf(writer_->RemoveXattr(file, kAccessAclXattr)), Code::kNotFound);
}

}  // namespace
}  // namespace mendfs
