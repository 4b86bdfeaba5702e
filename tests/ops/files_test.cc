#include <gmock/gmock.h>

#include <algorithm>

#include "meta/tree/acl.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

class FilesTest : public MountTest {
 protected:
  Attributes Stat(std::string_view path) {
    Result<Found> found = Look(path);
    EXPECT_TRUE(found.ok()) << path;
    return found.ok() ? found->attributes : Attributes();
  }
};

TEST_F(FilesTest, WhatIsWrittenReadsBack) {
  ASSERT_TRUE(Put("files/a", "hello\n").ok());
  EXPECT_EQ(*Get("files/a"), "hello\n");
  EXPECT_EQ(Stat("files/a").size_bytes, 6u);
  EXPECT_EQ(Stat("files/a").uid, 1000u);
}

TEST_F(FilesTest, AppendGoesToTheEndWhateverTheOffset) {
  ASSERT_TRUE(Put("files/a", "one\n").ok());
  Result<uint64_t> handle = OpenFile("files/a", O_WRONLY | O_APPEND);
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Write(*handle, 0, "two\n").ok());
  ASSERT_TRUE(Close(*handle).ok());
  EXPECT_EQ(*Get("files/a"), "one\ntwo\n");
}

TEST_F(FilesTest, AnUnlinkedFileLivesUntilItIsClosed) {
  ASSERT_TRUE(Put("files/a", "bytes").ok());
  InodeNumber inode = Inode("files/a");
  Result<uint64_t> handle = OpenFile("files/a", O_RDWR);
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Remove("files/a").ok());
  EXPECT_EQ(Look("files/a").status().code(), Code::kNotFound);
  char bytes[8];
  EXPECT_EQ(*file_system_->handles().Read(*handle, 0, sizeof bytes, bytes), 5u);
  EXPECT_TRUE(Write(*handle, 5, "!").ok());
  Result<Found> found = file_system_->nodes().GetAttributes(caller_, inode, *handle);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->attributes.links, 0u);
  ASSERT_TRUE(Close(*handle).ok());
  EXPECT_FALSE(file_system_->nodes().GetAttributes(caller_, inode, kNoHandle).ok());
}

TEST_F(FilesTest, CreateThatLosesARaceOpensTheOther) {
  ASSERT_TRUE(Put("files/a", "theirs").ok());
  Result<CreatedFile> shared =
      file_system_->names().Create(caller_, kFilesRoot, "a", 0644, {.flags = O_RDWR | O_CREAT});
  ASSERT_TRUE(shared.ok());
  EXPECT_EQ(shared->found.attributes.inode, Inode("files/a"));
  file_system_->handles().Release(shared->handle);
  EXPECT_EQ(*Get("files/a"), "theirs");
  EXPECT_EQ(file_system_->names()
                .Create(caller_, kFilesRoot, "a", 0644, {.flags = O_RDWR | O_CREAT | O_EXCL})
                .status()
                .code(),
            Code::kExists);
}

TEST_F(FilesTest, TruncateByOpenBySizeAndByHandle) {
  ASSERT_TRUE(Put("files/a", "0123456789").ok());
  AttributeChange shorter{.size_bytes = 4};
  ASSERT_TRUE(
      file_system_->nodes().SetAttributes(caller_, Inode("files/a"), shorter, kNoHandle).ok());
  EXPECT_EQ(*Get("files/a"), "0123");
  Result<uint64_t> handle = OpenFile("files/a", O_WRONLY | O_TRUNC);
  ASSERT_TRUE(handle.ok());
  EXPECT_EQ(Stat("files/a").size_bytes, 0u);
  ASSERT_TRUE(Close(*handle).ok());
}

TEST_F(FilesTest, ASetGroupIdDirectoryPassesItsGroupOn) {
  ASSERT_TRUE(Make("files/d", S_IFDIR | 0755).ok());
  AttributeChange change{.permissions = 02775, .gid = 77};
  ASSERT_TRUE(
      file_system_->nodes().SetAttributes(caller_, Inode("files/d"), change, kNoHandle).ok());
  ASSERT_TRUE(Put("files/d/file", "x").ok());
  ASSERT_TRUE(Make("files/d/sub", S_IFDIR | 0755).ok());
  EXPECT_EQ(Stat("files/d/file").gid, 77u);
  EXPECT_EQ(Stat("files/d/file").mode & S_ISGID, 0u);
  EXPECT_EQ(Stat("files/d/sub").gid, 77u);
  EXPECT_NE(Stat("files/d/sub").mode & S_ISGID, 0u);
}

