// Runs, holes and shared ranges of bodies: against plain strings, and one by one.
#include <algorithm>
#include <array>
#include <random>

#include "meta/tree/body.h"
#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

std::string Pattern(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class BodySpaceTest : public TreeTest {
 protected:
  size_t CountExtents(InodeNumber file) const { return CountEntries(ExtentPrefix(file)); }
  std::vector<RunRef> Runs(InodeNumber file) const {
    std::vector<RunRef> runs;
    auto cursor = door_.Scan(kHead, PrefixRange(ExtentPrefix(file)));
    for (; cursor->Valid(); cursor->Next()) {
      const auto extent = DecodeExtent(cursor->value());
      EXPECT_TRUE(extent.ok());
      if (extent.ok() && !extent->is_inline()) runs.push_back(extent->run);
    }
    return runs;
  }
  size_t ChangedBytes() const {
    size_t size = 0;
    for (const ChangeEntry& entry : door_.last_change().entries) size += entry.value.size();
    return size;
  }
  void Space(InodeNumber file, SpaceMode mode, uint64_t offset, uint64_t size, bool keep = false) {
    const auto changed = writer_->ChangeSpace(
        file, {.mode = mode, .keep_size = keep, .offset = offset, .size_bytes = size});
    ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  }
  std::optional<uint64_t> Find(InodeNumber file, uint64_t offset, BodySought sought) const {
    const auto found = reader_.Find(kHead, file, offset, sought);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? *found : std::nullopt;
  }
  uint64_t Clone(InodeNumber source, uint64_t from, InodeNumber target, uint64_t to,
                 uint64_t size) {
    const auto copied = writer_->Clone({.source = source,
                                        .source_offset = from,
                                        .target = target,
                                        .target_offset = to,
                                        .size_bytes = size});
    EXPECT_TRUE(copied.ok()) << copied.status().ToString();
    return copied.ok() ? *copied : 0;
  }

  InodeNumber file_ = MakeFile("file");
};

TEST_F(BodySpaceTest, ALongWriteIsReferencesAndTheRecordIsSmall) {
  const std::string bytes = Pattern(5 << 20, 1);
  Write(file_, 0, bytes);
  EXPECT_EQ(Runs(file_).size(), 5U);
  EXPECT_LT(ChangedBytes(), 2000U);
  EXPECT_EQ(ReadAll(file_), bytes);
  EXPECT_EQ(Read(file_, 1'048'000, 2000), bytes.substr(1'048'000, 2000));
}

TEST_F(BodySpaceTest, WritesAreCutAtMultiplesOfTheLongestRun) {
  Write(file_, 300'000, Pattern(2 << 20, 2));
  Write(file_, 300'000, Pattern(2 << 20, 3));
  EXPECT_EQ(CountExtents(file_), 3U);
  for (const RunRef& run : Runs(file_)) EXPECT_EQ(run.skip_bytes, 0U);
}

TEST_F(BodySpaceTest, AnAppendRewritesNothingThatIsThere) {
  std::string model;
  for (int step = 0; step < 8; ++step) {
    const std::string bytes = Pattern(1 << 20, 10 + step);
    ASSERT_TRUE(writer_->Append(file_, bytes).ok());
    model += bytes;
    EXPECT_EQ(door_.last_change().entries.size(), 2U);  // one piece and the inode
    EXPECT_LT(ChangedBytes(), 500U);
  }
  EXPECT_EQ(ReadAll(file_), model);
}

TEST_F(BodySpaceTest, OverwritingAPartOfARunCopiesNone) {
  std::string model = Pattern(1 << 20, 4);
  Write(file_, 0, model);
  const std::string bytes = Pattern(4096, 5);
  Write(file_, 500'000, bytes);
  model.replace(500'000, bytes.size(), bytes);
  EXPECT_EQ(door_.bodies().runs(), 1U);
  EXPECT_LT(ChangedBytes(), 5500U);
  EXPECT_EQ(CountExtents(file_), 3U);
  EXPECT_EQ(ReadAll(file_), model);
}

TEST_F(BodySpaceTest, SplintersOfARunAreTakenInAndMerged) {
  std::string model = Pattern(1 << 20, 6);
  Write(file_, 0, model);
  for (uint64_t at = 100'000; at < 110'000; at += 10) {
    Write(file_, at, "x");
    model[at] = 'x';
  }
  EXPECT_EQ(ReadAll(file_), model);
  EXPECT_LE(CountExtents(file_), 8U);
}

TEST_F(BodySpaceTest, ADamagedBlockCostsItsOwnBytesAndCanBeOverwritten) {
  const std::string bytes = Pattern(1 << 20, 7);
  Write(file_, 0, bytes);
  door_.bodies().Damage(Runs(file_)[0], 200'000);  // block 3
  char target[4096];
  const auto bad = reader_.Read(kHead, file_, 196'608, 4096, target);
  EXPECT_EQ(CodeOf(bad), Code::kCorruption);
  EXPECT_NE(bad.status().message().find("inode " + std::to_string(file_.value)), std::string::npos);
  EXPECT_EQ(Read(file_, 0, 196'608), bytes.substr(0, 196'608));
  EXPECT_EQ(Read(file_, 262'144, 500'000), bytes.substr(262'144, 500'000));
  Write(file_, 196'700, "over");
  EXPECT_EQ(Read(file_, 196'700, 4), "over");
  Write(file_, 196'608, Pattern(65'536, 8));
  EXPECT_EQ(Read(file_, 196'608, 65'536), Pattern(65'536, 8));
  EXPECT_TRUE(writer_->Remove(kFilesRoot, "file", false).ok());
  EXPECT_EQ(CountTraces(file_), 0U);
}

TEST_F(BodySpaceTest, ARefusedAppendOfBytesChangesNothing) {
  Write(file_, 0, "before");
  const auto changes = door_.applied_changes();
  door_.bodies().FailAppend(Code::kNoSpace);
  EXPECT_EQ(CodeOf(writer_->Write(file_, 0, Pattern(100'000, 9))), Code::kNoSpace);
  EXPECT_EQ(door_.applied_changes(), changes);
  EXPECT_EQ(ReadAll(file_), "before");
}

TEST_F(BodySpaceTest, NothingIsAppendedForAWriteThatIsRefused) {
  const std::string bytes(100'000, 'x');
  EXPECT_EQ(CodeOf(writer_->Write(kFilesRoot, 0, bytes)), Code::kIsDirectory);
  EXPECT_EQ(CodeOf(writer_->Write(InodeNumber(999), 0, bytes)), Code::kNotFound);
  EXPECT_EQ(CodeOf(writer_->Write(file_, kFileBytesMax - 10, bytes)), Code::kTooBig);
  EXPECT_EQ(door_.bodies().runs(), 0U);
}

TEST_F(BodySpaceTest, AFoldMovesLongPiecesAndKeepsWhatTheyStandFor) {
  Write(file_, 0, Pattern(4096, 11));
  Write(file_, 131'072, Pattern(60'000, 12));
  const auto digests = [&] {
    std::vector<Hash128> found;
    auto cursor = door_.Scan(kHead, PrefixRange(ExtentPrefix(file_)));
    for (; cursor->Valid(); cursor->Next()) {
      found.push_back(ExtentDigest(*DecodeExtent(cursor->value())));
    }
    return found;
  };
  const auto before = digests();
  const std::string bytes = ReadAll(file_);
  EXPECT_EQ(Runs(file_).size(), 0U);
  ASSERT_TRUE(door_.FoldBodies(kMainBranch).ok());
  EXPECT_EQ(Runs(file_).size(), 1U);
  EXPECT_EQ(digests(), before);
  EXPECT_EQ(ReadAll(file_), bytes);
}

TEST_F(BodySpaceTest, PunchAndZeroLeaveHoles) {
  std::string model = Pattern(3 << 20, 13);
  Write(file_, 0, model);
  Space(file_, SpaceMode::kPunch, 1'000'000, 1'000'000, true);
  model.replace(1'000'000, 1'000'000, std::string(1'000'000, '\0'));
  EXPECT_EQ(ReadAll(file_), model);
  EXPECT_EQ(Find(file_, 0, BodySought::kHole), 1'000'000U);
  EXPECT_EQ(Find(file_, 1'000'000, BodySought::kData), 2'000'000U);
  EXPECT_EQ(Find(file_, 2'500'000, BodySought::kHole), uint64_t{3 << 20});
  EXPECT_EQ(Find(file_, 3 << 20, BodySought::kHole), std::nullopt);
  Space(file_, SpaceMode::kPunch, 3'000'000, 1 << 30, true);
  EXPECT_EQ(Get(file_).size_bytes, uint64_t{3 << 20});
  Space(file_, SpaceMode::kZero, 3'000'000, 1'000'000);
  EXPECT_EQ(Get(file_).size_bytes, 4'000'000U);
  EXPECT_EQ(Find(file_, 3'000'000, BodySought::kData), std::nullopt);
  EXPECT_EQ(Read(file_, 3'100'000, 10), std::string(10, '\0'));
}

TEST_F(BodySpaceTest, AllocateGrowsUnlessTheSizeIsKept) {
  Space(file_, SpaceMode::kAllocate, 0, 5000, true);
  EXPECT_EQ(Get(file_).size_bytes, 0U);
  Space(file_, SpaceMode::kAllocate, 1000, 5000);
  EXPECT_EQ(Get(file_).size_bytes, 6000U);
  Space(file_, SpaceMode::kAllocate, 0, 10);
  EXPECT_EQ(Get(file_).size_bytes, 6000U);
  Space(file_, SpaceMode::kAllocate, kFileBytesMax - 1, 1);
  EXPECT_EQ(Get(file_).size_bytes, kFileBytesMax);
  const auto refused = [&](SpaceChange change) {
    return CodeOf(writer_->ChangeSpace(file_, change));
  };
  EXPECT_EQ(refused({.offset = kFileBytesMax, .size_bytes = 1}), Code::kTooBig);
  EXPECT_EQ(refused({.offset = 1, .size_bytes = UINT64_MAX}), Code::kTooBig);
  EXPECT_EQ(refused({.offset = 1, .size_bytes = 0}), Code::kInvalid);
  EXPECT_EQ(CodeOf(writer_->ChangeSpace(kFilesRoot, {.size_bytes = 1})), Code::kIsDirectory);
}

TEST_F(BodySpaceTest, APunchOfManyPiecesTakesChangesOfBoundedSize) {
  for (uint64_t piece = 0; piece < 2500; ++piece) Write(file_, piece * 10'000, "spread");
  Space(file_, SpaceMode::kPunch, 5, 24'990'001, true);
  EXPECT_EQ(Find(file_, 5, BodySought::kData), std::nullopt);
  EXPECT_EQ(Read(file_, 0, 10), "sprea" + std::string(5, '\0'));
  EXPECT_EQ(CountExtents(file_), 1U);
}

TEST_F(BodySpaceTest, ACloneSharesRunsAndIsItsOwnAfterwards) {
  const std::string bytes = Pattern(2 << 20, 14);
  Write(file_, 0, bytes);
  Write(file_, 3 << 20, "short");
  const InodeNumber copy = MakeFile("copy");
  const size_t runs = door_.bodies().runs();
  EXPECT_EQ(Clone(file_, 0, copy, 0, 1 << 30), uint64_t{(3 << 20) + 5});
  EXPECT_EQ(door_.bodies().runs(), runs);
  EXPECT_EQ(ReadAll(copy), ReadAll(file_));
  EXPECT_EQ(Find(copy, 2 << 20, BodySought::kData), uint64_t{3 << 20});
  Write(copy, 100, "changed");
  EXPECT_EQ(Read(file_, 0, 1000), bytes.substr(0, 1000));
  EXPECT_TRUE(writer_->Remove(kFilesRoot, "file", false).ok());
  EXPECT_EQ(Read(copy, 1000, 5000), bytes.substr(1000, 5000));
}

TEST_F(BodySpaceTest, AClonePutsHolesOverWhatWasThere) {
  const InodeNumber target = MakeFile("target");
  Write(target, 0, Pattern(100'000, 15));
  Write(file_, 50'000, "x");
  EXPECT_EQ(Clone(file_, 0, target, 10'000, 50'001), 50'001U);
  EXPECT_EQ(Read(target, 10'000, 50'001), std::string(50'000, '\0') + "x");
  EXPECT_EQ(Read(target, 0, 10'000), Pattern(100'000, 15).substr(0, 10'000));
  EXPECT_EQ(Read(target, 60'001, 39'999), Pattern(100'000, 15).substr(60'001));
}

TEST_F(BodySpaceTest, RefusalsOfAClone) {
  Write(file_, 0, Pattern(10'000, 16));
  const auto refused = [&](const CloneRequest& request) { return CodeOf(writer_->Clone(request)); };
  EXPECT_EQ(refused({file_, 0, file_, 5000, 6000}), Code::kInvalid);
  EXPECT_EQ(refused({file_, 0, kFilesRoot, 0, 10}), Code::kIsDirectory);
  EXPECT_EQ(refused({file_, 0, InodeNumber(999), 0, 10}), Code::kNotFound);
  EXPECT_EQ(refused({file_, 0, file_, kFileBytesMax, 10}), Code::kTooBig);
  EXPECT_EQ(Clone(file_, 10'000, file_, 0, 10), 0U);
  EXPECT_EQ(Clone(file_, 0, file_, 10'000, 10'000), 10'000U);
  EXPECT_EQ(ReadAll(file_), Pattern(10'000, 16) + Pattern(10'000, 16));
}

// ------------------------------------------------------------------------------ against a model
class Model {
 public:
  Model(MemoryDoor& door, std::array<InodeNumber, 2> files, uint64_t seed)
      : door_(door), files_(files), random_(seed) {}

  void Step(std::unique_ptr<FileWriter>& writer, int step) {
    const size_t at = random_() % 2;
    std::string& model = models_[at];
    const InodeNumber file = files_[at];
    const uint64_t size = Size();
    const uint64_t offset = random_() % (model.size() + (random_() % 3 == 0 ? 20'000 : 1));
    switch (random_() % 16) {
      case 0: {
        const uint64_t target = random_() % 2 == 0 ? offset : random_() % 3'000'000;
        model.resize(target);
        ASSERT_TRUE(writer->Set(file, {.size_bytes = target}).ok());
        break;
      }
      case 1:
      case 2: {
        const std::string bytes = Pattern(size, random_());
        ASSERT_TRUE(writer->Append(file, bytes).ok());
        model += bytes;
        break;
      }
      case 3:
      case 4: {
        const auto mode = static_cast<SpaceMode>(random_() % 3);
        const bool keep = mode == SpaceMode::kPunch || random_() % 2 == 0;
        ASSERT_TRUE(
            writer
                ->ChangeSpace(
                    file, {.mode = mode, .keep_size = keep, .offset = offset, .size_bytes = size})
                .ok());
        if (!keep && model.size() < offset + size) model.resize(offset + size);
        if (mode == SpaceMode::kAllocate || offset >= model.size()) break;
        const uint64_t cleared = std::min<uint64_t>(size, model.size() - offset);
        model.replace(offset, cleared, std::string(cleared, '\0'));
        break;
      }
      case 5:
      case 6: CloneSome(*writer, at, offset, size); break;
      case 7: ASSERT_TRUE(door_.FoldBodies(kMainBranch).ok()); break;
      case 8: writer = std::make_unique<FileWriter>(door_, kMainBranch); break;
      default: {
        const std::string bytes = Pattern(size, random_());
        ASSERT_TRUE(writer->Write(file, offset, bytes).ok());
        if (model.size() < offset + size) model.resize(offset + size);
        model.replace(offset, size, bytes);
      }
    }
    if (model.size() > 4'000'000) {
      model.resize(2'000'000);
      ASSERT_TRUE(writer->Set(file, {.size_bytes = 2'000'000}).ok());
    }
    Check(at, step % 100 == 0);
  }

 private:
  uint64_t Size() {
    switch (random_() % 8) {
      case 0: return 1 + random_() % 1'500'000;
      case 1:
      case 2: return 1 + random_() % 200'000;
      case 3:
      case 4: return 1 + random_() % 6000;
      case 5: return 4096;
      default: return 1 + random_() % 60;
    }
  }

  void CloneSome(FileWriter& writer, size_t at, uint64_t offset, uint64_t size) {
    const size_t from = random_() % 2;
    if (models_[from].empty()) return;
    const uint64_t source = random_() % models_[from].size();
    const uint64_t wanted = std::min<uint64_t>(size, models_[from].size() - source);
    const uint64_t distance = source > offset ? source - offset : offset - source;
    const auto copied = writer.Clone({.source = files_[from],
                                      .source_offset = source,
                                      .target = files_[at],
                                      .target_offset = offset,
                                      .size_bytes = size});
    if (from == at && distance < wanted) {
      ASSERT_EQ(CodeOf(copied), Code::kInvalid);
      return;
    }
    ASSERT_TRUE(copied.ok()) << copied.status().ToString();
    ASSERT_EQ(*copied, wanted);
    const std::string bytes = models_[from].substr(source, wanted);
    if (models_[at].size() < offset + wanted) models_[at].resize(offset + wanted);
    models_[at].replace(offset, wanted, bytes);
  }

  void Check(size_t at, bool whole) {
    const std::string& model = models_[at];
    const FileReader reader(door_);
    ASSERT_EQ(reader.Get(View{}, files_[at])->size_bytes, model.size());
    const uint64_t first = whole || model.empty() ? 0 : random_() % model.size();
    const size_t count = whole ? model.size() : random_() % 30'000;
    std::string read(count + 1, '?');
    const auto got = reader.Read(View{}, files_[at], first, count, read.data());
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    read.resize(*got);
    ASSERT_TRUE(read == model.substr(first, count));
    // A hole reads as zeros, up to the next data.
    const auto hole = reader.Find(View{}, files_[at], first, BodySought::kHole);
    ASSERT_TRUE(hole.ok());
    ASSERT_EQ(hole->has_value(), first < model.size());
    if (!*hole || **hole == model.size()) return;
    const auto data = reader.Find(View{}, files_[at], **hole, BodySought::kData);
    ASSERT_TRUE(data.ok());
    const uint64_t end = data->value_or(model.size());
    ASSERT_GT(end, **hole);
    ASSERT_EQ(model.find_first_not_of('\0', **hole) < end, false);
  }

  MemoryDoor& door_;
  const std::array<InodeNumber, 2> files_;
  std::mt19937_64 random_;
  std::array<std::string, 2> models_;
};

TEST_F(BodySpaceTest, RandomChangesEqualPlainStrings) {
  const uint64_t first_seed = TestSeed(1);
  const uint64_t seeds = std::getenv("MENDFS_SEED") == nullptr ? 4 : 1;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
    const std::string name = "random" + std::to_string(seed);
    Model model(door_, {MakeFile(name + "a"), MakeFile(name + "b")}, seed);
    for (int step = 0; step < 1200; ++step) {
      model.Step(writer_, step);
      if (HasFatalFailure()) FAIL() << "step " << step;
    }
  }
}

}  // namespace
}  // namespace mendfs
