// A store in memory: the contract of Door and Reader in the plainest way, for unit tests.
//
// Every version of every key is kept, so a View at any earlier seq reads that state. A branch sees
// only what was written on it. What a caller may not do is refused loudly: a "fresh" entry over a
// visible key answers kInternal.
//
// Threads:  safe from any thread
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/commit/door.h"
#include "tests/support/memory_bodies.h"

namespace mendfs {

class MemoryDoor final : public Door, public Reader {
 public:
  MemoryDoor() = default;

  // Door
  Result<Seq> Apply(const Change& change) override;
  const Reader& reader() const override { return *this; }
  MemoryBodies& bodies() override { return bodies_; }
  Result<InodeNumber> TakeInodes(uint64_t count) override;
  EntityLocks& locks() override { return locks_; }
  SharedMutex& table_gate() override { return gate_; }
  // Each call is a nanosecond later, so that "changed" can be told from "kept".
  int64_t NowNs() override;

  // Reader
  Result<Entry> Get(const View& view, std::string_view key) const override;
  std::unique_ptr<Cursor> Scan(const View& view, const KeyRange& range) const override;
  Result<std::string> GetGlobal(std::string_view key) const override;
  std::unique_ptr<Cursor> ScanGlobal(const KeyRange& range) const override;

  // What the test does to it.
  void SetNowNs(int64_t now_ns);
  // The `count`-th Apply from now (1 = the next) answers `code` and applies nothing.
  void FailApply(Code code, unsigned count = 1);
  // Reads of this key, and walks that reach it, answer kIo until the key is empty.
  void FailReadsOf(std::string key);

  // What a fold does to bodies: the newest pieces of the branch that are too long for an entry go
  // to runs, as one change.
  Status FoldBodies(BranchId branch);

  // What the test sees.
  Seq LastSeq() const;
  uint64_t applied_changes() const;
  Change last_change() const;
  // All visible entries of a branch, for comparing whole states.
  std::map<std::string, std::string> Dump(const View& view) const;

 private:
  class MemoryCursor;
  struct Version {
    Seq start;
    std::optional<std::string> value;  // nothing: cleared
  };
  using Table = std::map<std::string, std::vector<Version>, std::less<>>;

  static const Version* VisibleIn(const std::vector<Version>& versions, Seq seq);
  void ApplyEntryLocked(const ChangeEntry& entry, BranchId branch) REQUIRES(mutex_);
  Status CheckFreshLocked(const Change& change) const REQUIRES(mutex_);
  std::unique_ptr<Cursor> MakeCursor(BranchId table, Seq seq, const KeyRange& range) const;

  EntityLocks locks_;
  MemoryBodies bodies_;
  SharedMutex gate_{LockRank::kGate};
  mutable Mutex mutex_{LockRank::kManifest};
  // Branch 0 holds the global entries.
  std::map<BranchId, Table> tables_ GUARDED_BY(mutex_);
  Seq last_seq_ GUARDED_BY(mutex_);
  uint64_t next_inode_ GUARDED_BY(mutex_) = kFirstFreeInode;
  int64_t now_ns_ GUARDED_BY(mutex_) = 1'000'000'000;
  unsigned fail_in_ GUARDED_BY(mutex_) = 0;
  Code fail_code_ GUARDED_BY(mutex_) = Code::kOk;
  std::string fail_read_ GUARDED_BY(mutex_);
  uint64_t applied_ GUARDED_BY(mutex_) = 0;
  Change last_change_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