TEST_F(FilesTest, LinksSymlinksAndXattrs) {
  ASSERT_TRUE(Put("files/a", "x").ok());
  ASSERT_TRUE(file_system_->names()
                  .Link(caller_, Inode("files/a"), {.parent = kFilesRoot, .name = "b"})
                  .ok());
  EXPECT_EQ(Inode("files/a"), Inode("files/b"));
  EXPECT_EQ(Stat("files/b").links, 2u);
  ASSERT_TRUE(Make("files/s", S_IFLNK | 0777, "a").ok());
  EXPECT_EQ(*file_system_->nodes().ReadLink(caller_, Inode("files/s")), "a");
  Nodes& nodes = file_system_->nodes();
  InodeNumber a = Inode("files/a");
  ASSERT_TRUE(nodes.SetXattr(caller_, a, "user.k", "v", XattrMode::kSet).ok());
  EXPECT_EQ(*nodes.GetXattr(caller_, a, "user.k"), "v");
  EXPECT_THAT(*nodes.ListXattrs(caller_, a), testing::ElementsAre("user.k"));
  EXPECT_EQ(nodes.SetXattr(caller_, a, "system.other", "v", XattrMode::kSet).code(),
            Code::kUnsupported);
  ASSERT_TRUE(nodes.RemoveXattr(caller_, a, "user.k").ok());
  EXPECT_EQ(nodes.GetXattr(caller_, a, "user.k").status().code(), Code::kNotFound);
}

TEST_F(FilesTest, AListingIsCompleteHoweverSmallTheReplies) {
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back("file" + std::to_string(i));
    ASSERT_TRUE(Put("files/" + expected.back(), "x").ok());
  }
  std::sort(expected.begin(), expected.end());
  for (size_t room : {1u, 2u, 7u, 1000u}) {
    for (bool lookups : {false, true}) {
      std::vector<std::string> names = List("files", room, lookups);
      std::sort(names.begin(), names.end());
      EXPECT_EQ(names, expected) << room;
    }
  }
}

TEST_F(FilesTest, RemovingWhileListingMissesNothing) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Put("files/f" + std::to_string(i), "x").ok());
  Result<uint64_t> handle = file_system_->handles().OpenDirectory(caller_, kFilesRoot);
  ASSERT_TRUE(handle.ok());
  uint64_t after = 0;
  size_t removed = 0;
  for (;;) {
    NameList reply(3);
    ASSERT_TRUE(file_system_->handles()
                    .ReadDirectory(caller_, {.handle = *handle, .after = after}, reply)
                    .ok());
    if (reply.names.empty()) break;
    after = reply.last;
    for (const std::string& name : reply.names) {
      if (name.starts_with('.')) continue;
      ASSERT_TRUE(Remove("files/" + name).ok());
      ++removed;
    }
    file_system_->Tick();
  }
  file_system_->handles().ReleaseDirectory(*handle);
  EXPECT_EQ(removed, 50u);
  EXPECT_TRUE(List("files").empty());
}

TEST_F(FilesTest, FsyncSurvivesAPowerCut) {
  Result<uint64_t> handle = OpenFile("files/a", O_WRONLY | O_CREAT);
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Write(*handle, 0, "durable").ok());
  ASSERT_TRUE(file_system_->handles().Sync(caller_, *handle).ok());
  EXPECT_GE(store_->Describe().durable_seq, store_->LastSeq());
}

TEST_F(FilesTest, TheUmaskIsAppliedHereAndLeftOutUnderADefaultAcl) {
  caller_.umask = 027;
  ASSERT_TRUE(Make("files/d", S_IFDIR | 0777).ok());
  ASSERT_TRUE(Make("files/s", S_IFLNK | 0777, "d").ok());
  EXPECT_EQ(Stat("files/d").mode, S_IFDIR | 0750u);
  EXPECT_EQ(Stat("files/s").mode, S_IFLNK | 0777u);
  Result<Found> row = Make("nodes/Person/.scratch", S_IFREG | 0666);
  ASSERT_TRUE(row.ok()) << row.status().ToString();
  EXPECT_EQ(row->attributes.mode & 07777, 0640u);
  Acl acl = {{AclTag::kOwner, 7, kNoAclId},
             {AclTag::kOwningGroup, 7, kNoAclId},
             {AclTag::kOther, 5, kNoAclId}};
  ASSERT_TRUE(
      file_system_->nodes()
          .SetXattr(caller_, Inode("files/d"), kDefaultAclXattr, EncodeAcl(acl), XattrMode::kSet)
          .ok());
  ASSERT_TRUE(Put("files/d/f", "x").ok());
  EXPECT_EQ(Stat("files/d/f").mode, S_IFREG | 0644u);
}

