// Flipped bits in the manifest of a whole store: everything is there, or the open is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meta/bulk.h"
#include "meta/disk/sim_disk.h"
#include "meta/inspect.h"
#include "meta/journal/record_format.h"
#include "meta/manifest/keys.h"
#include "meta/store.h"
#include "meta/tables.h"
#include "tests/store/rows_text.h"
#include "tests/support/copy_tree.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

OpenOptions Options(OpenAccess access = OpenAccess::kReadWrite) {
  OpenOptions options;
  options.commit_interval_ms = 0;
  options.access = access;
  options.journal_segment_bytes = 16 << 10;
  return options;
}

struct Facts {
  std::string rows;
  std::string head;
  Hash128 content_root;
  uint64_t counts = 0;
  friend bool operator==(const Facts&, const Facts&) = default;
};

Facts FactsOf(const Store& store) {
  Facts facts;
  facts.rows = RowsText(store);
  const StoreStatus status = store.Describe();
  if (status.head) facts.head = ToHex(status.head->id);
  const auto totals = Inspector(store, {}).AddUp();
  EXPECT_TRUE(totals.ok());
  if (totals.ok()) {
    facts.content_root = totals->content_root;
    facts.counts = totals->counts.nodes + totals->counts.edges;
  }
  return facts;
}

class DamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CreateOptions create;
    create.schema_text = "node P { k: String @key, v: String? }\nedge E: P -> P {}\n";
    ASSERT_TRUE(Store::Create(disk_, "/store", create).ok());
    auto store = Open(disk_);
    ASSERT_NE(store, nullptr);
    // Folds with few and many rows, a load that names a segment, and changes to what it brought.
    for (int i = 0; i < 14; ++i) {
      if (i == 4) Load(*store);
      Edit(*store, i);
      ASSERT_TRUE(store->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    }
    store.reset();
    for (const DirEntry& entry : *disk_.List("/store/manifest")) {
      if (entry.name.find(".log") != std::string::npos) log_ = "/store/manifest/" + entry.name;
    }
    before_ = FactsOf(*Open(disk_, OpenAccess::kReadOnly));
  }

  static std::unique_ptr<Store> Open(Disk& disk, OpenAccess access = OpenAccess::kReadWrite) {
    auto store = Store::Open(disk, "/store", Options(access));
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return store.ok() ? *std::move(store) : nullptr;
  }

  static void Edit(Store& store, int round) {
    TableWriter tables(store.door(), kMainBranch);
    const auto schema = TableReader(store.reader()).GetSchema({});
    ASSERT_TRUE(schema.ok());
    for (int i = 0; i < 1 + 5 * (round % 4); ++i) {
      const std::string key = "r" + std::to_string((round * 3 + i) % 40);
      const std::string body =
          R"({"v":")" + std::string(static_cast<size_t>(20 + 90 * i), 'v') + R"("})";
      const auto put = tables.PutNode((*schema)->nodes[0].id, key, body, {});
      ASSERT_TRUE(put.ok()) << put.status().ToString();
    }
  }

  static void Load(Store& store) {
    auto loader = Loader::Begin(store, {});
    ASSERT_TRUE(loader.ok()) << loader.status().ToString();
    std::string text;
    for (int i = 30; i < 90; ++i) {
      text += R"({"type":"P","data":{"k":"r)" + std::to_string(i) + R"(","v":"loaded"}})" + "\n";
    }
    for (int i = 31; i < 90; ++i) {
      text += R"({"edge":"E","from":"r)" + std::to_string(i) + R"(","to":"r30"})" + "\n";
    }
    ASSERT_TRUE((*loader)->Add("rows", text).ok());
    LoadSummary summary;
    const Status loaded = (*loader)->Finish({}, summary);
    ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  }

  SimDisk disk_;
  std::string log_;
  Facts before_;
};

// The store as a writer finds it: all is there, it goes on, and afterwards nothing is left to tell.
void ExpectAWriterGoesOn(Disk& disk, const Facts& before) {
  Facts after;
  {
    auto store = Store::Open(disk, "/store", Options());
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    EXPECT_EQ(FactsOf(**store), before);
    const auto commit = (*store)->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
    ASSERT_TRUE(commit.ok());
    EXPECT_FALSE(commit->has_value()) << "nothing changed";
    Change change;
    change.Put(XattrKey(InodeNumber(7), "a"), "b");
    ASSERT_TRUE((*store)->door().Apply(change).ok());
    const auto closed = (*store)->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
    ASSERT_TRUE(closed.ok() && closed->has_value());
    EXPECT_EQ((**closed).changed_entries, 1u);
    after = FactsOf(**store);
    EXPECT_EQ((**closed).content_root, after.content_root);
    EXPECT_EQ((**closed).counts.nodes + (**closed).counts.edges, after.counts);
  }
  auto again = Store::Open(disk, "/store", Options());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(FactsOf(**again), after);
  EXPECT_EQ((*again)->Describe().health, Health::kOk);
}

