// The journal alone, on the disk that TMPDIR is on: appends of records, and appends that are made
// durable one by one.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "meta/disk/posix_disk.h"
#include "meta/journal/journal.h"

namespace mendfs {
namespace {

// A journal in a directory of its own, removed at the end.
class ScratchJournal {
 public:
  ScratchJournal() : disk_(MakePosixDisk()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "journal.XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) return;
    path_ = pattern;
    auto journal = Journal::Open(*disk_, path_, RandomId(), {}, {});
    if (journal.ok()) journal_ = *std::move(journal);
  }
  ~ScratchJournal() {
    journal_.reset();
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchJournal(const ScratchJournal&) = delete;
  ScratchJournal& operator=(const ScratchJournal&) = delete;

  Journal* get() { return journal_.get(); }

 private:
  std::unique_ptr<Disk> disk_;
  std::string path_;
  std::unique_ptr<Journal> journal_;
};

void Append(benchmark::State& state, bool sync) {
  ScratchJournal journal;
  if (journal.get() == nullptr) return state.SkipWithError("no journal could be made in TMPDIR");
  const std::string payload(static_cast<size_t>(state.range(0)), 'p');
  for (auto _ : state) {
    Status done = journal.get()->Append(RecordKind::kChange, kMainBranch, 1, payload).status();
    if (done.ok() && sync) done = journal.get()->Sync();
    if (!done.ok()) return state.SkipWithError(done.ToString().c_str());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}

void BM_JournalAppend(benchmark::State& state) {
  Append(state, false);
}
BENCHMARK(BM_JournalAppend)->Arg(100)->Arg(1000)->Arg(65536)->Iterations(5000);

void BM_JournalAppendSync(benchmark::State& state) {
  Append(state, true);
}
BENCHMARK(BM_JournalAppendSync)->Arg(100)->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace mendfs
