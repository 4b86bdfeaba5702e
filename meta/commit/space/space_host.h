// What giving space back asks of the open store: the engine answers it.
//
// Threads:  safe from any thread; the caller holds no lock
// Errors:   as Door::Apply, Store::Flush, Manifest::Fold and Manifest::Rewrite
#pragma once

#include <vector>

#include "meta/manifest/manifest.h"
#include "meta/object/object_store.h"
#include "meta/pack/pack_store.h"

namespace mendfs {

class SpaceHost {
 public:
  virtual ~SpaceHost() = default;

  virtual Result<Seq> Apply(const Change& change) = 0;
  // Everything applied before the call is durable when this returns ok.
  virtual Status Flush() = 0;
  // Everything applied before the call is in LevelDB, and stays there whatever happens to its log.
  virtual Status FoldAndSettle() = 0;
  virtual Result<size_t> RewriteEntries(const std::vector<EntryEdit>& edits) = 0;
  // Is there room for so many bytes of copies? On a full disk most of the reserve's room is left to
  // the journal.
  virtual bool MayCopy(uint64_t size_bytes) = 0;
  // True when every operation that began before the call has ended, false when one lasts too long.
  virtual bool Quiesce() = 0;
};

// What the parts of this folder work on. They outlive it.
struct SpaceParts {
  SpaceHost& host;
  Manifest& manifest;
  PackStore& packs;
  ObjectStore& objects;
};

}  // namespace mendfs
