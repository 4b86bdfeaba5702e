#include "meta/object/segment.h"

#include <gtest/gtest.h>
#include <leveldb/cache.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "meta/codec/fingerprint.h"
#include "meta/disk/sim_disk.h"
#include "meta/object/bloom.h"

namespace mendfs {
namespace {

std::string KeyOf(size_t index) {
  std::string digits = std::to_string(index);
  return "r" + std::string(8 - digits.size(), '0') + digits;
}

class SegmentTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(disk_.MakeDir("/store").ok()); }

  SealedSegment Build(size_t count, const SegmentOptions& options = {}) {
    auto builder = SegmentBuilder::Begin(objects_, options);
    EXPECT_TRUE(builder.ok()) << builder.status().ToString();
    for (size_t index = 0; index < count; ++index) {
      EXPECT_TRUE(
          (*builder)->Add(KeyOf(index * 2), Seq(index % 3), "value" + std::to_string(index)).ok());
    }
    auto sealed = (*builder)->Finish();
    EXPECT_TRUE(sealed.ok()) << sealed.status().ToString();
    return *sealed;
  }

  SimDisk disk_;
  ObjectStore objects_{disk_, "/store"};
  std::unique_ptr<leveldb::Cache> cache_{leveldb::NewLRUCache(1 << 20)};
};

TEST_F(SegmentTest, EveryEntryIsFoundAndNoOther) {
  constexpr size_t kCount = 150'000;  // three filters
  const SealedSegment sealed = Build(kCount, {.time_ns = 7});
  EXPECT_EQ(sealed.ref.entries, kCount);
  EXPECT_EQ(sealed.ref.nodes, kCount);
  EXPECT_EQ(sealed.ref.first_key, KeyOf(0));
  EXPECT_EQ(sealed.ref.last_key, KeyOf(2 * (kCount - 1)));
  const auto ref = DecodeSegmentRef(EncodeSegmentRef(sealed.ref));
  ASSERT_TRUE(ref.ok()) << ref.status().ToString();
  EXPECT_EQ(*ref, sealed.ref);
  const auto reader = SegmentReader::Open(objects_, *ref, cache_.get());
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  for (size_t index = 0; index < kCount; index += 7) {
    const auto found = (*reader)->Get(KeyOf(2 * index));
    ASSERT_TRUE(found.ok() && found->has_value()) << index;
    const auto value = ParseSegmentValue(**found);
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(value->payload, "value" + std::to_string(index));
    EXPECT_EQ(value->start, Seq(index % 3));
    const auto absent = (*reader)->Get(KeyOf(2 * index + 1));
    ASSERT_TRUE(absent.ok());
    EXPECT_FALSE(absent->has_value());
  }
  EXPECT_FALSE((*reader)->Get("a")->has_value());
  EXPECT_FALSE((*reader)->Get("z")->has_value());
}

TEST_F(SegmentTest, ACursorWalksInOrderAndSeeks) {
  constexpr size_t kCount = 20'000;
  const SealedSegment sealed = Build(kCount, {.filter = false});
  const auto reader = SegmentReader::Open(objects_, sealed.ref, nullptr);
  ASSERT_TRUE(reader.ok());
  const auto cursor = (*reader)->NewCursor();
  size_t index = 0;
  for (cursor->Seek(""); cursor->Valid(); cursor->Next(), ++index) {
    ASSERT_EQ(cursor->key(), KeyOf(2 * index));
  }
  EXPECT_TRUE(cursor->status().ok());
  EXPECT_EQ(index, kCount);
  cursor->Seek(KeyOf(1001));
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->key(), KeyOf(1002));
  cursor->Seek("z");
  EXPECT_FALSE(cursor->Valid());
  EXPECT_TRUE((*reader)->Get(KeyOf(1002))->has_value());
}

TEST_F(SegmentTest, TheContentSumIsThatOfTheEntriesAndDerivedOnesStayOut) {
  const SealedSegment nodes = Build(100);
  const SealedSegment derived = Build(100, {.content = SegmentContent::kDerived});
  Hash128 sum;
  for (size_t index = 0; index < 100; ++index) {
    sum += ContentLeaf(KeyOf(2 * index), "value" + std::to_string(index));
  }
  EXPECT_EQ(nodes.ref.content_sum, sum);
  EXPECT_EQ(derived.ref.content_sum, Hash128());
  EXPECT_EQ(derived.ref.nodes, 0u);
}

TEST_F(SegmentTest, WhatItHidesIsTakenOffItsTotals) {
  auto sets = SegmentBuilder::Begin(objects_, {});
  ASSERT_TRUE((*sets)->Add("a", Seq(), "new").ok());
  ASSERT_TRUE((*sets)->Add("b", Seq(), "newer", ContentLeaf("b", "old")).ok());
  const auto set = (*sets)->Finish();
  ASSERT_TRUE(set.ok());
  Hash128 sum = ContentLeaf("a", "new");
  sum += ContentLeaf("b", "newer");
  sum -= ContentLeaf("b", "old");
  EXPECT_EQ(set->ref.content_sum, sum);
  EXPECT_EQ(set->ref.nodes, 1u);
  EXPECT_FALSE(set->ref.clears);
}

