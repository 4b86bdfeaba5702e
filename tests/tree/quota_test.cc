#include "meta/tree/quota.h"

#include <random>
#include <thread>

#include "meta/manifest/keys.h"
#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

class QuotaTest : public TreeTest {
 protected:
  InodeNumber MakeTree(std::string_view name, uint64_t limit_bytes) {
    const InodeNumber directory = MakeDirectory(name);
    const Status set = writer_->SetQuota(directory, limit_bytes);
    EXPECT_TRUE(set.ok()) << set.ToString();
    return directory;
  }
  Quota QuotaOf(InodeNumber inode) {
    const auto quota = reader_.GetQuota(kHead, inode);
    EXPECT_TRUE(quota.ok() && quota->has_value());
    return quota.ok() && quota->has_value() ? **quota : Quota{};
  }
  uint64_t Used(InodeNumber inode) { return QuotaOf(inode).used_bytes; }
  // What the inodes with the quota's id take, counted one by one.
  uint64_t Counted(InodeNumber id) {
    uint64_t taken = 0;
    for (const auto& [key, value] : door_.Dump(kHead)) {
      const auto inode = ParseInodeKey(key);
      if (!inode) continue;
      const auto attributes = DecodeAttributes(*inode, value);
      EXPECT_TRUE(attributes.ok());
      if (attributes.ok() && attributes->quota == id) taken += TakenBytes(*attributes);
    }
    return taken;
  }
};

TEST_F(QuotaTest, TheRecordsBytesAreFixed) {
  const Quota quota{.id = InodeNumber(300),
                    .directory = InodeNumber(70),
                    .limit_bytes = 1 << 20,
                    .used_bytes = 4096};
  const std::string bytes = EncodeQuota(quota);
  EXPECT_EQ(bytes, std::string("\x01\xAC\x02\x46\x80\x80\x40\x80\x20"));
  EXPECT_EQ(*DecodeQuota(quota.id, bytes), quota);
  EXPECT_CODE(CodeOf(DecodeQuota(InodeNumber(301), bytes)), Code::kCorruption);
  EXPECT_CODE(CodeOf(DecodeQuota(quota.id, bytes + "x")), Code::kCorruption);
  EXPECT_CODE(CodeOf(DecodeQuota(quota.id, "\x03" + bytes.substr(1))), Code::kUnsupported);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_CODE(CodeOf(DecodeQuota(quota.id, bytes.substr(0, size))), Code::kCorruption) << size;
  }
}

TEST_F(QuotaTest, TheBytesOfOneThatIsCountingAreFixed) {
  const Quota quota{.id = InodeNumber(300),
                    .directory = InodeNumber(70),
                    .limit_bytes = 1 << 20,
                    .used_bytes = 4096,
                    .counting = true};
  const std::string bytes = EncodeQuota(quota);
  EXPECT_EQ(bytes, std::string("\x02\xAC\x02\x46\x80\x80\x40\x80\x20"));
  EXPECT_EQ(*DecodeQuota(quota.id, bytes), quota);
  EXPECT_CODE(CodeOf(DecodeQuota(quota.id, bytes + "x")), Code::kCorruption);
}

