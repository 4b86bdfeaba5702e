// Files that differ between two moments. See meta/diff.h.
#pragma once

#include "meta/commit/door.h"
#include "meta/diff.h"
#include "meta/diff/moments.h"

namespace mendfs {

Status DiffFiles(const Moments& moments, Door& door, const DiffOptions& options, DiffSink& sink);

}  // namespace mendfs
