// How much of each pack is referred to: one walk over all pieces of bodies, of all moments that can
// still be seen.
//
// Parts that are shared count for each who refers to them, so that a pack may seem fuller than it
// is, never emptier: a pack without a reference has none.
//
// Threads:  one
// Errors:   kCorruption when a piece does not decode: it may refer to any pack; kInterrupted
// Cost:     one walk; some hundred bytes of memory a pack
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "meta/manifest/manifest.h"
#include "meta/object/object_format.h"

namespace mendfs {

struct PackUse {
  uint64_t live_bytes = 0;
  uint64_t newest_bytes = 0;  // of these what the newest state refers to
  uint64_t references = 0;
};
using PackUses = std::map<Id128, PackUse>;

Result<PackUses> CountPackUses(const Manifest& manifest, const std::atomic<bool>& stop);

struct ListedObject {
  ObjectInfo info;
  Seq named;  // rises in the order in which objects were sealed
};
// The objects of a kind that the manifest names.
Result<std::vector<ListedObject>> ListObjects(const Manifest& manifest, ObjectKind kind);

}  // namespace mendfs
