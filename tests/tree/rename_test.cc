#include <thread>

#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

using RenameTest = TreeTest;

TEST_F(RenameTest, AFileMovesWithinAndAcrossDirectories) {
  const InodeNumber directory = MakeDirectory("d");
  const InodeNumber file = MakeFile("a");
  const Attributes before = Get(file);
  ASSERT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "b").ok());
  EXPECT_EQ(Find(kFilesRoot, "b"), file);
  EXPECT_EQ(Find(kFilesRoot, "a").value, 0U);
  EXPECT_GT(Get(file).ctime_ns, before.ctime_ns);
  EXPECT_EQ(Get(file).mtime_ns, before.mtime_ns);

  const Attributes root = Get(kFilesRoot);
  const Attributes target = Get(directory);
  ASSERT_TRUE(Rename(kFilesRoot, "b", directory, "c").ok());
  EXPECT_EQ(Find(directory, "c"), file);
  EXPECT_TRUE(List(kFilesRoot).count("b") == 0);
  EXPECT_GT(Get(kFilesRoot).mtime_ns, root.mtime_ns);
  EXPECT_GT(Get(directory).mtime_ns, target.mtime_ns);
  EXPECT_EQ(Get(kFilesRoot).links, root.links);
}

TEST_F(RenameTest, AMissingSourceIsNotFound) {
  MakeFile("b");
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "a", kFilesRoot, "b")), Code::kNotFound);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "b", kFilesRoot, "a", RenameMode::kExchange)),
              Code::kNotFound);
}

TEST_F(RenameTest, AReplacedFileIsFreedUnlessItHasAnotherName) {
  const InodeNumber source = MakeFile("a");
  const InodeNumber target = MakeFile("b");
  Write(target, 0, "bytes");
  ASSERT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "b").ok());
  EXPECT_EQ(Find(kFilesRoot, "b"), source);
  EXPECT_EQ(CountTraces(target), 0U);

  const InodeNumber linked = MakeFile("c");
  ASSERT_TRUE(writer_->Link(linked, kFilesRoot, "d").ok());
  ASSERT_TRUE(Rename(kFilesRoot, "b", kFilesRoot, "c").ok());
  EXPECT_EQ(Get(linked).links, 1U);
}

TEST_F(RenameTest, TwoNamesOfOneInodeStay) {
  const InodeNumber file = MakeFile("a");
  ASSERT_TRUE(writer_->Link(file, kFilesRoot, "b").ok());
  const uint64_t changes = door_.applied_changes();
  EXPECT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "b").ok());
  EXPECT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "a").ok());
  EXPECT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "b", RenameMode::kExchange).ok());
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "a", kFilesRoot, "b", RenameMode::kNoReplace)),
              Code::kExists);
  EXPECT_EQ(door_.applied_changes(), changes);
  EXPECT_EQ(Get(file).links, 2U);
}

TEST_F(RenameTest, NoReplaceKeepsTheTarget) {
  MakeFile("a");
  const InodeNumber target = MakeFile("b");
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "a", kFilesRoot, "b", RenameMode::kNoReplace)),
              Code::kExists);
  EXPECT_EQ(Find(kFilesRoot, "b"), target);
  EXPECT_TRUE(Rename(kFilesRoot, "a", kFilesRoot, "c", RenameMode::kNoReplace).ok());
}

TEST_F(RenameTest, KindsMustAgreeAndDirectoriesBeEmpty) {
  MakeFile("file");
  const InodeNumber full = MakeDirectory("full");
  MakeFile("x", full);
  MakeDirectory("empty");
  const InodeNumber directory = MakeDirectory("d");
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "file", kFilesRoot, "empty")), Code::kIsDirectory);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "d", kFilesRoot, "file")), Code::kNotDirectory);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "d", kFilesRoot, "full")), Code::kNotEmpty);
  const uint32_t links = Get(kFilesRoot).links;
  ASSERT_TRUE(Rename(kFilesRoot, "d", kFilesRoot, "empty").ok());
  EXPECT_EQ(Find(kFilesRoot, "empty"), directory);
  EXPECT_EQ(Get(kFilesRoot).links, links - 1);
}

TEST_F(RenameTest, AMovedDirectoryKnowsItsNewParent) {
  const InodeNumber left = MakeDirectory("left");
  const InodeNumber right = MakeDirectory("right");
  const InodeNumber moved = MakeDirectory("m", left);
  const InodeNumber replaced = MakeDirectory("m", right);
  ASSERT_TRUE(Rename(left, "m", right, "m").ok());
  EXPECT_EQ(Get(moved).parent, right);
  EXPECT_EQ(Get(left).links, 2U);
  EXPECT_EQ(Get(right).links, 3U);
  EXPECT_EQ(CountTraces(replaced), 0U);
}

TEST_F(RenameTest, ADirectoryNeverMovesBelowItself) {
  const InodeNumber a = MakeDirectory("a");
  const InodeNumber b = MakeDirectory("b", a);
  const InodeNumber c = MakeDirectory("c", b);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "a", a, "x")), Code::kInvalid);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "a", c, "x")), Code::kInvalid);
  EXPECT_CODE(CodeOf(Rename(b, "c", kFilesRoot, "a")), Code::kNotEmpty);
  EXPECT_CODE(CodeOf(Rename(b, "c", kFilesRoot, "a", RenameMode::kExchange)), Code::kInvalid);
  EXPECT_CODE(CodeOf(Rename(kFilesRoot, "a", b, "c", RenameMode::kExchange)), Code::kInvalid);
  EXPECT_TRUE(Rename(b, "c", kFilesRoot, "x").ok());
  EXPECT_EQ(Get(c).parent, kFilesRoot);
}

