#include "meta/object/object_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr std::string_view kMagic = "MENDOBJ\n";
constexpr uint32_t kVersion = 1;
constexpr uint8_t kInfoVersion = 1;
// Far above any real object, far below where sizes could overflow.
constexpr uint64_t kPayloadBytesMax = uint64_t{1} << 56;

void PutDigest(std::string& out, const Sha256Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

Sha256Digest GetDigest(ByteReader& in) {
  Sha256Digest digest{};
  const std::string_view bytes = in.GetRaw(digest.size());
  for (size_t index = 0; index < bytes.size(); ++index) {
    digest[index] = static_cast<uint8_t>(bytes[index]);
  }
  return digest;
}

std::optional<ObjectKind> KindOfByte(uint8_t byte) {
  for (const ObjectKind kind : kObjectKinds) {
    if (static_cast<uint8_t>(kind) == byte) return kind;
  }
  return std::nullopt;
}

Status Bad(std::string_view what) {
  return {Code::kCorruption, std::string(what)};
}

}  // namespace

std::string_view ObjectKindName(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kJournal: return "journal";
    case ObjectKind::kPack: return "pack";
    case ObjectKind::kBlob: return "blob";
    case ObjectKind::kSegment: return "segment";
    case ObjectKind::kCheckpoint: return "checkpoint";
  }
  return "unknown";
}

std::optional<ObjectKind> ParseObjectKind(std::string_view name) {
  for (const ObjectKind kind : kObjectKinds) {
    if (ObjectKindName(kind) == name) return kind;
  }
  return std::nullopt;
}

uint64_t ObjectBlockCount(uint64_t payload_bytes) {
  return (payload_bytes + kObjectBlockBytes - 1) / kObjectBlockBytes;
}

uint64_t ObjectFooterBytes(uint64_t payload_bytes) {
  return ObjectBlockCount(payload_bytes) * kObjectHashBytes + kObjectTailBytes;
}

uint64_t ObjectFileBytes(ObjectKind kind, uint64_t payload_bytes) {
  return kind == ObjectKind::kBlob ? payload_bytes
                                   : payload_bytes + ObjectFooterBytes(payload_bytes);
}

std::string EncodeBlockHashes(const std::vector<Hash128>& hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * kObjectHashBytes);
  for (const Hash128& hash : hashes) PutHash(bytes, hash);
  return bytes;
}

std::vector<Hash128> DecodeBlockHashes(std::string_view bytes) {
  std::vector<Hash128> hashes;
  hashes.reserve(bytes.size() / kObjectHashBytes);
  ByteReader in(bytes);
  for (size_t count = bytes.size() / kObjectHashBytes; count > 0; --count) {
    hashes.push_back(in.GetHash());
  }
  return hashes;
}

std::string EncodeObjectTail(const ObjectInfo& info) {
  std::string body;
  PutU32(body, kVersion);
  PutU8(body, static_cast<uint8_t>(info.kind));
  body.append(3, '\0');
  PutU32(body, kObjectBlockBytes);
  PutU32(body, 0);
  PutU64(body, info.size_bytes);
  PutId(body, info.id);
  PutHash(body, info.fingerprint);
  PutDigest(body, info.sha256);
  body.append(kMagic);

  std::string tail;
  PutHash(tail, HashXxh3Wide(body));
  tail.append(body);
  return tail;
}

Result<ObjectInfo> DecodeObjectTail(std::string_view tail) {
  if (tail.size() != kObjectTailBytes) return Bad("shorter than an object's footer");
  if (tail.substr(tail.size() - kMagic.size()) != kMagic) return Bad("no object footer at the end");
  ByteReader in(tail);
  const Hash128 checksum = in.GetHash();
  if (HashXxh3Wide(in.rest()) != checksum) return Bad("footer fails its checksum");
  const uint32_t version = in.GetU32();
  if (version != kVersion) {
    return Status(Code::kUnsupported, "object format " + std::to_string(version) +
                                          "; this program knows format " +
                                          std::to_string(kVersion));
  }
  ObjectInfo info;
  const auto kind = KindOfByte(in.GetU8());
  const bool reserved_zero = in.GetU8() == 0 && in.GetU16() == 0;
  const uint32_t block_bytes = in.GetU32();
  if (in.GetU32() != 0 || !reserved_zero || !kind || block_bytes != kObjectBlockBytes) {
    return Bad("footer holds values that no writer makes");
  }
  info.kind = *kind;
  info.size_bytes = in.GetU64();
  info.id = in.GetId();
  info.fingerprint = in.GetHash();
  info.sha256 = GetDigest(in);
  if (info.size_bytes > kPayloadBytesMax) return Bad("footer names an impossible size");
  info.file_size_bytes = ObjectFileBytes(info.kind, info.size_bytes);
  return info;
}

std::string EncodeDoomedObject(ObjectKind kind) {
  std::string value;
  PutU8(value, kInfoVersion);
  PutU8(value, static_cast<uint8_t>(kind));
  PutU16(value, 0);
  return value;
}

Result<ObjectKind> DecodeDoomedObject(const Id128& id, std::string_view value) {
  const std::string entry = "manifest entry of the doomed object " + ToHex(id) + ": ";
  ByteReader in(value);
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kInfoVersion) {
    return Status(Code::kUnsupported,
                  entry + "format " + std::to_string(version) + " is newer than this program");
  }
  const auto kind = KindOfByte(in.GetU8());
  const uint16_t reserved = in.GetU16();
  if (!in.AtEnd() || version != kInfoVersion || !kind || reserved != 0) {
    return Bad(entry + "malformed");
  }
  return *kind;
}

std::string EncodeObjectInfo(const ObjectInfo& info) {
  std::string value;
  PutU8(value, kInfoVersion);
  PutU8(value, static_cast<uint8_t>(info.kind));
  PutU16(value, 0);
  PutVarint(value, info.size_bytes);
  PutVarint(value, info.file_size_bytes);
  PutHash(value, info.fingerprint);
  PutDigest(value, info.sha256);
  return value;
}

Result<ObjectInfo> DecodeObjectInfo(const Id128& id, std::string_view value) {
  const auto bad = [&id](std::string_view what) {
    return Bad("manifest entry of object " + ToHex(id) + ": " + std::string(what));
  };
  ByteReader in(value);
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kInfoVersion) {
    return Status(Code::kUnsupported, "manifest entry of object " + ToHex(id) + ": format " +
                                          std::to_string(version) + " is newer than this program");
  }
  const auto kind = KindOfByte(in.GetU8());
  const uint16_t reserved = in.GetU16();
  ObjectInfo info;
  info.id = id;
  info.size_bytes = in.GetVarint();
  info.file_size_bytes = in.GetVarint();
  info.fingerprint = in.GetHash();
  info.sha256 = GetDigest(in);
  if (!in.AtEnd() || version != kInfoVersion || !kind || reserved != 0) return bad("malformed");
  info.kind = *kind;
  if (info.size_bytes > kPayloadBytesMax ||
      info.file_size_bytes != ObjectFileBytes(info.kind, info.size_bytes)) {
    return bad("sizes disagree");
  }
  return info;
}

}  // namespace mendfs
