#include <atomic>
#include <thread>

#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

using NamesTest = TreeTest;

TEST_F(NamesTest, RootsAreMadeWithTheirModesAndOwner) {
  const Attributes root = Get(kFilesRoot);
  EXPECT_EQ(root.mode, S_IFDIR | 0755U);
  EXPECT_EQ(root.uid, 1U);
  EXPECT_EQ(root.gid, 2U);
  EXPECT_EQ(root.links, 2U);
  EXPECT_EQ(root.parent, kFilesRoot);
  EXPECT_EQ(Get(kScratchRoot).mode, S_IFDIR | 0700U);
  EXPECT_EQ(Get(kOrphanRoot).mode, S_IFDIR | 0700U);
}

TEST_F(NamesTest, AFileIsMadeWithWhatWasAskedFor) {
  const auto made = writer_->Make(kFilesRoot, "a", {.mode = S_IFREG | 0640, .uid = 7, .gid = 8});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->mode, S_IFREG | 0640U);
  EXPECT_EQ(made->uid, 7U);
  EXPECT_EQ(made->gid, 8U);
  EXPECT_EQ(made->links, 1U);
  EXPECT_EQ(made->size_bytes, 0U);
  EXPECT_EQ(made->btime_ns, made->mtime_ns);
  EXPECT_GE(made->inode.value, kFirstFreeInode);
  EXPECT_EQ(Find(kFilesRoot, "a"), made->inode);
}

TEST_F(NamesTest, ACreateIsThreeEntries) {
  MakeFile("a");
  EXPECT_EQ(door_.last_change().entries.size(), 3U);
  ASSERT_TRUE(writer_->Make(kFilesRoot, "l", {.mode = S_IFLNK | 0777, .link_target = "a"}).ok());
  EXPECT_EQ(door_.last_change().entries.size(), 4U);
}

TEST_F(NamesTest, EveryTypeIsMadeAndKeepsItsDevice) {
  for (const uint32_t type : {S_IFREG, S_IFDIR, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK}) {
    const std::string name = std::to_string(type);
    ASSERT_TRUE(writer_->Make(kFilesRoot, name, {.mode = type | 0600, .device = 0x803}).ok());
    const auto found = reader_.Lookup(kHead, kFilesRoot, name);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->mode, type | 0600);
    EXPECT_EQ(found->device, type == S_IFCHR || type == S_IFBLK ? 0x803U : 0U);
  }
  EXPECT_CODE(CodeOf(writer_->Make(kFilesRoot, "none", {.mode = 0644})), Code::kInvalid);
}

TEST_F(NamesTest, ASymlinkReadsBackItsTarget) {
  const std::string longest(kLinkTargetBytesMax, 't');
  const auto link =
      writer_->Make(kFilesRoot, "l", {.mode = S_IFLNK | 0777, .link_target = longest});
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->size_bytes, longest.size());
  EXPECT_EQ(reader_.ReadLink(kHead, link->inode).value(), longest);
  EXPECT_CODE(CodeOf(reader_.ReadLink(kHead, kFilesRoot)), Code::kInvalid);
  EXPECT_CODE(CodeOf(writer_->Make(kFilesRoot, "m",
                                   {.mode = S_IFLNK | 0777, .link_target = longest + "t"})),
              Code::kNameTooLong);
  EXPECT_CODE(CodeOf(writer_->Make(kFilesRoot, "m", {.mode = S_IFLNK | 0777})), Code::kInvalid);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "l", false).ok());
  EXPECT_EQ(CountTraces(link->inode), 0U);
}

TEST_F(NamesTest, BadNamesAreRefusedEverywhere) {
  const InodeNumber file = MakeFile("file");
  const std::string too_long(256, 'n');
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("a\0b", 3), too_long}) {
    const Code wanted = name == too_long ? Code::kNameTooLong : Code::kInvalid;
    EXPECT_CODE(CodeOf(writer_->Make(kFilesRoot, name, {.mode = S_IFREG})), wanted);
    EXPECT_CODE(CodeOf(writer_->Link(file, kFilesRoot, name)), wanted);
    EXPECT_CODE(CodeOf(writer_->Remove(kFilesRoot, name, false)), wanted);
    EXPECT_CODE(CodeOf(Rename(kFilesRoot, "file", kFilesRoot, name)), wanted);
    EXPECT_CODE(CodeOf(Rename(kFilesRoot, name, kFilesRoot, "b")), wanted);
    EXPECT_CODE(CodeOf(reader_.Lookup(kHead, kFilesRoot, name)), wanted);
  }
  const std::string longest(255, '\xFF');
  EXPECT_EQ(Find(kFilesRoot, longest).value, 0U);
  const InodeNumber made = MakeFile(longest);
  EXPECT_EQ(Find(kFilesRoot, longest), made);
}

