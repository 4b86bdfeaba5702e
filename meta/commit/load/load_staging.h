// What a load leaves on disk while it runs: STORE/staging/load-<operation id>/ with its sort runs
// and the list of objects it makes, so that each byte of residue is owned by an id.
//
//   1 an object's id is in the list, synced · 2 the object is sealed · … · 3 all are published ·
//   4 the directory is removed
// A load that dies before 3 leaves objects that its list names and the manifest does not: they are
// removed at the next read-write open. After 3 the manifest names them, and they stay.
//
// Threads:  one
// Errors:   kNoSpace, kIo
// Source:   docs/formats/object.md
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/disk/disk.h"

namespace mendfs {

class LoadStaging {
 public:
  static Result<std::unique_ptr<LoadStaging>> Begin(Disk& disk, const std::string& store_path);
  // Removes the directory, and the objects in the list unless KeepObjects was called.
  ~LoadStaging();
  LoadStaging(const LoadStaging&) = delete;
  LoadStaging& operator=(const LoadStaging&) = delete;

  const std::string& directory() const { return directory_; }
  // Durable when this returns ok.
  Status OwnObject(const Id128& segment);
  // They are published, or may be.
  void KeepObjects() { keep_objects_ = true; }
  // Whether they are published is not known: everything stays, the next open decides by the list.
  void LeaveToNextOpen() { leave_all_ = true; }

 private:
  LoadStaging(Disk& disk, std::string store_path, std::string directory,
              std::unique_ptr<File> list);

  Disk& disk_;
  const std::string store_path_;
  const std::string directory_;
  std::unique_ptr<File> list_;
  uint64_t list_bytes_ = 0;
  std::vector<Id128> objects_;
  bool keep_objects_ = false;
  bool leave_all_ = false;
};

// Removes what killed writers left in STORE/staging: directories of loads, objects that were not
// sealed, and sealed ones that only a load's list names. Call with the store's lock held, after the
// journal was replayed; `is_named` tells whether the manifest has an entry for an object.
Status RemoveStagingResidue(Disk& disk, const std::string& store_path,
                            const std::function<Result<bool>(const Id128&)>& is_named);

}  // namespace mendfs
