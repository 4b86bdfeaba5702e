#include "meta/commit/intent/audit_rows.h"

#include <utility>

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

constexpr uint8_t kVersionMax = 2;

// Version 2 has kinds that version 1 does not know.
uint8_t VersionOf(IntentKind kind) {
  return kind == IntentKind::kLoad ? 1 : 2;
}

constexpr uint8_t kOutcomeMax = static_cast<uint8_t>(AuditOutcome::kBranchGone);

Status Damaged() {
  return {Code::kCorruption, "an audit row does not decode"};
}

}  // namespace

std::string_view AuditOutcomeName(AuditOutcome outcome) {
  switch (outcome) {
    case AuditOutcome::kPublished: return "published";
    case AuditOutcome::kRolledForward: return "rolled-forward";
    case AuditOutcome::kDiscarded: return "discarded";
    case AuditOutcome::kBranchGone: return "branch-gone";
  }
  return "unknown";
}

AuditRow MakeAuditRow(const Sidecar& sidecar, AuditOutcome outcome, std::string reason,
                      int64_t now_ns) {
  AuditRow row;
  row.operation = sidecar.operation;
  row.base = sidecar.base;
  row.kind = sidecar.kind;
  row.outcome = outcome;
  row.branch = sidecar.branch;
  row.incarnation = sidecar.incarnation;
  row.begun_ns = sidecar.begun_ns;
  row.decided_ns = now_ns;
  row.objects = sidecar.objects.size();
  row.actor = row.in_the_store() ? sidecar.note.actor : "recovery";
  row.message = sidecar.note.message;
  row.reason = std::move(reason);
  return row;
}

std::string EncodeAuditRow(const AuditRow& row) {
  std::string out;
  PutU8(out, VersionOf(row.kind));
  PutU8(out, static_cast<uint8_t>(row.kind));
  PutU8(out, static_cast<uint8_t>(row.outcome));
  PutU8(out, 0);
  PutU32(out, row.branch.value);
  PutId(out, row.incarnation);
  PutI64(out, row.begun_ns);
  PutI64(out, row.decided_ns);
  PutVarint(out, row.objects);
  PutBytes(out, row.actor);
  PutBytes(out, row.message);
  PutBytes(out, row.reason);
  return out;
}

Result<AuditRow> DecodeAuditRow(std::string_view key, std::string_view value) {
  const auto name = ParseAuditKey(key);
  ByteReader in(value);
  const uint8_t version = in.GetU8();
  if (version > kVersionMax) {
    return Status(Code::kUnsupported, "an audit row has version " + std::to_string(version) +
                                          ", this program knows up to 2; use a newer mendfs");
  }
  AuditRow row;
  const uint8_t kind = in.GetU8();
  const uint8_t outcome = in.GetU8();
  const uint8_t reserved = in.GetU8();
  row.branch = BranchId(in.GetU32());
  row.incarnation = in.GetId();
  row.begun_ns = in.GetI64();
  row.decided_ns = in.GetI64();
  row.objects = in.GetVarint();
  row.actor = in.GetBytes();
  row.message = in.GetBytes();
  row.reason = in.GetBytes();
  row.kind = static_cast<IntentKind>(kind);
  const bool known = row.kind == IntentKind::kLoad || row.kind == IntentKind::kSchema;
  const bool valid = name && known && version == VersionOf(row.kind) && outcome >= 1 &&
                     outcome <= kOutcomeMax && reserved == 0;
  if (!valid || !in.AtEnd()) return Damaged();
  row.outcome = static_cast<AuditOutcome>(outcome);
  row.base = name->base;
  row.operation = name->operation;
  return row;
}

Status AddAuditRow(const Reader& reader, const AuditRow& row, Change& change) {
  std::vector<std::string> keys;
  const auto cursor = reader.ScanGlobal(PrefixRange(AuditPrefix()));
  for (; cursor->Valid(); cursor->Next()) keys.emplace_back(cursor->key());
  MENDFS_RETURN_IF_ERROR(cursor->status());
  for (size_t i = 0; i + kAuditRowsMax <= keys.size(); ++i) change.ClearGlobal(std::move(keys[i]));
  change.PutGlobal(AuditKey(row.base, row.operation), EncodeAuditRow(row));
  return Status::Ok();
}

Result<std::optional<AuditRow>> FindAuditRow(const Reader& reader, Seq base,
                                             const Id128& operation) {
  const std::string key = AuditKey(base, operation);
  const auto cursor = reader.ScanGlobal(PrefixRange(key));
  MENDFS_RETURN_IF_ERROR(cursor->status());
  if (!cursor->Valid()) return std::optional<AuditRow>();
  MENDFS_ASSIGN_OR_RETURN(AuditRow row, DecodeAuditRow(cursor->key(), cursor->value()));
  row.seq = cursor->start();
  return std::optional<AuditRow>(std::move(row));
}

Result<std::vector<AuditRow>> ReadAuditRows(const Reader& reader) {
  std::vector<AuditRow> rows;
  const auto cursor = reader.ScanGlobal(PrefixRange(AuditPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    MENDFS_ASSIGN_OR_RETURN(AuditRow row, DecodeAuditRow(cursor->key(), cursor->value()));
    row.seq = cursor->start();
    rows.push_back(std::move(row));
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return rows;
}

}  // namespace mendfs
