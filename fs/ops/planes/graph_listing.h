// Listings below graph/ that stream: the rows of a type, and the ends of one row's edges. Each
// reads the moment at which its directory was opened.
//
// Lifetime: the context outlives the sources
// Errors:   those of TableReader; kOverflow where a name would not fit
#pragma once

#include <memory>

#include "fs/ops/plane/directory.h"
#include "fs/ops/plane/plane.h"

namespace mendfs {

struct ListingMoment {
  std::unique_ptr<Snapshot> snapshot;
  std::shared_ptr<const Schema> schema;  // as of the snapshot
};
Result<ListingMoment> PinListing(const PlaneContext& context);

// `place` is a kGraphType.
std::unique_ptr<NameSource> MakeRowSource(const PlaneContext& context, ListingMoment moment,
                                          const Place& place);
// `place` is a kGraphOutOf or kGraphInOf.
std::unique_ptr<NameSource> MakeEndSource(const PlaneContext& context, ListingMoment moment,
                                          const Place& place);

}  // namespace mendfs
