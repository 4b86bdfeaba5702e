#include "fs/ops/planes/quota_xattr.h"

#include <charconv>
#include <optional>

namespace mendfs {

Result<std::string> ShowQuota(const PlaneContext& context, InodeNumber directory) {
  MENDFS_ASSIGN_OR_RETURN(std::optional<Quota> quota,
                          context.files.GetQuota(context.head(), directory));
  if (!quota || quota->directory != directory) return Status(Code::kNotFound, "no quota here");
  return std::to_string(quota->limit_bytes) + " used " + std::to_string(quota->used_bytes) +
         (quota->counting ? " counting" : "");
}

Result<uint64_t> ParseQuotaLimit(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  Status malformed(Code::kInvalid,
                   "set a quota: want a size from 1 byte up, as in 10G, 500M or "
                   "1073741824");
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number == 0) return malformed;
  unsigned shift = 0;
  if (rest != end) {
    size_t unit = kUnits.find(*rest);
    if (unit == kUnits.npos || rest + 1 != end) return malformed;
    shift = static_cast<unsigned>(10 * (unit + 1));
  }
  if (number > (uint64_t{INT64_MAX} >> shift)) return malformed;
  return number << shift;
}

}  // namespace mendfs
