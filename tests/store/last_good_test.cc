// A store that does not verify opens read-only at the newest state that does, says so, and is not
// written to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "meta/disk/sim_disk.h"
#include "meta/journal/record_format.h"
#include "meta/store.h"
#include "meta/tables.h"
#include "tests/store/rows_text.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

OpenOptions Options(OpenAccess access = OpenAccess::kReadWrite) {
  OpenOptions options;
  options.commit_interval_ms = 0;
  options.access = access;
  options.journal_segment_bytes = 8 << 10;
  return options;
}

void ReadTree(Disk& disk, const std::string& path, std::map<std::string, std::string>& files) {
  for (const DirEntry& entry : *disk.List(path)) {
    const std::string name = path + "/" + entry.name;
    if (entry.kind == FileKind::kDirectory) {
      ReadTree(disk, name, files);
    } else if (entry.name != "LOCK") {
      files[name] = *ReadWholeFile(disk, name, 1 << 26);
    }
  }
}

class LastGoodTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        Store::Create(disk_, "/store", {.schema_text = "node P { k: String @key, v: String? }\n"})
            .ok());
    auto store = Store::Open(disk_, "/store", Options());
    ASSERT_TRUE(store.ok());
    Put(**store, 0, 10);
    ASSERT_TRUE((*store)->CloseCommit(kMainBranch, {"test", "folded", Origin::kUser}).ok());
    folded_ = (*store)->Describe().folded_seq;
    for (int i = 10; i < 60; ++i) Put(**store, i, i + 1);
    ASSERT_TRUE((*store)->Flush().ok());
    died_ = disk_.Fork();
    for (const DirEntry& entry : *died_->List("/store/journal")) {
      segments_.push_back("/store/journal/" + entry.name);
    }
    std::sort(segments_.begin(), segments_.end());
    ASSERT_GT(segments_.size(), 3u);
  }

  // Rows, each a change; what all show after each is kept.
  void Put(Store& store, int from, int to) {
    const auto schema = TableReader(store.reader()).GetSchema({});
    ASSERT_TRUE(schema.ok());
    for (int i = from; i < to; ++i) {
      const std::string body =
          R"({"v":")" + std::string(600, static_cast<char>('a' + i % 20)) + R"("})";
      ASSERT_TRUE(TableWriter(store.door(), kMainBranch)
                      .PutNode((*schema)->nodes[0].id, "r" + std::to_string(i % 30), body, {})
                      .ok());
      states_[RowsText(store)] = store.LastSeq();
      newest_ = RowsText(store);
    }
  }

  struct Seen {
    bool read_only = false;
    Status refused;
    StoreStatus status;
    std::string rows;
  };
  // Opens what verifies of `disk`; nothing may be written where it comes up read-only.
  static Seen Open(SimDisk& disk) {
    std::map<std::string, std::string> before;
    ReadTree(disk, "/store", before);
    Seen seen;
    {
      auto store = Store::OpenWhatVerifies(disk, "/store", Options(), [&seen] {
        seen.read_only = true;
        return Status::Ok();
      });
      seen.refused = store.status();
      if (store.ok()) {
        seen.status = (*store)->Describe();
        seen.rows = RowsText(**store);
      }
    }
    std::map<std::string, std::string> after;
    ReadTree(disk, "/store", after);
    const bool unwritten = before == after;
    EXPECT_TRUE(unwritten || (seen.refused.ok() && !seen.read_only));
    return seen;
  }

  SimDisk disk_;
  std::unique_ptr<SimDisk> died_;
  std::vector<std::string> segments_;
  Seq folded_;
  std::map<std::string, Seq> states_;  // what rows showed, and since which change
  std::string newest_;
};

TEST_F(LastGoodTest, DamageToDurableRecordsShowsTheStateBeforeThem) {
  uint64_t fell_back = 0;
  uint64_t tried = 0;
  for (const std::string& segment : segments_) {
    const uint64_t size = died_->Stat(segment)->size_bytes;
    for (uint64_t at = 0; at < size; at += at < kJournalHeaderBytes ? 7 : 97, ++tried) {
      SCOPED_TRACE(segment + " byte " + std::to_string(at));
      const auto disk = died_->Fork();
      ASSERT_TRUE(disk->FlipBit(segment, at, tried % 8).ok());
      const Seen seen = Open(*disk);
      ASSERT_TRUE(seen.refused.ok()) << seen.refused.ToString();
      ASSERT_EQ(states_.count(seen.rows), 1u) << "a state that never was";
      if (!seen.read_only) {
        EXPECT_EQ(seen.rows, newest_);
        continue;
      }
      ++fell_back;
      EXPECT_EQ(seen.status.health, Health::kReadOnly);
      EXPECT_THAT(seen.status.reason, HasSubstr(segment));
      EXPECT_THAT(seen.status.reason, HasSubstr("Shown is change "));
      EXPECT_THAT(seen.status.reason, HasSubstr("missing"));
      EXPECT_GE(seen.status.last_seq, folded_);
      ASSERT_TRUE(seen.status.head.has_value());
      // The commit's own record is the first behind what it folded.
      const bool has_row = seen.status.last_seq > folded_;
      EXPECT_EQ(seen.status.head->note.message, has_row ? "folded" : "the store was made");
    }
  }
  EXPECT_GT(fell_back, tried / 2);
}

