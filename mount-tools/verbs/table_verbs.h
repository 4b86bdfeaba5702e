// load and export, on an open store.
//
// Errors:   kInvalid when input was refused; each refused line stands on the error stream by then
#pragma once

#include "mount-tools/verbs/verb.h"

namespace mendfs {

Status RunLoad(const VerbRequest& request, const VerbHost& host, VerbIo& io);
Status RunExport(const VerbRequest& request, const VerbHost& host, VerbIo& io);

}  // namespace mendfs
