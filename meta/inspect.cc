#include "meta/inspect.h"

#include <algorithm>

#include "meta/codec/bytes.h"
#include "meta/codec/fingerprint.h"
#include "meta/object/object_store.h"
#include "meta/object/segment.h"
#include "meta/pack/pack_format.h"
#include "meta/table/row_format.h"
#include "meta/tree/body_fold.h"
#include "meta/tree/extent_format.h"
#include "meta/tree/inode_format.h"

namespace mendfs {
namespace {

Status BadKey() {
  return Status(Code::kCorruption, "the key is none that a program writes");
}

KeyRange KindRange(KeyKind kind) {
  return PrefixRange(std::string(1, static_cast<char>(kind)));
}

}  // namespace

Status Inspector::Walk(
    const KeyRange& range,
    const std::function<Status(std::string_view key, std::string_view value)>& visit,
    const Damaged& damaged) const {
  const auto cursor = store_.reader().Scan(view_, range);
  for (; cursor->Valid(); cursor->Next()) {
    const Status status = visit(cursor->key(), cursor->value());
    if (!status.ok()) damaged(ToHex(cursor->key()), status);
  }
  return cursor->status();
}

Status Inspector::EachInode(const std::function<void(const Attributes&)>& visit,
                            const Damaged& damaged) const {
  return Walk(
      KindRange(KeyKind::kInode),
      [&](std::string_view key, std::string_view value) -> Status {
        const auto inode = ParseInodeKey(key);
        if (!inode) return BadKey();
        MENDFS_ASSIGN_OR_RETURN(const Attributes attributes, DecodeAttributes(*inode, value));
        visit(attributes);
        return Status::Ok();
      },
      damaged);
}

Status Inspector::EachName(const std::function<void(const Name&)>& visit,
                           const Damaged& damaged) const {
  return Walk(
      KindRange(KeyKind::kDentry),
      [&](std::string_view key, std::string_view value) -> Status {
        const auto name = ParseDentryKey(key);
        if (!name || name->cookie != NameHash(name->name)) return BadKey();
        MENDFS_ASSIGN_OR_RETURN(const Dentry dentry, DecodeDentry(value));
        visit({name->parent, name->name, dentry.inode, dentry.mode_type});
        return Status::Ok();
      },
      damaged);
}

Status Inspector::EachPiece(const std::function<void(const Piece&)>& visit,
                            const Damaged& damaged) const {
  return Walk(
      KindRange(KeyKind::kExtent),
      [&](std::string_view key, std::string_view value) -> Status {
        const auto offset = ParseExtentKey(key);
        if (!offset) return BadKey();
        MENDFS_ASSIGN_OR_RETURN(const Extent extent, DecodeExtent(value));
        visit({InodeNumber(ByteReader(key.substr(1)).GetU64BigEndian()), *offset,
               extent.size_bytes(), extent.has_run() ? &extent.run : nullptr});
        return Status::Ok();
      },
      damaged);
}

// How long the object is that a run lies in: by its row when it is sealed, else by its file.
Result<uint64_t> Inspector::PayloadBytesOf(const RunRef& run) const {
  const ObjectStore objects(store_.disk(), store_.path());
  const std::string path = objects.PathOf(run.kind, run.object);
  const auto row = store_.reader().GetGlobal(ObjectKey(run.object));
  if (row.ok()) {
    MENDFS_ASSIGN_OR_RETURN(const ObjectInfo info, DecodeObjectInfo(run.object, *row));
    const auto file = store_.disk().Stat(path);
    if (!file.ok()) return file.status();
    if (file->kind != FileKind::kRegular || file->size_bytes != info.file_size_bytes) {
      return Status(Code::kCorruption, path + " is " + std::to_string(file->size_bytes) +
                                           " bytes, its row says " +
                                           std::to_string(info.file_size_bytes));
    }
    return info.size_bytes;
  }
  if (row.status().code() != Code::kNotFound) return row.status();
  MENDFS_RETURN_IF_ERROR(store_.reader()
                             .GetGlobal(OpenPackKey(run.object))
                             .status()
                             .Annotate("no row names object " + ToHex(run.object)));
  // It may have been sealed since, or just before a crash.
  auto file = store_.disk().Stat(objects.StagingPathOf(run.kind, run.object));
  if (file.status().code() == Code::kNotFound) file = store_.disk().Stat(path);
  if (!file.ok()) return file.status();
  if (file->kind != FileKind::kRegular) {
    return Status(Code::kCorruption,
                  "no regular file stands in the place of pack " + ToHex(run.object));
  }
  return file->size_bytes;
}

Status Inspector::CheckRun(const RunRef& run) const {
  constexpr size_t kObjectsMax = 4096;
  auto found = payloads_.find(run.object);
  if (found == payloads_.end()) {
    if (payloads_.size() >= kObjectsMax) payloads_.clear();
    found = payloads_.emplace(run.object, PayloadBytesOf(run)).first;
  }
  MENDFS_RETURN_IF_ERROR(found->second.status());
  const uint64_t end = RunBytesOffset(run) + run.run_bytes;
  if (end <= *found->second) return Status::Ok();
  return Status(Code::kCorruption, "the run ends at " + std::to_string(end) + " of object " +
                                       ToHex(run.object) + ", which has " +
                                       std::to_string(*found->second) + " bytes");
}

void Inspector::ReadRun(Door& door, const RunRef& run, std::string& scratch,
                        const std::function<void(uint64_t offset, uint64_t size_bytes,
                                                 const Status& why)>& lost) const {
  const BodyStore& bodies = door.bodies();
  scratch.resize(std::max<size_t>(scratch.size(), run.size_bytes));
  if (bodies.Read(run, 0, run.size_bytes, scratch.data()).ok()) return;
  // Which blocks are it? Neighbours are told as one range, with the reason of the first.
  uint64_t from = 0;
  uint64_t until = 0;
  Status why;
  for (uint64_t at = 0, end = 0; at < run.size_bytes; at = end) {
    const uint64_t block_end = ((run.skip_bytes + at) / kBodyBlockBytes + 1) * kBodyBlockBytes;
    end = std::min(run.size_bytes, block_end - run.skip_bytes);
    Status read = bodies.Read(run, at, end - at, scratch.data());
    if (!read.ok() && why.ok()) {
      from = at;
      why = std::move(read);
    } else if (read.ok() && !why.ok()) {
      lost(from, until - from, why);
      why = Status::Ok();
    }
    until = end;
  }
  if (!why.ok()) lost(from, until - from, why);
}

Status Inspector::EachRow(TypeId type, const std::function<void(const Row&)>& visit,
                          const Damaged& damaged) const {
  return Walk(
      PrefixRange(RowPrefix(type)),
      [&](std::string_view key, std::string_view value) -> Status {
        const auto row_key = ParseRowKey(key);
        if (!row_key) return BadKey();
        MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(value));
        visit({head.row, *row_key, value.substr(head.body_offset)});
        return Status::Ok();
      },
      damaged);
}

