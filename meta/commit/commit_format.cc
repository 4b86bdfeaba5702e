#include "meta/commit/commit_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint64_t kParentsMax = 16;

std::string EncodeBody(const CommitRow& row) {
  std::string out;
  PutU8(out, kVersion);
  PutU8(out, static_cast<uint8_t>(row.note.origin));
  PutVarint(out, row.parents.size());
  for (const CommitId& parent : row.parents) PutCommitId(out, parent);
  PutU64(out, row.parent_seq.value);
  PutU64(out, row.content_root.low);
  PutU64(out, row.content_root.high);
  PutU64(out, row.seq.value);
  PutI64(out, row.time_ns);
  PutVarint(out, row.counts.files);
  PutVarint(out, row.counts.nodes);
  PutVarint(out, row.counts.edges);
  PutVarint(out, row.changed_entries);
  PutVarint(out, row.changed_total);
  PutBytes(out, row.note.actor);
  PutBytes(out, row.note.message);
  return out;
}

}  // namespace

CommitId ComputeCommitId(const CommitRow& row) {
  CommitId id;
  id.bytes = Sha256::Of(EncodeBody(row));
  return id;
}

std::string EncodeCommitRow(const CommitRow& row) {
  std::string out;
  PutCommitId(out, row.id);
  out.append(EncodeBody(row));
  return out;
}

Result<CommitRow> DecodeCommitRow(std::string_view bytes) {
  ByteReader in(bytes);
  CommitRow row;
  row.id = in.GetCommitId();
  const std::string_view body = in.rest();
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kVersion) {
    return Status(Code::kUnsupported, "commit row of version " + std::to_string(version));
  }
  const uint8_t origin = in.GetU8();
  const uint64_t parents = in.GetVarint();
  for (uint64_t i = 0; i < parents && parents <= kParentsMax; ++i) {
    row.parents.push_back(in.GetCommitId());
  }
  row.parent_seq = Seq(in.GetU64());
  row.content_root.low = in.GetU64();
  row.content_root.high = in.GetU64();
  row.seq = Seq(in.GetU64());
  row.time_ns = in.GetI64();
  row.counts.files = in.GetVarint();
  row.counts.nodes = in.GetVarint();
  row.counts.edges = in.GetVarint();
  row.changed_entries = in.GetVarint();
  row.changed_total = in.GetVarint();
  row.note.actor = in.GetBytes();
  row.note.message = in.GetBytes();
  row.note.origin = static_cast<Origin>(origin);
  CommitId hash;
  hash.bytes = Sha256::Of(body);
  if (!in.AtEnd() || version != kVersion || parents > kParentsMax ||
      origin > static_cast<uint8_t>(Origin::kReplica) || hash != row.id) {
    return Status(Code::kCorruption, "commit row does not verify");
  }
  return row;
}

}  // namespace mendfs
