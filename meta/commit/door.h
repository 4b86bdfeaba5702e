// The one door for change: every change of a store becomes a journal record here, and only here.
//
//   caller:  lock the entities it touches → read → fill a Change → Apply
//   Apply:   1 append the record to the journal · 2 apply it to the working set · 3 return its seq
//
// Threads:  safe from any thread; changes get their order inside Apply
// Errors:   kNoSpace, kIo: nothing was applied, the record is taken back; kReadOnly: the store is
//           read-only or was fenced after a failed sync, the message says why
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/pack/body_store.h"

namespace mendfs {

// Striped locks over inodes, directories and rows: an operation locks what it reads and changes,
// so that two operations on different things never wait for each other.
class EntityLocks {
 public:
  EntityLocks();
  EntityLocks(const EntityLocks&) = delete;
  EntityLocks& operator=(const EntityLocks&) = delete;

  static constexpr size_t kStripes = 1024;

  // Returns when everything that was locked before the call has been unlocked once.
  void PassAll();

  // Held until destroyed. Made from hashes of all entities at once; order does not matter.
  class Held {
   public:
    Held(EntityLocks& locks, std::span<const uint64_t> entities);
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    EntityLocks& locks_;
    std::vector<uint16_t> stripes_;  // sorted, unique
  };

 private:
  struct Stripe {
    Mutex mutex{LockRank::kEntity};
  };
  // One array: rising index is rising address, the order in which one rank may be taken twice.
  const std::unique_ptr<Stripe[]> stripes_;
};

class Door {
 public:
  virtual ~Door() = default;

  virtual Result<Seq> Apply(const Change& change) = 0;
  // To be asked before something is added, with no entity locked. Ok while the disk has room; when
  // it is full, space is reclaimed first, which is waited for (bounded), and then kNoSpace.
  // `again`: it was added, and met kNoSpace; ok when trying again makes sense.
  virtual Status AwaitRoom(bool again) {
    return again ? Status(Code::kNoSpace, "no space can be reclaimed") : Status::Ok();
  }
  // Is what adds refused, for now?
  virtual bool IsTight() const { return false; }
  // So much of the disk is kept for what has been promised it; it replaces what was kept before.
  // kNoSpace: there is not that much more.
  virtual Status SetAside(uint64_t /*promised_bytes*/) { return Status::Ok(); }
  virtual const Reader& reader() const = 0;
  // Bytes of bodies that are too long for an entry: appended before the change that refers to them.
  virtual BodyStore& bodies() = 0;

  // `count` numbers in a row, never handed out again, also after a crash.
  virtual Result<InodeNumber> TakeInodes(uint64_t count) = 0;
  virtual EntityLocks& locks() = 0;
  // Shared by single row writes; exclusive for bulk writes and schema changes. files/ ignores it.
  virtual SharedMutex& table_gate() = 0;
  // Wall clock for mtimes and commits; never goes back within one open.
  virtual int64_t NowNs() = 0;

  // Did a multi-step write fail that is to be finished before anything else is written to a table?
  // One atomic load. Asked by meta/commit/table_hold.h.
  virtual bool NeedsHeal() const { return false; }
  // Finishes it; the gate is not held by the caller. kRecoveryNeeded names the sidecar that cannot
  // be finished while the store is open; kNoSpace and kReadOnly say why not now.
  virtual Status Heal() { return Status::Ok(); }
};

inline bool MetNoSpace(const Status& status) {
  return status.code() == Code::kNoSpace;
}
template <typename T>
bool MetNoSpace(const Result<T>& result) {
  return MetNoSpace(result.status());
}

// Runs `add`, and once more when the disk was full and space could be reclaimed. It must change
// nothing when it fails.
template <typename Add>
auto AddWithRoom(Door& door, Add add) -> decltype(add()) {
  if (Status room = door.AwaitRoom(false); !room.ok()) return room;
  auto added = add();
  if (!MetNoSpace(added) || !door.AwaitRoom(true).ok()) return added;
  return add();
}

}  // namespace mendfs
