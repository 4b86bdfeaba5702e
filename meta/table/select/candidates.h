// Where the rows that a query looks at come from: one index, one key, or the whole table.
//
// Threads:  a Candidates belongs to one thread at a time
// Errors:   as Reader; kOverflow when a walk over the whole table passes `rows_scanned_max`
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "meta/base/status.h"
#include "meta/manifest/reader.h"
#include "meta/table/rows.h"
#include "meta/table/select/row_filter.h"

namespace mendfs {

struct CandidateRow {
  std::string key;
  StoredRow stored;
};

class Candidates {
 public:
  virtual ~Candidates() = default;
  virtual Result<std::optional<CandidateRow>> Next() = 0;
};

// The narrowest source that holds every row that meets the conditions of `filter`, each once.
std::unique_ptr<Candidates> MakeCandidates(const Reader& reader, const View& view,
                                           const RowFilter& filter, uint64_t rows_scanned_max);

}  // namespace mendfs
