// Quotas: how much everything below a directory may take together.
//
// A tree with a quota has an id, which whatever is made in it carries (Attributes::quota). The id's
// record tells the directory, the limit and what is used; it changes in the very change that alters
// the size of an inode with that id. So what is used is right after every crash, and costs one more
// entry for a change of sizes, none for any other. An id without a record is no quota: taking one
// away touches nothing below it.
//
// Of a directory that is not empty when it gets its quota, what is below is given the id piece by
// piece, each with what it takes (meta/files_quotas.cc). Until all is, the quota is `counting`, and
// what is used is what was counted so far.
//
// What an inode takes is what du(1) shows: what is stored of it, or set aside for it, in blocks of
// 512 bytes. Holes take nothing.
//
// Errors:   kQuota when a change would pass the limit; kCorruption for a record that does not
// decode Cost:     flat in the size of the tree Source:   docs/formats/tree.md;
// docs/decisions/0010-quotas.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/tree/attributes.h"

namespace mendfs {

struct Quota {
  InodeNumber id;         // never an inode's
  InodeNumber directory;  // the top of its tree
  uint64_t limit_bytes = 0;
  uint64_t used_bytes = 0;
  bool counting = false;  // some of what is below has no id yet
  friend bool operator==(const Quota&, const Quota&) = default;
};

std::string QuotaKey(InodeNumber id);
std::string EncodeQuota(const Quota& quota);
Result<Quota> DecodeQuota(InodeNumber id, std::string_view value);

// Nothing for id 0 and for an id without a record.
Result<std::optional<Quota>> FindQuota(const Reader& reader, const View& view, InodeNumber id);
// All of them, by id.
Result<std::vector<Quota>> ListQuotas(const Reader& reader, const View& view);

uint64_t TakenBytes(const Attributes& inode);

// What a change adds to the use of each id, or takes from it.
using QuotaDeltas = std::map<InodeNumber, int64_t>;
// `kIgnored`: what is counted is there already, however much it is.
enum class QuotaLimit { kKept, kIgnored };
// Puts the new records into the change; the caller lets no other change of them in between.
Status ChargeQuotas(const Reader& reader, const View& view, const QuotaDeltas& deltas,
                    QuotaLimit limit, Change& change);

}  // namespace mendfs
