// .mend/at/: the whole mount as it was, by ref.
//
// A directory for each commit that is kept, under its whole id; every other ref is a symlink to the
// id that it means now. Everything below is to be read only.
//
// And .mend/snapshots/: a directory for each snapshot, in which everything is as its commit left
// it. mkdir takes one, rmdir drops it, whatever it shows, mv gives it another name.
//
// Lifetime: the context outlives the plane
#pragma once

#include <memory>

#include "fs/ops/plane/plane.h"

namespace mendfs {

std::unique_ptr<Plane> MakePastPlane(PlaneContext& context);

}  // namespace mendfs
