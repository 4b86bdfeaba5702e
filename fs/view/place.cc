#include "fs/view/place.h"

#include <array>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"

namespace mendfs {
namespace {

InodeNumber Hashed(const Place& place) {
  std::string identity;
  PutU8(identity, static_cast<uint8_t>(place.kind));
  PutU32(identity, place.type.value);
  PutU32(identity, place.edge_type.value);
  PutU64(identity, place.row.value);
  PutU64(identity, place.other.value);
  PutU32(identity, place.number);
  return InodeNumber{HashXxh3(identity) | kDerivedInodeBit};
}

PlaceRef FixedOf(PlaceKind kind) {
  return std::make_shared<const Place>(Place{.kind = kind, .key = {}, .other_key = {}});
}

}  // namespace

PlaneKind PlaneOf(PlaceKind kind) {
  switch (kind) {
    case PlaceKind::kRoot:
    case PlaceKind::kSchemaFile: return PlaneKind::kRoot;
    case PlaceKind::kNodeTables:
    case PlaceKind::kNodeTable:
    case PlaceKind::kNodeRow: return PlaneKind::kNodes;
    case PlaceKind::kEdgeTables:
    case PlaceKind::kEdgeTable:
    case PlaceKind::kEdgeRow: return PlaneKind::kEdges;
    case PlaceKind::kMend:
    case PlaceKind::kMendFile: return PlaneKind::kMend;
    case PlaceKind::kPastRefs:
    case PlaceKind::kPastRef:
    case PlaceKind::kPastNode:
    case PlaceKind::kSnapshots: return PlaneKind::kPast;
    case PlaceKind::kTables:
    case PlaceKind::kTable: return PlaneKind::kTables;
    case PlaceKind::kWhereTypes:
    case PlaceKind::kWhereType:
    case PlaceKind::kWhereQuery:
    case PlaceKind::kWhereRows:
    case PlaceKind::kWhereCount:
    case PlaceKind::kWhereRow: return PlaneKind::kWhere;
    default: return PlaneKind::kGraph;
  }
}

InodeNumber InodeOf(const Place& place) {
  switch (place.kind) {
    case PlaceKind::kRoot: return kMountRoot;
    case PlaceKind::kSchemaFile: return kSchemaInode;
    case PlaceKind::kNodeTables: return kNodesRoot;
    case PlaceKind::kEdgeTables: return kEdgesRoot;
    case PlaceKind::kGraphTypes: return kGraphRoot;
    case PlaceKind::kMend: return kMendRoot;
    case PlaceKind::kNodeRow: return place.row;
    default: return Hashed(place);
  }
}

PlaceRef FixedPlace(InodeNumber inode) {
  static const std::array<PlaceRef, 6> places = {
      FixedOf(PlaceKind::kRoot),       FixedOf(PlaceKind::kSchemaFile),
      FixedOf(PlaceKind::kNodeTables), FixedOf(PlaceKind::kEdgeTables),
      FixedOf(PlaceKind::kGraphTypes), FixedOf(PlaceKind::kMend)};
  switch (inode.value) {
    case kMountRoot.value: return places[0];
    case kSchemaInode.value: return places[1];
    case kNodesRoot.value: return places[2];
    case kEdgesRoot.value: return places[3];
    case kGraphRoot.value: return places[4];
    case kMendRoot.value: return places[5];
    default: return nullptr;
  }
}

}  // namespace mendfs
