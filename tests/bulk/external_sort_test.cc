#include "meta/commit/load/external_sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "meta/disk/sim_disk.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using Record = std::pair<std::string, std::string>;

std::string RandomKey(std::mt19937_64& random) {
  // Long shared fronts, embedded zeros and equal keys are the hard cases.
  std::string key = random() % 2 == 0 ? "shared-front-" : "";
  for (size_t size = random() % 24; size > 0; --size) {
    key.push_back(static_cast<char>(random() % 3 == 0 ? 0 : random() % 256));
  }
  return key;
}

std::vector<Record> Drain(ExternalSorter& sorter) {
  std::vector<Record> sorted;
  auto stream = sorter.Finish();
  EXPECT_TRUE(stream.ok()) << stream.status().ToString();
  while (stream.ok() && (*stream)->Valid()) {
    sorted.emplace_back((*stream)->key(), (*stream)->payload());
    const Status next = (*stream)->Next();
    EXPECT_TRUE(next.ok()) << next.ToString();
    if (!next.ok()) break;
  }
  return sorted;
}

TEST(ExternalSortTest, AgreesWithAStableSortWhateverTheMemory) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const uint64_t memory_bytes : {uint64_t{1}, uint64_t{64} << 10, uint64_t{8} << 20}) {
    SimDisk disk;
    ASSERT_TRUE(disk.MakeDir("/sort").ok());
    std::vector<Record> records;
    {
      ExternalSorter sorter(disk, {"/sort", "run"}, memory_bytes);
      for (size_t count = 0; count < 20'000; ++count) {
        records.emplace_back(RandomKey(random), std::to_string(count));
        const auto& [key, payload] = records.back();
        ASSERT_TRUE(sorter.Add(key, payload).ok());
      }
      std::stable_sort(records.begin(), records.end(), [](const Record& one, const Record& other) {
        return one.first < other.first;
      });
      EXPECT_EQ(Drain(sorter), records);
      EXPECT_LE(sorter.memory_bytes_peak(), std::max<uint64_t>(memory_bytes, 2 * 65'548));
      EXPECT_EQ(sorter.runs_written() > 0, memory_bytes < (uint64_t{8} << 20));
    }
    EXPECT_TRUE(disk.List("/sort")->empty());
  }
}

TEST(ExternalSortTest, MemoryIsFlatInTheNumberOfRecords) {
  uint64_t peak_bytes[2] = {};
  for (const size_t factor : {0, 1}) {
    SimDisk disk;
    ASSERT_TRUE(disk.MakeDir("/sort").ok());
    ExternalSorter sorter(disk, {"/sort", "run"}, 256 << 10);
    for (size_t count = 0; count < 10'000 * (1 + 9 * factor); ++count) {
      ASSERT_TRUE(sorter.Add(std::to_string(count * 7919 % 100'003), std::string(40, 'x')).ok());
    }
    EXPECT_EQ(Drain(sorter).size(), sorter.records());
    peak_bytes[factor] = sorter.memory_bytes_peak();
  }
  EXPECT_EQ(peak_bytes[0], peak_bytes[1]);
}

TEST(ExternalSortTest, ARecordLargerThanTheMemoryPasses) {
  SimDisk disk;
  ASSERT_TRUE(disk.MakeDir("/sort").ok());
  ExternalSorter sorter(disk, {"/sort", "run"}, 1);
  const std::string large(size_t{1} << 20, 'x');
  ASSERT_TRUE(sorter.Add("b", "1").ok());
  ASSERT_TRUE(sorter.Add("c", large).ok());
  ASSERT_TRUE(sorter.Add("a", large).ok());
  const std::vector<Record> expected = {{"a", large}, {"b", "1"}, {"c", large}};
  EXPECT_EQ(Drain(sorter), expected);
  EXPECT_EQ(sorter.Add("d", std::string(kRunRecordBytesMax, 'x')).code(), Code::kTooBig);
}

TEST(ExternalSortTest, AFlippedBitInARunIsAnErrorAndNeverAWrongOrder) {
  for (uint64_t offset = 0; offset < 4096; offset += 37) {
    SimDisk disk;
    ASSERT_TRUE(disk.MakeDir("/sort").ok());
    ExternalSorter sorter(disk, {"/sort", "run"}, 1);
    for (int count = 0; count < 1000; ++count) {
      ASSERT_TRUE(sorter.Add(std::to_string(count), "payload").ok());
    }
    ASSERT_GT(sorter.runs_written(), 1u);
    ASSERT_TRUE(disk.FlipBit("/sort/run-0", offset, 3).ok());
    auto stream = sorter.Finish();
    Status status = stream.status();
    while (status.ok() && (*stream)->Valid()) status = (*stream)->Next();
    EXPECT_EQ(status.code(), Code::kCorruption) << offset;
  }
}

TEST(ExternalSortTest, NothingIsLeftWhenTheDiskFails) {
  bool failed = true;
  for (uint64_t call = 1; failed; ++call) {
    SimDisk disk;
    ASSERT_TRUE(disk.MakeDir("/sort").ok());
    disk.FailCall(call, Code::kNoSpace);
    {
      ExternalSorter sorter(disk, {"/sort", "run"}, 1);
      Status status;
      for (int count = 0; count < 3000 && status.ok(); ++count) {
        status = sorter.Add(std::to_string(count), "payload");
      }
      if (status.ok()) {
        auto stream = sorter.Finish();
        status = stream.status();
        while (status.ok() && (*stream)->Valid()) status = (*stream)->Next();
      }
      failed = !disk.FaultWaits();
      EXPECT_EQ(status.ok(), !failed);
    }
    // A Remove that itself failed leaves its run to the directory's owner.
    const size_t left = disk.List("/sort")->size();
    EXPECT_LE(left, failed ? 1u : 0u);
  }
}

}  // namespace
}  // namespace mendfs
