// The rows of a manifest for packs and blobs, in memory.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "meta/pack/open_object.h"

namespace mendfs {

class MemoryRows final : public PackRows {
 public:
  Status NameOpen(ObjectKind kind, const Id128& object) override {
    if (refuse) return Status(Code::kIo, "the test refuses the name");
    MutexLock lock(mutex);
    open[object] = kind;
    return Status::Ok();
  }
  Status SyncNames() override {
    return refuse_sync ? Status(Code::kIo, "the test refuses the sync") : Status::Ok();
  }
  Status NameSealed(const ObjectInfo& object) override {
    if (refuse) return Status(Code::kIo, "the test refuses the name");
    MutexLock lock(mutex);
    open.erase(object.id);
    sealed[object.id] = object;
    return Status::Ok();
  }
  Status ForgetOpen(const Id128& object) override {
    MutexLock lock(mutex);
    open.erase(object);
    return Status::Ok();
  }
  void Clear() {
    open.clear();
    sealed.clear();
  }
  std::vector<Id128> Open(ObjectKind kind) const {
    std::vector<Id128> found;
    for (const auto& [id, of] : open) {
      if (of == kind) found.push_back(id);
    }
    return found;
  }

  bool refuse = false;
  bool refuse_sync = false;
  Mutex mutex{LockRank::kDoor};
  std::map<Id128, ObjectKind> open;
  std::map<Id128, ObjectInfo> sealed;
};

}  // namespace mendfs
