#include "meta/tree/tree_plan.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/tree/body.h"
#include "meta/tree/tree_read.h"

namespace mendfs {

std::string OrphanMarkerKey(InodeNumber inode) {
  std::string number;
  PutU64BigEndian(number, inode.value);
  return DentryKey(kOrphanRoot, ToHex(number));
}

TreePlan::TreePlan(const Reader& reader, BranchId branch, int64_t now_ns)
    : reader_(reader), branch_(branch), now_ns_(now_ns) {
  change_.branch = branch;
}

Result<Attributes*> TreePlan::Use(InodeNumber inode) {
  for (Slot& slot : slots_) {
    if (slot.attributes.inode != inode) continue;
    if (slot.gone) return Status(Code::kNotFound, InodeText(inode) + " is gone");
    return &slot.attributes;
  }
  Result<Entry> entry = reader_.Get(view(), InodeKey(inode));
  if (!entry.ok()) return entry.status().Annotate("read " + InodeText(inode));
  MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, DecodeAttributes(inode, entry->value));
  slots_.push_back({.attributes = attributes,
                    .before = std::move(entry->value),
                    .quota_before = attributes.quota,
                    .taken_before = TakenBytes(attributes),
                    .set_aside_before = attributes.set_aside_bytes});
  return &slots_.back().attributes;
}

Result<Attributes*> TreePlan::UseDirectory(InodeNumber inode) {
  MENDFS_ASSIGN_OR_RETURN(Attributes * directory, Use(inode));
  if (!S_ISDIR(directory->mode)) {
    return Status(Code::kNotDirectory, InodeText(inode) + " is not a directory");
  }
  if (directory->links == 0) return Status(Code::kNotFound, InodeText(inode) + " is removed");
  return directory;
}

Attributes& TreePlan::Add(const Attributes& attributes) {
  slots_.push_back({.attributes = attributes, .before = {}});
  return slots_.back().attributes;
}

void TreePlan::PutMarker(const Attributes& inode) {
  change_.Put(OrphanMarkerKey(inode.inode), EncodeDentry({inode.inode, inode.mode & S_IFMT}));
}

Status TreePlan::DropName(Attributes& inode, const HeldInodes& held) {
  inode.links = S_ISDIR(inode.mode) || inode.links == 0 ? 0 : inode.links - 1;
  inode.ctime_ns = now_ns_;
  if (inode.links > 0) return Status::Ok();
  if (!held.Contains(inode.inode)) return Free(inode, inode.uncleared_tail);
  PutMarker(inode);
  orphans_.push_back(inode.inode);
  return Status::Ok();
}

Status TreePlan::Free(Attributes& inode, bool has_marker) {
  const bool has_body = S_ISREG(inode.mode) || S_ISLNK(inode.mode);
  for (Slot& slot : slots_) {
    if (&slot.attributes == &inode) slot.gone = true;
  }
  if (S_ISDIR(inode.mode)) {
    MENDFS_ASSIGN_OR_RETURN(const std::optional<Quota> quota,
                            FindQuota(reader_, view(), inode.quota));
    if (quota && quota->directory == inode.inode) ClearQuota(quota->id);
  }
  bool more = false;
  if (has_body && (BodyEnd(inode) > 0 || inode.uncleared_tail)) {
    MENDFS_ASSIGN_OR_RETURN(more, PlanBodyCut(reader_, view(), inode.inode, 0, change_));
  }
  if (!more && inode.has_xattrs) {
    MENDFS_ASSIGN_OR_RETURN(more, PlanXattrsClear(reader_, view(), inode.inode, change_));
  }
  if (more) {
    PutMarker(inode);
    unfinished_.push_back(inode.inode);
  } else if (has_marker) {
    change_.Clear(OrphanMarkerKey(inode.inode));
  }
  return Status::Ok();
}