TEST_F(LastGoodTest, AMissingSegmentShowsTheStateBeforeIt) {
  Seq before;
  for (size_t i = 0; i < segments_.size(); ++i) {
    SCOPED_TRACE(segments_[i]);
    const auto disk = died_->Fork();
    ASSERT_TRUE(disk->Remove(segments_[i]).ok());
    const Seen seen = Open(*disk);
    ASSERT_TRUE(seen.refused.ok()) << seen.refused.ToString();
    ASSERT_EQ(states_.count(seen.rows), 1u) << "a state that never was";
    // That the last one was there, nothing tells but its records.
    if (i + 1 == segments_.size()) continue;
    if (!seen.read_only) {
      EXPECT_EQ(seen.rows, newest_) << "it was folded";
      continue;
    }
    EXPECT_EQ(seen.status.health, Health::kReadOnly);
    EXPECT_GE(states_[seen.rows], before);
    before = states_[seen.rows];
  }
  EXPECT_GT(before, folded_);
}

TEST_F(LastGoodTest, AManifestThatDoesNotVerifyIsReadFromTheJournal) {
  uint64_t fell_back = 0;
  uint64_t tried = 0;
  for (const DirEntry& entry : *died_->List("/store/manifest")) {
    const std::string file = "/store/manifest/" + entry.name;
    const uint64_t size = died_->Stat(file)->size_bytes;
    for (uint64_t at = 0; at < size; at += std::max<uint64_t>(1, size / 60), ++tried) {
      SCOPED_TRACE(file + " byte " + std::to_string(at));
      const auto disk = died_->Fork();
      ASSERT_TRUE(disk->FlipBit(file, at, tried % 8).ok());
      const Seen seen = Open(*disk);
      ASSERT_TRUE(seen.refused.ok()) << seen.refused.ToString();
      if (!seen.read_only) {
        // A block of rows alone: who reads it is told.
        EXPECT_TRUE(seen.rows == newest_ || seen.rows.starts_with("corruption")) << seen.rows;
        continue;
      }
      ++fell_back;
      EXPECT_EQ(seen.rows, newest_);
      EXPECT_EQ(seen.status.health, Health::kReadOnly);
      EXPECT_THAT(seen.status.reason, HasSubstr("read from the journal"));
    }
  }
  EXPECT_GT(fell_back, 0u);
}

TEST_F(LastGoodTest, WhereNoStateVerifiesTheStoreIsRefused) {
  ASSERT_TRUE(died_->Remove(segments_.front()).ok());
  ASSERT_TRUE(died_->Remove("/store/manifest/CURRENT").ok());
  const Seen seen = Open(*died_);
  EXPECT_EQ(seen.refused.code(), Code::kCorruption);
  EXPECT_THAT(seen.refused.message(), HasSubstr("no state of the store verifies"));
}

TEST_F(LastGoodTest, WhatIsNoDamageRefusesAsBefore) {
  const auto writer = Store::Open(*died_, "/store", Options());
  ASSERT_TRUE(writer.ok());
  const Seen seen = Open(*died_);
  EXPECT_EQ(seen.refused.code(), Code::kBusy);
  EXPECT_FALSE(seen.read_only);
}

TEST_F(LastGoodTest, ADamagedSidecarKeepsAStoreReadOnlyAndIsNamed) {
  const std::string sidecar = "/store/sidecars/00112233445566778899aabbccddeeff.json";
  ASSERT_TRUE(ReplaceFile(*died_, sidecar, "damaged").ok());
  const Seen seen = Open(*died_);
  ASSERT_TRUE(seen.refused.ok()) << seen.refused.ToString();
  EXPECT_TRUE(seen.read_only);
  EXPECT_EQ(seen.rows, newest_);
  EXPECT_EQ(seen.status.health, Health::kReadOnly);
  EXPECT_THAT(seen.status.reason, HasSubstr(sidecar));
}

TEST_F(LastGoodTest, ANewerSidecarIsRefused) {
  ASSERT_TRUE(ReplaceFile(*died_, "/store/sidecars/00112233445566778899aabbccddeeff.json",
                          "{\"mendfs\":\"sidecar\",\"format_version\":99}")
                  .ok());
  const Seen seen = Open(*died_);
  EXPECT_EQ(seen.refused.code(), Code::kRecoveryNeeded) << seen.refused.ToString();
  EXPECT_FALSE(seen.read_only);
}

}  // namespace
}  // namespace mendfs
