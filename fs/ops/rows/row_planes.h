// The planes of the tables, made from the context that all planes share.
//
// Lifetime: the context outlives the planes
#pragma once

#include <memory>

#include "fs/ops/plane/plane.h"

namespace mendfs {

// nodes/, nodes/<Type>/ and its rows.
std::unique_ptr<Plane> MakeNodesPlane(PlaneContext& context);
// edges/, edges/<Type>/ and its rows.
std::unique_ptr<Plane> MakeEdgesPlane(PlaneContext& context);

}  // namespace mendfs
