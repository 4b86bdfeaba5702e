#include "meta/commit/history/snapshot_rows.h"

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

constexpr uint8_t kSnapshotRowVersion = 1;

}  // namespace

std::string EncodeSnapshotRow(const SnapshotRow& row) {
  std::string out;
  PutU8(out, kSnapshotRowVersion);
  PutU32(out, row.branch.value);
  PutU64(out, row.seq.value);
  PutCommitId(out, row.commit);
  PutI64(out, row.time_ns);
  PutBytes(out, row.actor);
  PutBytes(out, row.message);
  return out;
}

Result<SnapshotRow> DecodeSnapshotRow(std::string_view name, std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kSnapshotRowVersion) {
    return Status(Code::kUnsupported,
                  "the row of snapshot \"" + std::string(name) + "\" has version " +
                      std::to_string(version) + ", this program knows " +
                      std::to_string(kSnapshotRowVersion) + "; use a newer mendfs");
  }
  SnapshotRow row;
  row.name = name;
  row.branch = BranchId(in.GetU32());
  row.seq = Seq(in.GetU64());
  row.commit = in.GetCommitId();
  row.time_ns = in.GetI64();
  row.actor = in.GetBytes();
  row.message = in.GetBytes();
  if (!in.AtEnd() || version != kSnapshotRowVersion) {
    return Status(Code::kCorruption,
                  "the row of snapshot \"" + std::string(name) + "\" does not decode");
  }
  return row;
}

Status EachSnapshotRow(const Reader& reader, const SnapshotVisitor& visit) {
  const auto cursor = reader.ScanGlobal(PrefixRange(SnapshotPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    const std::string_view name = ParseSnapshotKey(cursor->key()).value_or("");
    MENDFS_RETURN_IF_ERROR(visit(name, DecodeSnapshotRow(name, cursor->value())));
  }
  return cursor->status();
}

}  // namespace mendfs
