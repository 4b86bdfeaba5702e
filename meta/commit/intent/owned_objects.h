// What a sidecar owns, and the branch it speaks of, against the manifest.
//
// Threads:  as Store
// Errors:   as Reader and Disk
#pragma once

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/commit/intent/sidecar_format.h"
#include "meta/store.h"

namespace mendfs {

// Removes each object of the sidecar, sealed or staged, that no entry names; durable when it
// returns ok. One that is named stays, whatever the sidecar says.
Status RemoveOwnedObjects(Store& store, const Sidecar& sidecar);

// Has the manifest an entry for this object?
Result<bool> IsObjectNamed(const Reader& reader, const Id128& object);

// kNotFound when there is no branch with this number.
Result<Id128> IncarnationOf(const Reader& reader, BranchId branch);

}  // namespace mendfs
