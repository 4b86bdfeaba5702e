#include <gmock/gmock.h>

#include "meta/codec/hash.h"
#include "meta/refs.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class PastTest : public MountTest {
 protected:
  std::string Commit() {
    auto commit = store_->CloseCommit(kMainBranch, {});
    EXPECT_TRUE(commit.ok() && *commit) << commit.status().ToString();
    return commit.ok() && *commit ? ShortHex((*commit)->id) : "";
  }
  void WriteFile(const std::string& path, std::string_view bytes) {
    Result<uint64_t> handle = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC);
    ASSERT_TRUE(handle.ok()) << handle.status().ToString();
    EXPECT_TRUE(Write(*handle, 0, bytes).ok());
    EXPECT_TRUE(Close(*handle).ok());
  }
  std::string At(const std::string& commit, std::string_view path) {
    return ".mend/at/" + commit + (path.empty() ? "" : "/") + std::string(path);
  }
};

TEST_F(PastTest, EverythingReadsAsItsCommitLeftIt) {
  AddPerson("alice");
  AddPerson("bob");
  AddKnows("alice", "bob");
  ASSERT_TRUE(Make("files/dir", S_IFDIR | 0755).ok());
  WriteFile("files/dir/one", "first");
  ASSERT_TRUE(Make("files/link", S_IFLNK | 0777, "dir/one").ok());
  const std::string old = Commit();
  WriteFile("files/dir/one", "second, and longer");
  WriteFile("files/dir/two", "two");
  ASSERT_TRUE(Remove("nodes/Person/bob.json").ok());
  ASSERT_TRUE(Put("nodes/Person/alice.json", "{\"age\": 2}\n").ok());
  ASSERT_TRUE(Put("nodes/Person/carol.json", "{}\n").ok());
  ASSERT_TRUE(Remove("files/link").ok());
  Commit();

  EXPECT_EQ(*Get(At(old, "files/dir/one")), "first");
  EXPECT_EQ(Look(At(old, "files/dir/one"))->attributes.size_bytes, 5u);
  EXPECT_THAT(List(At(old, "files/dir")), ElementsAre("one"));
  EXPECT_THAT(List(At(old, "files")), UnorderedElementsAre("dir", "link"));
  EXPECT_EQ(*file_system_->nodes().ReadLink(caller_, Inode(At(old, "files/link"))), "dir/one");
  EXPECT_THAT(List(At(old, "nodes/Person")), UnorderedElementsAre("alice.json", "bob.json"));
  EXPECT_EQ(*Get(At(old, "nodes/Person/alice.json")), "{\"age\": 1}\n");
  EXPECT_THAT(List(At(old, "edges/Knows")), ElementsAre("alice~bob.json"));
  EXPECT_THAT(List(At(old, "graph/Person/bob/in/Knows")), ElementsAre("alice"));
  EXPECT_EQ(*Get(At(old, "schema.graph")), *Get("schema.graph"));
  EXPECT_EQ(Look(At(old, "schema.graph"))->attributes.mtime_ns,
            store_->Log(kMainBranch, kHeadSeq, 2)->back().time_ns);
  EXPECT_EQ(Look(At(old, "nodes/Person/carol.json")).status().code(), Code::kNotFound);
  EXPECT_EQ(Look(At(old, ".mend")).status().code(), Code::kNotFound);
  // And now is now.
  EXPECT_EQ(*Get("files/dir/one"), "second, and longer");
}

TEST_F(PastTest, TwoMomentsOfOneFileAreTwoFiles) {
  WriteFile("files/one", "first");
  const std::string first = Commit();
  WriteFile("files/one", "second");
  const std::string second = Commit();
  const InodeNumber now = Inode("files/one");
  const InodeNumber then = Inode(At(first, "files/one"));
  const InodeNumber later = Inode(At(second, "files/one"));
  EXPECT_NE(now, then);
  EXPECT_NE(then, later);
  EXPECT_NE(then.value & kDerivedInodeBit, 0u);
  EXPECT_EQ(Inode(At(first, "files/one")), then);
  EXPECT_EQ(*Get(At(second, "files/one")), "second");
}

TEST_F(PastTest, EverythingListedCanBeLookedUpAndHasTheNumberThatWasListed) {
  AddPerson("alice");
  for (int i = 0; i < 300; ++i) WriteFile("files/f" + std::to_string(i), "x");
  const std::string commit = Commit();
  EXPECT_EQ(List(At(commit, "files"), 7).size(), 300u);
  EXPECT_EQ(List(At(commit, "files"), 1000).size(), 300u);
  for (const char* path : {"", "files", "nodes", "nodes/Person", "graph/Person/alice"}) {
    for (const std::string& name : List(At(commit, path), 5, true)) {
      EXPECT_TRUE(Look(At(commit, path) + "/" + name).ok()) << path << "/" << name;
    }
  }
}

