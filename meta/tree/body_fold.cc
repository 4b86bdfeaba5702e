#include "meta/tree/body_fold.h"

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"
#include "meta/tree/extent_format.h"

namespace mendfs {

Result<std::optional<std::string>> MoveBody(std::string_view key, std::string_view value,
                                            BodyStore& bodies) {
  if (value.size() <= kFoldedPieceBytesMax) return std::optional<std::string>();
  const std::optional<uint64_t> offset = ParseExtentKey(key);
  if (!offset) return std::optional<std::string>();
  const Result<Extent> extent = DecodeExtent(value);
  // Damage is told by whoever reads the body; the fold keeps it as it is.
  const uint64_t stays_bytes = *offset == 0 ? kFoldedInlineBytesMax : kFoldedPieceBytesMax;
  if (!extent.ok() || !extent->is_inline() || extent->bytes.size() <= stays_bytes) {
    return std::optional<std::string>();
  }
  const RunOwner owner{.inode = InodeNumber(ByteReader(key.substr(1)).GetU64BigEndian()),
                       .generation = 0,
                       .offset = *offset,
                       .folded = true};
  MENDFS_ASSIGN_OR_RETURN(const RunRef run, bodies.Append(owner, extent->bytes));
  return std::optional<std::string>(EncodeExtent(run));
}

std::optional<Hash128> BodyDigest(std::string_view key, std::string_view value) {
  if (!ParseExtentKey(key)) return std::nullopt;
  const Result<Extent> extent = DecodeExtent(value);
  if (!extent.ok()) return std::nullopt;
  return ExtentDigest(*extent);
}

}  // namespace mendfs
