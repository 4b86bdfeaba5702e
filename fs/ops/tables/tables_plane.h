// The plane of .mend/tables/: docs/user/tables.md.
//
// Lifetime: the context outlives it
#pragma once

#include <memory>

#include "fs/ops/plane/plane.h"

namespace mendfs {

std::unique_ptr<Plane> MakeTablesPlane(PlaneContext& context);

}  // namespace mendfs
