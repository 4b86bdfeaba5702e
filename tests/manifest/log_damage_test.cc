// LevelDB's log and lists under flipped bits: what was folded is there, or older, or refused, and
// never has a hole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meta/disk/overlay_disk.h"
#include "meta/disk/sim_disk.h"
#include "meta/manifest/fold_chain.h"
#include "meta/manifest/keys.h"
#include "meta/manifest/manifest.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

constexpr int kFolds = 24;

std::string KeyOf(int i) {
  return XattrKey(InodeNumber(100), "k" + std::to_string(i));
}

// Fold i sets k<i> and "last". Most are small, some are longer than a block of the log.
Change ChangeOf(int i) {
  Change change;
  change.Put(KeyOf(i), std::string(i % 8 == 5 ? 40000 : 200 + 37 * static_cast<size_t>(i), 'v'));
  change.Put(XattrKey(InodeNumber(100), "last"), std::to_string(i));
  return change;
}

std::string OnlyFile(SimDisk& disk, const std::string& suffix) {
  std::string found;
  for (const DirEntry& entry : *disk.List("/s/manifest")) {
    if (entry.name.size() < suffix.size() ||
        entry.name.substr(entry.name.size() - suffix.size()) != suffix) {
      continue;
    }
    EXPECT_EQ(found, "");
    found = "/s/manifest/" + entry.name;
  }
  return found;
}

void FoldOne(Manifest& manifest, int i) {
  manifest.Apply(Seq(static_cast<uint64_t>(i)), ChangeOf(i));
  manifest.Rotate();
  const Status folded = manifest.Fold([](Seq, Seq, const auto&) { return Status::Ok(); });
  ASSERT_TRUE(folded.ok()) << folded.ToString();
}

class LogDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(disk_.MakeDir("/s").ok());
    ASSERT_TRUE(disk_.MakeDir("/s/manifest").ok());
    auto manifest = Open(true);
    ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
    auto batch = (*manifest)->kv().NewBatch();
    batch->Put(FoldStateKey(), EncodeFoldState({}));
    ASSERT_TRUE((*manifest)->kv().Write(*batch, true).ok());
  }

  Result<std::unique_ptr<Manifest>> Open(bool create = false, bool read_only = false) {
    ManifestOptions options;
    options.create = create;
    options.read_only = read_only;
    return Manifest::Open(disk_, "/s", options);
  }

  void Fold(int first, int last) {
    auto manifest = Open();
    ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
    for (int i = first; i <= last; ++i) FoldOne(**manifest, i);
  }

  SimDisk disk_;
};

// Everything up to the position, and nothing behind it. Answers the position.
int ExpectPrefix(const Manifest& manifest) {
  const int folded = static_cast<int>(manifest.folded().folded.value);
  for (int i = 1; i <= kFolds; ++i) {
    const auto entry = manifest.Get({}, KeyOf(i));
    EXPECT_EQ(entry.ok(), i <= folded) << "fold " << i << " of " << folded;
    if (entry.ok()) {
      EXPECT_EQ(entry->value, ChangeOf(i).entries[0].value);
    }
  }
  const auto last = manifest.Get({}, XattrKey(InodeNumber(100), "last"));
  EXPECT_EQ(last.ok() ? last->value : "0", std::to_string(folded));
  return folded;
}

TEST_F(LogDamageTest, AFlippedBitAnywhereInTheLogTakesTheEndAndNeverTheMiddle) {
  Fold(1, kFolds);
  const std::string log = OnlyFile(disk_, ".log");
  const uint64_t size = disk_.Stat(log)->size_bytes;
  ASSERT_GT(size, 3u * 32768);
  int seen_damaged = 0;
  for (uint64_t at = 0, n = 0; at < size; at += at < 3000 ? 7 : 389, ++n) {
    SCOPED_TRACE("byte " + std::to_string(at));
    const unsigned bit = n % 8;
    ASSERT_TRUE(disk_.FlipBit(log, at, bit).ok());
    {
      OverlayDisk memory(disk_);
      ManifestOptions options;
      options.read_only = true;
      auto manifest = Manifest::Open(memory, "/s", options);
      ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
      const int folded = ExpectPrefix(**manifest);
      const ManifestDamage& damage = (*manifest)->damage();
      EXPECT_FALSE(damage.rows_lost) << damage.sentence;
      if (folded + 1 < kFolds) {
        EXPECT_THAT(damage.sentence, HasSubstr(log));
      }
      seen_damaged += damage.sentence.empty() ? 0 : 1;
    }
    ASSERT_TRUE(disk_.FlipBit(log, at, bit).ok());
    if (HasFailure()) return;
  }
  EXPECT_GT(seen_damaged, 100);
}

