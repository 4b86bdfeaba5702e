#include "meta/pack/pack_format.h"

#include "meta/codec/bytes.h"
#include "meta/pack/run_ref.h"

namespace mendfs {
namespace {

constexpr uint32_t kMagic = 0x314B504D;  // "MPK1"
constexpr uint8_t kVersion = 1;
constexpr uint8_t kRowVersion = 1;
constexpr uint8_t kSyncedVersion = 1;

}  // namespace

std::string EncodePackRecord(const PackRecord& record) {
  std::string out;
  out.reserve(kPackRecordHeaderBytes);
  PutU32(out, kMagic);
  PutU8(out, kVersion);
  out.append(3, '\0');
  PutU64(out, record.inode.value);
  PutU64(out, record.offset);
  PutU64(out, record.seq);
  PutU32(out, record.generation);
  PutU32(out, record.run_bytes);
  PutU64(out, record.fingerprint.low);
  PutU64(out, record.fingerprint.high);
  PutU64(out, 0);
  PutU64(out, HashXxh3(out));
  return out;
}

Result<PackRecord> DecodePackRecord(std::string_view header) {
  if (header.size() < kPackRecordHeaderBytes) {
    return Status(Code::kCorruption, "record of a pack: cut short");
  }
  header = header.substr(0, kPackRecordHeaderBytes);
  ByteReader in(header);
  const bool magic = in.GetU32() == kMagic;
  const uint8_t version = in.GetU8();
  bool reserved = in.GetU8() == 0 && in.GetU16() == 0;
  PackRecord record;
  record.inode = InodeNumber(in.GetU64());
  record.offset = in.GetU64();
  record.seq = in.GetU64();
  record.generation = in.GetU32();
  record.run_bytes = in.GetU32();
  record.fingerprint.low = in.GetU64();
  record.fingerprint.high = in.GetU64();
  reserved = reserved && in.GetU64() == 0;
  if (!magic || in.GetU64() != HashXxh3(header.substr(0, kPackRecordHeaderBytes - 8))) {
    return Status(Code::kCorruption, "record of a pack: no header that verifies");
  }
  if (version > kVersion) {
    return Status(Code::kUnsupported, "record of a pack: version " + std::to_string(version) +
                                          " is newer than this program");
  }
  if (!reserved || record.run_bytes == 0 || record.run_bytes > kRunBytesMax) {
    return Status(Code::kCorruption, "record of a pack: holds values that no writer makes");
  }
  return record;
}

std::string EncodeOpenObject(ObjectKind kind) {
  std::string out;
  PutU8(out, kRowVersion);
  PutU8(out, static_cast<uint8_t>(kind));
  PutU16(out, 0);
  return out;
}

Result<ObjectKind> DecodeOpenObject(const Id128& id, std::string_view value) {
  ByteReader in(value);
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kRowVersion) {
    return Status(Code::kUnsupported, "manifest entry of the open object " + ToHex(id) +
                                          ": format " + std::to_string(version) +
                                          " is newer than this program");
  }
  const auto kind = static_cast<ObjectKind>(in.GetU8());
  const uint16_t reserved = in.GetU16();
  if (!in.AtEnd() || version != kRowVersion || reserved != 0 ||
      (kind != ObjectKind::kPack && kind != ObjectKind::kBlob)) {
    return Status(Code::kCorruption,
                  "manifest entry of the open object " + ToHex(id) + ": malformed");
  }
  return kind;
}

std::string EncodeSyncedPacks(const SyncedPacks& packs) {
  std::string out;
  if (packs.empty()) return out;
  PutU8(out, kSyncedVersion);
  out.append(3, '\0');
  for (const auto& [id, size_bytes] : packs) {
    PutId(out, id);
    PutU64(out, size_bytes);
  }
  return out;
}

Result<SyncedPacks> DecodeSyncedPacks(std::string_view payload) {
  SyncedPacks packs;
  if (payload.empty()) return packs;
  ByteReader in(payload);
  const uint8_t version = in.GetU8();
  if (version > kSyncedVersion) {
    return Status(Code::kUnsupported,
                  "sync mark of the journal: what it says of packs has format " +
                      std::to_string(version) + ", newer than this program");
  }
  bool fits = version == kSyncedVersion && in.GetU8() == 0 && in.GetU16() == 0;
  while (fits && in.ok() && !in.AtEnd()) {
    const Id128 id = in.GetId();
    const uint64_t size_bytes = in.GetU64();
    // In rising order, so that equal facts have equal bytes.
    fits = in.ok() && (packs.empty() || packs.rbegin()->first < id);
    packs[id] = size_bytes;
  }
  if (!fits || !in.ok() || packs.empty()) {
    return Status(Code::kCorruption, "sync mark of the journal: malformed list of packs");
  }
  return packs;
}

}  // namespace mendfs
