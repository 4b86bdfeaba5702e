#include "meta/manifest/state_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint8_t kStateVersion = 2;
constexpr uint8_t kFoldRowVersion = 1;
constexpr uint8_t kBranchVersion = 1;
constexpr uint64_t kBranchesMax = 1 << 20;

void PutTotals(std::string& out, const std::map<BranchId, BranchTotals>& all) {
  PutVarint(out, all.size());
  for (const auto& [branch, totals] : all) {
    PutU32(out, branch.value);
    PutHash(out, totals.content_root);
    PutVarint(out, totals.files);
    PutVarint(out, totals.nodes);
    PutVarint(out, totals.edges);
    PutVarint(out, totals.changed);
  }
}

Status CheckVersion(std::string_view what, uint8_t version, uint8_t known) {
  if (version == known) return Status::Ok();
  if (version == 0) return Status(Code::kCorruption, std::string(what) + " has no version");
  return Status(Code::kUnsupported,
                std::string(what) + " has version " + std::to_string(version) +
                    ", this program knows " + std::to_string(known) +
                    "; nothing was changed, use the program that wrote the store: its export " +
                    "can be loaded into a new one");
}

}  // namespace

std::string FoldStateKey() {
  return "z";
}

std::string EncodeFoldState(const FoldState& state) {
  std::string out;
  PutU8(out, kStateVersion);
  PutU64(out, state.folded.value);
  PutU64(out, state.number);
  PutHash(out, state.chain);
  PutTotals(out, state.totals);
  PutU64(out, HashXxh3(out));
  return out;
}

Result<FoldState> DecodeFoldState(std::string_view bytes) {
  ByteReader in(bytes);
  MENDFS_RETURN_IF_ERROR(CheckVersion("fold state", in.GetU8(), kStateVersion));
  FoldState state;
  state.folded = Seq(in.GetU64());
  state.number = in.GetU64();
  state.chain = in.GetHash();
  const uint64_t count = in.GetVarint();
  for (uint64_t i = 0; i < count && i < kBranchesMax && in.ok(); ++i) {
    const BranchId branch(in.GetU32());
    BranchTotals& totals = state.totals[branch];
    totals.content_root = in.GetHash();
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

std::string FoldRowPrefix() {
  return "y";
}

std::string FoldRowKey(uint64_t number) {
  std::string key = FoldRowPrefix();
  PutU32BigEndian(key, static_cast<uint32_t>(number % kFoldRows));
  return key;
}

std::string EncodeFoldRow(const FoldRow& row) {
  std::string out;
  PutU8(out, kFoldRowVersion);
  PutU64(out, row.number);
  PutU64(out, row.from.value);
  PutU64(out, row.to.value);
  PutHash(out, row.totals);
  PutHash(out, row.chain);
  PutU64(out, HashXxh3(out));
  return out;
}

Result<FoldRow> DecodeFoldRow(std::string_view bytes) {
  ByteReader in(bytes);
  MENDFS_RETURN_IF_ERROR(CheckVersion("fold row", in.GetU8(), kFoldRowVersion));
  FoldRow row;
  row.number = in.GetU64();
  row.from = Seq(in.GetU64());
  row.to = Seq(in.GetU64());
  row.totals = in.GetHash();
  row.chain = in.GetHash();
  const uint64_t sum = in.GetU64();
  if (!in.AtEnd() || row.number == 0 || row.from > row.to ||
      sum != HashXxh3(bytes.substr(0, bytes.size() - 8))) {
    return Status(Code::kCorruption, "fold row does not verify");
  }
  return row;
}

Hash128 HashTotals(const FoldState& state) {
  std::string bytes;
  PutTotals(bytes, state.totals);
  return HashXxh3Wide(bytes);
}

Hash128 FoldChain(const Hash128& before, const FoldRow& row) {
  std::string bytes;
  PutHash(bytes, before);
  PutU64(bytes, row.number);
  PutU64(bytes, row.from.value);
  PutU64(bytes, row.to.value);
  PutHash(bytes, row.totals);
  return HashXxh3Wide(bytes);
}

FoldRow ChainFold(const FoldState& before, FoldState& state) {
  FoldRow row;
  row.number = before.number + 1;
  row.from = before.folded;
  row.to = state.folded;
  row.totals = HashTotals(state);
  row.chain = FoldChain(before.chain, row);
  state.number = row.number;
  state.chain = row.chain;
  return row;
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
