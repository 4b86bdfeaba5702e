// Quotas as an extended attribute of the directory that they begin at: set it to make one or to
// change its limit, read it to see limit and use, remove it to take the quota away. It is never
// listed; as every name in trusted., it is for CAP_SYS_ADMIN only.
//
// Errors:   kNotFound where no quota begins; kInvalid for text that is no size; else as
//           FileWriter::SetQuota
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fs/ops/plane/plane.h"

namespace mendfs {

inline constexpr std::string_view kQuotaXattr = "trusted.mend.quota";

// "10737418240 used 8192", and " counting" behind it while what was there before is counted.
Result<std::string> ShowQuota(const PlaneContext& context, InodeNumber directory);
// Bytes, or with K, M, G or T behind the number: "10G".
Result<uint64_t> ParseQuotaLimit(std::string_view text);

}  // namespace mendfs
