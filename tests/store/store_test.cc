#include "meta/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meta/disk/sim_disk.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status made = Store::Create(disk_, "/store", {});
    ASSERT_TRUE(made.ok()) << made.ToString();
  }

  std::unique_ptr<Store> Open(OpenAccess access = OpenAccess::kReadWrite) {
    OpenOptions options;
    options.commit_interval_ms = 0;
    options.access = access;
    auto store = Store::Open(disk_, "/store", options);
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return store.ok() ? *std::move(store) : nullptr;
  }

  static Status Put(Store& store, uint64_t inode, const std::string& value) {
    Change change;
    change.Put(XattrKey(InodeNumber(1000), std::to_string(inode)), value);
    return store.door().Apply(change).status();
  }
  static std::string Get(Store& store, uint64_t inode, View view = {}) {
    auto entry = store.reader().Get(view, XattrKey(InodeNumber(1000), std::to_string(inode)));
    return entry.ok() ? entry->value : std::string(CodeName(entry.status().code()));
  }

  SimDisk disk_;
};

TEST_F(StoreTest, MkfsMakesOneCommit) {
  auto store = Open();
  auto log = store->Log(kMainBranch, kHeadSeq, 10);
  ASSERT_TRUE(log.ok()) << log.status().ToString();
  ASSERT_EQ(log->size(), 1u);
  EXPECT_EQ(log->front().note.actor, "mkfs");
}

TEST_F(StoreTest, OpenAndCloseMakeNoCommit) {
  for (int i = 0; i < 3; ++i) Open();
  auto store = Open();
  EXPECT_EQ(store->Log(kMainBranch, kHeadSeq, 10)->size(), 1u);
}

TEST_F(StoreTest, ChangesSurviveReopen) {
  {
    auto store = Open();
    ASSERT_TRUE(Put(*store, 1, "one").ok());
    EXPECT_EQ(Get(*store, 1), "one");
  }
  auto store = Open();
  EXPECT_EQ(Get(*store, 1), "one");
  EXPECT_EQ(store->Log(kMainBranch, kHeadSeq, 10)->size(), 2u);
}

TEST_F(StoreTest, FlushedChangesSurviveAPowerCutAndOthersAreWholeOrGone) {
  {
    auto store = Open();
    ASSERT_TRUE(Put(*store, 1, "durable").ok());
    ASSERT_TRUE(store->Flush().ok());
    ASSERT_TRUE(Put(*store, 2, "perhaps").ok());
    disk_.PowerCutDropAll();
  }
  auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(Get(*store, 1), "durable");
  EXPECT_EQ(Get(*store, 2), "not found");
}

TEST_F(StoreTest, ACommitSeesTheValuesOfItsTime) {
  auto store = Open();
  ASSERT_TRUE(Put(*store, 1, "old").ok());
  const auto first = store->CloseCommit(kMainBranch, {"test", "first", Origin::kUser});
  ASSERT_TRUE(first.ok() && first->has_value());
  ASSERT_TRUE(Put(*store, 1, "new").ok());
  ASSERT_TRUE(Put(*store, 2, "born").ok());
  const auto second = store->CloseCommit(kMainBranch, {"test", "second", Origin::kUser});
  ASSERT_TRUE(second.ok() && second->has_value());
  const View past{kMainBranch, (*first)->seq};
  EXPECT_EQ(Get(*store, 1, past), "old");
  EXPECT_EQ(Get(*store, 2, past), "not found");
  EXPECT_EQ(Get(*store, 1), "new");
  EXPECT_NE((*first)->content_root, (*second)->content_root);
  EXPECT_EQ((*second)->parents.front(), (*first)->id);
}

TEST_F(StoreTest, TheContentRootComesBackWithTheContent) {
  auto store = Open();
  ASSERT_TRUE(Put(*store, 1, "a").ok());
  const auto first = store->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
  ASSERT_TRUE(Put(*store, 1, "b").ok());
  ASSERT_TRUE(store->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
  ASSERT_TRUE(Put(*store, 1, "a").ok());
  const auto third = store->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
  EXPECT_EQ((*first)->content_root, (*third)->content_root);
  EXPECT_NE((*first)->id, (*third)->id);
}

TEST_F(StoreTest, APinnedMomentStaysWhileOthersGoOn) {
  auto store = Open();
  ASSERT_TRUE(Put(*store, 1, "seen").ok());
  auto pin = store->Pin(kMainBranch);
  ASSERT_TRUE(pin.ok());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Put(*store, 1, "later" + std::to_string(i)).ok());
    ASSERT_TRUE(store->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    EXPECT_EQ(Get(*store, 1, (*pin)->view()), "seen");
  }
}

