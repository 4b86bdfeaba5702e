// Any bytes as what LevelDB holds beside a key, as the manifest's own rows, as commits and as keys:
// refused, or exactly what the encoder makes.
#include "meta/commit/commit_format.h"
#include "meta/commit/history/history_format.h"
#include "meta/commit/history/snapshot_rows.h"
#include "meta/manifest/keys.h"
#include "meta/manifest/state_format.h"
#include "meta/manifest/stored_value.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {
namespace {

void CheckKeys(std::string_view key) {
  if (const auto inode = ParseInodeKey(key)) Require(InodeKey(*inode) == key);
  // The cookie follows from the name; that a stored one does is for fsck to see.
  if (const auto dentry = ParseDentryKey(key)) {
    const std::string right = DentryKey(dentry->parent, dentry->name);
    Require(right.size() == key.size() && ParseDentryKey(right)->name == dentry->name);
  }
  if (const auto type = ParseTypeOf(key)) {
    if (const auto row_key = ParseRowKey(key)) Require(RowKey(*type, *row_key) == key);
    if (const auto row = ParseRowNameKey(key)) Require(RowNameKey(*type, *row) == key);
    if (const auto ends = ParseEdgeKey(key)) {
      Require(EdgeKey(*type, *ends) == key || EdgeReverseKey(*type, *ends) == key);
    }
  }
  if (const auto end = ParseEarlierEnd(key)) Require(end->value <= kHeadSeq.value);
  // Views into the key, inside it.
  if (const auto name = ParseXattrKey(key)) Require(name->size() <= key.size());
  if (ParseExtentKey(key) || ParseIndexKey(key) || ParseCommitKey(key)) Require(!key.empty());
}

}  // namespace

std::vector<std::string> Seeds() {
  FoldState state{.folded = Seq(12)};
  state.totals[kMainBranch] = {.files = 1, .nodes = 2, .edges = 3, .changed = 9};
  BranchRow branch{.id = kMainBranch, .head = Seq(4)};
  CommitRow commit;
  commit.seq = Seq(4);
  commit.note = {"uid 0", "a message", Origin::kUser};
  commit.id = ComputeCommitId(commit);
  const InodeNumber inode(77);
  return {SeedFor(0, EncodeStoredValue({.start = Seq(300), .payload = "payload"})),
          SeedFor(0, EncodeStoredValue({.start = Seq(1), .whiteout = true})),
          SeedFor(1, EncodeFoldState(state)),
          SeedFor(2, EncodeBranchRow(branch)),
          SeedFor(3, EncodeCommitRow(commit)),
          SeedFor(4, InodeKey(inode)),
          SeedFor(4, DentryKey(inode, "name")),
          SeedFor(4, XattrKey(inode, "user.a")),
          SeedFor(4, ExtentKey(inode, 4096)),
          SeedFor(4, RowKey(TypeId(3), "k")),
          SeedFor(4, RowNameKey(TypeId(3), inode)),
          SeedFor(4, EdgeKey(TypeId(3), {inode, inode, 2})),
          SeedFor(4, EdgeReverseKey(TypeId(3), {inode, inode, 1})),
          SeedFor(4, IndexKey(TypeId(3), PropertyId(2), "v", inode)),
          SeedFor(4, CommitKey(kMainBranch, Seq(4))),
          SeedFor(4, EarlierKey(kMainBranch, RowKey(TypeId(3), "k"), Seq(9))),
          SeedFor(5, EncodeHistoryRow({.owed = 1, .commits = 2, .oldest = Seq(3), .looked_ns = 4})),
          SeedFor(6, EncodeFoldRow({.number = 3, .from = Seq(4), .to = Seq(9)})),
          SeedFor(7, EncodeSnapshotRow({.name = "n",
                                        .branch = kMainBranch,
                                        .seq = Seq(4),
                                        .commit = commit.id,
                                        .actor = "uid:0",
                                        .message = "why"}))};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const Choice choice = ChooseDecoder(data, size, 8);
  const std::string_view bytes = choice.bytes;
  switch (choice.decoder) {
    case 0: RequireSameBytes(DecodeStoredValue("key", bytes), bytes, EncodeStoredValue); break;
    case 1: RequireSameBytes(DecodeFoldState(bytes), bytes, EncodeFoldState); break;
    case 2: RequireSameBytes(DecodeBranchRow(bytes), bytes, EncodeBranchRow); break;
    case 3: RequireSameBytes(DecodeCommitRow(bytes), bytes, EncodeCommitRow); break;
    case 4: CheckKeys(bytes); break;
    case 5: RequireSameBytes(DecodeHistoryRow(bytes), bytes, EncodeHistoryRow); break;
    case 6: RequireSameBytes(DecodeFoldRow(bytes), bytes, EncodeFoldRow); break;
    default: RequireSameBytes(DecodeSnapshotRow("n", bytes), bytes, EncodeSnapshotRow);
  }
  return 0;
}
