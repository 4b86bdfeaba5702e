// Rows that are open: what a row file is between the open and the last close of it.
//
// Shape:    an OpenRow lives while a handle is open on it. One that was created and has no accepted
//           body yet is found by its name by whoever creates that name, too, and by nobody else.
//           The bytes of all drafts together are bounded
// Threads:  OpenRows is safe from any thread. An OpenRow is guarded by its mutex, which is held
// while
//           its row is put into the store or taken out of it, so that a removed row does not come
//           back by a late close
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "fs/view/place.h"
#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/tables.h"

namespace mendfs {

inline constexpr uint64_t kDraftBytesMax = 256 << 20;  // all drafts of a plane

struct OpenRow {
  InodeNumber node;       // as the kernel knows it
  InodeNumber directory;  // of the name it was created under
  std::string name;
  Mutex mutex{LockRank::kPlane};
  Place place GUARDED_BY(mutex);
  bool is_new GUARDED_BY(mutex) = false;    // no body was accepted yet
  bool unlinked GUARDED_BY(mutex) = false;  // what is written goes nowhere, as in any filesystem
  // Set while it was open: goes with the next accepted body. What is not set stays as it was.
  RowAttributes attributes GUARDED_BY(mutex);
  uint64_t size_bytes GUARDED_BY(mutex) = 0;  // of the last body that was seen
};

class OpenRows {
 public:
  // Shared by the handles on one row: the last one drops it.
  using Ref = std::shared_ptr<OpenRow>;

  struct Opening {
    const Place& place;
    InodeNumber node;
    uint64_t size_bytes = 0;
  };
  Ref Open(const Opening& opening) EXCLUDES(mutex_);
  struct Creating {
    const Place& place;
    InodeNumber node;
    InodeNumber directory;
    std::string_view name;
    RowAttributes attributes;
  };
  // Nothing when the name is there already.
  Ref Create(const Creating& creating) EXCLUDES(mutex_);
  // One more handle on it; false when it has been closed meanwhile.
  bool Reopen(const Ref& row) EXCLUDES(mutex_);
  void Close(const Ref& row) EXCLUDES(mutex_);

  Ref Find(InodeNumber node) const EXCLUDES(mutex_);
  // Created, without an accepted body.
  Ref FindNew(InodeNumber directory, std::string_view name) const EXCLUDES(mutex_);
  // It is a row now, or its name is gone: it is no longer found by that name.
  void DropName(const Ref& row) EXCLUDES(mutex_);

  // A draft grows or shrinks from what `held_bytes` says to `size_bytes`. kNoSpace past the bound.
  Status Reserve(uint64_t& held_bytes, uint64_t size_bytes) EXCLUDES(mutex_);

 private:
  struct Kept {
    Ref row;
    unsigned handles = 0;
  };
  using NameKey = std::pair<InodeNumber, std::string>;

  mutable Mutex mutex_{LockRank::kHandles};
  std::unordered_map<InodeNumber, Kept> rows_ GUARDED_BY(mutex_);
  std::map<NameKey, Ref> new_names_ GUARDED_BY(mutex_);
  uint64_t draft_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace mendfs
