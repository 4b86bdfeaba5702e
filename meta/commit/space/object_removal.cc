#include "meta/commit/space/object_removal.h"

#include <algorithm>

#include "meta/base/failpoint.h"

namespace mendfs {

Status ObjectRemoval::Remove(const std::vector<ObjectInfo>& objects) {
  MENDFS_RETURN_IF_ERROR(FinishStarted());
  for (size_t at = 0; at < objects.size(); at += kObjectsMax) {
    const auto first = objects.begin() + static_cast<ptrdiff_t>(at);
    const size_t count = std::min(kObjectsMax, objects.size() - at);
    MENDFS_RETURN_IF_ERROR(RemoveSome({first, first + static_cast<ptrdiff_t>(count)}));
  }
  return Status::Ok();
}

Status ObjectRemoval::RemoveSome(const std::vector<ObjectInfo>& objects) {
  if (defects_.remove_file_first) {
    for (const ObjectInfo& object : objects) {
      MENDFS_RETURN_IF_ERROR(parts_.objects.Remove(object.kind, object.id));
    }
    MENDFS_RETURN_IF_ERROR(parts_.objects.SyncNames(objects[0].kind, objects[0].id));
  }
  Change change;
  change.room = Room::kFrees;
  for (const ObjectInfo& object : objects) {
    change.ClearGlobal(ObjectKey(object.id));
    change.PutGlobal(DoomedKey(object.id), EncodeDoomedObject(object.kind));
  }
  MENDFS_RETURN_IF_ERROR(parts_.host.Apply(change).status());
  for (const ObjectInfo& object : objects) doomed_.push_back({object.id, object.kind});
  MENDFS_FAILPOINT(kRemoveAfterRecord);
  return FinishStarted();
}

Status ObjectRemoval::FinishStarted() {
  if (doomed_.empty()) return Status::Ok();
  // Also where the record was made by an earlier call: it may not be durable yet.
  MENDFS_RETURN_IF_ERROR(parts_.host.Flush());
  MENDFS_FAILPOINT(kRemoveAfterFlush);
  return Finish();
}

Status ObjectRemoval::FinishAll() {
  auto cursor = parts_.manifest.ScanGlobal(PrefixRange(DoomedPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    const auto id = ParseDoomedKey(cursor->key());
    if (!id) return Status(Code::kCorruption, "a row of doomed objects has a malformed key");
    MENDFS_ASSIGN_OR_RETURN(const ObjectKind kind, DecodeDoomedObject(*id, cursor->value()));
    doomed_.push_back({*id, kind});
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return FinishStarted();
}

// The rows are durable.
Status ObjectRemoval::Finish() {
  MENDFS_RETURN_IF_ERROR(RemoveFiles().Annotate("remove objects that nothing needs"));
  MENDFS_FAILPOINT(kRemoveAfterFiles);
  Change change;
  change.room = Room::kFrees;
  for (const Doomed& doomed : doomed_) change.ClearGlobal(DoomedKey(doomed.id));
  MENDFS_RETURN_IF_ERROR(parts_.host.Apply(change).status());
  doomed_.clear();
  return Status::Ok();
}

Status ObjectRemoval::RemoveFiles() {
  for (const Doomed& doomed : doomed_) {
    MENDFS_RETURN_IF_ERROR(parts_.objects.Remove(doomed.kind, doomed.id));
    if (doomed.kind != ObjectKind::kJournal) parts_.packs.Forget(doomed.id);
  }
  for (const Doomed& doomed : doomed_) {
    MENDFS_RETURN_IF_ERROR(parts_.objects.SyncNames(doomed.kind, doomed.id));
  }
  return Status::Ok();
}

}  // namespace mendfs
