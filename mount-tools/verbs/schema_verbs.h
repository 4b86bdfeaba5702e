// schema show, plan and apply, on an open store.
//
// Errors:   kInvalid when the text, or a step that leads to it, is refused; kConditionLost when the
//           plan is not the one that was confirmed
#pragma once

#include "mount-tools/verbs/verb.h"

namespace mendfs {

Status RunSchemaShow(const VerbRequest& request, const VerbHost& host, VerbIo& io);
// Ok when an apply with the same --allow-data-loss would be.
Status RunSchemaPlan(const VerbRequest& request, const VerbHost& host, VerbIo& io);
Status RunSchemaApply(const VerbRequest& request, const VerbHost& host, VerbIo& io);

}  // namespace mendfs