TEST_F(LogDamageTest, ATornEndIsNoDamage) {
  Fold(1, kFolds);
  const std::string log = OnlyFile(disk_, ".log");
  const uint64_t size = disk_.Stat(log)->size_bytes;
  auto file = disk_.Open(log, OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  // The last batch: cut short, then with zeros where its end was.
  ASSERT_TRUE((*file)->Truncate(size - 10).ok());
  ASSERT_TRUE((*file)->Truncate(size + 5000).ok());
  auto manifest = Open();
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(ExpectPrefix(**manifest), kFolds - 1);
  EXPECT_EQ((*manifest)->damage().sentence, "");
  FoldOne(**manifest, kFolds);
}

TEST_F(LogDamageTest, AMissingFoldIsRefusedBeforeAnythingIsWritten) {
  // The table that holds folds 1 to 8 goes, the log with those behind them stays: what is left when
  // LevelDB's list of tables loses its end.
  {
    auto manifest = *Open();
    for (int i = 1; i <= 12; ++i) {
      FoldOne(*manifest, i);
      if (i != 8) continue;
      ASSERT_EQ(*manifest->Settle(), Seq(8));
    }
  }
  const auto list_name = [&] {
    for (const DirEntry& entry : *disk_.List("/s/manifest")) {
      if (entry.name.rfind("MANIFEST-", 0) == 0) return "/s/manifest/" + entry.name;
    }
    return std::string();
  };
  // Its last record: length, high byte.
  const std::string bytes = *ReadWholeFile(disk_, list_name(), 1 << 20);
  uint64_t at = 0;
  uint64_t last = 0;
  while (at + 7 <= bytes.size()) {
    last = at;
    at += 7 + static_cast<uint8_t>(bytes[at + 4]) + 256u * static_cast<uint8_t>(bytes[at + 5]);
  }
  ASSERT_EQ(at, bytes.size());
  ASSERT_TRUE(disk_.FlipBit(list_name(), last + 5, 6).ok());
  const uint64_t writes = disk_.mutating_calls();
  const auto refused = Open();
  EXPECT_EQ(refused.status().code(), Code::kCorruption);
  EXPECT_THAT(refused.status().message(), HasSubstr("fold 1 is missing"));
  EXPECT_THAT(refused.status().message(), HasSubstr("-o ro"));
  EXPECT_EQ(disk_.mutating_calls(), writes);
  {
    OverlayDisk memory(disk_);
    ManifestOptions options;
    options.read_only = true;
    auto readable = Manifest::Open(memory, "/s", options);
    ASSERT_TRUE(readable.ok()) << readable.status().ToString();
    EXPECT_TRUE((*readable)->damage().rows_lost);
    EXPECT_TRUE((*readable)->Get({}, KeyOf(12)).ok());
  }
  ASSERT_TRUE(disk_.FlipBit(list_name(), last + 5, 6).ok());
  auto whole = Open();
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(ExpectPrefix(**whole), 12);
}

TEST_F(LogDamageTest, AnyRowOfTheChainThatIsGoneOldOrForeignIsNoticed) {
  Fold(1, 6);
  auto manifest = *Open();
  Kv& kv = manifest->kv();
  const FoldState state = manifest->folded();
  ASSERT_TRUE(CheckFoldChain(kv, state).ok());
  for (uint64_t number = 1; number <= 6; ++number) {
    SCOPED_TRACE(number);
    const std::string bytes = *kv.Get(FoldRowKey(number));
    auto gone = kv.NewBatch();
    gone->Delete(FoldRowKey(number));
    ASSERT_TRUE(kv.Write(*gone, true).ok());
    EXPECT_EQ(CheckFoldChain(kv, state).code(), Code::kCorruption);
    FoldRow foreign = *DecodeFoldRow(bytes);
    foreign.to = Seq(foreign.to.value + 1);
    auto other = kv.NewBatch();
    other->Put(FoldRowKey(number), EncodeFoldRow(foreign));
    ASSERT_TRUE(kv.Write(*other, true).ok());
    EXPECT_EQ(CheckFoldChain(kv, state).code(), Code::kCorruption);
    auto back = kv.NewBatch();
    back->Put(FoldRowKey(number), bytes);
    ASSERT_TRUE(kv.Write(*back, true).ok());
    EXPECT_TRUE(CheckFoldChain(kv, state).ok());
  }
  FoldState older = state;
  --older.number;
  EXPECT_EQ(CheckFoldChain(kv, older).code(), Code::kCorruption);
}

TEST_F(LogDamageTest, TheChainGoesRoundAndTheLogStaysShort) {
  auto manifest = *Open();
  Change change;
  change.Put(KeyOf(1), "v");
  const uint64_t folds = kFoldRows + 300;
  for (uint64_t i = 1; i <= folds; ++i) {
    manifest->Apply(Seq(i), change);
    manifest->Rotate();
    ASSERT_TRUE(manifest->Fold([](Seq, Seq, const auto&) { return Status::Ok(); }).ok());
  }
  EXPECT_TRUE(CheckFoldChain(manifest->kv(), manifest->folded()).ok());
  manifest.reset();
  const uint64_t log_bytes = disk_.Stat(OnlyFile(disk_, ".log"))->size_bytes;
  EXPECT_LT(log_bytes, kFoldsInLog * 1000);
  auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ((*again)->folded().number, folds);
}

// Flips every bit of a file, from a step on; each open is refused, or shows all that there was.
void ExpectWholeOrRefused(SimDisk& disk, const std::string& path, uint64_t step,
                          uint64_t first = 0) {
  const uint64_t size = disk.Stat(path)->size_bytes;
  for (uint64_t at = first; at < size; at += step) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      SCOPED_TRACE(path + " byte " + std::to_string(at) + " bit " + std::to_string(bit));
      ASSERT_TRUE(disk.FlipBit(path, at, bit).ok());
      {
        OverlayDisk memory(disk);
        ManifestOptions options;
        options.read_only = true;
        auto manifest = Manifest::Open(memory, "/s", options);
        bool refused = !manifest.ok() || (*manifest)->damage().rows_lost;
        if (!manifest.ok()) {
          EXPECT_EQ(manifest.status().code(), Code::kCorruption) << manifest.status().ToString();
        }
        for (int i = 1; !refused && i <= kFolds; ++i) {
          const auto entry = (*manifest)->Get({}, KeyOf(i));
          if (entry.ok()) {
            EXPECT_EQ(entry->value, ChangeOf(i).entries[0].value);
          } else {
            EXPECT_EQ(entry.status().code(), Code::kCorruption) << entry.status().ToString();
          }
        }
      }
      ASSERT_TRUE(disk.FlipBit(path, at, bit).ok());
      if (testing::Test::HasFailure()) return;
    }
  }
}

