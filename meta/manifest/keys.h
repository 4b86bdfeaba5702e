// The key space: how every fact of a store is named. The page is docs/formats/keys.md.
//
// Shape:    a branch key (inode, dentry, row, …) is versioned and lives under a branch; a global
// key
//           (commit, branch, object, …) is neither. Byte order within a kind is the listing order.
// Threads:  pure functions
// Errors:   decoders answer nothing for bytes that no encoder here makes
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/codec/hash.h"

namespace mendfs {

// First byte of a branch key. Written values are never renumbered.
enum class KeyKind : char {
  kDeadRow = 'd',      // type, row               -> empty: gone, edges left behind       (derived)
  kExtent = 'e',       // inode, offset           -> a piece of a file body
  kEdge = 'g',         // type, source, target, n -> edge row
  kEdgeReverse = 'G',  // type, target, source, n -> empty                              (derived)
  kInode = 'i',        // inode                   -> attributes
  kRowName = 'k',      // type, row               -> the row's key                      (derived)
  kSegment = 'm',      // type, object            -> a segment of bulk-loaded entries
  kDentry = 'n',       // parent, hash63, name    -> inode and kind
  kRow = 'r',          // type, key               -> node row
  kSchema = 's',       //                         -> the accepted schema
  kIndex = 'v',        // type, property, value, row -> empty                           (derived)
  kLongName = 'w',     // type, hash of a long name -> key                              (derived)
  kXattr = 'x',        // inode, name             -> value
};

// Derived entries follow from others and stay out of the content fingerprint.
bool IsDerived(KeyKind kind);
std::optional<KeyKind> KindOf(std::string_view branch_key);

// Half-open: [first, last). An empty `last` means to the end.
struct KeyRange {
  std::string first;
  std::string last;
};
// All keys that begin with `prefix`.
KeyRange PrefixRange(std::string_view prefix);

// ---- files/ ----
std::string InodeKey(InodeNumber inode);
// 63 bits of the name's hash: a listing is ordered by it and it is the readdir cookie. Never 0.
uint64_t NameHash(std::string_view name);
std::string DentryKey(InodeNumber parent, std::string_view name);
std::string DentryPrefix(InodeNumber parent);
// Where a listing goes on behind the cookie of the last entry that was handed out.
std::string DentryAfter(InodeNumber parent, uint64_t cookie);
std::string XattrKey(InodeNumber inode, std::string_view name);
std::string XattrPrefix(InodeNumber inode);
std::string ExtentKey(InodeNumber inode, uint64_t offset);
std::string ExtentPrefix(InodeNumber inode);

struct DentryName {
  InodeNumber parent;
  uint64_t cookie = 0;
  std::string_view name;
};
std::optional<DentryName> ParseDentryKey(std::string_view key);
std::optional<InodeNumber> ParseInodeKey(std::string_view key);
std::optional<std::string_view> ParseXattrKey(std::string_view key);  // the name
std::optional<uint64_t> ParseExtentKey(std::string_view key);         // the offset

// ---- nodes/ and edges/ ----
// `row_key` is the collision-free key of meta/row_name.h.
std::string RowKey(TypeId type, std::string_view row_key);
std::string RowPrefix(TypeId type);
std::string RowNameKey(TypeId type, InodeNumber row);
std::string RowNamePrefix(TypeId type);
std::string LongNameKey(TypeId type, const Hash128& hash);
// A row that is gone while entries of its edges are still there: what the sweep owes.
std::string DeadRowKey(TypeId type, InodeNumber row);
std::string DeadRowPrefix();
std::string SchemaKey();

struct EdgeEnds {
  InodeNumber source;
  InodeNumber target;
  uint32_t number = 1;  // tells parallel edges apart; the first is 1
  friend bool operator==(const EdgeEnds&, const EdgeEnds&) = default;
};
std::string EdgeKey(TypeId type, const EdgeEnds& ends);
std::string EdgeReverseKey(TypeId type, const EdgeEnds& ends);
std::string EdgePrefix(TypeId type);
std::string EdgePrefix(TypeId type, InodeNumber source);
std::string EdgeReversePrefix(TypeId type);
std::string EdgeReversePrefix(TypeId type, InodeNumber target);

std::optional<std::string_view> ParseRowKey(std::string_view key);  // the row key
std::optional<InodeNumber> ParseRowNameKey(std::string_view key);   // the row
std::optional<InodeNumber> ParseDeadRowKey(std::string_view key);   // the row
std::optional<EdgeEnds> ParseEdgeKey(std::string_view key);         // kEdge and kEdgeReverse
std::optional<TypeId> ParseTypeOf(std::string_view key);  // rows, edges, indexes, segments

// `value` is order-preserving bytes of one column; rows with equal values are neighbours.
std::string IndexKey(TypeId type, PropertyId property, std::string_view value, InodeNumber row);
std::string IndexPrefix(TypeId type, PropertyId property);
std::string IndexPrefix(TypeId type, PropertyId property, std::string_view value);
std::optional<InodeNumber> ParseIndexKey(std::string_view key);  // the row

std::string SegmentKey(TypeId type, const Id128& object);
std::string SegmentPrefix();

// ---- global keys ----
std::string CommitKey(BranchId branch, Seq seq);
std::string CommitPrefix(BranchId branch);
std::optional<Seq> ParseCommitKey(std::string_view key);
std::string BranchKey(std::string_view name);
std::string BranchPrefix();
std::string ObjectKey(const Id128& object);
std::string ObjectPrefix();
std::optional<Id128> ParseObjectKey(std::string_view key);
std::string OpenPackKey(const Id128& pack);
std::string OpenPackPrefix();
std::optional<Id128> ParseOpenPackKey(std::string_view key);
std::string HistoryKey();  // what thinning has done and owes
std::string SnapshotKey(std::string_view name);
std::string SnapshotPrefix();
std::optional<std::string_view> ParseSnapshotKey(std::string_view key);  // the name
// `base` is where the operation began, so that rows lie in the order of their beginnings.
std::string AuditKey(Seq base, const Id128& operation);
std::string AuditPrefix();
struct AuditName {
  Seq base;
  Id128 operation;
};
std::optional<AuditName> ParseAuditKey(std::string_view key);
// An object that nothing needs any more, whose file may still be there.
std::string DoomedKey(const Id128& object);
std::string DoomedPrefix();
std::optional<Id128> ParseDoomedKey(std::string_view key);

// ---- how LevelDB sees them ----
std::string CurrentKey(BranchId branch, std::string_view branch_key);           // d/
std::string EarlierKey(BranchId branch, std::string_view branch_key, Seq end);  // h/
std::string CurrentPrefix(BranchId branch);
std::string EarlierPrefix(BranchId branch);
// Up to when the earlier value was valid; of a whole key of LevelDB below h/.
std::optional<Seq> ParseEarlierEnd(std::string_view full_key);

}  // namespace mendfs