TEST_F(FilesTest, AnAclFromOutsideOfTheGroupTakesTheGroupBit) {
  ASSERT_TRUE(Put("files/a", "x").ok());
  AttributeChange change{.permissions = 02755, .gid = 77};
  InodeNumber a = Inode("files/a");
  Nodes& nodes = file_system_->nodes();
  std::string acl = EncodeAcl({{AclTag::kOwner, 7, kNoAclId},
                               {AclTag::kOwningGroup, 7, kNoAclId},
                               {AclTag::kOther, 5, kNoAclId}});
  ASSERT_TRUE(nodes.SetAttributes(caller_, a, change, kNoHandle).ok());
  caller_.groups = {5, 77};
  ASSERT_TRUE(nodes.SetXattr(caller_, a, kAccessAclXattr, acl, XattrMode::kSet).ok());
  EXPECT_EQ(Stat("files/a").mode, S_IFREG | 02775u);
  caller_.groups = {5};
  ASSERT_TRUE(nodes.SetXattr(caller_, a, kAccessAclXattr, acl, XattrMode::kSet).ok());
  EXPECT_EQ(Stat("files/a").mode, S_IFREG | 0775u);
}

TEST_F(FilesTest, AFileWithoutANameLivesWithItsHandleOrGetsOne) {
  ASSERT_TRUE(Make("files/d", S_IFDIR | 0755).ok());
  Names& names = file_system_->names();
  Result<CreatedFile> made =
      names.Create(caller_, Inode("files/d"), "", 0600, {.flags = O_TMPFILE | O_RDWR});
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->found.attributes.links, 0u);
  ASSERT_TRUE(Write(made->handle, 0, "late").ok());
  EXPECT_TRUE(List("files/d").empty());
  InodeNumber inode = made->found.attributes.inode;
  ASSERT_TRUE(names.Link(caller_, inode, {.parent = kFilesRoot, .name = "named"}).ok());
  ASSERT_TRUE(Close(made->handle).ok());
  EXPECT_EQ(*Get("files/named"), "late");
  made = names.Create(caller_, kFilesRoot, "", 0600, {.flags = O_TMPFILE | O_RDWR});
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE(Close(made->handle).ok());
  EXPECT_FALSE(
      file_system_->nodes().GetAttributes(caller_, made->found.attributes.inode, kNoHandle).ok());
  EXPECT_EQ(names.Create(caller_, Inode("nodes/Person"), "", 0600, {.flags = O_TMPFILE | O_RDWR})
                .status()
                .code(),
            Code::kUnsupported);
}

TEST_F(FilesTest, RelatimeNotesTheFirstReadAfterAChange) {
  Open({.relatime = true});
  ASSERT_TRUE(Put("files/a", "x").ok());
  auto read = [&](int flags) {
    Result<uint64_t> handle = OpenFile("files/a", flags);
    EXPECT_TRUE(handle.ok());
    file_system_->handles().Release(*handle);
    return Stat("files/a");
  };
  Attributes written = Stat("files/a");
  EXPECT_EQ(read(O_WRONLY).atime_ns, written.atime_ns);
  EXPECT_EQ(read(O_RDONLY | O_NOATIME).atime_ns, written.atime_ns);
  Attributes seen = read(O_RDONLY);
  EXPECT_GT(seen.atime_ns, written.mtime_ns);
  EXPECT_EQ(seen.ctime_ns, written.ctime_ns);
  Seq seq = store_->LastSeq();
  EXPECT_EQ(read(O_RDONLY).atime_ns, seen.atime_ns);
  EXPECT_EQ(store_->LastSeq(), seq);
  AttributeChange yesterday{.atime_ns = seen.atime_ns - int64_t{86'400'000'000'000}};
  AttributeChange old{.mtime_ns = 1};
  ASSERT_TRUE(
      file_system_->nodes().SetAttributes(caller_, Inode("files/a"), yesterday, kNoHandle).ok());
  ASSERT_TRUE(file_system_->nodes().SetAttributes(caller_, Inode("files/a"), old, kNoHandle).ok());
  EXPECT_GT(read(O_RDONLY).atime_ns, seen.atime_ns);
}

TEST_F(FilesTest, WithoutRelatimeReadingChangesNothing) {
  ASSERT_TRUE(Put("files/a", "x").ok());
  Seq seq = store_->LastSeq();
  ASSERT_TRUE(Get("files/a").ok());
  List("files");
  EXPECT_EQ(store_->LastSeq(), seq);
}

