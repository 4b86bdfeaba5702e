// A quota at a directory that is not empty: what is below it is counted, once, whatever moves
// meanwhile, and after any end.
#include <atomic>
#include <random>
#include <thread>

#include "meta/manifest/keys.h"
#include "meta/tree/quota.h"
#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

class QuotaCountingTest : public TreeTest {
 protected:
  Quota QuotaOf(InodeNumber inode) {
    const auto quota = reader_.GetQuota(kHead, inode);
    EXPECT_TRUE(quota.ok() && quota->has_value());
    return quota.ok() && quota->has_value() ? **quota : Quota{};
  }
  // What is below the directory and itself, as a walk finds it, but for trees of their own.
  uint64_t Below(InodeNumber directory, std::set<uint64_t>& seen) {
    const InodeNumber id = Get(directory).quota;
    uint64_t taken = TakenBytes(Get(directory));
    for (const auto& [name, inode] : List(directory)) {
      const Attributes found = Get(inode);
      const auto own = reader_.GetQuota(kHead, inode);
      if (own.ok() && own->has_value() && (*own)->directory == inode) continue;
      EXPECT_EQ(found.quota.value, id.value) << name;
      if (S_ISDIR(found.mode)) {
        taken += Below(inode, seen);
      } else if (seen.insert(inode.value).second) {
        taken += TakenBytes(found);
      }
    }
    return taken;
  }
  void ExpectCounted(InodeNumber top) {
    const Quota quota = QuotaOf(top);
    EXPECT_EQ(quota.directory.value, top.value);
    EXPECT_FALSE(quota.counting);
    std::set<uint64_t> seen;
    EXPECT_EQ(quota.used_bytes, Below(top, seen));
  }
  // `directories` of them below `top`, each in one of those before, with files.
  std::vector<InodeNumber> Populate(InodeNumber top, int directories, int files) {
    std::vector<InodeNumber> made = {top};
    for (int i = 1; i < directories; ++i) {
      made.push_back(MakeDirectory("d" + std::to_string(i), made[made.size() / 2]));
    }
    for (int i = 0; i < files; ++i) {
      const size_t at = static_cast<size_t>(i) % made.size();
      const InodeNumber file = MakeFile("f" + std::to_string(i), made[at]);
      Write(file, 0, std::string(static_cast<size_t>(i % 3000), 'x'));
    }
    return made;
  }
  void ExpectSet(InodeNumber top, uint64_t limit_bytes) {
    const Status set = writer_->SetQuota(top, limit_bytes);
    ASSERT_TRUE(set.ok()) << set.ToString();
    const Status counted = writer_->AwaitCounting();
    ASSERT_TRUE(counted.ok()) << counted.ToString();
  }
  // Makes, moves, links, writes and removes in the places until told to stop.
  void Disturb(const std::vector<InodeNumber>& places, uint64_t seed,
               const std::atomic<bool>& stop) {
    std::mt19937_64 random(seed);
    const auto place = [&] { return places[random() % places.size()]; };
    const auto name = [&] {
      return (random() % 3 == 0 ? "d" : "f") + std::to_string(random() % 40);
    };
    while (!stop.load()) {
      const InodeNumber at = place();
      const InodeNumber inode = Find(at, name());
      switch (random() % 7) {
        case 0: writer_->Make(at, name(), {.mode = S_IFREG | 0644}).status().IgnoreError(); break;
        case 1: writer_->Make(at, name(), {.mode = S_IFDIR | 0755}).status().IgnoreError(); break;
        case 2: Rename(at, name(), place(), name(), RenameMode(random() % 3)).IgnoreError(); break;
        case 3: Rename(at, name(), at, name(), RenameMode(random() % 3)).IgnoreError(); break;
        case 4: writer_->Remove(at, name(), random() % 4 == 0).status().IgnoreError(); break;
        case 5: writer_->Append(inode, std::string(700, 'y')).status().IgnoreError(); break;
        case 6: writer_->Link(inode, at, name()).status().IgnoreError(); break;
      }
    }
  }
};

TEST_F(QuotaCountingTest, WhatIsThereIsCountedAndBounded) {
  const InodeNumber top = MakeDirectory("top");
  const auto directories = Populate(top, 40, 1000);
  Make(top, "pipe", S_IFIFO | 0600);
  ExpectSet(top, 100 << 20);
  ExpectCounted(top);
  const uint64_t used = QuotaOf(top).used_bytes;
  ASSERT_TRUE(writer_->SetQuota(top, used + 512).ok());
  const InodeNumber more = MakeFile("more", top);
  Write(more, 0, std::string(512, 'm'));
  EXPECT_CODE(CodeOf(writer_->Append(more, "m")), Code::kQuota);
  ASSERT_TRUE(writer_->Remove(directories[39], "f999", false).ok());
  ExpectCounted(top);
}

TEST_F(QuotaCountingTest, ALowerLimitThanIsThereRefusesOnlyWhatAdds) {
  const InodeNumber top = MakeDirectory("top");
  const auto directories = Populate(top, 3, 20);
  ExpectSet(top, 4096);
  ExpectCounted(top);
  EXPECT_CODE(CodeOf(writer_->Make(top, "new", {.mode = S_IFDIR | 0755})), Code::kQuota);
  ASSERT_TRUE(writer_->Remove(directories[1], "f1", false).ok());
  ExpectCounted(top);
}