TEST_F(DamageTest, AFlippedBitInLevelDbsLogLosesNothing) {
  const uint64_t size = disk_.Stat(log_)->size_bytes;
  uint64_t told = 0;
  for (uint64_t at = 0, n = 0; at < size; at += at < 2000 ? 13 : 311, ++n) {
    SCOPED_TRACE("byte " + std::to_string(at) + " of " + std::to_string(size));
    ASSERT_TRUE(disk_.FlipBit(log_, at, n % 8).ok());
    {
      auto store = Open(disk_, OpenAccess::kReadOnly);
      ASSERT_NE(store, nullptr);
      EXPECT_EQ(FactsOf(*store), before_);
      const StoreStatus status = store->Describe();
      if (status.health != Health::kOk) {
        EXPECT_EQ(status.health, Health::kDegraded);
        EXPECT_THAT(status.reason, HasSubstr(log_));
        ++told;
      }
    }
    if (n % 10 == 0) {
      SimDisk copy;
      CopyTree(disk_, "/store", copy);
      ExpectAWriterGoesOn(copy, before_);
    }
    ASSERT_TRUE(disk_.FlipBit(log_, at, n % 8).ok());
    if (HasFailure()) return;
  }
  EXPECT_GT(told, 50u);
}

TEST_F(DamageTest, ALogThatIsGoneIsAnOlderPosition) {
  ASSERT_TRUE(disk_.Remove(log_).ok());
  ExpectAWriterGoesOn(disk_, before_);
}

// What LevelDB holds in its log only must not leave the journal.
TEST_F(DamageTest, SealedJournalHoldsNothingThatLevelDbsLogCouldLose) {
  {
    OpenOptions options = Options();
    options.commit_interval_ms = 1;
    auto store = Store::Open(disk_, "/store", options);
    ASSERT_TRUE(store.ok());
    const auto sealed = [&] {
      const auto entries = disk_.List("/store/objects/journal");
      return entries.ok() && !entries->empty();
    };
    for (int i = 0; i < 3000 && !sealed(); ++i) {
      Edit(**store, i);
      ASSERT_TRUE((*store)->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    }
    ASSERT_TRUE(sealed());
    Edit(**store, 1);
  }
  before_ = FactsOf(*Open(disk_, OpenAccess::kReadOnly));
  for (const DirEntry& entry : *disk_.List("/store/manifest")) {
    if (entry.name.find(".log") == std::string::npos) continue;
    ASSERT_TRUE(disk_.Remove("/store/manifest/" + entry.name).ok());
  }
  ExpectAWriterGoesOn(disk_, before_);
}

TEST_F(DamageTest, AJournalThatDoesNotReachBackIsRefused) {
  ASSERT_TRUE(disk_.Remove(log_).ok());
  const auto segments = disk_.List("/store/journal");
  ASSERT_GT(segments->size(), 1u);
  ASSERT_TRUE(disk_.Remove("/store/journal/" + segments->front().name).ok());
  const auto store = Store::Open(disk_, "/store", Options());
  EXPECT_EQ(store.status().code(), Code::kCorruption);
  EXPECT_THAT(store.status().message(), HasSubstr("are missing before"));
}

// All of it is folded at a clean close.
TEST_F(DamageTest, AFlippedBitInTheFoldedJournalLosesNothingAndIsTold) {
  const std::string segment = "/store/journal/" + disk_.List("/store/journal")->back().name;
  const uint64_t size = disk_.Stat(segment)->size_bytes;
  uint64_t told = 0;
  uint64_t tried = 0;
  for (uint64_t at = kJournalHeaderBytes; at < size; at += 37, ++tried) {
    SCOPED_TRACE("byte " + std::to_string(at) + " of " + std::to_string(size));
    SimDisk copy;
    CopyTree(disk_, "/store", copy);
    ASSERT_TRUE(copy.FlipBit(segment, at, tried % 8).ok());
    {
      auto store = Open(copy, OpenAccess::kReadOnly);
      ASSERT_NE(store, nullptr);
      EXPECT_EQ(FactsOf(*store), before_);
      const StoreStatus status = store->Describe();
      if (status.health != Health::kOk) {
        EXPECT_EQ(status.health, Health::kDegraded);
        EXPECT_THAT(status.journal_damage, HasSubstr(segment));
        ++told;
      }
    }
    if (tried % 10 == 0) {
      {
        auto store = Open(copy);
        ASSERT_NE(store, nullptr);
        Edit(*store, 3);
      }
      auto again = Open(copy);
      ASSERT_NE(again, nullptr);
      EXPECT_NE(FactsOf(*again), before_);
    }
    if (HasFailure()) return;
  }
  // What a mark says is not needed, and the last mark looks like a torn tail.
  EXPECT_GT(told, tried * 3 / 4);
}

}  // namespace
}  // namespace mendfs
