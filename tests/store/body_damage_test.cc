// Damage to bytes of bodies that had been durable, met by replay: whoever reads them is told, and
// no change that was made later is lost. Bytes that a power cut took still end the journal.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/store.h"
#include "tests/support/copy_tree.h"

namespace mendfs {
namespace {

constexpr size_t kOldBytes = 400'000;
constexpr uint64_t kBadByte = 100'000;  // in the pack: well inside of the old run

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t word = 1;
  for (char& byte : bytes) {
    word = word * 1664525 + 1013904223;
    byte = static_cast<char>(word >> 24);
  }
  return bytes;
}

class BodyDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Store::Create(disk_, "/store", {}).ok());
    Open();
    old_ = Make("old");
    copy_ = Make("copy");
    later_ = Make("later");
    ASSERT_TRUE(writer_->Write(old_, 0, Bytes(kOldBytes)).ok());
    Flush();
  }

  void Open() {
    OpenOptions options;
    options.commit_interval_ms = 0;
    auto store = Store::Open(disk_, "/store", options);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    writer_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
  }
  InodeNumber Make(const std::string& name) {
    const auto made = writer_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    EXPECT_TRUE(made.ok());
    return made->inode;
  }
  void Flush() { ASSERT_TRUE(store_->Flush().ok()); }
  void WriteLater(const std::string& text) { ASSERT_TRUE(writer_->Write(later_, 0, text).ok()); }
  // Everything that was written stays, flushed or not.
  void Kill() {
    SimDisk as_it_was;
    CopyTree(disk_, "/store", as_it_was);
    disk_.StopAt(1);
    writer_.reset();
    store_.reset();
    disk_ = as_it_was;
  }
  // Only what was flushed stays: not the mark behind the last flush.
  void CutPower() {
    disk_.StopAt(1);
    writer_.reset();
    store_.reset();
    disk_.PowerCutDropAll();
  }
  void CloseAndOpen() {
    writer_.reset();
    store_.reset();
    Open();
  }

  // Sealed packs lie in objects/pack/<two digits>/, open ones in staging/.
  std::string PackPath() {
    std::string found;
    for (const DirEntry& entry : *disk_.List("/store/staging")) {
      found = "/store/staging/" + entry.name;
    }
    const auto folders = disk_.List("/store/objects/pack");
    if (!folders.ok()) return found;
    for (const DirEntry& folder : *folders) {
      const std::string below = "/store/objects/pack/" + folder.name;
      for (const DirEntry& entry : *disk_.List(below)) found = below + "/" + entry.name;
    }
    return found;
  }

  using Trigger = std::function<Status()>;
  std::vector<std::pair<std::string, Trigger>> Triggers() {
    return {{"overwrite", [&] { return writer_->Write(old_, 40'000, Bytes(4096)).status(); }},
            {"truncate", [&] { return writer_->Set(old_, {.size_bytes = 200'000}).status(); }},
            {"clone", [&] {
               return writer_
                   ->Clone({.source = old_,
                            .source_offset = 0,
                            .target = copy_,
                            .target_offset = 0,
                            .size_bytes = kOldBytes})
                   .status();
             }}};
  }

  Result<std::string> Read(InodeNumber file, uint64_t offset, size_t size) {
    std::string bytes(size, '\0');
    const auto got = FileReader(store_->door()).Read({}, file, offset, bytes.size(), bytes.data());
    if (!got.ok()) return got.status();
    bytes.resize(*got);
    return bytes;
  }
  void ExpectLater(const std::string& text) {
    const auto read = Read(later_, 0, 100);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(*read, text);
    EXPECT_EQ(Read(old_, kBadByte, 10).status().code(), Code::kCorruption);
  }

  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> writer_;
  InodeNumber old_;
  InodeNumber copy_;
  InodeNumber later_;
};

TEST_F(BodyDamageTest, ABadBlockOfASealedPackLosesNoLaterChange) {
  CloseAndOpen();
  ASSERT_TRUE(disk_.FlipBit(PackPath(), kBadByte, 3).ok());
  int round = 0;
  for (const auto& [name, trigger] : Triggers()) {
    for (const bool killed : {true, false}) {
      SCOPED_TRACE(name + (killed ? ", killed" : ", power cut"));
      const std::string text = "round " + std::to_string(++round);
      ASSERT_TRUE(trigger().ok());
      WriteLater(text);
      if (!killed) Flush();
      killed ? Kill() : CutPower();
      Open();
      ASSERT_FALSE(HasFatalFailure());
      ExpectLater(text);
    }
  }
}

TEST_F(BodyDamageTest, AMissingSealedPackLosesNoLaterChange) {
  CloseAndOpen();
  const std::string pack = PackPath();
  ASSERT_TRUE(disk_.Remove(pack).ok());
  ASSERT_TRUE(disk_.SyncDir(ParentPath(pack)).ok());
  int round = 0;
  for (const auto& [name, trigger] : Triggers()) {
    SCOPED_TRACE(name);
    const std::string text = "round " + std::to_string(++round);
    ASSERT_TRUE(trigger().ok());
    WriteLater(text);
    Flush();
    CutPower();
    Open();
    ASSERT_FALSE(HasFatalFailure());
    ExpectLater(text);
  }
}

TEST_F(BodyDamageTest, ABadBlockOfAnOpenPackThatWasSyncedLosesNoLaterChange) {
  for (size_t i = 0; i < Triggers().size(); ++i) {
    SCOPED_TRACE(Triggers()[i].first);
    if (i > 0) {
      writer_.reset();
      store_.reset();
      disk_ = SimDisk();
      SetUp();
    }
    // The mark of the first flush is durable by the second.
    WriteLater("before");
    Flush();
    ASSERT_TRUE(Triggers()[i].second().ok());
    WriteLater("behind");
    Flush();
    const std::string pack = PackPath();
    CutPower();
    ASSERT_TRUE(disk_.FlipBit(pack, kBadByte, 3).ok());
    Open();
    ASSERT_FALSE(HasFatalFailure());
    ExpectLater("behind");
  }
}

TEST_F(BodyDamageTest, AMissingOpenPackLosesNoLaterChange) {
  WriteLater("before");
  ASSERT_TRUE(Triggers()[0].second().ok());
  WriteLater("behind");
  const std::string pack = PackPath();
  Kill();
  ASSERT_TRUE(disk_.Remove(pack).ok());
  Open();
  ASSERT_FALSE(HasFatalFailure());
  ExpectLater("behind");
}

TEST_F(BodyDamageTest, FreshBytesThatArePartlyThereEndTheJournal) {
  WriteLater("before");
  ASSERT_TRUE(writer_->Write(old_, 0, Bytes(200'000)).ok());
  WriteLater("behind");
  const std::string pack = PackPath();
  Kill();
  // Behind the run of the first write, which was synced.
  ASSERT_TRUE(disk_.FlipBit(pack, kOldBytes + kBadByte, 3).ok());
  Open();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(*Read(later_, 0, 100), "before");
  const auto old = Read(old_, 0, kOldBytes);
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(*old, Bytes(kOldBytes));
}

TEST_F(BodyDamageTest, ABadByteInAFoldedRecordDoesNotStopTheStore) {
  WriteLater("a text to find");
  ASSERT_TRUE(store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
  CloseAndOpen();
  writer_.reset();
  store_.reset();
  const auto names = disk_.List("/store/journal");
  const std::string path = "/store/journal/" + names->back().name;
  const auto bytes = ReadWholeFile(disk_, path, 1 << 26);
  const size_t at = bytes->find("a text to find");
  ASSERT_NE(at, std::string::npos);
  ASSERT_TRUE(disk_.FlipBit(path, at, 0).ok());
  Open();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(*Read(later_, 0, 100), "a text to find");
}

}  // namespace
}  // namespace mendfs