Status Inspector::EachRowName(TypeId type, const std::function<void(const Row&)>& visit,
                              const Damaged& damaged) const {
  return Walk(
      PrefixRange(RowNamePrefix(type)),
      [&](std::string_view key, std::string_view value) -> Status {
        const auto row = ParseRowNameKey(key);
        if (!row) return BadKey();
        visit({*row, value, {}});
        return Status::Ok();
      },
      damaged);
}

Status Inspector::EachEdge(TypeId type, EdgeSide side,
                           const std::function<void(const Edge&)>& visit,
                           const Damaged& damaged) const {
  const bool out = side == EdgeSide::kOut;
  return Walk(
      PrefixRange(out ? EdgePrefix(type) : EdgeReversePrefix(type)),
      [&](std::string_view key, std::string_view value) -> Status {
        const auto ends = ParseEdgeKey(key);
        if (!ends) return BadKey();
        size_t body_offset = value.size();
        if (out) {
          MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(value));
          body_offset = head.body_offset;
        }
        visit({*ends, value.substr(body_offset)});
        return Status::Ok();
      },
      damaged);
}

Status Inspector::EachSegment(const std::function<void(const std::string& path)>& visit,
                              const Damaged& damaged) const {
  const ObjectStore objects(store_.disk(), store_.path());
  return Walk(
      PrefixRange(SegmentPrefix()),
      [&](std::string_view, std::string_view value) -> Status {
        MENDFS_ASSIGN_OR_RETURN(const SegmentRef ref, DecodeSegmentRef(value));
        const std::string path = objects.PathOf(ObjectKind::kSegment, ref.object);
        auto reader = objects.Open(ObjectKind::kSegment, ref.object);
        Status status = reader.status();
        if (reader.ok()) status = (*reader)->VerifyAll();
        if (reader.ok() && status.ok() && (*reader)->info().fingerprint != ref.fingerprint) {
          status = Status(Code::kCorruption, "its fingerprint is not the one that was published");
        }
        if (status.ok()) {
          visit(path);
        } else {
          damaged(path, status);
        }
        return Status::Ok();
      },
      damaged);
}

Status Inspector::EachBlob(const std::function<void(const std::string& path)>& visit,
                           const Damaged& damaged) const {
  const ObjectStore objects(store_.disk(), store_.path());
  const auto cursor = store_.reader().ScanGlobal(PrefixRange(ObjectPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    ByteReader key(cursor->key().substr(ObjectPrefix().size()));
    const Id128 id = key.GetId();
    const auto info =
        key.AtEnd() ? DecodeObjectInfo(id, cursor->value()) : Result<ObjectInfo>(BadKey());
    if (!info.ok()) {
      damaged(ToHex(cursor->key()), info.status());
      continue;
    }
    if (info->kind != ObjectKind::kBlob) continue;
    const std::string path = objects.PathOf(info->kind, info->id);
    const Status opened = objects.Open(*info).status();
    if (opened.ok()) {
      visit(path);
    } else {
      damaged(path, opened);
    }
  }
  return cursor->status();
}

Result<Inspector::Totals> Inspector::AddUp() const {
  Totals totals;
  const auto cursor = store_.reader().Scan(view_, KeyRange{});
  for (; cursor->Valid(); cursor->Next()) {
    const auto kind = KindOf(cursor->key());
    // A segment's entries are met one by one.
    if (!kind || IsDerived(*kind) || *kind == KeyKind::kSegment) continue;
    const auto digest = BodyDigest(cursor->key(), cursor->value());
    totals.content_root +=
        digest ? ContentLeaf(cursor->key(), *digest) : ContentLeaf(cursor->key(), cursor->value());
    if (*kind == KeyKind::kRow) ++totals.counts.nodes;
    if (*kind == KeyKind::kEdge) ++totals.counts.edges;
    if (*kind != KeyKind::kInode) continue;
    const auto inode = ParseInodeKey(cursor->key());
    if (inode && inode->value >= kFirstFreeInode) ++totals.counts.files;
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return totals;
}

Result<std::vector<Quota>> Inspector::Quotas() const {
  return ListQuotas(store_.reader(), view_);
}

bool Inspector::Has(std::string_view key) const {
  const auto entry = store_.reader().Get(view_, key);
  return entry.ok() || entry.status().code() != Code::kNotFound;
}

}  // namespace mendfs
