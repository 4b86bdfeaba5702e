// Where a load keeps its sort runs while it runs: STORE/staging/load-<operation id>/, so that what
// a killed one leaves is owned by the id in its name. The objects that it makes are owned by its
// sidecar (meta/commit/intent/multi_step.h), under the same id.
//
// Threads:  one
// Errors:   kNoSpace, kIo
// Source:   docs/formats/object.md
#pragma once

#include <memory>
#include <string>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/manifest/reader.h"

namespace mendfs {

class LoadStaging {
 public:
  static Result<std::unique_ptr<LoadStaging>> Begin(Disk& disk, const std::string& store_path);
  ~LoadStaging();  // removes the directory
  LoadStaging(const LoadStaging&) = delete;
  LoadStaging& operator=(const LoadStaging&) = delete;

  const std::string& directory() const { return directory_; }
  const Id128& operation() const { return operation_; }

 private:
  LoadStaging(Disk& disk, const Id128& operation, std::string directory)
      : disk_(disk), operation_(operation), directory_(std::move(directory)) {}

  Disk& disk_;
  const Id128 operation_;
  const std::string directory_;
};

// Removes what killed writers left in STORE/staging: directories of loads, and objects that were
// not sealed. Whatever else is there is told and left alone. Call with the store's lock held, after
// the journal was replayed.
Status RemoveStagingResidue(Disk& disk, const std::string& store_path, const Reader& reader);

}  // namespace mendfs
