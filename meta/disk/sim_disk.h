// A Disk in memory that fails on demand: power cuts, failing calls, a full or read-only disk,
// flipped bits. Everything above meta/disk is tested on it.
//
// Shape:    reads see every change at once; a change is durable after Sync (bytes, size) or SyncDir
//           (names). A power cut keeps that and an arbitrary part, drawn from a seed, of the rest:
//           bytes by sectors of 512, the last one torn; names as sim_tree.h says. A failed Sync
//           loses its bytes for good: a later Sync that succeeds does not bring them back
// Lifetime: handles may outlive the disk; a power cut ends all of them, each call answers kIo
// Threads:  safe from any thread
// Cost:     a power cut costs what changed since the last one, and a walk over the names
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/disk/disk.h"

namespace mendfs {

struct SimDiskState;

// Every kind of call, files' included. Those after kFirstMutating change the disk or, as the syncs
// do, promise something about a change.
enum class DiskCall : unsigned char {
  kOpenRead,
  kRead,
  kSize,
  kList,
  kStat,
  kSpace,
  kFirstMutating,
  kOpenWrite = kFirstMutating,  // any mode but kRead
  kWrite,
  kTruncate,
  kAllocate,
  kSync,
  kRename,
  kRemove,
  kMakeDir,
  kRemoveDir,
  kSyncDir,
  kLock,
  kCount
};

enum class CallScope : unsigned char { kMutating, kReading, kAny };

class SimDisk final : public Disk {
 public:
  SimDisk();
  ~SimDisk() override;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Status Rename(const std::string& source, const std::string& target) override;
  Status Remove(const std::string& path) override;
  Status MakeDir(const std::string& path) override;
  Status RemoveDir(const std::string& path) override;
  Result<std::vector<DirEntry>> List(const std::string& path) override;
  Result<FileInfo> Stat(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  Result<std::unique_ptr<DiskLock>> Lock(const std::string& path, std::string_view holder) override;
  Result<SpaceInfo> Space(const std::string& path) override;

  // Another disk that holds what this one holds now, synced or not: what a process leaves that dies
  // here. It has no handles, locks, faults or watcher, and counts calls from 0.
  // Cost:     follows the number of names; bytes are shared until either disk changes them
  std::unique_ptr<SimDisk> Fork() const;
  // Called before every mutating call, with the disk as the calls before have left it; `fork` makes
  // another disk as Fork does. It must not call this disk. Calls of one disk come one at a time.
  using Watcher = std::function<void(DiskCall call, const std::string& path,
                                     const std::function<std::unique_ptr<SimDisk>()>& fork)>;
  void Watch(Watcher watcher);

  // Afterwards all that is left is durable, locks are free, and faults that wait are forgotten.
  void PowerCut(uint64_t seed);
  void PowerCutDropAll();

  // The k-th call from now (1 = the next) fails once; a write that fails leaves half of its bytes.
  void FailCall(uint64_t k, Code code, CallScope scope = CallScope::kMutating);
  // The k-th call from now, if it is a read or a write, does only half: a read answers fewer bytes
  // than there are, a write that many and kIo. Other calls fail as with FailCall.
  void ShortenCall(uint64_t k, CallScope scope);
  // The k-th mutating call from now and every call behind it answer kIo until a power cut: what a
  // process sees of its world when it dies there.
  void StopAt(uint64_t k);
  // True while the call that FailCall, ShortenCall or StopAt named has not come.
  bool FaultWaits() const;
  void ClearFault();

  // Files hold at most this together; a write that does not fit is cut short and answers kNoSpace.
  void SetCapacity(uint64_t size_bytes);
  // Every mutating call answers kReadOnly, and is counted all the same.
  void SetReadOnly(bool read_only);
  // Flips one bit of the medium, 0 to 7; kNotFound where there is no such byte.
  Status FlipBit(const std::string& path, uint64_t offset, unsigned bit);

  uint64_t calls(DiskCall call) const;
  uint64_t mutating_calls() const;

 private:
  friend struct SimDiskState;  // makes the forks that a watcher asks for
  explicit SimDisk(std::shared_ptr<SimDiskState> state);

  std::shared_ptr<SimDiskState> state_;  // shared with the handles
};

}  // namespace mendfs
