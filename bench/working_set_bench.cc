// The working set alone: what every change and every read passes through.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "meta/manifest/keys.h"
#include "meta/manifest/working_set.h"

namespace mendfs {
namespace {

constexpr size_t kValueBytes = 100;

// Keys as a create makes them, in an order that is not theirs.
std::vector<std::string> Keys(size_t count) {
  std::vector<std::string> keys;
  keys.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    keys.push_back(CurrentKey(kMainBranch, DentryKey(kFilesRoot, "file-" + std::to_string(i))));
  }
  return keys;
}

void Fill(WorkingSet& set, const std::vector<std::string>& keys, const std::string& value) {
  uint64_t seq = 0;
  for (const std::string& key : keys) set.Add({key, value, Seq(++seq)});
}

void BM_WorkingSetAdd(benchmark::State& state) {
  const auto keys = Keys(static_cast<size_t>(state.range(0)));
  const std::string value(kValueBytes, 'v');
  for (auto _ : state) {
    WorkingSet set;
    Fill(set, keys, value);
    benchmark::DoNotOptimize(set.bytes());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_WorkingSetAdd)->Arg(1000)->Arg(50000)->Unit(benchmark::kMillisecond);

void BM_WorkingSetGet(benchmark::State& state) {
  const auto keys = Keys(static_cast<size_t>(state.range(0)));
  WorkingSet set;
  Fill(set, keys, std::string(kValueBytes, 'v'));
  WorkingSet::Version found;
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.Find(keys[i], kHeadSeq, found));
    if (++i == keys.size()) i = 0;
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(BM_WorkingSetGet)->Arg(1000)->Arg(50000);

void BM_WorkingSetScan(benchmark::State& state) {
  const auto keys = Keys(static_cast<size_t>(state.range(0)));
  WorkingSet set;
  Fill(set, keys, std::string(kValueBytes, 'v'));
  for (auto _ : state) {
    WorkingSet::Iterator iterator(set);
    size_t bytes = 0;
    for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
      bytes += iterator.version().value.size();
    }
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_WorkingSetScan)->Arg(1000)->Arg(50000);

}  // namespace
}  // namespace mendfs