TEST_F(QuotaCountingTest, ATreeOfItsOwnStaysApartAndAnOuterOneIsRelieved) {
  const InodeNumber outer = MakeDirectory("outer");
  const InodeNumber middle = MakeDirectory("middle", outer);
  const InodeNumber inner = MakeDirectory("inner", middle);
  for (const InodeNumber at : {outer, middle, inner}) Write(MakeFile("f", at), 0, "body");
  ExpectSet(inner, 1 << 20);
  ExpectSet(outer, 1 << 20);
  EXPECT_EQ(QuotaOf(outer).used_bytes, 2 * (4096u + 512u));
  ExpectSet(middle, 1 << 20);
  EXPECT_EQ(QuotaOf(outer).used_bytes, 4096u + 512u);
  for (const InodeNumber top : {outer, middle, inner}) ExpectCounted(top);
}

TEST_F(QuotaCountingTest, AQuotaThatWasTakenAwayCanBeSetAgain) {
  const InodeNumber top = MakeDirectory("top");
  Populate(top, 5, 50);
  ExpectSet(top, 1 << 20);
  ASSERT_TRUE(writer_->ClearQuota(top).ok());
  MakeFile("uncounted", top);
  ExpectSet(top, 1 << 20);
  ExpectCounted(top);
}

TEST_F(QuotaCountingTest, AFileWithASecondNameElsewhereCountsOnce) {
  const InodeNumber top = MakeDirectory("top");
  const InodeNumber file = MakeFile("f", top);
  Write(file, 0, std::string(1000, 'x'));
  ASSERT_TRUE(writer_->Link(file, kFilesRoot, "outside").ok());
  ASSERT_TRUE(writer_->Link(file, top, "inside").ok());
  ExpectSet(top, 1 << 20);
  ExpectCounted(top);
  EXPECT_CODE(CodeOf(writer_->Link(file, kFilesRoot, "third")), Code::kCrossDevice);
}

TEST_F(QuotaCountingTest, WhatNeverHadANameCountsWhereItGetsOne) {
  const InodeNumber top = MakeDirectory("top");
  MakeFile("f", top);
  const auto unnamed = writer_->MakeUnnamed(top, {.mode = S_IFREG | 0644});
  ASSERT_TRUE(unnamed.ok());
  ExpectSet(top, 1 << 20);
  ASSERT_TRUE(writer_->Link(unnamed->inode, top, "named").ok());
  ExpectCounted(top);
  writer_->Unhold(unnamed->inode);
}

TEST_F(QuotaCountingTest, WhatEndsAtAnyChangeIsFinishedByTheNextWriter) {
  for (unsigned fail = 2;; ++fail) {
    const InodeNumber top = MakeDirectory("top" + std::to_string(fail));
    Populate(top, 6, 400);
    door_.FailApply(Code::kIo, fail);
    ASSERT_TRUE(writer_->SetQuota(top, 1 << 20).ok());
    const Status counted = writer_->AwaitCounting();
    Reopen();
    if (counted.ok()) {
      ExpectCounted(top);
      EXPECT_GT(fail, 5u);
      return;
    }
    EXPECT_TRUE(QuotaOf(top).counting);
    writer_->ResumeCounting();
    ASSERT_TRUE(writer_->AwaitCounting().ok());
    ExpectCounted(top);
  }
}

TEST_F(QuotaCountingTest, WhateverMovesMeanwhileIsCountedOnce) {
  const uint64_t seed = TestSeed(11);
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t round = 0; round < 12; ++round) {
    const InodeNumber top = MakeDirectory("top" + std::to_string(round));
    const InodeNumber outside = MakeDirectory("outside" + std::to_string(round));
    std::vector<InodeNumber> places = Populate(top, 30, 600);
    for (const InodeNumber place : Populate(outside, 5, 50)) places.push_back(place);
    std::atomic<bool> stop{false};
    std::vector<std::thread> writers;
    for (uint64_t writer = 0; writer < 3; ++writer) {
      writers.emplace_back(
          [&, writer] { Disturb(places, seed * 1000 + round * 10 + writer, stop); });
    }
    const Status set = writer_->SetQuota(top, 1 << 30);
    const Status counted = writer_->AwaitCounting();
    stop.store(true);
    for (std::thread& writer : writers) writer.join();
    ASSERT_TRUE(set.ok() && counted.ok()) << set.ToString() << counted.ToString();
    std::set<uint64_t> seen;
    const Quota quota = QuotaOf(top);
    EXPECT_FALSE(quota.counting);
    Below(top, seen);
    uint64_t taken = 0;  // also of what has its only name outside by now
    for (const auto& [key, value] : door_.Dump(kHead)) {
      const auto inode = ParseInodeKey(key);
      const auto found = inode ? reader_.Get(kHead, *inode) : Status(Code::kNotFound, "");
      if (found.ok() && found->quota == quota.id) taken += TakenBytes(*found);
    }
    EXPECT_EQ(quota.used_bytes, taken);
  }
}

}  // namespace
}  // namespace mendfs