TEST_F(NamesTest, ATakenNameIsKept) {
  const InodeNumber file = MakeFile("a");
  EXPECT_CODE(CodeOf(writer_->Make(kFilesRoot, "a", {.mode = S_IFDIR})), Code::kExists);
  EXPECT_CODE(CodeOf(writer_->Link(file, kFilesRoot, "a")), Code::kExists);
  EXPECT_EQ(Find(kFilesRoot, "a"), file);
}

TEST_F(NamesTest, OnlyLiveDirectoriesTakeNames) {
  const InodeNumber file = MakeFile("file");
  const InodeNumber gone(987654);
  EXPECT_CODE(CodeOf(writer_->Make(file, "a", {.mode = S_IFREG})), Code::kNotDirectory);
  EXPECT_CODE(CodeOf(writer_->Make(gone, "a", {.mode = S_IFREG})), Code::kNotFound);
  EXPECT_CODE(CodeOf(writer_->Remove(file, "a", false)), Code::kNotDirectory);
  EXPECT_CODE(CodeOf(reader_.Lookup(kHead, file, "a")), Code::kNotDirectory);
  EXPECT_CODE(CodeOf(reader_.Lookup(kHead, gone, "a")), Code::kNotFound);
  EXPECT_CODE(CodeOf(reader_.List(kHead, file, 0)), Code::kNotDirectory);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "file", gone, "a")), Code::kNotFound);

  const InodeNumber held = MakeDirectory("held");
  writer_->Hold(held);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "held", true).ok());
  EXPECT_CODE(CodeOf(writer_->Make(held, "a", {.mode = S_IFREG})), Code::kNotFound);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "file", held, "a")), Code::kNotFound);
  EXPECT_TRUE(List(held).empty());
  writer_->Unhold(held);
  EXPECT_EQ(CountTraces(held), 0U);
}

TEST_F(NamesTest, DirectoriesCountTheirDirectories) {
  const InodeNumber directory = MakeDirectory("d");
  EXPECT_EQ(Get(directory).links, 2U);
  EXPECT_EQ(Get(directory).parent, kFilesRoot);
  EXPECT_EQ(Get(kFilesRoot).links, 3U);
  MakeFile("f", directory);
  EXPECT_EQ(Get(directory).links, 2U);
  const InodeNumber inner = MakeDirectory("inner", directory);
  EXPECT_EQ(Get(directory).links, 3U);
  EXPECT_EQ(Get(inner).size_bytes, kDirectorySizeBytes);
  ASSERT_TRUE(writer_->Remove(directory, "inner", true).ok());
  EXPECT_EQ(Get(directory).links, 2U);
}

TEST_F(NamesTest, ChangedNamesTouchTheDirectoryOnly) {
  const InodeNumber directory = MakeDirectory("d");
  const Attributes before = Get(directory);
  const Attributes root_before = Get(kFilesRoot);
  MakeFile("f", directory);
  const Attributes after = Get(directory);
  EXPECT_GT(after.mtime_ns, before.mtime_ns);
  EXPECT_EQ(after.ctime_ns, after.mtime_ns);
  EXPECT_EQ(after.atime_ns, before.atime_ns);
  EXPECT_EQ(Get(kFilesRoot).mtime_ns, root_before.mtime_ns);
  ASSERT_TRUE(writer_->Remove(directory, "f", false).ok());
  EXPECT_GT(Get(directory).mtime_ns, after.mtime_ns);
}

