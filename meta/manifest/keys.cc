#include "meta/manifest/keys.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint64_t kHashMask = (uint64_t{1} << 63) - 1;

std::string Begin(KeyKind kind, size_t size_hint) {
  std::string key;
  key.reserve(size_hint);
  key.push_back(static_cast<char>(kind));
  return key;
}

std::string InodeFirst(KeyKind kind, InodeNumber inode, size_t more = 0) {
  std::string key = Begin(kind, 9 + more);
  PutU64BigEndian(key, inode.value);
  return key;
}

std::string TypeFirst(KeyKind kind, TypeId type, size_t more = 0) {
  std::string key = Begin(kind, 5 + more);
  PutU32BigEndian(key, type.value);
  return key;
}

std::string EdgeOf(KeyKind kind, TypeId type, InodeNumber first, InodeNumber second,
                   uint32_t number) {
  std::string key = TypeFirst(kind, type, 20);
  PutU64BigEndian(key, first.value);
  PutU64BigEndian(key, second.value);
  PutU32BigEndian(key, number);
  return key;
}

std::string BranchFirst(char tag, BranchId branch, size_t more) {
  std::string key;
  key.reserve(5 + more);
  key.push_back(tag);
  PutU32BigEndian(key, branch.value);
  return key;
}

bool Starts(std::string_view key, KeyKind kind) {
  return !key.empty() && key.front() == static_cast<char>(kind);
}

}  // namespace

bool IsDerived(KeyKind kind) {
  switch (kind) {
    case KeyKind::kDeadRow:
    case KeyKind::kEdgeReverse:
    case KeyKind::kRowName:
    case KeyKind::kIndex:
    case KeyKind::kLongName: return true;
    default: return false;
  }
}

std::optional<KeyKind> KindOf(std::string_view branch_key) {
  if (branch_key.empty()) return std::nullopt;
  const auto kind = static_cast<KeyKind>(branch_key.front());
  switch (kind) {
    case KeyKind::kDeadRow:
    case KeyKind::kExtent:
    case KeyKind::kEdge:
    case KeyKind::kEdgeReverse:
    case KeyKind::kInode:
    case KeyKind::kRowName:
    case KeyKind::kSegment:
    case KeyKind::kDentry:
    case KeyKind::kRow:
    case KeyKind::kSchema:
    case KeyKind::kIndex:
    case KeyKind::kLongName:
    case KeyKind::kXattr: return kind;
  }
  return std::nullopt;
}

KeyRange PrefixRange(std::string_view prefix) {
  KeyRange range{std::string(prefix), std::string(prefix)};
  while (!range.last.empty() && static_cast<uint8_t>(range.last.back()) == 0xFF) {
    range.last.pop_back();
  }
  if (!range.last.empty()) {
    range.last.back() = static_cast<char>(static_cast<uint8_t>(range.last.back()) + 1);
  }
  return range;
}

// ------------------------------------------------------------------------------------ files/
std::string InodeKey(InodeNumber inode) {
  return InodeFirst(KeyKind::kInode, inode);
}

uint64_t NameHash(std::string_view name) {
  // Small values are kept free for cookies with a meaning of their own (".", "..").
  const uint64_t hash = HashXxh3(name) & kHashMask;
  return hash < 16 ? hash + 16 : hash;
}

std::string DentryKey(InodeNumber parent, std::string_view name) {
  std::string key = InodeFirst(KeyKind::kDentry, parent, 8 + name.size());
  PutU64BigEndian(key, NameHash(name));
  key.append(name);
  return key;
}

std::string DentryPrefix(InodeNumber parent) {
  return InodeFirst(KeyKind::kDentry, parent);
}

std::string DentryAfter(InodeNumber parent, uint64_t cookie) {
  std::string key = InodeFirst(KeyKind::kDentry, parent, 8);
  PutU64BigEndian(key, cookie + 1);
  return key;
}

std::string XattrKey(InodeNumber inode, std::string_view name) {
  std::string key = InodeFirst(KeyKind::kXattr, inode, name.size());
  key.append(name);
  return key;
}

std::string XattrPrefix(InodeNumber inode) {
  return InodeFirst(KeyKind::kXattr, inode);
}

std::string ExtentKey(InodeNumber inode, uint64_t offset) {
  std::string key = InodeFirst(KeyKind::kExtent, inode, 8);
  PutU64BigEndian(key, offset);
  return key;
}

std::string ExtentPrefix(InodeNumber inode) {
  return InodeFirst(KeyKind::kExtent, inode);
}

std::optional<DentryName> ParseDentryKey(std::string_view key) {
  if (!Starts(key, KeyKind::kDentry) || key.size() < 18) return std::nullopt;
  ByteReader in(key.substr(1));
  DentryName name;
  name.parent = InodeNumber(in.GetU64BigEndian());
  name.cookie = in.GetU64BigEndian();
  name.name = in.rest();
  return name;
}

std::optional<InodeNumber> ParseInodeKey(std::string_view key) {
  if (!Starts(key, KeyKind::kInode) || key.size() != 9) return std::nullopt;
  return InodeNumber(ByteReader(key.substr(1)).GetU64BigEndian());
}