TEST_F(PastTest, NothingOfThePastCanBeChanged) {
  AddPerson("alice");
  WriteFile("files/one", "first");
  const std::string commit = Commit();
  const std::string file = At(commit, "files/one");
  EXPECT_EQ(OpenFile(file, O_WRONLY).status().code(), Code::kReadOnly);
  EXPECT_EQ(OpenFile(file, O_RDONLY | O_TRUNC).status().code(), Code::kReadOnly);
  EXPECT_EQ(OpenFile(At(commit, "files/new"), O_WRONLY | O_CREAT).status().code(), Code::kReadOnly);
  EXPECT_EQ(OpenFile(At(commit, "nodes/Person/new.json"), O_WRONLY | O_CREAT).status().code(),
            Code::kReadOnly);
  EXPECT_EQ(Make(At(commit, "files/dir"), S_IFDIR | 0755).status().code(), Code::kReadOnly);
  EXPECT_EQ(Remove(file).code(), Code::kReadOnly);
  EXPECT_EQ(Rename(file, At(commit, "files/two")).code(), Code::kReadOnly);
  EXPECT_EQ(Rename(file, "files/two").code(), Code::kCrossDevice);
  EXPECT_EQ(file_system_->nodes()
                .SetAttributes(caller_, Inode(file), {.size_bytes = 0}, kNoHandle)
                .status()
                .code(),
            Code::kReadOnly);
  EXPECT_EQ(*Get(file), "first");
}

TEST_F(PastTest, RefsAreLinksToTheCommitThatTheyMeanNow) {
  WriteFile("files/one", "1");
  const std::string first = Commit();
  WriteFile("files/one", "2");
  const std::string second = Commit();
  auto link = [&](const std::string& ref) {
    return *file_system_->nodes().ReadLink(caller_, Inode(".mend/at/" + ref));
  };
  EXPECT_EQ(link("HEAD"), second);
  EXPECT_EQ(link("HEAD~1"), first);
  EXPECT_EQ(link(first.substr(0, 12)), first);
  EXPECT_EQ(link("0s-ago"), second);
  EXPECT_THAT(List(".mend/at", 2), Contains(first));
  EXPECT_EQ(List(".mend/at", 2).front(), second);
  for (const char* wrong : {"HEAD~99", "nonsense", "0000000000", "HEAD~", "HEAD~-1", "999999w-ago",
                            ".git", "1x-ago", "-ago", "2026-13-01"}) {
    EXPECT_EQ(Look(".mend/at/" + std::string(wrong)).status().code(), Code::kNotFound) << wrong;
  }
}

TEST_F(PastTest, ManyMomentsAtOnceAreReadThroughFewViews) {
  std::vector<std::string> commits;
  for (int i = 0; i < 80; ++i) {
    WriteFile("files/one", std::to_string(i));
    commits.push_back(Commit());
  }
  std::vector<InodeNumber> inodes;
  for (const std::string& commit : commits) inodes.push_back(Inode(At(commit, "files/one")));
  // The first views were given up meanwhile; their nodes are still good.
  for (size_t i = 0; i < commits.size(); ++i) {
    Result<OpenedFile> opened =
        file_system_->handles().Open(caller_, inodes[i], {.flags = O_RDONLY});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    char bytes[8];
    Result<size_t> count = file_system_->handles().Read(opened->handle, 0, sizeof bytes, bytes);
    ASSERT_TRUE(count.ok());
    EXPECT_EQ(std::string(bytes, *count), std::to_string(i));
    file_system_->handles().Release(opened->handle);
  }
}

TEST_F(PastTest, AnOpenFileReadsOnWhenItsCommitGoes) {
  WriteFile("files/one", "first");
  const std::string old = Commit();
  Result<uint64_t> open = OpenFile(At(old, "files/one"), O_RDONLY);
  ASSERT_TRUE(open.ok());
  WriteFile("files/one", "second");
  Commit();
  ASSERT_TRUE(store_->Thin(ThinHow::kPressing).ok());
  EXPECT_EQ(Look(".mend/at/" + old).status().code(), Code::kNotFound);
  char bytes[8];
  Result<size_t> count = file_system_->handles().Read(*open, 0, sizeof bytes, bytes);
  ASSERT_TRUE(count.ok()) << count.status().ToString();
  EXPECT_EQ(std::string(bytes, *count), "first");
  file_system_->handles().Release(*open);
}

}  // namespace
}  // namespace mendfs
