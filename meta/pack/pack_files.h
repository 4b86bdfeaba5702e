// Files of packs, open for reading: found wherever a pack is at that instant, kept for the next
// read.
//
// A pack is in staging/ until it is sealed and renamed into objects/; a handle survives the rename.
//
// Threads:  safe from any thread
// Errors:   kCorruption when there is no pack, or no regular file in its place; kIo
// Cost:     at most kFilesMax files stay open
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/object/object_store.h"

namespace mendfs {

class PackFiles {
 public:
  explicit PackFiles(const ObjectStore& objects) : objects_(objects) {}

  static constexpr size_t kFilesMax = 128;

  Result<std::shared_ptr<const File>> Get(ObjectKind kind, const Id128& id);
  // The object is gone: an open file would keep its space.
  void Forget(const Id128& id);

 private:
  struct Slot {
    std::shared_ptr<const File> file;
    uint64_t used = 0;
  };

  Result<std::shared_ptr<const File>> Open(ObjectKind kind, const Id128& id) const;

  const ObjectStore& objects_;
  Mutex mutex_{LockRank::kCache};
  std::map<Id128, Slot> slots_ GUARDED_BY(mutex_);
  uint64_t uses_ GUARDED_BY(mutex_) = 0;
};

}  // namespace mendfs