Status TreePlan::ClearRest(InodeNumber inode) {
  MENDFS_ASSIGN_OR_RETURN(bool more, PlanBodyCut(reader_, view(), inode, 0, change_));
  if (!more) {
    MENDFS_ASSIGN_OR_RETURN(more, PlanXattrsClear(reader_, view(), inode, change_));
  }
  if (more) {
    unfinished_.push_back(inode);
  } else {
    change_.Clear(OrphanMarkerKey(inode));
  }
  return Status::Ok();
}

Status TreePlan::CutBody(const BodyStore& bodies, Attributes& inode, uint64_t size_bytes) {
  // An uncleared tail was counted when it was cut off.
  const bool dense = inode.more_stored_bytes == 0 && inode.set_aside_bytes == 0;
  uint64_t stored = size_bytes;
  if (!dense && !inode.uncleared_tail) {
    const BodyDelta behind = CountBodyBehind({reader_, bodies, view(), inode.inode}, size_bytes);
    CountBody(inode, {-behind.stored_bytes, -behind.set_aside_bytes});
    stored = StoredBytes(inode);
  } else if (!dense) {
    stored = StoredBytes(inode);
  }
  MENDFS_ASSIGN_OR_RETURN(const bool more,
                          PlanBodyCut(reader_, view(), inode.inode, size_bytes, change_));
  inode.size_bytes = size_bytes;
  inode.set_aside_end = std::min(inode.set_aside_end, size_bytes);
  inode.set_aside_bytes = std::min(inode.set_aside_bytes, inode.set_aside_end);
  SetStoredBytes(inode, stored);
  if (more) {
    PutMarker(inode);
  } else if (inode.uncleared_tail) {
    change_.Clear(OrphanMarkerKey(inode.inode));
  }
  inode.uncleared_tail = more;
  return Status::Ok();
}

void TreePlan::CountBody(Attributes& inode, const BodyDelta& delta) {
  const auto moved = [](uint64_t bytes, int64_t by) {
    const auto now = static_cast<int64_t>(bytes) + by;
    return now < 0 ? 0 : static_cast<uint64_t>(now);
  };
  const uint64_t stored = moved(StoredBytes(inode), delta.stored_bytes);
  inode.set_aside_bytes = moved(inode.set_aside_bytes, delta.set_aside_bytes);
  if (inode.set_aside_bytes == 0) inode.set_aside_end = 0;
  inode.more_stored_bytes = static_cast<int64_t>(stored) - static_cast<int64_t>(inode.size_bytes);
}

int64_t TreePlan::SetAsideDelta() const {
  int64_t delta = 0;
  for (const Slot& slot : slots_) {
    delta -= static_cast<int64_t>(slot.set_aside_before);
    if (!slot.gone) delta += static_cast<int64_t>(slot.attributes.set_aside_bytes);
  }
  return delta;
}

void TreePlan::ClearQuota(InodeNumber id) {
  change_.Clear(QuotaKey(id));
  cleared_quota_ = id;
}

QuotaDeltas TreePlan::Charges() const {
  QuotaDeltas deltas;
  const auto add = [&](InodeNumber id, int64_t delta) {
    if (id.value != 0 && id != cleared_quota_) deltas[id] += delta;
  };
  for (const Slot& slot : slots_) {
    add(slot.quota_before, -static_cast<int64_t>(slot.taken_before));
    if (!slot.gone) {
      add(slot.attributes.quota, static_cast<int64_t>(TakenBytes(slot.attributes)));
    }
  }
  std::erase_if(deltas, [](const auto& delta) { return delta.second == 0; });
  return deltas;
}

Change TreePlan::Finish() {
  for (const Slot& slot : slots_) {
    std::string key = InodeKey(slot.attributes.inode);
    if (slot.gone) {
      change_.Clear(std::move(key));
      continue;
    }
    std::string value = EncodeAttributes(slot.attributes);
    if (slot.before.empty()) {
      change_.PutFresh(std::move(key), std::move(value));
    } else if (value != slot.before) {
      change_.Put(std::move(key), std::move(value));
    }
  }
  return std::move(change_);
}

}  // namespace mendfs