TEST_F(SegmentTest, OneThatClearsHoldsKeysAloneAndTheTotalsOfWhatItHides) {
  auto clears =
      SegmentBuilder::Begin(objects_, {.content = SegmentContent::kEdges, .clears = true});
  EXPECT_EQ((*clears)->Add("a", Seq(), "value", ContentLeaf("a", "x")).code(), Code::kInvalid);
  ASSERT_TRUE((*clears)->Add("a", Seq(), "", ContentLeaf("a", "x")).ok());
  ASSERT_TRUE((*clears)->Add("b", Seq(), "", ContentLeaf("b", "y")).ok());
  const auto cleared = (*clears)->Finish();
  ASSERT_TRUE(cleared.ok());
  Hash128 sum = ContentLeaf("a", "x");
  sum += ContentLeaf("b", "y");
  EXPECT_EQ(cleared->ref.content_sum, sum);
  EXPECT_EQ(cleared->ref.edges, 2u);
  const std::string bytes = EncodeSegmentRef(cleared->ref);
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x02\x01\0\0", 4));
  const auto ref = DecodeSegmentRef(bytes);
  ASSERT_TRUE(ref.ok()) << ref.status().ToString();
  EXPECT_EQ(*ref, cleared->ref);
  const auto reader = SegmentReader::Open(objects_, *ref, nullptr);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE((*reader)->Get("b")->has_value());
}

TEST_F(SegmentTest, KeysMustAscend) {
  auto builder = SegmentBuilder::Begin(objects_, {});
  ASSERT_TRUE((*builder)->Add("b", Seq(), "").ok());
  EXPECT_EQ((*builder)->Add("b", Seq(), "").code(), Code::kInvalid);
  EXPECT_EQ((*builder)->Add("a", Seq(), "").code(), Code::kInvalid);
  auto empty = SegmentBuilder::Begin(objects_, {});
  EXPECT_EQ((*empty)->Finish().status().code(), Code::kInvalid);
}

TEST_F(SegmentTest, ABuilderThatIsGivenUpLeavesNothing) {
  {
    auto builder = SegmentBuilder::Begin(objects_, {});
    ASSERT_TRUE((*builder)->Add("a", Seq(), "1").ok());
  }
  EXPECT_TRUE(disk_.List("/store/staging")->empty());
}

TEST_F(SegmentTest, TheCodeOfADiskErrorSurvivesLevelDb) {
  auto builder = SegmentBuilder::Begin(objects_, {});
  disk_.FailCall(1, Code::kNoSpace);
  Status status;
  for (size_t index = 0; index < 100'000 && status.ok(); ++index) {
    status = (*builder)->Add(KeyOf(index), Seq(), std::to_string(index * 7919));
  }
  if (status.ok()) status = (*builder)->Finish().status();
  EXPECT_EQ(status.code(), Code::kNoSpace);
}

TEST_F(SegmentTest, EveryFlippedBitIsFoundAndNeverAWrongAnswer) {
  const SealedSegment sealed = Build(60);
  const std::string path = objects_.PathOf(ObjectKind::kSegment, sealed.ref.object);
  for (uint64_t offset = 0; offset < sealed.ref.file_size_bytes; ++offset) {
    ASSERT_TRUE(disk_.FlipBit(path, offset, 5).ok());
    const auto reader = SegmentReader::Open(objects_, sealed.ref, nullptr);
    if (reader.ok()) {
      EXPECT_FALSE((*reader)->Get(KeyOf(4)).ok()) << offset;
      const auto cursor = (*reader)->NewCursor();
      for (cursor->Seek(""); cursor->Valid();) cursor->Next();
      EXPECT_EQ(cursor->status().code(), Code::kCorruption) << offset;
    }
    ASSERT_TRUE(disk_.FlipBit(path, offset, 5).ok());
  }
}

TEST_F(SegmentTest, AnotherObjectInItsPlaceIsCorruption) {
  SealedSegment sealed = Build(10);
  sealed.ref.fingerprint.low ^= 1;
  EXPECT_EQ(SegmentReader::Open(objects_, sealed.ref, nullptr).status().code(), Code::kCorruption);
  // An object whose hashes are right but which holds no table.
  auto writer = objects_.Begin(ObjectKind::kSegment);
  ASSERT_TRUE((*writer)->Append(std::string(1000, 'x')).ok());
  const auto info = (*writer)->Seal();
  ASSERT_TRUE(info.ok());
  sealed.ref.object = info->id;
  sealed.ref.file_size_bytes = info->file_size_bytes;
  sealed.ref.fingerprint = info->fingerprint;
  EXPECT_EQ(SegmentReader::Open(objects_, sealed.ref, nullptr).status().code(), Code::kCorruption);
}

TEST_F(SegmentTest, ARefThatIsCutOrStretchedIsCorruption) {
  const std::string value = EncodeSegmentRef(Build(10).ref);
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(DecodeSegmentRef(value.substr(0, size)).status().code(), Code::kCorruption) << size;
  }
  EXPECT_FALSE(DecodeSegmentRef(value + "x").ok());
  EXPECT_EQ(DecodeSegmentRef("\x03" + value.substr(1)).status().code(), Code::kUnsupported);
  // Version 2 says that it clears, and nothing else does.
  EXPECT_EQ(DecodeSegmentRef("\x02" + value.substr(1)).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeSegmentRef("\x01\x01" + value.substr(2)).status().code(), Code::kCorruption);
}

TEST(BloomTest, NoKeyIsMissedAndFewOthersPass) {
  std::vector<uint64_t> hashes;
  for (int key = 0; key < 65'536; ++key) hashes.push_back(HashXxh3(std::to_string(key)));
  const std::string bloom = BuildBloom(hashes);
  for (const uint64_t hash : hashes) ASSERT_TRUE(BloomMayHold(bloom, hash));
  int passed = 0;
  for (int key = 0; key < 100'000; ++key) {
    passed += BloomMayHold(bloom, HashXxh3("other" + std::to_string(key))) ? 1 : 0;
  }
  EXPECT_LT(passed, 3'000);
  EXPECT_TRUE(BloomMayHold("short", 1));
}

}  // namespace
}  // namespace mendfs
