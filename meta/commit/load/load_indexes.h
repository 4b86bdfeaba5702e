// Index entries over a load: sorted, checked for @unique over the state that the load leaves, and
// written. A value that a row of this load gives up is free for another one of the same load.
//
// Lifetime: context and output outlive it
// Threads:  one
// Errors:   violations go to the report; else as Reader and LoadOutput
// Cost:     one sort of the entries that change; a step or a seek in the store's index for each
//           unique value that is claimed
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/commit/load/load_context.h"
#include "meta/commit/load/load_output.h"

namespace mendfs {

class IndexPass {
 public:
  IndexPass(LoadContext& context, LoadOutput& output);

  Status Claim(std::string_view index_key, bool unique, const LineRef& where);
  Status Free(std::string_view index_key);
  // All were told: checks and, while the report is clean, writes them.
  Status Finish();

 private:
  // All entries of one value, one after the other.
  struct Group {
    std::string prefix;  // the keys without their rows
    bool claimed = false;
    LineRef where;
    InodeNumber claimant;
    std::vector<InodeNumber> freed;
  };

  Status Take(std::string_view index_key, std::string_view payload, LoadOutput::Stream& entries);
  Status CheckGroup();
  void Refuse(const LineRef& where, const std::string& holder) const;
  Result<std::optional<std::string>> FindHolder(std::string_view prefix, TypeId type,
                                                PropertyId property,
                                                const std::vector<InodeNumber>& except);

  LoadContext& context_;
  LoadOutput& output_;
  std::unique_ptr<ExternalSorter> sort_;
  Group group_;
  std::string payload_;              // scratch
  std::string holders_index_;        // the prefix of one index,
  std::unique_ptr<Cursor> holders_;  // and the store's entries under it
};

}  // namespace mendfs