TEST_F(NamesTest, SetgidDirectoriesPassOnTheirGroup) {
  const auto shared = writer_->Make(kFilesRoot, "s", {.mode = S_IFDIR | S_ISGID | 0775, .gid = 50});
  ASSERT_TRUE(shared.ok());
  const auto file = writer_->Make(shared->inode, "f", {.mode = S_IFREG | 0644, .gid = 9});
  const auto inner = writer_->Make(shared->inode, "d", {.mode = S_IFDIR | 0755, .gid = 9});
  ASSERT_TRUE(file.ok() && inner.ok());
  EXPECT_EQ(file->gid, 50U);
  EXPECT_EQ(file->mode, S_IFREG | 0644U);
  EXPECT_EQ(inner->gid, 50U);
  EXPECT_EQ(inner->mode, S_IFDIR | S_ISGID | 0755U);
}

TEST_F(NamesTest, HardLinksShareOneInode) {
  const InodeNumber file = MakeFile("a");
  const InodeNumber directory = MakeDirectory("d");
  const int64_t ctime = Get(file).ctime_ns;
  const auto linked = writer_->Link(file, directory, "b");
  ASSERT_TRUE(linked.ok());
  EXPECT_EQ(linked->links, 2U);
  EXPECT_GT(linked->ctime_ns, ctime);
  Write(file, 0, "shared");
  EXPECT_EQ(ReadAll(Find(directory, "b")), "shared");
  const auto removed = writer_->Remove(kFilesRoot, "a", false);
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->links, 1U);
  EXPECT_GT(removed->ctime_ns, linked->ctime_ns);
  EXPECT_EQ(ReadAll(file), "shared");
  ASSERT_TRUE(writer_->Remove(directory, "b", false).ok());
  EXPECT_EQ(CountTraces(file), 0U);
}

TEST_F(NamesTest, LinksToDirectoriesAndGoneFilesAreRefused) {
  const InodeNumber directory = MakeDirectory("d");
  EXPECT_CODE(CodeOf(writer_->Link(directory, kFilesRoot, "b")), Code::kNotPermitted);
  const InodeNumber file = MakeFile("f");
  writer_->Hold(file);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "f", false).ok());
  EXPECT_CODE(CodeOf(writer_->Link(file, kFilesRoot, "b")), Code::kNotFound);
  EXPECT_CODE(CodeOf(writer_->Link(InodeNumber(4444), kFilesRoot, "b")), Code::kNotFound);
}

TEST_F(NamesTest, LinkCountsHaveALimit) {
  const InodeNumber file = MakeFile("f");
  Attributes full = Get(file);
  full.links = kLinksMax;
  Attributes root = Get(kFilesRoot);
  root.links = kLinksMax;
  Change change;
  change.Put(InodeKey(file), EncodeAttributes(full));
  change.Put(InodeKey(kFilesRoot), EncodeAttributes(root));
  ASSERT_TRUE(door_.Apply(change).ok());
  EXPECT_CODE(CodeOf(writer_->Link(file, kFilesRoot, "b")), Code::kManyLinks);
  EXPECT_CODE(CodeOf(writer_->Make(kFilesRoot, "d", {.mode = S_IFDIR})), Code::kManyLinks);
  EXPECT_TRUE(writer_->Make(kFilesRoot, "g", {.mode = S_IFREG}).ok());
}

TEST_F(NamesTest, RemoveTellsFilesFromDirectories) {
  MakeFile("f");
  const InodeNumber directory = MakeDirectory("d");
  MakeFile("x", directory);
  EXPECT_CODE(CodeOf(writer_->Remove(kFilesRoot, "f", true)), Code::kNotDirectory);
  EXPECT_CODE(CodeOf(writer_->Remove(kFilesRoot, "d", false)), Code::kIsDirectory);
  EXPECT_CODE(CodeOf(writer_->Remove(kFilesRoot, "d", true)), Code::kNotEmpty);
  EXPECT_CODE(CodeOf(writer_->Remove(kFilesRoot, "none", true)), Code::kNotFound);
  ASSERT_TRUE(writer_->Remove(directory, "x", false).ok());
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "d", true).ok());
  EXPECT_EQ(CountTraces(directory), 0U);
}