TEST_F(FilesTest, DotsLeadToTheDirectoryAndItsParent) {
  ASSERT_TRUE(Make("files/d", S_IFDIR | 0755).ok());
  ASSERT_TRUE(Make("files/d/e", S_IFDIR | 0755).ok());
  Names& names = file_system_->names();
  auto dots = [&](std::string_view path, std::string_view name) {
    Result<Found> found = names.Lookup(caller_, Inode(path), name);
    EXPECT_TRUE(found.ok()) << path;
    return found.ok() ? found->attributes.inode : InodeNumber{0};
  };
  EXPECT_EQ(dots("files/d/e", "."), Inode("files/d/e"));
  EXPECT_EQ(dots("files/d/e", ".."), Inode("files/d"));
  EXPECT_EQ(dots("files/d", ".."), kFilesRoot);
  EXPECT_EQ(dots("files", ".."), kMountRoot);
  EXPECT_EQ(dots("nodes/Person", "."), Inode("nodes/Person"));
  EXPECT_EQ(dots("nodes/Person", ".."), Inode("nodes"));
  InodeNumber gone = Inode("files/d/e");
  ASSERT_TRUE(Remove("files/d/e", true).ok());
  EXPECT_EQ(names.Lookup(caller_, gone, ".").status().code(), Code::kNotFound);
  EXPECT_EQ(names.Lookup(caller_, gone, "..").status().code(), Code::kNotFound);
}

TEST_F(FilesTest, HandlesThatAreNotOpenAreRefused) {
  char byte = 0;
  EXPECT_EQ(file_system_->handles().Read(4711, 0, 1, &byte).status().code(), Code::kInvalid);
  EXPECT_EQ(Write(4711, 0, "x").code(), Code::kInvalid);
  file_system_->handles().Release(4711);
  file_system_->handles().ReleaseDirectory(4711);
}

TEST_F(FilesTest, ANodeThatNobodyKnowsIsAbsent) {
  EXPECT_EQ(
      file_system_->nodes().GetAttributes(caller_, InodeNumber{999999}, kNoHandle).status().code(),
      Code::kNotFound);
  EXPECT_FALSE(file_system_->handles().OpenDirectory(caller_, InodeNumber{999999}).ok());
}

TEST_F(FilesTest, SpaceHolesAndSharedRangesOfAnOpenFile) {
  const std::string body = std::string(200'000, 'a') + std::string(200'000, 'b');
  ASSERT_TRUE(Put("files/a", body).ok());
  const uint64_t a = *OpenFile("files/a", O_RDWR);
  const uint64_t b = *OpenFile("files/b", O_RDWR | O_CREAT);
  Handles& handles = file_system_->handles();
  ASSERT_TRUE(handles
                  .ChangeSpace(caller_, a,
                               {.mode = SpaceMode::kPunch,
                                .keep_size = true,
                                .offset = 100'000,
                                .size_bytes = 50'000})
                  .ok());
  EXPECT_EQ(**handles.Find(a, 0, BodySought::kHole), 100'000u);
  EXPECT_EQ(**handles.Find(a, 100'000, BodySought::kData), 150'000u);
  EXPECT_FALSE(handles.Find(a, 400'000, BodySought::kData)->has_value());
  EXPECT_EQ(*handles.Clone(caller_, {.source = a, .target = b, .size_bytes = 1'000'000}), 400'000u);
  EXPECT_TRUE(*Get("files/b") == *Get("files/a"));
  EXPECT_EQ(handles.ChangeSpace(caller_, a, {.size_bytes = uint64_t{1} << 50}).code(),
            Code::kNoSpace);
  ASSERT_TRUE(handles.ChangeSpace(caller_, b, {.size_bytes = 500'000}).ok());
  EXPECT_EQ(Stat("files/b").size_bytes, 500'000u);
  EXPECT_TRUE(Close(a).ok());
  EXPECT_TRUE(Close(b).ok());
}

TEST_F(FilesTest, WhatIsNoFileOfTheTreeHasNoHolesAndSharesNothing) {
  ASSERT_TRUE(Put("files/a", "bytes").ok());
  const uint64_t file = *OpenFile("files/a", O_RDWR);
  const uint64_t other = *OpenFile(".mend/README", O_RDONLY);
  Handles& handles = file_system_->handles();
  const uint64_t size = Stat(".mend/README").size_bytes;
  EXPECT_EQ(**handles.Find(other, 3, BodySought::kData), 3u);
  EXPECT_EQ(**handles.Find(other, 3, BodySought::kHole), size);
  EXPECT_FALSE(handles.Find(other, size, BodySought::kHole)->has_value());
  EXPECT_EQ(handles.ChangeSpace(caller_, other, {.size_bytes = 10}).code(), Code::kUnsupported);
  EXPECT_EQ(
      handles.Clone(caller_, {.source = other, .target = file, .size_bytes = 10}).status().code(),
      Code::kUnsupported);
  EXPECT_TRUE(Close(file).ok());
  EXPECT_TRUE(Close(other).ok());
}

}  // namespace
}  // namespace mendfs
