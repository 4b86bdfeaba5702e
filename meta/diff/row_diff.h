// Rows and edges that differ between two moments. See meta/diff.h.
#pragma once

#include "meta/diff.h"
#include "meta/diff/moments.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

// The schemas are those of the moments: rows of a type that is not in one are not there then.
Status DiffRows(const Moments& moments, const Schema& before, const Schema& after, DiffSink& sink);

}  // namespace mendfs