TEST_F(StoreTest, ASecondWriterIsRefusedWithTheHolder) {
  auto store = Open();
  auto second = Store::Open(disk_, "/store", {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kBusy);
  EXPECT_THAT(second.status().message(), HasSubstr("pid " + std::to_string(getpid())));
}

TEST_F(StoreTest, AReadOnlyOpenWritesNothing) {
  {
    auto store = Open();
    ASSERT_TRUE(Put(*store, 1, "one").ok());
    ASSERT_TRUE(store->Flush().ok());
    disk_.PowerCutDropAll();  // leaves a journal to replay
  }
  disk_.SetReadOnly(true);
  const uint64_t before = disk_.mutating_calls();
  {
    auto store = Open(OpenAccess::kReadOnly);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(Get(*store, 1), "one");
    EXPECT_EQ(Put(*store, 1, "two").code(), Code::kReadOnly);
  }
  EXPECT_EQ(disk_.mutating_calls(), before);
}

TEST_F(StoreTest, AReadOnlyOpenCountsWhatWasNotFolded) {
  const auto file = [](uint64_t number, const std::string& value) {
    Change change;
    change.Put(InodeKey(InodeNumber(kFirstFreeInode + number)), value);
    return change;
  };
  {
    auto store = Open();
    for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(store->door().Apply(file(i, "folded")).ok());
    ASSERT_TRUE(store->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    EXPECT_EQ(store->Describe().counts_as_of, store->Describe().last_seq);
    EXPECT_EQ(store->Describe().counts.files, 3U);
    for (uint64_t i = 2; i < 7; ++i) ASSERT_TRUE(store->door().Apply(file(i, "new")).ok());
    Change gone;
    gone.Clear(InodeKey(InodeNumber(kFirstFreeInode)));
    gone.Clear(InodeKey(InodeNumber(kFirstFreeInode + 6)));
    ASSERT_TRUE(store->door().Apply(gone).ok());
    ASSERT_TRUE(store->Flush().ok());
    const StoreStatus live = store->Describe();
    EXPECT_EQ(live.counts_as_of, live.folded_seq);
    EXPECT_LT(live.counts_as_of, live.last_seq);
    disk_.PowerCutDropAll();
  }
  auto store = Open(OpenAccess::kReadOnly);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->Describe().counts.files, 5U);
  EXPECT_EQ(store->Describe().counts_as_of, store->Describe().last_seq);
}

TEST_F(StoreTest, NumbersAreNeverHandedOutTwice) {
  InodeNumber first;
  {
    auto store = Open();
    first = *store->door().TakeInodes(10);
    ASSERT_TRUE(store->Flush().ok());
    disk_.PowerCutDropAll();
  }
  auto store = Open();
  const InodeNumber second = *store->door().TakeInodes(1);
  EXPECT_GE(second.value, first.value + 10);
}

TEST_F(StoreTest, AFullDiskRefusesAndGoesOnAfterwards) {
  auto store = Open();
  ASSERT_TRUE(Put(*store, 1, "kept").ok());
  ASSERT_TRUE(store->Flush().ok());
  disk_.SetCapacity(0);
  const Status refused = Put(*store, 1, std::string(100000, 'x'));
  EXPECT_EQ(refused.code(), Code::kNoSpace) << refused.ToString();
  EXPECT_EQ(Get(*store, 1), "kept");
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(store->door().AwaitRoom(false).ok());
  EXPECT_TRUE(Put(*store, 1, "again").ok());
  EXPECT_TRUE(store->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
  store.reset();
  EXPECT_EQ(Get(*Open(), 1), "again");
}

TEST_F(StoreTest, WhatIsNoStoreIsSaidSo) {
  auto none = Store::Open(disk_, "/nowhere", {});
  EXPECT_EQ(none.status().code(), Code::kNotFound);
  EXPECT_THAT(none.status().message(), HasSubstr("mendfs mkfs"));
}

TEST_F(StoreTest, ANewerFormatIsRefusedUntouched) {
  auto text = ReadWholeFile(disk_, "/store/mendfs.json", 1 << 16);
  std::string newer = *text;
  newer.replace(newer.find("\"format_version\": 1"), 19, "\"format_version\": 9");
  ASSERT_TRUE(ReplaceFile(disk_, "/store/mendfs.json", newer).ok());
  auto store = Store::Open(disk_, "/store", {});
  EXPECT_EQ(store.status().code(), Code::kUnsupported);
  EXPECT_EQ(*ReadWholeFile(disk_, "/store/mendfs.json", 1 << 16), newer);
}

TEST_F(StoreTest, MkfsRefusesWhatIsNotEmpty) {
  EXPECT_EQ(Store::Create(disk_, "/store", {}).code(), Code::kExists);
  ASSERT_TRUE(disk_.MakeDir("/other").ok());
  ASSERT_TRUE(disk_.MakeDir("/other/thing").ok());
  EXPECT_EQ(Store::Create(disk_, "/other", {}).code(), Code::kNotEmpty);
}

TEST_F(StoreTest, LinesOfTheConfigThatMeanNothingAreErrors) {
  for (const std::string line :
       {"speed = 11", "garbage_min", "garbage_min = 64", "garbage_min = \"lots\"",
        "garbage_min = \"64\"", "garbage_min = \"1025T\"", "journal_kept = \"-1M\"",
        "journal_kept = \"1M\"\njournal_kept = \"2M\""}) {
    ASSERT_TRUE(ReplaceFile(disk_, "/store/config.toml", "# fine\n" + line + "\n").ok());
    auto store = Store::Open(disk_, "/store", {});
    EXPECT_EQ(store.status().code(), Code::kInvalid) << line;
    EXPECT_THAT(store.status().message(), HasSubstr("config.toml line ")) << line;
  }
  ASSERT_TRUE(ReplaceFile(disk_, "/store/config.toml",
                          "garbage_min = \"1K\" # a small one\n\njournal_kept=\"0\"")
                  .ok());
  auto store = Store::Open(disk_, "/store", {});
  EXPECT_TRUE(store.ok()) << store.status().ToString();
}

}  // namespace
}  // namespace mendfs
