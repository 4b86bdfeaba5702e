#include "meta/tree/body.h"

#include <random>
#include <thread>

#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

class BodyTest : public TreeTest {
 protected:
  InodeNumber file_ = MakeFile("file");
  size_t CountExtents() const { return CountEntries(ExtentPrefix(file_)); }
  size_t WrittenBytes() const {
    size_t size = 0;
    for (const ChangeEntry& entry : door_.last_change().entries) size += entry.value.size();
    return size;
  }
};

std::string Pattern(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST_F(BodyTest, AnEmptyFileReadsNothing) {
  EXPECT_EQ(ReadAll(file_), "");
  EXPECT_EQ(Read(file_, 100, 10), "");
}

TEST_F(BodyTest, WhatIsWrittenReadsBack) {
  const std::string bytes = Pattern(1 << 20, 1);
  Write(file_, 0, bytes);
  EXPECT_EQ(ReadAll(file_), bytes);
  EXPECT_EQ(Read(file_, 200'000, 70'000), bytes.substr(200'000, 70'000));
  EXPECT_EQ(CountExtents(), 1U);
}

TEST_F(BodyTest, AWriteTellsSizeAndTouchesTimes) {
  const Attributes before = Get(file_);
  const auto written = writer_->Write(file_, 10, "12345");
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->size_bytes, 15U);
  EXPECT_GT(written->mtime_ns, before.mtime_ns);
  EXPECT_EQ(written->ctime_ns, written->mtime_ns);
  EXPECT_EQ(written->atime_ns, before.atime_ns);
  EXPECT_EQ(Get(file_).mtime_ns, written->mtime_ns);
}

TEST_F(BodyTest, NoBytesWrittenChangesNothing) {
  const uint64_t changes = door_.applied_changes();
  ASSERT_TRUE(writer_->Write(file_, 500, "").ok());
  EXPECT_EQ(door_.applied_changes(), changes);
  EXPECT_EQ(Get(file_).size_bytes, 0U);
}

