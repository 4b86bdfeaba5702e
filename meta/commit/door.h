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
  std::vector<std::unique_ptr<Mutex>> stripes_;
};

class Door {
 public:
  virtual ~Door() = default;

  virtual Result<Seq> Apply(const Change& change) = 0;
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
};

}  // namespace mendfs
