#include "meta/inspect.h"

#include "meta/codec/bytes.h"
#include "meta/codec/fingerprint.h"
#include "meta/object/object_store.h"
#include "meta/object/segment.h"
#include "meta/table/row_format.h"
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
        MENDFS_ASSIGN_OR_RETURN(const std::string_view bytes, DecodeExtent(value));
        visit({InodeNumber(ByteReader(key.substr(1)).GetU64BigEndian()), *offset, bytes.size()});
        return Status::Ok();
      },
      damaged);
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

Result<Inspector::Totals> Inspector::AddUp() const {
  Totals totals;
  const auto cursor = store_.reader().Scan(view_, KeyRange{});
  for (; cursor->Valid(); cursor->Next()) {
    const auto kind = KindOf(cursor->key());
    // A segment's entries are met one by one.
    if (!kind || IsDerived(*kind) || *kind == KeyKind::kSegment) continue;
    totals.content_root += ContentLeaf(cursor->key(), cursor->value());
    if (*kind == KeyKind::kRow) ++totals.counts.nodes;
    if (*kind == KeyKind::kEdge) ++totals.counts.edges;
    if (*kind != KeyKind::kInode) continue;
    const auto inode = ParseInodeKey(cursor->key());
    if (inode && inode->value >= kFirstFreeInode) ++totals.counts.files;
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return totals;
}

bool Inspector::Has(std::string_view key) const {
  const auto entry = store_.reader().Get(view_, key);
  return entry.ok() || entry.status().code() != Code::kNotFound;
}

}  // namespace mendfs
