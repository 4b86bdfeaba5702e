// Edges of a deleted row: gone at once in one small change, owed to the sweep until the last of
// them is cleared, whatever happens in between.
#include <gtest/gtest.h>

#include <string>

#include "meta/base/failpoint.h"
#include "meta/disk/sim_disk.h"
#include "meta/manifest/keys.h"
#include "meta/store.h"
#include "meta/tables.h"

namespace mendfs {
namespace {

constexpr int kEdges = 1200;  // more than two changes of the sweep take
constexpr uint64_t kAll = UINT64_MAX;

class SweepTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* schema = "node P { k: String @key }\nedge E: P -> P\nedge F: P -> P";
    ASSERT_TRUE(Store::Create(disk_, "/store", {.schema_text = schema}).ok());
    Open();
    for (const char* key : {"hub", "one", "two"}) Put(key);
    for (int i = 1; i <= kEdges / 2; ++i) {
      Link("E", "hub", "one", i);
      Link("F", "two", "hub", i);
    }
    Link("E", "one", "two", 1);
    ASSERT_TRUE(store_->CloseCommit(kMainBranch, {}).ok());
  }
  void TearDown() override {
    DisarmFailpoints();
    tables_.reset();
    store_.reset();
  }
  void Open() {
    tables_.reset();
    store_.reset();
    auto store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    tables_ = std::make_unique<TableWriter>(store_->door(), kMainBranch);
    schema_ = *TableReader(store_->reader()).GetSchema({});
  }
  // The power goes; what comes after is a new life.
  void Crash(uint64_t seed) {
    disk_.PowerCut(seed);
    DisarmFailpoints();
    Open();
  }

  TypeId Node() const { return schema_->FindNode("P")->id; }
  InodeNumber Put(const char* key, const PutOptions& options = {}) {
    const auto row = tables_->PutNode(Node(), key, "{}", options);
    EXPECT_TRUE(row.ok()) << row.status().ToString();
    return row.ok() ? row->row : InodeNumber(0);
  }
  void Link(const char* type, const char* source, const char* target, int number) {
    const auto edge = tables_->PutEdge(schema_->FindEdge(type)->id, source, target,
                                       static_cast<uint32_t>(number), "", {});
    ASSERT_TRUE(edge.ok()) << edge.status().ToString();
  }
  InodeNumber DeleteHub() {
    const auto row = tables_->DeleteNode(Node(), "hub");
    EXPECT_TRUE(row.ok()) << row.status().ToString();
    EXPECT_TRUE(store_->Flush().ok());
    return row.ok() ? *row : InodeNumber(0);
  }
  uint64_t Count(std::string_view prefix) const {
    uint64_t count = 0;
    const auto cursor = store_->reader().Scan({}, PrefixRange(prefix));
    for (; cursor->Valid(); cursor->Next()) ++count;
    EXPECT_TRUE(cursor->status().ok());
    return count;
  }
  uint64_t EdgeEntries() const { return Count("g"); }
  uint64_t Owed() const { return Count(DeadRowPrefix()); }
  void ExpectSwept() {
    EXPECT_EQ(EdgeEntries(), 1U);
    EXPECT_EQ(Count("G"), 1U);
    EXPECT_EQ(Owed(), 0U);
    ASSERT_TRUE(store_->CloseCommit(kMainBranch, {}).ok());
    EXPECT_EQ(store_->Describe().counts.edges, 1U);
  }

  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<TableWriter> tables_;
  std::shared_ptr<const Schema> schema_;
};

TEST_F(SweepTest, WhatIsOwedIsFoundAgainByTheNextOpen) {
  DeleteHub();
  EXPECT_EQ(Owed(), 1U);
  Open();
  EXPECT_EQ(*tables_->SweepEdges(700), 700U) << "nobody can put it back after an open";
  Open();
  EXPECT_EQ(*tables_->SweepEdges(kAll), kEdges - 700U);
  ExpectSwept();
  EXPECT_EQ(*tables_->SweepEdges(kAll), 0U);
}

TEST_F(SweepTest, ARowWithoutEdgesOwesNothing) {
  Put("lone");
  ASSERT_TRUE(tables_->DeleteNode(Node(), "lone").ok());
  EXPECT_EQ(Owed(), 0U);
}

TEST_F(SweepTest, ARowThatIsPutBackOwesNothing) {
  const InodeNumber hub = DeleteHub();
  PutOptions options;
  options.reuse_row = hub;
  EXPECT_EQ(Put("hub", options), hub);
  EXPECT_EQ(Owed(), 0U);
  Open();
  EXPECT_EQ(*tables_->SweepEdges(kAll), 0U);
  EXPECT_EQ(EdgeEntries(), kEdges + 1U);
}

TEST_F(SweepTest, ANumberThatAnEarlierLifeLeftToTheSweepStaysGone) {
  const InodeNumber hub = DeleteHub();
  Open();
  PutOptions options;
  options.reuse_row = hub;
  EXPECT_NE(Put("hub", options), hub) << "some of its edges may be cleared";
  EXPECT_EQ(*tables_->SweepEdges(kAll), static_cast<uint64_t>(kEdges));
  ExpectSwept();
}

TEST_F(SweepTest, ACrashAnywhereLeavesItOwedOrDone) {
  DeleteHub();
  Open();
  uint64_t seed = 1;
  for (const Failpoint point : {Failpoint::kSweepBeforeChunk, Failpoint::kSweepAfterChunk}) {
    for (const bool flushed : {false, true}) {
      ArmFailpoint(point, FailAction::kError, 2);
      EXPECT_EQ(tables_->SweepEdges(10).status().code(), Code::kOk);
      EXPECT_EQ(tables_->SweepEdges(10).status().code(), Code::kIo) << FailpointName(point);
      if (flushed) {
        ASSERT_TRUE(store_->Flush().ok());
      }
      Crash(seed++);
      EXPECT_EQ(Owed(), 1U);
      EXPECT_EQ(EdgeEntries(), Count("G")) << "both orders go together";
    }
  }
  EXPECT_GT(*tables_->SweepEdges(kAll), 0U);
  ExpectSwept();
  Crash(seed);
  EXPECT_TRUE(tables_->SweepEdges(kAll).ok());
  ExpectSwept();
}

TEST_F(SweepTest, AFailureAfterAChunkIsGoneOnFrom) {
  DeleteHub();
  Open();
  ArmFailpoint(Failpoint::kSweepAfterChunk, FailAction::kError);
  EXPECT_EQ(tables_->SweepEdges(kAll).status().code(), Code::kIo);
  EXPECT_TRUE(tables_->SweepEdges(kAll).ok());
  ExpectSwept();
}

}  // namespace
}  // namespace mendfs
