// Takes objects away for good: manifest first, storage second.
//
//   1 one record: the object's row goes, a doomed row comes · 2 the journal is flushed · 3 the file
//   is removed and its directory synced · 4 the doomed rows are cleared
//
// A crash before 2 leaves the object as it was, or doomed. After 2 it is doomed: the next open
// removes the file, if it is still there, and clears the row. So no file is without a row that
// names it, and no row of an object without its file.
//
// Threads:  one at a time
// Errors:   kNoSpace, kIo, kReadOnly: what was not finished is finished by the next call or open
#pragma once

#include <vector>

#include "meta/commit/space/space_host.h"
#include "meta/store_space.h"

namespace mendfs {

class ObjectRemoval {
 public:
  ObjectRemoval(const SpaceParts& parts, const SpaceDefects& defects)
      : parts_(parts), defects_(defects) {}

  // How many objects one record dooms.
  static constexpr size_t kObjectsMax = 64;

  // The caller knows that nothing refers to them and that nobody reads them.
  Status Remove(const std::vector<ObjectInfo>& objects);
  // What an earlier call could not finish.
  Status FinishStarted();
  // What the manifest says is doomed: at an open, before anything is doomed.
  Status FinishAll();

 private:
  struct Doomed {
    Id128 id;
    ObjectKind kind;
  };
  Status RemoveSome(const std::vector<ObjectInfo>& objects);
  Status Finish();
  Status RemoveFiles();

  const SpaceParts parts_;
  const SpaceDefects defects_;
  std::vector<Doomed> doomed_;  // rows of them are in the manifest
};

}  // namespace mendfs
