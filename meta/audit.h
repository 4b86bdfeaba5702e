// What became of multi-step writes, and what waits of them, as text: the door to audit rows and
// sidecars for the mount and the tools.
//
// Threads:  safe from any thread
// Errors:   as Store; kNotFound for a sidecar that is not there (any more)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/store.h"

namespace mendfs {

// One JSON object a line, the operation that began last first; at most kAuditRowsMax lines.
// {"operation":…,"kind":…,"outcome":…,"branch":…,"began":…,"decided":…,"base":…,"seq":…,
//  "objects":…,"actor":…,"message":…,"reason":…}
Result<std::string> AuditText(const Store& store);

// Operations that have a sidecar: running, failed or dead.
Result<std::vector<Id128>> SidecarOperations(const Store& store);
// The sidecar's bytes as they are, also where they are damaged.
Result<std::string> SidecarText(const Store& store, const Id128& operation);

// What the files in `store_path`/sidecars say, without opening the store.
struct SidecarReport {
  struct Damaged {
    std::string path;
    std::string why;
    bool newer = false;  // not damaged: of a format that this program does not know
  };
  size_t pending = 0;
  std::vector<Damaged> damaged;
  std::vector<std::string> foreign;  // paths of what is no sidecar
};
Result<SidecarReport> LookAtSidecars(Disk& disk, const std::string& store_path);

}  // namespace mendfs
