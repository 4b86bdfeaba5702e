#include "meta/commit/space/pack_census.h"

#include "meta/tree/extent_format.h"

namespace mendfs {

Result<PackUses> CountPackUses(const Manifest& manifest, const std::atomic<bool>& stop) {
  PackUses uses;
  const Status walked =
      manifest.EachVersion(KeyKind::kExtent, [&](const StoredVersion& version) -> Status {
        if (stop.load()) return Status(Code::kInterrupted, "the store is being closed");
        MENDFS_ASSIGN_OR_RETURN(const Extent extent, DecodeExtent(version.value.payload));
        if (!extent.has_run()) return Status::Ok();
        PackUse& use = uses[extent.run.object];
        use.live_bytes += extent.run.size_bytes;
        if (version.key.front() == 'd') use.newest_bytes += extent.run.size_bytes;
        ++use.references;
        return Status::Ok();
      });
  MENDFS_RETURN_IF_ERROR(walked);
  return uses;
}

Result<std::vector<ListedObject>> ListObjects(const Manifest& manifest, ObjectKind kind) {
  std::vector<ListedObject> objects;
  const auto cursor = manifest.ScanGlobal(PrefixRange(ObjectPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    const auto id = ParseObjectKey(cursor->key());
    if (!id) return Status(Code::kCorruption, "a row of objects has a malformed key");
    MENDFS_ASSIGN_OR_RETURN(const ObjectInfo info, DecodeObjectInfo(*id, cursor->value()));
    if (info.kind == kind) objects.push_back({info, cursor->start()});
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return objects;
}

}  // namespace mendfs
