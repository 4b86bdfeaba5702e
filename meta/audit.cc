#include "meta/audit.h"

#include <nlohmann/json.hpp>

#include "meta/base/printable.h"
#include "meta/codec/hash.h"
#include "meta/commit/intent/audit_rows.h"
#include "meta/commit/intent/sidecar_files.h"
#include "meta/describe.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

std::string AuditJson(const AuditRow& row) {
  const Json json = {{"operation", ToHex(row.operation)},
                     {"kind", IntentKindName(row.kind)},
                     {"outcome", AuditOutcomeName(row.outcome)},
                     {"branch", row.branch.value},
                     {"began", TimeText(row.begun_ns)},
                     {"decided", TimeText(row.decided_ns)},
                     {"base", row.base.value},
                     {"seq", row.seq.value},
                     {"objects", row.objects},
                     {"actor", row.actor},
                     {"message", row.message},
                     {"reason", Printable(row.reason)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<std::string> AuditText(const Store& store) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, ReadAuditRows(store.reader()));
  std::string text;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) text += AuditJson(*row) + "\n";
  return text;
}

Result<std::vector<Id128>> SidecarOperations(const Store& store) {
  MENDFS_ASSIGN_OR_RETURN(auto listing, SidecarFiles(store.disk(), store.path()).List());
  return std::move(listing.operations);
}

Result<std::string> SidecarText(const Store& store, const Id128& operation) {
  return SidecarFiles(store.disk(), store.path()).ReadBytes(operation);
}

Result<SidecarReport> LookAtSidecars(Disk& disk, const std::string& store_path) {
  const SidecarFiles files(disk, store_path);
  MENDFS_ASSIGN_OR_RETURN(const auto listing, files.List());
  SidecarReport report;
  for (const Id128& operation : listing.operations) {
    const auto sidecar = files.Read(operation);
    if (sidecar.ok()) {
      ++report.pending;
    } else {
      report.damaged.push_back({files.PathOf(operation), sidecar.status().message(),
                                sidecar.status().code() == Code::kUnsupported});
    }
  }
  for (const std::string& name : listing.foreign) {
    report.foreign.push_back(store_path + "/sidecars/" + name);
  }
  return report;
}

}  // namespace mendfs
