#include "meta/table/row_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint8_t kVersion = 1;

enum Flag : uint8_t {
  kHasTime = 1,
  kHasPermissions = 2,
  kHasUid = 4,
  kHasGid = 8,
};
constexpr uint8_t kKnownFlags = kHasTime | kHasPermissions | kHasUid | kHasGid;
constexpr uint32_t kPermissionsMax = 07777;

uint8_t FlagsOf(const RowAttributes& attributes) {
  uint8_t flags = 0;
  if (attributes.mtime_ns != 0) flags |= kHasTime;
  if (attributes.permissions) flags |= kHasPermissions;
  if (attributes.uid) flags |= kHasUid;
  if (attributes.gid) flags |= kHasGid;
  return flags;
}

void PutAttributes(std::string& out, const RowAttributes& attributes) {
  if (attributes.mtime_ns != 0) PutI64(out, attributes.mtime_ns);
  if (attributes.permissions) PutVarint(out, *attributes.permissions & kPermissionsMax);
  if (attributes.uid) PutVarint(out, *attributes.uid);
  if (attributes.gid) PutVarint(out, *attributes.gid);
}

// False when a field holds what no encoder writes there.
bool GetLimited(ByteReader& in, uint32_t max, std::optional<uint32_t>& field) {
  const uint64_t value = in.GetVarint();
  if (value > max) return false;
  field = static_cast<uint32_t>(value);
  return true;
}

bool GetAttributes(ByteReader& in, uint8_t flags, RowAttributes& attributes) {
  if ((flags & kHasTime) != 0) {
    attributes.mtime_ns = in.GetI64();
    if (attributes.mtime_ns == 0) return false;
  }
  if ((flags & kHasPermissions) != 0 && !GetLimited(in, kPermissionsMax, attributes.permissions)) {
    return false;
  }
  if ((flags & kHasUid) != 0 && !GetLimited(in, UINT32_MAX, attributes.uid)) return false;
  if ((flags & kHasGid) != 0 && !GetLimited(in, UINT32_MAX, attributes.gid)) return false;
  return in.ok();
}

// The flags, once version and reserved bits are known to be right.
Result<uint8_t> GetFlags(ByteReader& in, std::string_view what) {
  const uint8_t version = in.GetU8();
  const uint8_t flags = in.GetU8();
  const std::string context = "decode " + std::string(what) + " entry: ";
  if (!in.ok()) return Status(Code::kCorruption, context + "shorter than its head");
  if (version > kVersion) {
    return Status(Code::kUnsupported, context + "version " + std::to_string(version) +
                                          ", this program knows " + std::to_string(kVersion));
  }
  if (version == 0 || (flags & ~kKnownFlags) != 0) {
    return Status(Code::kCorruption, context + "version 0 or reserved bits set");
  }
  return flags;
}

Status Malformed(std::string_view what) {
  return {Code::kCorruption, "decode " + std::string(what) + " entry: malformed attributes"};
}

}  // namespace

void AppendRowValue(std::string& out, InodeNumber row, const RowAttributes& attributes,
                    std::string_view body) {
  out.reserve(out.size() + body.size() + 32);
  PutU8(out, kVersion);
  PutU8(out, FlagsOf(attributes));
  PutVarint(out, row.value);
  PutAttributes(out, attributes);
  out.append(body);
}

Result<RowHead> DecodeRowHead(std::string_view value) {
  ByteReader in(value);
  MENDFS_ASSIGN_OR_RETURN(const uint8_t flags, GetFlags(in, "row"));
  RowHead head;
  head.row = InodeNumber(in.GetVarint());
  if (!GetAttributes(in, flags, head.attributes)) return Malformed("row");
  if (head.row.value == 0 || (head.row.value & kDerivedInodeBit) != 0) {
    return Status(Code::kCorruption, "decode row entry: impossible row number");
  }
  head.body_offset = value.size() - in.rest().size();
  return head;
}

void AppendEdgeValue(std::string& out, const RowAttributes& attributes, std::string_view body) {
  PutU8(out, kVersion);
  PutU8(out, FlagsOf(attributes));
  PutAttributes(out, attributes);
  out.append(body);
}

Result<EdgeHead> DecodeEdgeHead(std::string_view value) {
  ByteReader in(value);
  MENDFS_ASSIGN_OR_RETURN(const uint8_t flags, GetFlags(in, "edge"));
  EdgeHead head;
  if (!GetAttributes(in, flags, head.attributes)) return Malformed("edge");
  head.body_offset = value.size() - in.rest().size();
  return head;
}

RowAttributes MergeAttributes(const RowAttributes& stored, const RowAttributes& given) {
  RowAttributes merged = given;
  if (merged.mtime_ns == 0) merged.mtime_ns = stored.mtime_ns;
  if (!merged.permissions) merged.permissions = stored.permissions;
  if (!merged.uid) merged.uid = stored.uid;
  if (!merged.gid) merged.gid = stored.gid;
  return merged;
}

}  // namespace mendfs
