// Room that fallocate(2) sets aside, and what a body is said to take: against a walk over its
// pieces.
#include <algorithm>
#include <random>

#include "meta/tree/body.h"
#include "meta/tree/extent_format.h"
#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;

class SetAsideTest : public TreeTest {
 protected:
  struct Pieces {
    uint64_t stored = 0;
    uint64_t set_aside = 0;
    uint64_t end = 0;
  };
  Pieces Walk(InodeNumber file) const {
    Pieces found;
    auto cursor = door_.Scan(kHead, PrefixRange(ExtentPrefix(file)));
    for (; cursor->Valid(); cursor->Next()) {
      const auto extent = DecodeExtent(cursor->value());
      EXPECT_TRUE(extent.ok());
      if (!extent.ok()) continue;
      const uint64_t start = ParseExtentKey(cursor->key()).value_or(0);
      EXPECT_GE(start, found.end) << "pieces overlap";
      found.stored += extent->size_bytes();
      found.set_aside += extent->set_aside_bytes;
      found.end = start + extent->size_bytes();
    }
    return found;
  }
  void ExpectTrue(InodeNumber file) {
    const Attributes said = Get(file);
    const Pieces found = Walk(file);
    EXPECT_EQ(StoredBytes(said), found.stored);
    EXPECT_EQ(said.set_aside_bytes, found.set_aside);
    EXPECT_LE(found.end, BodyEnd(said));
  }
  Result<Attributes> Space(InodeNumber file, SpaceMode mode, uint64_t offset, uint64_t size,
                           bool keep = false) {
    return writer_->ChangeSpace(
        file, {.mode = mode, .keep_size = keep, .offset = offset, .size_bytes = size});
  }
  uint64_t Stored(InodeNumber file) { return StoredBytes(Get(file)); }

  InodeNumber file_ = MakeFile("file");
};

TEST_F(SetAsideTest, HolesTakeNothing) {
  Write(file_, 10 * kMebibyte, "end");
  EXPECT_EQ(Stored(file_), 3u);
  Truncate(file_, 1 << 30);
  EXPECT_EQ(Stored(file_), 3u);
  Write(file_, 0, std::string(3 * kMebibyte, 'x'));
  EXPECT_EQ(Stored(file_), 3 * kMebibyte + 3);
  ASSERT_TRUE(Space(file_, SpaceMode::kPunch, kMebibyte, kMebibyte, true).ok());
  EXPECT_EQ(Stored(file_), 2 * kMebibyte + 3);
  Truncate(file_, kMebibyte + 5);
  EXPECT_EQ(Stored(file_), kMebibyte);
  Truncate(file_, kFileBytesMax);
  EXPECT_EQ(Stored(file_), kMebibyte);
  ExpectTrue(file_);
}

TEST_F(SetAsideTest, AllocatedRoomIsTakenOnceAndReadsAsZeros) {
  Write(file_, 100, "data");
  ASSERT_TRUE(Space(file_, SpaceMode::kAllocate, 0, 5 * kMebibyte).ok());
  EXPECT_EQ(Get(file_).size_bytes, 5 * kMebibyte);
  EXPECT_EQ(Stored(file_), 5 * kMebibyte);
  EXPECT_EQ(Get(file_).set_aside_bytes, 5 * kMebibyte - 4);
  EXPECT_EQ(Read(file_, 98, 8), std::string("\0\0data\0\0", 8));
  const uint64_t changes = door_.applied_changes();
  ASSERT_TRUE(Space(file_, SpaceMode::kAllocate, 0, 5 * kMebibyte).ok());
  EXPECT_LE(door_.applied_changes(), changes + 1);
  EXPECT_EQ(Get(file_).set_aside_bytes, 5 * kMebibyte - 4);
  Write(file_, kMebibyte - 10, std::string(20, 'w'));
  EXPECT_EQ(Stored(file_), 5 * kMebibyte);
  EXPECT_EQ(Get(file_).set_aside_bytes, 5 * kMebibyte - 24);
  ExpectTrue(file_);
}

TEST_F(SetAsideTest, RoomIsAHoleForWhoSeeksData) {
  ASSERT_TRUE(Space(file_, SpaceMode::kAllocate, 0, 3 * kMebibyte).ok());
  EXPECT_EQ(*reader_.Find(kHead, file_, 0, BodySought::kData), std::nullopt);
  Write(file_, kMebibyte, "data");
  EXPECT_EQ(*reader_.Find(kHead, file_, 0, BodySought::kHole), std::optional<uint64_t>(0));
  EXPECT_EQ(*reader_.Find(kHead, file_, 0, BodySought::kData), std::optional<uint64_t>(kMebibyte));
  EXPECT_EQ(*reader_.Find(kHead, file_, kMebibyte, BodySought::kHole),
            std::optional<uint64_t>(kMebibyte + 4));
}

TEST_F(SetAsideTest, RoomBehindTheEndIsUsedByAppendsAndGoesWithATruncate) {
  ASSERT_TRUE(Space(file_, SpaceMode::kAllocate, 0, 3 * kMebibyte, true).ok());
  EXPECT_EQ(Get(file_).size_bytes, 0u);
  EXPECT_EQ(Stored(file_), 3 * kMebibyte);
  std::string model;
  for (int i = 0; i < 30; ++i) {
    const std::string bytes(50'000, static_cast<char>('a' + i));
    ASSERT_TRUE(writer_->Append(file_, bytes).ok());
    model += bytes;
    ExpectTrue(file_);
  }
  EXPECT_EQ(ReadAll(file_), model);
  EXPECT_EQ(Stored(file_), 3 * kMebibyte);
  Truncate(file_, 1000);
  EXPECT_EQ(Stored(file_), 1000u);
  EXPECT_EQ(Get(file_).set_aside_bytes, 0u);
  ASSERT_TRUE(Space(file_, SpaceMode::kAllocate, kMebibyte, kMebibyte, true).ok());
  Truncate(file_, 3 * kMebibyte);
  EXPECT_EQ(Read(file_, kMebibyte, 100), std::string(100, '\0'));
  ExpectTrue(file_);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "file", false).ok());
  EXPECT_EQ(CountTraces(file_), 0u);
}