TEST_F(NamesTest, AListingIsCompleteAndGoesOnBehindAnyCookie) {
  std::set<std::string> wanted;
  for (int number = 0; number < 200; ++number) {
    wanted.insert("name" + std::to_string(number));
    MakeFile("name" + std::to_string(number));
  }
  std::set<std::string> seen;
  uint64_t after = 0;
  while (true) {
    // Seven at a time, while names come and go elsewhere in the directory.
    const auto cursor = reader_.List(kHead, kFilesRoot, after);
    ASSERT_TRUE(cursor.ok());
    size_t count = 0;
    for (; count < 7; ++count) {
      const auto entry = (*cursor)->Next();
      ASSERT_TRUE(entry.ok());
      if (!*entry) break;
      EXPECT_NE((*entry)->cookie, 0U);
      EXPECT_GT((*entry)->cookie, after);
      EXPECT_EQ((*entry)->mode_type, uint32_t{S_IFREG});
      after = (*entry)->cookie;
      const std::string& name = (*entry)->name;
      EXPECT_TRUE(!name.starts_with("name") || seen.insert(name).second);
    }
    if (count == 0) break;
    const std::string other = "other" + std::to_string(after);
    MakeFile(other);
    if (after % 2 == 0) {
      ASSERT_TRUE(writer_->Remove(kFilesRoot, other, false).ok());
    }
  }
  EXPECT_EQ(seen, wanted);
}

TEST_F(NamesTest, NamesOfOneHashAreAllListedWhereverAListingGoesOn) {
  // Such a pair takes billions of tries to find, and somebody will: here the key is made by hand.
  const InodeNumber directory = MakeDirectory("d");
  for (const char* name : {"a", "b", "c"}) MakeFile(name, directory);
  Change change;
  std::string key = DentryKey(directory, "b");
  key.back() = 'B';
  const InodeNumber twin = Find(directory, "b");
  change.PutFresh(key, EncodeDentry({twin, S_IFREG}));
  ASSERT_TRUE(door_.Apply(change).ok());

  std::vector<std::string> at_once;
  const auto cursor = reader_.List(kHead, directory, 0);
  ASSERT_TRUE(cursor.ok());
  for (;;) {
    const auto entry = (*cursor)->Next();
    ASSERT_TRUE(entry.ok());
    if (!*entry) break;
    at_once.push_back((*entry)->name);
    // Each rest of the listing, from a new cursor.
    std::set<std::string> rest(at_once.begin(), at_once.end());
    const auto again = reader_.List(kHead, directory, (*entry)->cookie);
    ASSERT_TRUE(again.ok());
    for (;;) {
      const auto later = (*again)->Next();
      ASSERT_TRUE(later.ok());
      if (!*later) break;
      rest.insert((*later)->name);
    }
    EXPECT_EQ(rest, (std::set<std::string>{"B", "a", "b", "c"})) << "behind " << (*entry)->name;
  }
  EXPECT_EQ(at_once.size(), 4U);
}

TEST_F(NamesTest, AListingThatCannotBeReadIsAnError) {
  MakeFile("a");
  MakeFile("b");
  door_.FailReadsOf(DentryKey(kFilesRoot, "b"));
  const auto cursor = reader_.List(kHead, kFilesRoot, 0);
  ASSERT_TRUE(cursor.ok());
  Code code = Code::kOk;
  for (int step = 0; step < 3 && code == Code::kOk; ++step) code = CodeOf((*cursor)->Next());
  EXPECT_EQ(code, Code::kIo);
}

TEST_F(NamesTest, AnEarlierStateStaysReadable) {
  const InodeNumber file = MakeFile("a");
  Write(file, 0, "before");
  const View then{kMainBranch, door_.LastSeq()};
  ASSERT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "b").ok());
  Write(file, 0, "AFTER!");
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "b", false).ok());
  const auto found = reader_.Lookup(then, kFilesRoot, "a");
  ASSERT_TRUE(found.ok());
  std::string bytes(6, ' ');
  EXPECT_EQ(reader_.Read(then, found->inode, 0, 6, bytes.data()).value(), 6U);
  EXPECT_EQ(bytes, "before");
}

TEST_F(NamesTest, MakersOfOneNameMakeItOnce) {
  constexpr int kThreads = 4;
  constexpr int kNames = 200;
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int name = 0; name < kNames; ++name) {
        const auto result =
            writer_->Make(kFilesRoot, std::to_string(name), {.mode = S_IFREG | 0644});
        if (result.ok()) ++made;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, kNames);
  EXPECT_EQ(List(kFilesRoot).size(), size_t{kNames});
}

}  // namespace
}  // namespace mendfs
