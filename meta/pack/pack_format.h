// The bytes of a pack: records, back to back, each the header of a run and its bytes; and the value
// of the manifest's entry for a pack that is still open.
//
// Threads:  pure functions
// Errors:   kCorruption for bytes that do not verify; kUnsupported for a newer version
// Source:   docs/formats/pack.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/codec/hash.h"
#include "meta/object/object_format.h"

namespace mendfs {

inline constexpr size_t kPackRecordHeaderBytes = 72;

struct PackRecord {
  InodeNumber inode;
  uint32_t generation = 0;
  uint64_t offset = 0;  // in the body; UINT64_MAX: not known when it was written
  uint64_t seq = 0;     // of the change that refers to it; 0: written before it
  uint32_t run_bytes = 0;
  Hash128 fingerprint;  // XXH3-128 over the hashes of the run's blocks
  friend bool operator==(const PackRecord&, const PackRecord&) = default;
};

std::string EncodePackRecord(const PackRecord& record);
// Verifies the header itself; the run's hashes are the caller's to compare.
Result<PackRecord> DecodePackRecord(std::string_view header);

// Value of the manifest's entry OpenPackKey(id): the pack or blob is not sealed, it lies in
// staging/.
std::string EncodeOpenObject(ObjectKind kind);
Result<ObjectKind> DecodeOpenObject(const Id128& id, std::string_view value);

// How many bytes of each open pack and blob a flush has made durable: the payload of the journal's
// sync marks. Nothing known is no bytes at all.
using SyncedPacks = std::map<Id128, uint64_t>;
std::string EncodeSyncedPacks(const SyncedPacks& packs);
Result<SyncedPacks> DecodeSyncedPacks(std::string_view payload);

}  // namespace mendfs
