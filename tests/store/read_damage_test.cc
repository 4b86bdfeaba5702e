// Damage to the manifest that no open meets: who reads it gets an error, the store says so from
// then on, and what is written beside it is whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meta/disk/sim_disk.h"
#include "meta/store.h"
#include "meta/tables.h"
#include "tests/store/rows_text.h"

namespace mendfs {
namespace {

using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;

OpenOptions QuietOptions() {
  OpenOptions options;
  options.commit_interval_ms = 0;
  return options;
}

class ReadDamageTest : public ::testing::Test {
 protected:
  static constexpr int kRows = 400;

  void SetUp() override {
    ASSERT_TRUE(
        Store::Create(disk_, "/store", {.schema_text = "node P { k: String @key, v: String? }\n"})
            .ok());
    {
      auto store = Store::Open(disk_, "/store", QuietOptions());
      ASSERT_TRUE(store.ok());
      for (int i = 0; i < kRows; ++i) ASSERT_TRUE(Put(**store, i, Body(i)).ok());
      ASSERT_TRUE((*store)->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    }
    // LevelDB puts its log into tables when it is opened.
    auto store = Store::Open(disk_, "/store", QuietOptions());
    ASSERT_TRUE(store.ok());
    whole_ = RowsText(**store);
    store->reset();
    uint64_t size_bytes = 0;
    for (const DirEntry& entry : *disk_.List("/store/manifest")) {
      const std::string path = "/store/manifest/" + entry.name;
      if (!entry.name.ends_with(".ldb") || disk_.Stat(path)->size_bytes <= size_bytes) continue;
      table_ = path;
      size_bytes = disk_.Stat(path)->size_bytes;
    }
    ASSERT_GT(size_bytes, 100'000u);
  }

  // Bytes that do not compress, so that there are many blocks.
  static std::string Body(int i) {
    std::string text;
    uint64_t state = static_cast<uint64_t>(i) * 0x9E3779B97F4A7C15 + 1;
    for (int n = 0; n < 600; ++n) {
      state = state * 6364136223846793005 + 1442695040888963407;
      text += static_cast<char>('0' + (state >> 33) % 75);
      if (text.back() == '\\') text.back() = 'x';
    }
    return R"({"v":")" + text + R"("})";
  }
  static Status Put(Store& store, int i, const std::string& body) {
    const auto schema = TableReader(store.reader()).GetSchema({});
    if (!schema.ok()) return schema.status();
    return TableWriter(store.door(), kMainBranch)
        .PutNode((*schema)->nodes[0].id, "r" + std::to_string(i), body, {})
        .status();
  }
  static Status Replace(Store& store) {
    std::string text;
    for (int i = 0; i < kRows; i += 2) {
      text += R"({"type":"P","data":{"k":"r)" + std::to_string(i) + R"(","v":"new"}})" + "\n";
    }
    auto loader = Loader::Begin(store, {.mode = LoadMode::kReplace});
    if (!loader.ok()) return loader.status();
    const Status added = (*loader)->Add("rows", text);
    if (!added.ok()) return added;
    LoadSummary summary;
    return (*loader)->Finish({}, summary);
  }
  // At each of some places of the table a bit is turned in a copy; `visit` opens it for writing.
  template <typename Visit>
  void AtEachPlace(uint64_t step, const Visit& visit) {
    const uint64_t size_bytes = disk_.Stat(table_)->size_bytes;
    for (uint64_t at = 0, n = 0; at < size_bytes && !HasFailure(); at += step, ++n) {
      SCOPED_TRACE(table_ + " byte " + std::to_string(at));
      const auto disk = disk_.Fork();
      ASSERT_TRUE(disk->FlipBit(table_, at, n % 8).ok());
      visit(*disk, at, n % 8);
    }
  }

  SimDisk disk_;
  std::string table_;
  std::string whole_;
};

TEST_F(ReadDamageTest, AReadThatMeetsDamageLeavesTheStoreDegradedAndNamesTheFile) {
  uint64_t met = 0;
  AtEachPlace(3001, [&](Disk& disk, uint64_t, uint64_t) {
    auto store = Store::Open(disk, "/store", QuietOptions());
    if (!store.ok()) return;  // the open itself has read it: LastGoodTest
    const std::string rows = RowsText(**store);
    const StoreStatus status = (*store)->Describe();
    if (status.health == Health::kOk) {
      EXPECT_EQ(rows, whole_);
      return;
    }
    ++met;
    EXPECT_THAT(rows, AnyOf(Eq(whole_), HasSubstr("corruption")));
    EXPECT_EQ(status.health, Health::kDegraded);
    EXPECT_THAT(status.reason, HasSubstr(table_));
    EXPECT_THAT(status.reason, HasSubstr("mendfs fsck /store"));
    EXPECT_TRUE(Put(**store, kRows + 1, "{}").ok() || status.health != Health::kOk);
  });
  EXPECT_GT(met, 30u);
}

TEST_F(ReadDamageTest, WhereItIsAskedForDamageEndsAllWriting) {
  uint64_t met = 0;
  AtEachPlace(30'011, [&](Disk& disk, uint64_t, uint64_t) {
    OpenOptions options = QuietOptions();
    options.damage_stops_writes = true;
    auto store = Store::Open(disk, "/store", options);
    if (!store.ok()) return;
    EXPECT_TRUE(Put(**store, kRows + 1, "{}").ok());
    RowsText(**store);
    if ((*store)->Describe().health == Health::kOk) return;
    ++met;
    const Status put = Put(**store, kRows + 2, "{}");
    EXPECT_EQ(put.code(), Code::kReadOnly) << put.ToString();
    EXPECT_THAT(put.message(), HasSubstr(table_));
    EXPECT_EQ((*store)->Describe().health, Health::kReadOnly);
    EXPECT_TRUE((*store)->Flush().ok()) << "what was acknowledged before stays so";
  });
  EXPECT_GT(met, 3u);
}

TEST_F(ReadDamageTest, AReplaceOverDamageIsThereWholeOrNotAtAll) {
  std::string replaced;
  {
    const auto disk = disk_.Fork();
    auto store = Store::Open(*disk, "/store", QuietOptions());
    ASSERT_TRUE(store.ok());
    ASSERT_TRUE(Replace(**store).ok());
    replaced = RowsText(**store);
  }
  uint64_t refused = 0;
  AtEachPlace(7001, [&](SimDisk& disk, uint64_t at, uint64_t bit) {
    bool loaded = false;
    {
      auto store = Store::Open(disk, "/store", QuietOptions());
      if (!store.ok()) return;
      const Status load = Replace(**store);
      loaded = load.ok();
      refused += loaded ? 0 : 1;
      if (!loaded) {
        EXPECT_THAT(load.ToString(), HasSubstr(table_));
        EXPECT_NE((*store)->Describe().health, Health::kOk);
      }
    }
    // As it is read once the byte is what it was: LevelDB may have written the table anew by then.
    if (disk.Stat(table_).ok()) {
      ASSERT_TRUE(disk.FlipBit(table_, at, bit).ok());
    }
    auto store = Store::Open(disk, "/store", QuietOptions());
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    EXPECT_EQ(RowsText(**store), loaded ? replaced : whole_);
    EXPECT_TRUE(disk.List("/store/sidecars")->empty());
  });
  EXPECT_GT(refused, 10u);
}

// LevelDB asks for another name of a table that is gone, and calls its keys absent.
TEST_F(ReadDamageTest, ATableThatVanishesIsDamageAndNoAbsence) {
  auto store = Store::Open(disk_, "/store", QuietOptions());
  ASSERT_TRUE(store.ok());
  for (const DirEntry& entry : *disk_.List("/store/manifest")) {
    if (entry.name.ends_with(".ldb")) {
      ASSERT_TRUE(disk_.Remove("/store/manifest/" + entry.name).ok());
    }
  }
  const std::string rows = RowsText(**store);
  EXPECT_THAT(rows, AnyOf(Eq(whole_), HasSubstr("corruption"))) << "an open file may still be read";
}

}  // namespace
}  // namespace mendfs