TEST_F(RenameTest, ExchangeSwapsAnyTwoNames) {
  const InodeNumber left = MakeDirectory("left");
  const InodeNumber right = MakeDirectory("right");
  const InodeNumber file = MakeFile("f", left);
  const InodeNumber directory = MakeDirectory("d", right);
  MakeFile("inner", directory);
  ASSERT_TRUE(Rename(left, "f", right, "d", RenameMode::kExchange).ok());
  EXPECT_EQ(Find(left, "f"), directory);
  EXPECT_EQ(Find(right, "d"), file);
  EXPECT_EQ(Get(directory).parent, left);
  EXPECT_EQ(Get(left).links, 3U);
  EXPECT_EQ(Get(right).links, 2U);
  EXPECT_EQ(reader_.Lookup(kHead, left, "f")->mode & S_IFMT, uint32_t{S_IFDIR});

  const InodeNumber other = MakeDirectory("d2", right);
  ASSERT_TRUE(Rename(left, "f", right, "d2", RenameMode::kExchange).ok());
  EXPECT_EQ(Get(other).parent, left);
  EXPECT_EQ(Get(directory).parent, right);
  EXPECT_EQ(Get(left).links, 3U);
  EXPECT_EQ(Get(right).links, 3U);
}

// Holds each change back for a moment, so that another that may run beside it gets as far.
class MeetingDoor final : public Door {
 public:
  explicit MeetingDoor(MemoryDoor& door) : door_(door) {}

  Result<Seq> Apply(const Change& change) override {
    {
      MutexLock lock(mutex_);
      ++arrived_;
      met_.NotifyAll();
      if (arrived_ < 2) met_.WaitFor(mutex_, 200);
    }
    return door_.Apply(change);
  }
  const Reader& reader() const override { return door_.reader(); }
  BodyStore& bodies() override { return door_.bodies(); }
  Result<InodeNumber> TakeInodes(uint64_t count) override { return door_.TakeInodes(count); }
  EntityLocks& locks() override { return door_.locks(); }
  SharedMutex& table_gate() override { return door_.table_gate(); }
  int64_t NowNs() override { return door_.NowNs(); }

 private:
  MemoryDoor& door_;
  Mutex mutex_{LockRank::kDoor};
  CondVar met_;
  int arrived_ GUARDED_BY(mutex_) = 0;
};

// Each moves its directory below the other's, and the two share no directory: without an order
// among such moves both would succeed and leave a ring that no path reaches.
TEST_F(RenameTest, OppositeMovesOfDirectoriesNeverTieARing) {
  const InodeNumber x = MakeDirectory("x");
  const InodeNumber y = MakeDirectory("y");
  const InodeNumber a = MakeDirectory("a", x);
  const InodeNumber b = MakeDirectory("b", y);
  const InodeNumber below_a = MakeDirectory("deep", a);
  const InodeNumber below_b = MakeDirectory("deep", b);
  MeetingDoor door(door_);
  FileWriter writer(door, kMainBranch);
  Status first;
  std::thread other([&] { first = writer.Rename(x, "a", below_b, "in", RenameMode::kReplace); });
  const Status second = writer.Rename(y, "b", below_a, "in", RenameMode::kReplace);
  other.join();
  EXPECT_NE(first.ok(), second.ok());
  EXPECT_EQ((first.ok() ? second : first).code(), Code::kInvalid);
  EXPECT_EQ(Find(x, "a").value != 0, !first.ok());
  EXPECT_EQ(Find(y, "b").value != 0, !second.ok());
}

TEST_F(RenameTest, RacingRenamesAndRemovesKeepEveryCountTrue) {
  constexpr int kRounds = 400;
  const InodeNumber left = MakeDirectory("left");
  const InodeNumber right = MakeDirectory("right");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < kRounds; ++round) {
        const InodeNumber from = (round + thread) % 2 == 0 ? left : right;
        const InodeNumber to = round % 3 == 0 ? left : right;
        const std::string name = std::to_string(round % 3);
        switch ((round + thread) % 4) {
          case 0: writer_->Make(from, name, {.mode = S_IFDIR | 0755}).status().IgnoreError(); break;
          case 1: Rename(from, name, to, std::to_string(thread)).IgnoreError(); break;
          case 2: Rename(from, name, to, name, RenameMode::kExchange).IgnoreError(); break;
          default: writer_->Remove(to, name, true).status().IgnoreError(); break;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t inodes = 0;
  for (const InodeNumber parent : {left, right}) {
    const auto names = List(parent);
    EXPECT_EQ(Get(parent).links, 2 + names.size());
    for (const auto& [name, inode] : names) EXPECT_EQ(Get(inode).parent, parent) << name;
    inodes += names.size();
  }
  EXPECT_EQ(CountEntries(std::string(1, static_cast<char>(KeyKind::kInode))), 5 + inodes);
}

}  // namespace
}  // namespace mendfs