TEST_F(SetAsideTest, ACloneSharesNoRoom) {
  ASSERT_TRUE(Space(file_, SpaceMode::kAllocate, 0, 2 * kMebibyte).ok());
  Write(file_, 5000, "data");
  const InodeNumber copy = MakeFile("copy");
  const auto cloned =
      writer_->Clone({.source = file_, .target = copy, .size_bytes = 2 * kMebibyte});
  ASSERT_TRUE(cloned.ok());
  EXPECT_EQ(Get(copy).size_bytes, 2 * kMebibyte);
  EXPECT_EQ(Stored(copy), 4u);
  ExpectTrue(copy);
  ExpectTrue(file_);
}

TEST_F(SetAsideTest, AQuotaCountsItOnceAndRefusesItWhole) {
  const InodeNumber top = MakeDirectory("top");
  ASSERT_TRUE(writer_->SetQuota(top, 4096 + 2 * kMebibyte).ok());
  const InodeNumber file = MakeFile("f", top);
  EXPECT_EQ(CodeOf(Space(file, SpaceMode::kAllocate, 0, 3 * kMebibyte)), Code::kQuota);
  EXPECT_EQ(Stored(file), 0u);
  EXPECT_EQ(Get(file).size_bytes, 0u);
  Truncate(file, 1 << 30);  // a hole
  ASSERT_TRUE(Space(file, SpaceMode::kAllocate, kMebibyte, 2 * kMebibyte).ok());
  EXPECT_EQ((*reader_.GetQuota(kHead, top))->used_bytes, 4096 + 2 * kMebibyte);
  Write(file, kMebibyte, std::string(2 * kMebibyte, 'x'));
  EXPECT_EQ(CodeOf(writer_->Write(file, 0, "x")), Code::kQuota);
  EXPECT_EQ((*reader_.GetQuota(kHead, top))->used_bytes, 4096 + 2 * kMebibyte);
}

TEST_F(SetAsideTest, ManyPiecesTakeSeveralChanges) {
  ASSERT_TRUE(Space(file_, SpaceMode::kAllocate, 1, uint64_t{9} << 30).ok());
  ExpectTrue(file_);
  EXPECT_EQ(Stored(file_), uint64_t{9} << 30);
  Truncate(file_, 100);
  EXPECT_EQ(Stored(file_), 99u);
  ExpectTrue(file_);
}

TEST_F(SetAsideTest, WhateverIsDoneTheNumbersAreWhatAWalkFinds) {
  const uint64_t seed = TestSeed(5);
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const InodeNumber other = MakeFile("other");
  const InodeNumber files[] = {file_, other};
  std::string models[2];
  for (int step = 0; step < 6000; ++step) {
    const size_t at = random() % 2;
    const InodeNumber file = files[at];
    std::string& model = models[at];
    const uint64_t offset = random() % 400'000;
    const uint64_t size = 1 + random() % (random() % 4 == 0 ? 150'000 : 3000);
    const bool keep = random() % 2 == 0;
    const auto cleared = [&] {
      if (offset >= model.size()) return;
      const uint64_t count = std::min<uint64_t>(size, model.size() - offset);
      model.replace(offset, count, std::string(count, '\0'));
    };
    switch (random() % 8) {
      case 0:
        ASSERT_TRUE(Space(file, SpaceMode::kAllocate, offset, size, keep).ok());
        if (!keep) model.resize(std::max<size_t>(model.size(), offset + size));
        break;
      case 1:
        ASSERT_TRUE(Space(file, SpaceMode::kPunch, offset, size, true).ok());
        cleared();
        break;
      case 2:
        ASSERT_TRUE(Space(file, SpaceMode::kZero, offset, size, keep).ok());
        cleared();
        if (!keep) model.resize(std::max<size_t>(model.size(), offset + size));
        break;
      case 3:
        Truncate(file, offset);
        model.resize(offset);
        break;
      case 4: ASSERT_TRUE(door_.FoldBodies(kMainBranch).ok()); break;
      case 5: {
        const uint64_t from = random() % 400'000;
        const size_t source = 1 - at;
        const auto cloned = writer_->Clone({.source = files[source],
                                            .source_offset = from,
                                            .target = file,
                                            .target_offset = offset,
                                            .size_bytes = size});
        ASSERT_TRUE(cloned.ok()) << cloned.status().ToString();
        if (*cloned == 0) break;
        model.resize(std::max<size_t>(model.size(), offset + *cloned));
        model.replace(offset, *cloned, models[source].substr(from, *cloned));
        break;
      }
      default: {
        const std::string bytes(size, static_cast<char>('a' + step % 26));
        Write(file, offset, bytes);
        model.resize(std::max<size_t>(model.size(), offset + size));
        model.replace(offset, size, bytes);
      }
    }
    ExpectTrue(file);
    if (step % 20 == 0) {
      ASSERT_EQ(ReadAll(file), model) << "step " << step;
    }
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
}

}  // namespace
}  // namespace mendfs