// LevelDB appends to its list of tables and syncs it; the power goes before that.
TEST_F(LogDamageTest, ATornEndOfTheListIsTheListBeforeIt) {
  ASSERT_TRUE(disk_.SyncDir("/s").ok());
  ASSERT_TRUE(disk_.SyncDir("/").ok());
  std::vector<std::pair<int, std::unique_ptr<SimDisk>>> before_sync;
  {
    auto manifest = Open();
    ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
    for (int i = 1; i <= kFolds; ++i) {
      FoldOne(**manifest, i);
      disk_.Watch([&](DiskCall call, const std::string& path, const auto& fork) {
        const bool is_list = path.find("/MANIFEST-") != std::string::npos;
        if (is_list && call == DiskCall::kSync) before_sync.emplace_back(i, fork());
      });
      ASSERT_TRUE((*manifest)->Settle().ok());
      disk_.Watch({});
    }
  }
  ASSERT_GE(before_sync.size(), static_cast<size_t>(kFolds));
  for (const auto& [folded, before] : before_sync) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      SCOPED_TRACE("fold " + std::to_string(folded) + " cut " + std::to_string(seed));
      const auto disk = before->Fork();
      disk->PowerCut(seed);
      const auto manifest = Manifest::Open(*disk, "/s", {});
      ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
      EXPECT_EQ(ExpectPrefix(**manifest), folded);
    }
  }
}

TEST_F(LogDamageTest, FlippedBitsOfTablesAndListsAreCorruptionAndNeverAbsence) {
  Fold(1, kFolds);
  { ASSERT_TRUE(Open().ok()); }  // the log becomes a table
  ExpectWholeOrRefused(disk_, "/s/manifest/CURRENT", 1);
  for (const DirEntry& entry : *disk_.List("/s/manifest")) {
    const std::string path = "/s/manifest/" + entry.name;
    if (entry.name.rfind("MANIFEST-", 0) == 0) ExpectWholeOrRefused(disk_, path, 1);
    if (entry.name.find(".ldb") == std::string::npos) continue;
    ExpectWholeOrRefused(disk_, path, 997);
    // Its index, the places of index and filter, and the filter stand last.
    ExpectWholeOrRefused(disk_, path, 1, disk_.Stat(path)->size_bytes - 200);
  }
}

}  // namespace
}  // namespace mendfs
