// The bytes of an object file: payload, then a footer that vouches for it; and the value of the
// manifest's entry for an object.
//
// Shape:    payload · footer: one XXH3-128 per 64 KiB block, then a tail of kObjectTailBytes. A
// blob's
//           file is the payload alone, its footer stands in the file `<id>.meta` beside it
// Threads:  pure functions
// Errors:   kCorruption for bytes that do not verify; kUnsupported for a newer version
// Source:   docs/formats/object.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/codec/hash.h"

namespace mendfs {

inline constexpr size_t kObjectBlockBytes = size_t{64} << 10;
inline constexpr size_t kObjectHashBytes = 16;
inline constexpr size_t kObjectTailBytes = 112;

// Written to disk; never renumbered.
enum class ObjectKind : uint8_t {
  kJournal = 1,
  kPack = 2,
  kBlob = 3,
  kSegment = 4,
  kCheckpoint = 5,
};

inline constexpr ObjectKind kObjectKinds[] = {ObjectKind::kJournal, ObjectKind::kPack,
                                              ObjectKind::kBlob, ObjectKind::kSegment,
                                              ObjectKind::kCheckpoint};

// "journal", "pack", …: names of directories.
std::string_view ObjectKindName(ObjectKind kind);
std::optional<ObjectKind> ParseObjectKind(std::string_view name);

struct ObjectInfo {
  Id128 id;
  ObjectKind kind = ObjectKind::kSegment;
  uint64_t size_bytes = 0;       // payload
  uint64_t file_size_bytes = 0;  // payload and footer; of a blob the payload alone
  Hash128 fingerprint;           // XXH3-128 over the block hashes
  Sha256Digest sha256{};         // of the payload
  friend bool operator==(const ObjectInfo&, const ObjectInfo&) = default;
};

uint64_t ObjectBlockCount(uint64_t payload_bytes);
uint64_t ObjectFooterBytes(uint64_t payload_bytes);
uint64_t ObjectFileBytes(ObjectKind kind, uint64_t payload_bytes);

// The bytes of a list of block hashes, as the footer holds them; the fingerprint is over these.
std::string EncodeBlockHashes(const std::vector<Hash128>& hashes);
std::vector<Hash128> DecodeBlockHashes(std::string_view bytes);

std::string EncodeObjectTail(const ObjectInfo& info);
// The caller compares the sizes it says with those of the file.
Result<ObjectInfo> DecodeObjectTail(std::string_view tail);

// Value of the manifest's entry DoomedKey(id): the object is on its way out.
std::string EncodeDoomedObject(ObjectKind kind);
Result<ObjectKind> DecodeDoomedObject(const Id128& id, std::string_view value);

// Value of the manifest's entry ObjectKey(id).
std::string EncodeObjectInfo(const ObjectInfo& info);
Result<ObjectInfo> DecodeObjectInfo(const Id128& id, std::string_view value);

}  // namespace mendfs
