#include "meta/commit/space/sealed_journal.h"

#include <algorithm>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/commit/space/pack_census.h"

namespace mendfs {

void SealedJournal::Seal(Journal& journal, Seq needed) {
  MutexLock lock(mutex_);
  const Status sealed = SealSegments(journal, needed);
  if (sealed.ok()) return;
  LogLine(LogLevel::kWarning, "space", "journal segments stay: " + sealed.ToString());
}

Status SealedJournal::SealSegments(Journal& journal, Seq needed) {
  const Seq folded = std::min(parts_.manifest.folded().folded, needed);
  if (journal.FinishedSegments(folded).empty()) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const Seq settled, parts_.manifest.Settle());
  for (const Journal::Segment& segment : journal.FinishedSegments(std::min(settled, needed))) {
    MENDFS_RETURN_IF_ERROR(SealOne(journal, segment));
  }
  return Status::Ok();
}

Status SealedJournal::SealOne(Journal& journal, const Journal::Segment& segment) {
  if (!owned_.contains(segment.first)) {
    const Id128 id = RandomId();
    Change change;
    change.PutGlobal(DoomedKey(id), EncodeDoomedObject(ObjectKind::kJournal));
    change.room = Room::kFrees;
    MENDFS_RETURN_IF_ERROR(parts_.host.Apply(change).status());
    owned_[segment.first] = id;
  }
  const Id128 id = owned_.at(segment.first);
  MENDFS_RETURN_IF_ERROR(parts_.host.Flush());
  MENDFS_FAILPOINT(kJournalBeforeSeal);
  MENDFS_ASSIGN_OR_RETURN(const ObjectInfo object, Adopt(segment, id));
  MENDFS_FAILPOINT(kJournalAfterSeal);
  Change change;
  change.PutGlobal(ObjectKey(id), EncodeObjectInfo(object));
  change.ClearGlobal(DoomedKey(id));
  change.room = Room::kFrees;
  MENDFS_RETURN_IF_ERROR(parts_.host.Apply(change).status());
  journal.ForgetSegment(segment.first);
  owned_.erase(segment.first);
  grown_.store(true);
  return Status::Ok();
}

Result<ObjectInfo> SealedJournal::Adopt(const Journal::Segment& segment, const Id128& id) const {
  ObjectStore& objects = parts_.objects;
  const auto info = objects.disk().Stat(segment.path);
  if (info.ok() || info.status().code() != Code::kNotFound) {
    return objects.Adopt(ObjectKind::kJournal, id, segment.path, segment.size_bytes);
  }
  // An earlier attempt failed behind the rename: the names are made durable now.
  MENDFS_ASSIGN_OR_RETURN(const auto object, objects.Open(ObjectKind::kJournal, id));
  MENDFS_RETURN_IF_ERROR(objects.SyncNames(ObjectKind::kJournal, id));
  MENDFS_RETURN_IF_ERROR(objects.disk().SyncDir(ParentPath(segment.path)));
  return object->info();
}

Result<std::vector<ObjectInfo>> SealedJournal::Trim(uint64_t kept_bytes, ObjectRemoval& removal) {
  grown_.store(false);
  MENDFS_ASSIGN_OR_RETURN(auto listed, ListObjects(parts_.manifest, ObjectKind::kJournal));
  std::sort(listed.begin(), listed.end(),
            [](const ListedObject& a, const ListedObject& b) { return a.named > b.named; });
  std::vector<ObjectInfo> gone;
  uint64_t bytes = 0;
  for (const ListedObject& object : listed) {
    bytes += object.info.file_size_bytes;
    if (bytes > kept_bytes) gone.push_back(object.info);
  }
  std::reverse(gone.begin(), gone.end());  // the oldest first
  if (!gone.empty()) MENDFS_RETURN_IF_ERROR(removal.Remove(gone));
  return gone;
}

}  // namespace mendfs
