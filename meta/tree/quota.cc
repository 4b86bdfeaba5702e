#include "meta/tree/quota.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kCountingVersion = 2;
constexpr uint64_t kBlockBytes = 512;
// Records are entries of the tree's root, under names that no xattr can have.
constexpr std::string_view kKeyName = "mend.quota.";

Status Malformed(InodeNumber id) {
  return Status(Code::kCorruption,
                "decode the record of quota " + std::to_string(id.value) + ": malformed");
}

// A use below zero or above 64 bits is a mistake of ours; it must not turn a full tree into an
// empty one.
uint64_t Moved(uint64_t used, int64_t delta) {
  if (delta >= 0) {
    const auto more = static_cast<uint64_t>(delta);
    return used > UINT64_MAX - more ? UINT64_MAX : used + more;
  }
  const uint64_t less = 0 - static_cast<uint64_t>(delta);
  return used < less ? 0 : used - less;
}

}  // namespace

std::string QuotaKey(InodeNumber id) {
  std::string number;
  PutU64BigEndian(number, id.value);
  return XattrKey(kFilesRoot, std::string(kKeyName) + ToHex(number));
}

std::string EncodeQuota(const Quota& quota) {
  std::string out;
  PutU8(out, quota.counting ? kCountingVersion : kVersion);
  PutVarint(out, quota.id.value);
  PutVarint(out, quota.directory.value);
  PutVarint(out, quota.limit_bytes);
  PutVarint(out, quota.used_bytes);
  return out;
}

Result<Quota> DecodeQuota(InodeNumber id, std::string_view value) {
  ByteReader in(value);
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kCountingVersion) {
    return Status(Code::kUnsupported, "decode the record of quota " + std::to_string(id.value) +
                                          ": version " + std::to_string(version) +
                                          " is newer than this program");
  }
  Quota quota;
  quota.id = InodeNumber(in.GetVarint());
  quota.directory = InodeNumber(in.GetVarint());
  quota.limit_bytes = in.GetVarint();
  quota.used_bytes = in.GetVarint();
  quota.counting = version == kCountingVersion;
  if (!in.AtEnd() || version < kVersion || quota.directory.value == 0 || quota.id.value == 0 ||
      (id.value != 0 && id != quota.id)) {
    return Malformed(id);
  }
  return quota;
}

Result<std::optional<Quota>> FindQuota(const Reader& reader, const View& view, InodeNumber id) {
  if (id.value == 0) return std::optional<Quota>();
  Result<Entry> entry = reader.Get(view, QuotaKey(id));
  if (entry.status().code() == Code::kNotFound) return std::optional<Quota>();
  if (!entry.ok()) return entry.status().Annotate("read quota " + std::to_string(id.value));
  MENDFS_ASSIGN_OR_RETURN(const Quota quota, DecodeQuota(id, entry->value));
  return std::optional(quota);
}

Result<std::vector<Quota>> ListQuotas(const Reader& reader, const View& view) {
  std::vector<Quota> quotas;
  const std::unique_ptr<Cursor> cursor =
      reader.Scan(view, PrefixRange(XattrKey(kFilesRoot, kKeyName)));
  for (; cursor->Valid(); cursor->Next()) {
    MENDFS_ASSIGN_OR_RETURN(const Quota quota, DecodeQuota(InodeNumber(0), cursor->value()));
    quotas.push_back(quota);
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return quotas;
}

uint64_t TakenBytes(const Attributes& inode) {
  // Of the very last sizes the last block is left out, so that a delta has 63 bits.
  constexpr uint64_t kBlocksMax = kFileBytesMax / kBlockBytes;
  const uint64_t stored = StoredBytes(inode);
  const uint64_t blocks = stored / kBlockBytes + (stored % kBlockBytes != 0 ? 1 : 0);
  return std::min(blocks, kBlocksMax) * kBlockBytes;
}

Status ChargeQuotas(const Reader& reader, const View& view, const QuotaDeltas& deltas,
                    QuotaLimit limit, Change& change) {
  for (const auto& [id, delta] : deltas) {
    if (delta == 0) continue;
    MENDFS_ASSIGN_OR_RETURN(std::optional<Quota> quota, FindQuota(reader, view, id));
    if (!quota) continue;
    const uint64_t used = Moved(quota->used_bytes, delta);
    // What makes room is never refused, also where a lower limit was set meanwhile.
    if (limit == QuotaLimit::kKept && delta > 0 && used > quota->limit_bytes) {
      return Status(Code::kQuota, "the quota of " + std::to_string(quota->limit_bytes) +
                                      " bytes of the tree at inode " +
                                      std::to_string(quota->directory.value) + " has " +
                                      std::to_string(quota->used_bytes) +
                                      " in use; remove something or raise it");
    }
    quota->used_bytes = used;
    change.Put(QuotaKey(id), EncodeQuota(*quota));
  }
  return Status::Ok();
}

}  // namespace mendfs
