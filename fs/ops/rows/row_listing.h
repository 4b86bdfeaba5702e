// The listing of a table that streams: the rows of one moment, then the table's scratch files.
//
// Lifetime: the context and the kind outlive the source
// Errors:   those of TableReader and FileReader; kOverflow where a name would not fit
#pragma once

#include <memory>
#include <optional>

#include "fs/ops/plane/directory.h"
#include "fs/ops/plane/plane.h"
#include "fs/ops/rows/row_kind.h"

namespace mendfs {

// Cookies with this bit are those of scratch files.
inline constexpr uint64_t kScratchCookieBit = uint64_t{1} << 62;

// `scratch`: the directory of the table's scratch files, if there is one.
Result<std::unique_ptr<NameSource>> MakeTableSource(PlaneContext& context, const RowKind& kind,
                                                    TypeId table,
                                                    std::optional<InodeNumber> scratch);

}  // namespace mendfs