TEST_F(QuotaTest, WhatIsBelowCounts) {
  const InodeNumber top = MakeTree("top", 100'000);
  EXPECT_EQ(Used(top), 4096U);
  const InodeNumber below = MakeDirectory("below", top);
  const InodeNumber file = MakeFile("f", below);
  EXPECT_EQ(Used(file), 8192U);
  Write(file, 0, std::string(1000, 'x'));
  EXPECT_EQ(Used(top), 8192U + 1024U);
  Write(file, 0, std::string(1000, 'y'));
  EXPECT_EQ(Used(top), 8192U + 1024U);
  Truncate(file, 10);
  EXPECT_EQ(Used(top), 8192U + 512U);
  ASSERT_TRUE(writer_->Link(file, top, "second").ok());
  EXPECT_EQ(Used(top), 8192U + 512U);
  ASSERT_TRUE(writer_->Remove(below, "f", false).ok());
  EXPECT_EQ(Used(top), 8192U + 512U);
  writer_->Hold(file);
  ASSERT_TRUE(writer_->Remove(top, "second", false).ok());
  EXPECT_EQ(Used(top), 8192U + 512U);
  writer_->Unhold(file);
  ASSERT_TRUE(writer_->Remove(top, "below", true).ok());
  EXPECT_EQ(Used(top), 4096U);
  EXPECT_FALSE(reader_.GetQuota(kHead, MakeFile("outside"))->has_value());
}

TEST_F(QuotaTest, TheLimitIsReachedAndNotPassed) {
  const InodeNumber top = MakeTree("top", 4096 + 2048);
  const InodeNumber file = MakeFile("f", top);
  Write(file, 0, std::string(2048, 'x'));
  EXPECT_CODE(CodeOf(writer_->Append(file, "y")), Code::kQuota);
  EXPECT_CODE(CodeOf(writer_->Write(file, 5000, "y")), Code::kQuota);
  AttributeChange longer;
  EXPECT_CODE(CodeOf(writer_->ChangeSpace(file, {.offset = 2048, .size_bytes = 1})), Code::kQuota);
  EXPECT_CODE(CodeOf(writer_->Make(top, "d", {.mode = S_IFDIR | 0755})), Code::kQuota);
  EXPECT_EQ(ReadAll(file), std::string(2048, 'x'));
  EXPECT_EQ(Used(top), 4096U + 2048U);
  longer.size_bytes = kFileBytesMax;
  EXPECT_TRUE(writer_->Set(file, longer).ok()) << "a hole takes nothing";
  EXPECT_EQ(Used(top), 4096U + 2048U);
  Truncate(file, 2048);
  // Overwriting takes nothing, making room is always possible.
  Write(file, 0, "z");
  ASSERT_TRUE(writer_->SetQuota(top, 1000).ok());
  Truncate(file, 600);
  EXPECT_EQ(Used(top), 4096U + 1024U);
  ASSERT_TRUE(writer_->Remove(top, "f", false).ok());
  EXPECT_EQ(Used(top), 4096U);
  ASSERT_TRUE(writer_->SetQuota(top, 100'000).ok());
  MakeDirectory("d", top);
}

TEST_F(QuotaTest, AQuotaBeginsAtADirectory) {
  const InodeNumber top = MakeDirectory("top");
  const InodeNumber file = MakeFile("f", top);
  EXPECT_CODE(CodeOf(writer_->SetQuota(file, 1000)), Code::kNotDirectory);
  EXPECT_CODE(CodeOf(writer_->ClearQuota(top)), Code::kNotFound);
  EXPECT_TRUE(reader_.ListQuotas(kHead)->empty());
}

TEST_F(QuotaTest, TreesWithQuotasCountAsDevices) {
  const InodeNumber first = MakeTree("first", 100'000);
  const InodeNumber second = MakeTree("second", 100'000);
  const InodeNumber file = MakeFile("f", first);
  MakeDirectory("d", first);
  EXPECT_CODE(CodeOf(Rename(first, "f", second, "f")), Code::kCrossDevice);
  EXPECT_CODE(CodeOf(Rename(first, "d", kFilesRoot, "d")), Code::kCrossDevice);
  EXPECT_CODE(CodeOf(writer_->Link(file, kFilesRoot, "f")), Code::kCrossDevice);
  EXPECT_CODE(CodeOf(writer_->Link(MakeFile("g"), first, "g")), Code::kCrossDevice);
  EXPECT_TRUE(Rename(first, "f", first, "renamed").ok());
  EXPECT_TRUE(Rename(kFilesRoot, "first", kFilesRoot, "moved").ok());
  EXPECT_EQ(Used(first), 8192U);
}

TEST_F(QuotaTest, TheNearestQuotaCounts) {
  const InodeNumber outer = MakeTree("outer", 100'000);
  const InodeNumber inner = MakeDirectory("inner", outer);
  EXPECT_EQ(Used(outer), 8192U);
  ASSERT_TRUE(writer_->SetQuota(inner, 50'000).ok());
  EXPECT_EQ(Used(outer), 4096U);
  Write(MakeFile("f", inner), 0, "x");
  EXPECT_EQ(Used(inner), 4096U + 512U);
  EXPECT_EQ(Used(outer), 4096U);
  EXPECT_EQ(reader_.ListQuotas(kHead)->size(), 2U);
}

TEST_F(QuotaTest, TakenAwayItCountsNothingAndBindsNothing) {
  const InodeNumber top = MakeTree("top", 5000);
  const InodeNumber file = MakeFile("f", top);
  ASSERT_TRUE(writer_->ClearQuota(top).ok());
  Write(file, 0, std::string(10'000, 'x'));
  EXPECT_TRUE(Rename(top, "f", kFilesRoot, "f").ok());
  EXPECT_TRUE(writer_->Link(file, top, "again").ok());
  EXPECT_TRUE(reader_.ListQuotas(kHead)->empty());
  EXPECT_FALSE(reader_.GetQuota(kHead, file)->has_value());
}

TEST_F(QuotaTest, ItGoesWithItsDirectory) {
  MakeTree("top", 5000);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "top", true).ok());
  EXPECT_TRUE(reader_.ListQuotas(kHead)->empty());
  MakeTree("top", 5000);
  MakeDirectory("other");
  ASSERT_TRUE(Rename(kFilesRoot, "other", kFilesRoot, "top").ok());
  EXPECT_TRUE(reader_.ListQuotas(kHead)->empty());
}

TEST_F(QuotaTest, RecordsAreNoXattrs) {
  MakeTree("top", 5000);
  ASSERT_TRUE(writer_->SetXattr(kFilesRoot, "user.a", "1", XattrMode::kSet).ok());
  EXPECT_EQ(*reader_.ListXattrs(kHead, kFilesRoot), (std::vector<std::string>{"user.a"}));
}

TEST_F(QuotaTest, AChangeThatFailsIsNotCounted) {
  const InodeNumber top = MakeTree("top", 100'000);
  const InodeNumber file = MakeFile("f", top);
  door_.FailApply(Code::kNoSpace);
  EXPECT_CODE(CodeOf(writer_->Append(file, "x")), Code::kNoSpace);
  EXPECT_EQ(Used(top), 4096U);
  Reopen();
  EXPECT_EQ(Used(top), 4096U);
}

TEST_F(QuotaTest, OutsideOfQuotasNothingIsAdded) {
  const InodeNumber file = MakeFile("f");
  Write(file, 0, "x");
  EXPECT_EQ(door_.last_change().entries.size(), 2U);
}

TEST_F(QuotaTest, WritersAtOnceAreAllCountedAndStopAtTheLimit) {
  const InodeNumber top = MakeTree("top", 200'000);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([this, top, writer] {
      const InodeNumber directory = MakeDirectory("d" + std::to_string(writer), top);
      for (int i = 0; i < 200; ++i) {
        const std::string name = std::to_string(i % 20);
        const auto made = writer_->Make(directory, name, {.mode = S_IFREG | 0644});
        if (made.ok()) writer_->Append(made->inode, std::string(700, 'x')).status().IgnoreError();
        if (i % 7 == 0) writer_->Remove(directory, name, false).status().IgnoreError();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Used(top), Counted(QuotaOf(top).id));
  const InodeNumber last = MakeFile("last", top);
  while (writer_->Append(last, std::string(3000, 'x')).ok()) {
  }
  EXPECT_GT(Used(top), 190'000U);
  EXPECT_LE(Used(top), 200'000U);
}

TEST_F(QuotaTest, WhateverHappensTheUseIsWhatTheInodesTake) {
  const uint64_t seed = TestSeed(7);
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<InodeNumber> tops = {MakeTree("a", 60'000), MakeTree("b", 200'000), kFilesRoot};
  const auto name = [&] { return "n" + std::to_string(random() % 12); };
  const auto place = [&] {
    InodeNumber at = tops[random() % tops.size()];
    const InodeNumber below = Find(at, name());
    return below.value != 0 && S_ISDIR(Get(below).mode) ? below : at;
  };
  std::vector<InodeNumber> held;
  for (int step = 0; step < 4000; ++step) {
    const InodeNumber at = place();
    const std::string which = name();
    const InodeNumber inode = Find(at, which);
    switch (random() % 9) {
      case 0: writer_->Make(at, which, {.mode = S_IFREG | 0644}).status().IgnoreError(); break;
      case 1: writer_->Make(at, which, {.mode = S_IFDIR | 0755}).status().IgnoreError(); break;
      case 2:
      case 3:
        writer_->Write(inode, random() % 20'000, std::string(random() % 5000, 'x'))
            .status()
            .IgnoreError();
        break;
      case 4: {
        AttributeChange change;
        change.size_bytes = random() % 30'000;
        writer_->Set(inode, change).status().IgnoreError();
        break;
      }
      case 5: writer_->Remove(at, which, random() % 4 == 0).status().IgnoreError(); break;
      case 6: Rename(at, which, place(), name(), RenameMode(random() % 3)).IgnoreError(); break;
      case 7: writer_->Link(inode, place(), name()).status().IgnoreError(); break;
      case 8:
        if (inode.value != 0 && held.size() < 5) {
          writer_->Hold(inode);
          held.push_back(inode);
        } else if (!held.empty()) {
          writer_->Unhold(held.back());
          held.pop_back();
        }
        break;
    }
    if (step % 50 != 0) continue;
    for (const Quota& quota : *reader_.ListQuotas(kHead)) {
      ASSERT_EQ(quota.used_bytes, Counted(quota.id)) << "step " << step;
      ASSERT_LE(quota.used_bytes, quota.limit_bytes);
    }
  }
}

}  // namespace
}  // namespace mendfs