std::optional<std::string_view> ParseXattrKey(std::string_view key) {
  if (!Starts(key, KeyKind::kXattr) || key.size() < 10) return std::nullopt;
  return key.substr(9);
}

std::optional<uint64_t> ParseExtentKey(std::string_view key) {
  if (!Starts(key, KeyKind::kExtent) || key.size() != 17) return std::nullopt;
  return ByteReader(key.substr(9)).GetU64BigEndian();
}

// ------------------------------------------------------------------------ nodes/ and edges/
std::string RowKey(TypeId type, std::string_view row_key) {
  std::string key = TypeFirst(KeyKind::kRow, type, row_key.size());
  key.append(row_key);
  return key;
}

std::string RowPrefix(TypeId type) {
  return TypeFirst(KeyKind::kRow, type);
}

std::string RowNameKey(TypeId type, InodeNumber row) {
  std::string key = TypeFirst(KeyKind::kRowName, type, 8);
  PutU64BigEndian(key, row.value);
  return key;
}

std::string RowNamePrefix(TypeId type) {
  return TypeFirst(KeyKind::kRowName, type);
}

std::string LongNameKey(TypeId type, const Hash128& hash) {
  std::string key = TypeFirst(KeyKind::kLongName, type, 16);
  PutU64BigEndian(key, hash.high);
  PutU64BigEndian(key, hash.low);
  return key;
}

std::string DeadRowKey(TypeId type, InodeNumber row) {
  std::string key = TypeFirst(KeyKind::kDeadRow, type, 8);
  PutU64BigEndian(key, row.value);
  return key;
}

std::string DeadRowPrefix() {
  return Begin(KeyKind::kDeadRow, 1);
}

std::string SchemaKey() {
  return Begin(KeyKind::kSchema, 1);
}

std::string EdgeKey(TypeId type, const EdgeEnds& ends) {
  return EdgeOf(KeyKind::kEdge, type, ends.source, ends.target, ends.number);
}

std::string EdgeReverseKey(TypeId type, const EdgeEnds& ends) {
  return EdgeOf(KeyKind::kEdgeReverse, type, ends.target, ends.source, ends.number);
}

std::string EdgePrefix(TypeId type) {
  return TypeFirst(KeyKind::kEdge, type);
}

std::string EdgePrefix(TypeId type, InodeNumber source) {
  std::string key = TypeFirst(KeyKind::kEdge, type, 8);
  PutU64BigEndian(key, source.value);
  return key;
}

std::string EdgeReversePrefix(TypeId type) {
  return TypeFirst(KeyKind::kEdgeReverse, type);
}

std::string EdgeReversePrefix(TypeId type, InodeNumber target) {
  std::string key = TypeFirst(KeyKind::kEdgeReverse, type, 8);
  PutU64BigEndian(key, target.value);
  return key;
}

std::optional<std::string_view> ParseRowKey(std::string_view key) {
  if (!Starts(key, KeyKind::kRow) || key.size() < 6) return std::nullopt;
  return key.substr(5);
}

std::optional<InodeNumber> ParseRowNameKey(std::string_view key) {
  if (!Starts(key, KeyKind::kRowName) || key.size() != 13) return std::nullopt;
  return InodeNumber(ByteReader(key.substr(5)).GetU64BigEndian());
}

std::optional<InodeNumber> ParseDeadRowKey(std::string_view key) {
  if (!Starts(key, KeyKind::kDeadRow) || key.size() != 13) return std::nullopt;
  return InodeNumber(ByteReader(key.substr(5)).GetU64BigEndian());
}

std::optional<EdgeEnds> ParseEdgeKey(std::string_view key) {
  const bool reverse = Starts(key, KeyKind::kEdgeReverse);
  if ((!reverse && !Starts(key, KeyKind::kEdge)) || key.size() != 25) return std::nullopt;
  ByteReader in(key.substr(5));
  const InodeNumber first(in.GetU64BigEndian());
  const InodeNumber second(in.GetU64BigEndian());
  const uint32_t number = in.GetU32BigEndian();
  return reverse ? EdgeEnds{second, first, number} : EdgeEnds{first, second, number};
}

std::optional<TypeId> ParseTypeOf(std::string_view key) {
  const auto kind = KindOf(key);
  if (!kind || key.size() < 5) return std::nullopt;
  switch (*kind) {
    case KeyKind::kDeadRow:
    case KeyKind::kRow:
    case KeyKind::kRowName:
    case KeyKind::kLongName:
    case KeyKind::kEdge:
    case KeyKind::kEdgeReverse:
    case KeyKind::kIndex:
    case KeyKind::kSegment: return TypeId(ByteReader(key.substr(1)).GetU32BigEndian());
    default: return std::nullopt;
  }
}

std::string IndexPrefix(TypeId type, PropertyId property) {
  std::string key = TypeFirst(KeyKind::kIndex, type, 4);
  PutU32BigEndian(key, property.value);
  return key;
}

