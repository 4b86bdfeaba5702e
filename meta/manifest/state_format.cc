#include "meta/manifest/state_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint8_t kStateVersion = 1;
constexpr uint8_t kBranchVersion = 1;
constexpr uint64_t kBranchesMax = 1 << 20;

void PutHash(std::string& out, const Hash128& hash) {
  PutU64(out, hash.low);
  PutU64(out, hash.high);
}

Hash128 GetHash(ByteReader& in) {
  Hash128 hash;
  hash.low = in.GetU64();
  hash.high = in.GetU64();
  return hash;
}

Status CheckVersion(std::string_view what, uint8_t version, uint8_t known) {
  if (version == known) return Status::Ok();
  return Status(version > known ? Code::kUnsupported : Code::kCorruption,
                std::string(what) + " has version " + std::to_string(version) +
                    ", this program knows " + std::to_string(known));
}

}  // namespace

std::string FoldStateKey() {
  return "z";
}

std::string EncodeFoldState(const FoldState& state) {
  std::string out;
  PutU8(out, kStateVersion);
  PutU64(out, state.folded.value);
  PutVarint(out, state.totals.size());
  for (const auto& [branch, totals] : state.totals) {
    PutU32(out, branch.value);
    PutHash(out, totals.content_root);
    PutVarint(out, totals.files);
    PutVarint(out, totals.nodes);
    PutVarint(out, totals.edges);
    PutVarint(out, totals.changed);
  }
  PutU64(out, HashXxh3(out));
  return out;
}

Result<FoldState> DecodeFoldState(std::string_view bytes) {
  ByteReader in(bytes);
  MENDFS_RETURN_IF_ERROR(CheckVersion("fold state", in.GetU8(), kStateVersion));
  FoldState state;
  state.folded = Seq(in.GetU64());
  const uint64_t count = in.GetVarint();
  for (uint64_t i = 0; i < count && i < kBranchesMax && in.ok(); ++i) {
    const BranchId branch(in.GetU32());
    BranchTotals& totals = state.totals[branch];
    totals.content_root = GetHash(in);
    totals.files = in.GetVarint();
    totals.nodes = in.GetVarint();
    totals.edges = in.GetVarint();
    totals.changed = in.GetVarint();
  }
  const uint64_t sum = in.GetU64();
  if (!in.AtEnd() || state.totals.size() != count ||
      sum != HashXxh3(bytes.substr(0, bytes.size() - 8))) {
    return Status(Code::kCorruption, "fold state does not verify");
  }
  return state;
}

std::string EncodeBranchRow(const BranchRow& row) {
  std::string out;
  PutU8(out, kBranchVersion);
  PutU8(out, row.parent ? 1 : 0);
  PutU32(out, row.id.value);
  PutId(out, row.incarnation);
  PutU32(out, row.parent ? row.parent->value : 0);
  PutU64(out, row.fork.value);
  PutU64(out, row.head.value);
  return out;
}

Result<BranchRow> DecodeBranchRow(std::string_view bytes) {
  ByteReader in(bytes);
  MENDFS_RETURN_IF_ERROR(CheckVersion("branch row", in.GetU8(), kBranchVersion));
  const uint8_t flags = in.GetU8();
  BranchRow row;
  row.id = BranchId(in.GetU32());
  row.incarnation = in.GetId();
  const BranchId parent(in.GetU32());
  row.fork = Seq(in.GetU64());
  row.head = Seq(in.GetU64());
  if (!in.AtEnd() || flags > 1 || (flags == 0 && parent.value != 0)) {
    return Status(Code::kCorruption, "branch row does not decode");
  }
  if (flags == 1) row.parent = parent;
  return row;
}

}  // namespace mendfs
