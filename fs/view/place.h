// Places: what a node of the mount stands for, as a value. A place is found by looking a name up in
// another place; its node id is also its st_ino and follows from the place alone.
//
// Files (and scratch files of the tables) are not places: they are inodes of the tree, their node
// id is their inode number, and nothing about them is remembered between requests.
//
// Shape:    row nodes use the row's number; the fixed places below have numbers under
//           kFirstFreeInode; everything else has a hash with kDerivedInodeBit set
// Threads:  values and pure functions
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "meta/base/ids.h"

namespace mendfs {

inline constexpr InodeNumber kNodesRoot{8};
inline constexpr InodeNumber kEdgesRoot{9};
inline constexpr InodeNumber kGraphRoot{10};
inline constexpr InodeNumber kSchemaInode{11};
inline constexpr InodeNumber kMendRoot{12};

enum class PlaneKind : unsigned char {
  kFiles,
  kRoot,
  kNodes,
  kEdges,
  kGraph,
  kMend,
  kWhere,
  kPast,
  kTables
};
inline constexpr size_t kPlaneCount = 9;

enum class PlaceKind : unsigned char {
  kRoot,         // the mount point
  kSchemaFile,   // schema.graph
  kNodeTables,   // nodes/
  kNodeTable,    // nodes/<Type>/                    type
  kNodeRow,      // nodes/<Type>/<key>.json          type, row, key
  kEdgeTables,   // edges/
  kEdgeTable,    // edges/<Type>/                    edge_type
  kEdgeRow,      // edges/<Type>/<src>~<dst>.json    edge_type, row, key, other, other_key, number
  kGraphTypes,   // graph/
  kGraphType,    // graph/<Type>/                    type
  kGraphNode,    // graph/<Type>/<key>/              type, row, key
  kGraphRow,     // …/row.json                       type, row, key
  kGraphOut,     // …/out/                           type, row, key
  kGraphIn,      // …/in/                            type, row, key
  kGraphOutOf,   // …/out/<Edge>/                    type, row, key, edge_type
  kGraphInOf,    // …/in/<Edge>/                     type, row, key, edge_type
  kGraphOutEnd,  // …/out/<Edge>/<key>               type, row, key, edge_type, other…, number
  kGraphInEnd,   // …/in/<Edge>/<key>                the same; `other` is the source there
  kMend,         // .mend/
  kMendFile,     // .mend/<file>                     number: which
  kWhereTypes,   // .mend/where/
  kWhereType,    // .mend/where/<Type>/              type or edge_type
  kWhereQuery,  // …/<condition>/[<condition>/…]    the same, key: the conditions joined by `/`,
                //                                  row: hash of these, number: how many
  kWhereRows,   // …/rows.jsonl                     the same
  kWhereCount,  // …/count                          the same
  kWhereRow,    // …/<key>.json                     the same, and other: the row, or a hash of
                //                                  the edge's name, which is other_key
  kTables,      // .mend/tables/
  kTable,       // .mend/tables/<Type>.<form>       type or edge_type, number: which form
  kPastRefs,    // .mend/at/
  kPastRef,     // .mend/at/<ref>                   key: the ref, row: hash of it
  kPastNode,  // .mend/at/<commit>/…              row: the node id there, other: the commit's seq,
              //                                  inside: the place there, unless it is an inode
              //                                  of the tree
              // .mend/snapshots/<name>/…         and key: the name, number: hash of it
  kSnapshots,  // .mend/snapshots/
};

struct Place {
  PlaceKind kind = PlaceKind::kRoot;
  TypeId type;  // node type
  TypeId edge_type;
  InodeNumber row;        // the row; of an edge row, its source
  InodeNumber other;      // the other end
  uint32_t number = 0;    // tells parallel edges apart; which file of .mend
  std::string key;        // key text of `row` (meta/table/schema/row_value.h)
  std::string other_key;  // key text of `other`
  std::shared_ptr<const Place> inside = nullptr;  // of a node of the past: what it was
};

// Immutable once made; shared by the node table and the requests that use it.
using PlaceRef = std::shared_ptr<const Place>;

PlaneKind PlaneOf(PlaceKind kind);
// The node id of a place: equal places have equal ids, and keys do not enter (a renamed row stays
// the same file).
InodeNumber InodeOf(const Place& place);
// The place of a fixed number, or nothing.
PlaceRef FixedPlace(InodeNumber inode);

}  // namespace mendfs
