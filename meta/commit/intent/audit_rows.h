// Audit rows: what became of each multi-step write, one row for each, in the manifest.
//
// A row's key is made of where the operation began and its id, so that saying the same outcome
// twice leaves one row. Rows come with the record that decides: the one that publishes, or one of
// their own for what is taken back. The newest kAuditRowsMax are kept.
//
// Threads:  pure functions over a Reader
// Errors:   kCorruption; kUnsupported for a newer row; else as Reader
// Source:   docs/formats/audit.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/commit/intent/sidecar_format.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"

namespace mendfs {

inline constexpr size_t kAuditRowsMax = 4096;

// Written to disk; never renumbered.
enum class AuditOutcome : uint8_t {
  kPublished = 1,      // by the writer itself
  kRolledForward = 2,  // by recovery, as it had been confirmed
  kDiscarded = 3,      // by recovery, with what it had made
  kBranchGone = 4,     // the same; its branch had been deleted
};
std::string_view AuditOutcomeName(AuditOutcome outcome);

struct AuditRow {
  Id128 operation;
  Seq base;
  IntentKind kind = IntentKind::kLoad;
  AuditOutcome outcome = AuditOutcome::kPublished;
  BranchId branch = kMainBranch;
  Id128 incarnation;
  int64_t begun_ns = 0;
  int64_t decided_ns = 0;
  uint64_t objects = 0;  // that it named, or owned when it was discarded
  std::string actor;     // of the commit, whoever finished it; "recovery" for what was taken back
  std::string message;
  std::string reason;  // why it was not simply published; may be empty
  Seq seq;             // the record that brought the row; not written, known when it is read

  bool in_the_store() const {
    return outcome == AuditOutcome::kPublished || outcome == AuditOutcome::kRolledForward;
  }
};

AuditRow MakeAuditRow(const Sidecar& sidecar, AuditOutcome outcome, std::string reason,
                      int64_t now_ns);
std::string EncodeAuditRow(const AuditRow& row);
Result<AuditRow> DecodeAuditRow(std::string_view key, std::string_view value);

// Adds the row, and the clearing of the oldest beyond kAuditRowsMax, to the change that decides.
Status AddAuditRow(const Reader& reader, const AuditRow& row, Change& change);
// Nothing when nothing was decided yet.
Result<std::optional<AuditRow>> FindAuditRow(const Reader& reader, Seq base,
                                             const Id128& operation);
// In the order in which the operations began.
Result<std::vector<AuditRow>> ReadAuditRows(const Reader& reader);

}  // namespace mendfs
