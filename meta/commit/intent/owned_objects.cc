#include "meta/commit/intent/owned_objects.h"

#include <set>
#include <string>

#include "meta/commit/intents.h"
#include "meta/manifest/keys.h"
#include "meta/manifest/state_format.h"
#include "meta/object/object_store.h"

namespace mendfs {
namespace {

Status IgnoreNotFound(Status status) {
  return status.code() == Code::kNotFound ? Status::Ok() : status;
}

}  // namespace

Result<bool> IsObjectNamed(const Reader& reader, const Id128& object) {
  for (const std::string& key : {ObjectKey(object), OpenPackKey(object)}) {
    const auto entry = reader.GetGlobal(key);
    if (entry.ok()) return true;
    if (entry.status().code() != Code::kNotFound) return entry.status();
  }
  return false;
}

Status RemoveOwnedObjects(Store& store, const Sidecar& sidecar) {
  ObjectStore objects(store.disk(), store.path());
  std::set<std::string> directories;
  for (const OwnedObject& object : sidecar.objects) {
    MENDFS_ASSIGN_OR_RETURN(const bool named, IsObjectNamed(store.reader(), object.id));
    if (named && !HasIntentDefect(IntentDefect::kDiscardNamed)) continue;
    MENDFS_RETURN_IF_ERROR(objects.Remove(object.kind, object.id));
    const std::string staged = objects.StagingPathOf(object.kind, object.id);
    MENDFS_RETURN_IF_ERROR(IgnoreNotFound(store.disk().Remove(staged)));
    directories.insert(ParentPath(objects.PathOf(object.kind, object.id)));
  }
  // Else a power cut could bring one back behind its owner's back.
  for (const std::string& directory : directories) {
    MENDFS_RETURN_IF_ERROR(IgnoreNotFound(store.disk().SyncDir(directory)));
  }
  return Status::Ok();
}

Result<Id128> IncarnationOf(const Reader& reader, BranchId branch) {
  const auto cursor = reader.ScanGlobal(PrefixRange(BranchPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    MENDFS_ASSIGN_OR_RETURN(const BranchRow row, DecodeBranchRow(cursor->value()));
    if (row.id == branch) return row.incarnation;
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return Status(Code::kNotFound, "there is no branch " + std::to_string(branch.value));
}

}  // namespace mendfs
