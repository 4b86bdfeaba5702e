// Kv: the ordered map on disk that the manifest is folded into. LevelDB stands behind it here; one
// contract suite runs against every implementation.
//
// Threads:  safe from any thread; an iterator belongs to one thread at a time
// Errors:   kNotFound, kNoSpace, kCorruption, kIo. After a failed write nothing is written any more
//           until Reopen, which finds the map as it was after some earlier write. Damage to the
//           log loses the writes from there on, never one in the middle; all other damage that is
//           met is kCorruption, never absence
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/manifest/kv/damage_note.h"

namespace mendfs {

class KvBatch {
 public:
  virtual ~KvBatch() = default;
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;
};

// Sees the map as of its making. Outlives a Reopen. Not valid at the end and when something could
// not be read: status() tells which.
class KvIterator {
 public:
  virtual ~KvIterator() = default;
  virtual bool Valid() const = 0;
  virtual void Seek(std::string_view key) = 0;
  // To the last key before `key`.
  virtual void SeekBefore(std::string_view key) = 0;
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual Status status() const = 0;
};

class Kv {
 public:
  virtual ~Kv() = default;
  virtual Result<std::string> Get(std::string_view key) const = 0;
  virtual std::unique_ptr<KvIterator> Scan() const = 0;
  virtual std::unique_ptr<KvBatch> NewBatch() const = 0;
  // All of the batch or nothing. `sync`: durable when this returns ok, with all writes before it.
  virtual Status Write(KvBatch& batch, bool sync) = 0;
  virtual Status Reopen() = 0;
  // What was written before the call does not depend on the log any more when this returns ok.
  virtual Status Settle() = 0;
  // What was deleted in [first, last] takes no space any more when this returns ok. In steps of
  // some tables: reads and writes go on, and that much space is needed meanwhile. While tight
  // nothing is done.
  virtual Status Compact(std::string_view first, std::string_view last) = 0;
  // On a full disk: from the next open or Reopen on nothing is compacted by itself, and what is
  // written goes to the log alone, which is put into a table when it has grown. True: a Reopen is
  // needed for that. Ends at once. Between a Reopen and the end Settle reopens by itself.
  virtual bool SetTight(bool tight) = 0;
  // All tables are merged, so that what was deleted gives its space back. From then on, until
  // SetTight(false) or a Reopen, no table is begun when less than `floor_bytes` of the disk are
  // free: then it fails as a write does.
  virtual Status CompactAll(uint64_t floor_bytes) = 0;
  // A sentence when the log was damaged at the last open and its end was not used; else empty.
  virtual std::string log_damage() const = 0;
};

struct KvOptions {
  bool create = false;
  uint64_t cache_bytes = 32 << 20;
  uint64_t write_buffer_bytes = 16 << 20;
  bool tight = false;  // see Kv::SetTight
  // Told what reads meet, those of compactions too. Shared: iterators outlive the Kv.
  std::shared_ptr<DamageNote> damage = std::make_shared<DamageNote>();
};

// Defects that a test can plant to see that something turns red; none in production.
struct KvDefects {
  bool close_log_unsynced = false;
  bool ignore_append_failure = false;
};

Result<std::unique_ptr<Kv>> OpenLevelDb(Disk& disk, const std::string& path,
                                        const KvOptions& options, const KvDefects& defects = {});

}  // namespace mendfs