TEST_F(BodyTest, HolesReadAsZeros) {
  Write(file_, 1'000'000, "end");
  Write(file_, 500'000, "mid");
  EXPECT_EQ(Read(file_, 499'998, 7), std::string("\0\0mid\0\0", 7));
  EXPECT_EQ(Read(file_, 999'999, 100), std::string("\0end", 4));
  EXPECT_EQ(CountExtents(), 2U);
}

TEST_F(BodyTest, OverwritesSplitAndTrimWhatLiesThere) {
  std::string model = Pattern(100'000, 2);
  Write(file_, 0, model);
  const auto overwrite = [&](uint64_t offset, size_t size, uint32_t seed) {
    const std::string bytes = Pattern(size, seed);
    model.replace(offset, size, bytes);
    Write(file_, offset, bytes);
    EXPECT_EQ(ReadAll(file_), model);
  };
  overwrite(50'000, 10'000, 3);
  EXPECT_EQ(CountExtents(), 3U);
  overwrite(45'000, 10'000, 4);
  overwrite(55'000, 10'000, 5);
  overwrite(0, 100'000, 6);
  EXPECT_EQ(CountExtents(), 1U);
  overwrite(99'999, 1, 7);
  overwrite(0, 1, 8);
}

TEST_F(BodyTest, BigSequentialWritesAreOneExtentEach) {
  for (int piece = 0; piece < 10; ++piece) Write(file_, piece * 8192, Pattern(8192, 9));
  EXPECT_EQ(CountExtents(), 10U);
}

TEST_F(BodyTest, SmallAppendsAreMergedAndRewriteLittle) {
  std::string model;
  for (int step = 0; step < 20'000; ++step) {
    model.push_back(static_cast<char>(step % 251));
    Write(file_, step, std::string(1, model.back()));
    ASSERT_LE(WrittenBytes(), kMergedBytes + 100);
    ASSERT_LE(door_.last_change().entries.size(), 3U);
  }
  EXPECT_EQ(ReadAll(file_), model);
  EXPECT_LE(CountExtents(), 5U);
}

TEST_F(BodyTest, WritesOfOneByteInAnyPatternMakeFewExtents) {
  const auto count_after = [&](auto offset_of) {
    Truncate(file_, 0);
    for (uint64_t step = 0; step < 2048; ++step) Write(file_, offset_of(step), "x");
    return CountExtents();
  };
  EXPECT_LE(count_after([](uint64_t step) { return 2 * step; }), 6U);
  EXPECT_LE(count_after([](uint64_t step) { return 5000 - 2 * step; }), 6U);
  EXPECT_LE(count_after([](uint64_t step) { return step * 7919 % 4096; }), 6U);
}

TEST_F(BodyTest, ShiftedOverwritesLeaveNoTrailOfSplinters) {
  Write(file_, 0, Pattern(64 << 10, 10));
  for (uint64_t step = 0; step < 500; ++step) Write(file_, 20'000 + step, Pattern(4096, 11));
  EXPECT_LE(CountExtents(), 10U);
  for (uint64_t step = 0; step < 500; ++step) Write(file_, 50'000 - step, Pattern(4096, 12));
  EXPECT_LE(CountExtents(), 30U);
}

TEST_F(BodyTest, TruncateCutsAndGrowsWithZeros) {
  const std::string bytes = Pattern(300'000, 13);
  Write(file_, 0, bytes);
  Truncate(file_, 150'000);
  EXPECT_EQ(ReadAll(file_), bytes.substr(0, 150'000));
  Truncate(file_, 150'010);
  EXPECT_EQ(ReadAll(file_), bytes.substr(0, 150'000) + std::string(10, '\0'));
  Truncate(file_, 0);
  EXPECT_EQ(CountExtents(), 0U);
  Truncate(file_, 20);
  EXPECT_EQ(ReadAll(file_), std::string(20, '\0'));
}

TEST_F(BodyTest, TruncateTouchesTimesUnlessTheyAreGiven) {
  const Attributes before = Get(file_);
  Truncate(file_, 5);
  EXPECT_GT(Get(file_).mtime_ns, before.mtime_ns);
  AttributeChange change;
  change.size_bytes = 3;
  change.mtime_ns = 42;
  ASSERT_TRUE(writer_->Set(file_, change).ok());
  EXPECT_EQ(Get(file_).mtime_ns, 42);
  EXPECT_GT(Get(file_).ctime_ns, before.ctime_ns);
}

TEST_F(BodyTest, SizesReachTheLargestOffset) {
  EXPECT_CODE(CodeOf(writer_->Write(file_, kFileBytesMax, "x")), Code::kTooBig);
  EXPECT_CODE(CodeOf(writer_->Write(file_, UINT64_MAX, "xy")), Code::kTooBig);
  Write(file_, kFileBytesMax - 1, "x");
  EXPECT_EQ(Get(file_).size_bytes, kFileBytesMax);
  EXPECT_EQ(Read(file_, kFileBytesMax - 2, 10), std::string("\0x", 2));
  EXPECT_CODE(CodeOf(writer_->Append(file_, "x")), Code::kTooBig);
  AttributeChange change;
  change.size_bytes = kFileBytesMax + 1;
  EXPECT_CODE(CodeOf(writer_->Set(file_, change)), Code::kTooBig);
  Truncate(file_, 0);
  EXPECT_EQ(CountExtents(), 0U);
  Truncate(file_, kFileBytesMax);
  EXPECT_CODE(CodeOf(writer_->Write(file_, 0, std::string(kWriteBytesMax + 1, 'x'))),
              Code::kTooBig);
}

TEST_F(BodyTest, OnlyRegularFilesHaveBytes) {
  const InodeNumber fifo = Make(kFilesRoot, "fifo", S_IFIFO | 0600);
  AttributeChange change;
  change.size_bytes = 1;
  char byte = 0;
  EXPECT_CODE(CodeOf(writer_->Write(kFilesRoot, 0, "x")), Code::kIsDirectory);
  EXPECT_CODE(CodeOf(writer_->Write(fifo, 0, "x")), Code::kInvalid);
  EXPECT_CODE(CodeOf(writer_->Set(kFilesRoot, change)), Code::kIsDirectory);
  EXPECT_CODE(CodeOf(writer_->Set(fifo, change)), Code::kInvalid);
  EXPECT_CODE(CodeOf(reader_.Read(kHead, kFilesRoot, 0, 1, &byte)), Code::kIsDirectory);
  EXPECT_CODE(CodeOf(writer_->Write(InodeNumber(999), 0, "x")), Code::kNotFound);
}

TEST_F(BodyTest, ALongTruncateTakesSeveralChangesAndLeavesNothing) {
  const std::string kept = Pattern(10'000, 14);
  Write(file_, 0, kept);
  for (uint64_t piece = 1; piece <= 2500; ++piece) Write(file_, piece * 10'000, "spread");
  Truncate(file_, 9000);
  EXPECT_EQ(CountExtents(), 1U);
  EXPECT_FALSE(Get(file_).uncleared_tail);
  EXPECT_TRUE(List(kOrphanRoot).empty());
  Truncate(file_, 30'000'000);
  EXPECT_EQ(Read(file_, 8990, 2000), kept.substr(8990, 10) + std::string(1990, '\0'));
  EXPECT_EQ(Read(file_, 10'000, 10), std::string(10, '\0'));
}

TEST_F(BodyTest, ATruncateThatStopsHalfwayNeverShowsOldBytes) {
  for (uint64_t piece = 0; piece < 2500; ++piece) Write(file_, piece * 10'000, "spread");
  door_.FailApply(Code::kIo, 2);
  Truncate(file_, 1);
  EXPECT_TRUE(Get(file_).uncleared_tail);
  EXPECT_GT(CountExtents(), 1U);
  EXPECT_EQ(List(kOrphanRoot).size(), 1U);
  // A write that ends within reach of a forgotten piece, and one that makes the file long again.
  Write(file_, 9999, "y");
  EXPECT_FALSE(Get(file_).uncleared_tail);
  Truncate(file_, 25'000'000);
  EXPECT_EQ(Read(file_, 0, 3), std::string("s\0\0", 3));
  EXPECT_EQ(Read(file_, 9999, 10), "y" + std::string(9, '\0'));
  EXPECT_EQ(CountExtents(), 2U);
  EXPECT_TRUE(List(kOrphanRoot).empty());
}

TEST_F(BodyTest, ATruncateCutOffByACrashIsFinishedAtTheNextOpen) {
  for (uint64_t piece = 0; piece < 2500; ++piece) Write(file_, piece * 10'000, "spread");
  door_.FailApply(Code::kIo, 2);
  Truncate(file_, 3);
  Reopen();
  ASSERT_TRUE(writer_->FreeOrphans().ok());
  EXPECT_EQ(ReadAll(file_), "spr");
  EXPECT_EQ(CountExtents(), 1U);
  EXPECT_TRUE(List(kOrphanRoot).empty());
}

TEST_F(BodyTest, AppendsOfManyWritersAreWholeAndAllThere) {
  constexpr int kThreads = 4;
  constexpr int kAppends = 300;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int step = 0; step < kAppends; ++step) {
        EXPECT_TRUE(writer_->Append(file_, std::string(37, static_cast<char>('a' + thread))).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string bytes = ReadAll(file_);
  ASSERT_EQ(bytes.size(), size_t{kThreads * kAppends * 37});
  for (size_t at = 0; at < bytes.size(); at += 37) {
    EXPECT_EQ(bytes.substr(at, 37), std::string(37, bytes[at]));
  }
}

TEST_F(BodyTest, OverlappingPiecesAreCorruptionAndCanBeRemoved) {
  Write(file_, 0, Pattern(5000, 15));
  Change change;
  change.Put(ExtentKey(file_, 100), EncodeExtent("overlap"));
  ASSERT_TRUE(door_.Apply(change).ok());
  char byte = 0;
  EXPECT_CODE(CodeOf(reader_.Read(kHead, file_, 200, 1, &byte)), Code::kCorruption);
  EXPECT_CODE(CodeOf(writer_->Write(file_, 200, "x")), Code::kCorruption);
  EXPECT_TRUE(writer_->Remove(kFilesRoot, "file", false).ok());
  EXPECT_EQ(CountTraces(file_), 0U);
}

// The model: a plain string. One file, random writes, appends and truncates at random alignments.
void PlayRandomBody(FileWriter& writer, const FileReader& reader, InodeNumber file, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string model;
  for (int step = 0; step < 400; ++step) {
    const size_t size = 1 + random() % (random() % 4 == 0 ? 200'000 : random() % 2 ? 6000 : 60);
    const uint64_t offset = random() % (model.size() + (random() % 3 == 0 ? 10'000 : 1));
    const std::string bytes = Pattern(size, static_cast<uint32_t>(random()));
    AttributeChange change;
    switch (random() % 8) {
      case 0:
        change.size_bytes = random() % 2 ? offset : random() % 400'000;
        model.resize(*change.size_bytes);
        ASSERT_TRUE(writer.Set(file, change).ok());
        break;
      case 1:
      case 2:
        model += bytes;
        ASSERT_TRUE(writer.Append(file, bytes).ok());
        break;
      default:
        if (model.size() < offset + size) model.resize(offset + size);
        model.replace(offset, size, bytes);
        ASSERT_TRUE(writer.Write(file, offset, bytes).ok());
    }
    if (model.size() > 600'000) {
      model.resize(1000);
      change.size_bytes = 1000;
      ASSERT_TRUE(writer.Set(file, change).ok());
    }
    const uint64_t first = model.empty() ? 0 : random() % model.size();
    const size_t count = step % 50 == 0 ? model.size() : random() % 20'000;
    std::string read(count + 1, '?');
    const auto got = reader.Read(View{}, file, step % 50 == 0 ? 0 : first, count, read.data());
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    read.resize(*got);
    ASSERT_TRUE(read == model.substr(step % 50 == 0 ? 0 : first, count)) << "step " << step;
    ASSERT_EQ(reader.Get(View{}, file)->size_bytes, model.size());
  }
}

TEST_F(BodyTest, RandomWritesAndTruncatesEqualAPlainString) {
  const uint64_t first_seed = TestSeed(1);
  const uint64_t seeds = std::getenv("MENDFS_SEED") == nullptr ? 4 : 1;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
    const InodeNumber file = MakeFile("random" + std::to_string(seed));
    PlayRandomBody(*writer_, reader_, file, seed);
    if (HasFatalFailure()) return;
    EXPECT_LE(CountEntries(ExtentPrefix(file)), 3 + 2 * 600'000 / kMergedBytes);
  }
}

}  // namespace
}  // namespace mendfs