std::string IndexPrefix(TypeId type, PropertyId property, std::string_view value) {
  std::string key = IndexPrefix(type, property);
  PutKeyBytes(key, value);
  return key;
}

std::string IndexKey(TypeId type, PropertyId property, std::string_view value, InodeNumber row) {
  std::string key = IndexPrefix(type, property, value);
  PutU64BigEndian(key, row.value);
  return key;
}

std::optional<InodeNumber> ParseIndexKey(std::string_view key) {
  if (!Starts(key, KeyKind::kIndex) || key.size() < 9 + 2 + 8) return std::nullopt;
  return InodeNumber(ByteReader(key.substr(key.size() - 8)).GetU64BigEndian());
}

std::string SegmentKey(TypeId type, const Id128& object) {
  std::string key = TypeFirst(KeyKind::kSegment, type, 16);
  PutId(key, object);
  return key;
}

std::string SegmentPrefix() {
  return Begin(KeyKind::kSegment, 1);
}

// --------------------------------------------------------------------------------- global keys
std::string CommitPrefix(BranchId branch) {
  return BranchFirst('l', branch, 8);
}

std::string CommitKey(BranchId branch, Seq seq) {
  std::string key = CommitPrefix(branch);
  PutU64BigEndian(key, seq.value);
  return key;
}

std::optional<Seq> ParseCommitKey(std::string_view key) {
  if (key.size() != 13 || key.front() != 'l') return std::nullopt;
  return Seq(ByteReader(key.substr(5)).GetU64BigEndian());
}

std::string BranchPrefix() {
  return "b";
}
std::string BranchKey(std::string_view name) {
  return std::string("b").append(name);
}
std::string OpenPackKey(const Id128& pack) {
  std::string key = OpenPackPrefix();
  PutId(key, pack);
  return key;
}

std::string OpenPackPrefix() {
  return "p";
}

namespace {

std::optional<Id128> ParseIdKey(char letter, std::string_view key) {
  ByteReader in(key);
  if (in.GetU8() != static_cast<uint8_t>(letter)) return std::nullopt;
  const Id128 id = in.GetId();
  if (!in.AtEnd()) return std::nullopt;
  return id;
}

}  // namespace

std::optional<Id128> ParseOpenPackKey(std::string_view key) {
  return ParseIdKey('p', key);
}

std::string DoomedPrefix() {
  return "x";
}

std::string DoomedKey(const Id128& object) {
  std::string key = DoomedPrefix();
  PutId(key, object);
  return key;
}

std::optional<Id128> ParseDoomedKey(std::string_view key) {
  return ParseIdKey('x', key);
}

std::string HistoryKey() {
  return "t";
}

std::string SnapshotPrefix() {
  return "s";
}

std::string SnapshotKey(std::string_view name) {
  return SnapshotPrefix().append(name);
}

std::optional<std::string_view> ParseSnapshotKey(std::string_view key) {
  if (key.empty() || key.front() != 's') return std::nullopt;
  return key.substr(1);
}

std::string AuditPrefix() {
  return "a";
}

std::string AuditKey(Seq base, const Id128& operation) {
  std::string key = AuditPrefix();
  PutU64BigEndian(key, base.value);
  PutId(key, operation);
  return key;
}

std::optional<AuditName> ParseAuditKey(std::string_view key) {
  ByteReader in(key);
  if (in.GetU8() != 'a') return std::nullopt;
  AuditName name;
  name.base = Seq(in.GetU64BigEndian());
  name.operation = in.GetId();
  if (!in.AtEnd()) return std::nullopt;
  return name;
}

std::string ObjectPrefix() {
  return "o";
}

std::string ObjectKey(const Id128& object) {
  std::string key = ObjectPrefix();
  PutId(key, object);
  return key;
}

std::optional<Id128> ParseObjectKey(std::string_view key) {
  ByteReader in(key);
  if (in.GetU8() != 'o') return std::nullopt;
  const Id128 object = in.GetId();
  if (!in.AtEnd()) return std::nullopt;
  return object;
}

// ------------------------------------------------------------------------ how LevelDB sees them
std::string CurrentPrefix(BranchId branch) {
  return BranchFirst('d', branch, 0);
}
std::string EarlierPrefix(BranchId branch) {
  return BranchFirst('h', branch, 0);
}

std::optional<Seq> ParseEarlierEnd(std::string_view full_key) {
  ByteReader in(full_key);
  if (in.GetU8() != 'h') return std::nullopt;
  in.GetU32BigEndian();
  in.GetKeyBytes();
  const Seq end(in.GetU64BigEndian());
  if (!in.AtEnd()) return std::nullopt;
  return end;
}

std::string CurrentKey(BranchId branch, std::string_view branch_key) {
  std::string key = BranchFirst('d', branch, branch_key.size());
  key.append(branch_key);
  return key;
}

std::string EarlierKey(BranchId branch, std::string_view branch_key, Seq end) {
  std::string key = BranchFirst('h', branch, branch_key.size() + 12);
  PutKeyBytes(key, branch_key);
  PutU64BigEndian(key, end.value);
  return key;
}

}  // namespace mendfs
