// A pack or blob that is not sealed: its file in staging/, how far it is taken, written and synced;
// and what becomes of it.
//
//   New      1 staging file made · 2 file and directory synced · 3 named by a record
//   Seal     1 the record that names it is durable · 2 it becomes an object · 3 one record: the
//            object's row instead of the open one's
//
// No record that refers to an open object is durable without the one that names it. A crash between
// New's 1 and 3 leaves a staging file that no row names, removed by its id at the next open. After
// 3 the next open syncs it and seals it, whatever bytes are there; between Seal's 2 and 3 it finds
// the object and only writes the row. Without Seal's 1 a crash could leave an object whose name was
// lost with the end of the journal.
//
// Threads:  Take and GiveBack under the owner's lock; Seal by one at a time, once nobody takes a
//           place any more and `writers` is 0; all else from any thread
// Errors:   kNoSpace, kIo, kReadOnly
// Source:   docs/formats/pack.md
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "meta/base/failpoint.h"
#include "meta/object/object_store.h"
#include "meta/pack/pack_format.h"
#include "meta/pack/written_end.h"

namespace mendfs {

// The manifest's rows of packs and blobs, as far as they need them. Each is one record when it
// returns ok.
class PackRows {
 public:
  virtual ~PackRows() = default;
  virtual Status NameOpen(ObjectKind kind, const Id128& object) = 0;
  // The records of NameOpen are durable when this returns ok.
  virtual Status SyncNames() = 0;
  // The object's row comes, the open one's goes.
  virtual Status NameSealed(const ObjectInfo& object) = 0;
  virtual Status ForgetOpen(const Id128& object) = 0;
};

struct OpenObject {
  ObjectKind kind = ObjectKind::kPack;
  Id128 id;
  std::shared_ptr<File> file;        // null: it is an object already
  std::atomic<uint64_t> end{0};      // where the next bytes go
  std::atomic<uint64_t> writers{0};  // places taken whose bytes are not all written
  std::atomic<uint64_t> written{0};  // grows with each place that is filled
  std::atomic<uint64_t> synced{0};   // `written` before the last sync began
  WrittenEnd written_end;
  std::atomic<uint64_t> synced_end{0};  // `written_end` before the last sync began
  std::atomic<bool> lost{false};        // a sync failed: what is durable is not known any more
  bool is_short = false;                // bytes that had been synced are gone
  PayloadHash hash;                     // as far as sealing has come

  std::string Name() const { return std::string(ObjectKindName(kind)) + " " + ToHex(id); }
  uint64_t Take(uint64_t size_bytes);
  // Whoever took a place calls one of the two, then Done.
  void Filled(uint64_t offset);
  // A place at the end is given back; one in the middle stays as bytes that nothing refers to.
  void GiveBack(uint64_t offset, uint64_t size_bytes);
  void Done() { writers.fetch_sub(1); }

  // What was filled before the call is durable when this returns ok.
  Status Sync();
  // Sync says so, and no later failure.
  uint64_t SyncedBytes() const { return lost.load() ? 0 : synced_end.load(); }
};
using OpenObjectPtr = std::shared_ptr<OpenObject>;

// Named when this returns ok. Several cost hardly more syncs than one; fewer come when something
// failed after the first was named.
Result<std::vector<OpenObjectPtr>> MakeOpenObjects(ObjectStore& objects, PackRows& rows,
                                                   ObjectKind kind, size_t count);

// What a crash left of one that the manifest calls open, synced; null when there is nothing, which
// is logged. `synced_bytes`: so much of it was durable.
Result<OpenObjectPtr> FindOpenObject(ObjectStore& objects, ObjectKind kind, const Id128& id,
                                     uint64_t synced_bytes);

// False: hashing it has used up `budget_bytes`, and goes on in the next call. What is empty is
// forgotten and removed.
Result<bool> SealOpenObject(ObjectStore& objects, PackRows& rows, OpenObject& object,
                            uint64_t& budget_bytes);

}  // namespace mendfs
