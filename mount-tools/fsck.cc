#include "mount-tools/fsck.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "meta/disk/posix_disk.h"
#include "mount-tools/mounting/store_lock.h"
#include "mount-tools/mounting/target.h"
#include "mount-tools/verbs/progress.h"
#include "mount-tools/verbs/text.h"
#include "reconcile/check/fsck.h"

namespace mendfs {
namespace {

Result<CheckReport> Check(const Invocation& invocation) {
  if (!IsStoreDirectory(invocation.target)) {
    MENDFS_ASSIGN_OR_RETURN(const Target target, ResolveTarget(invocation.target));
    return Status(Code::kBusy, Printable(invocation.target) + " is a mount of " +
                                   Printable(target.store_path) +
                                   "; unmount it, then check the store");
  }
  const std::string store_path = RealPath(invocation.target);
  if (const std::optional<std::string> holder = StoreHolder(store_path)) {
    return Status(Code::kBusy, Printable(store_path) + " is in use by " + *holder +
                                   "; unmount it first: what changes cannot be checked");
  }
  // Nobody begins to write while it is checked.
  MENDFS_ASSIGN_OR_RETURN(const ReadLock reading, ReadLock::Take(store_path));
  ProgressLine line(STDERR_FILENO);
  const std::unique_ptr<Disk> disk = MakePosixDisk();
  Result<CheckReport> report =
      CheckStore(*disk, store_path, {.data = invocation.data}, [&](const CheckProgress& progress) {
        line.Show({.stage = progress.stage,
                   .done = progress.done,
                   .total = progress.total,
                   .rows = progress.done});
      });
  line.Clear();
  return report;
}

int CodeFor(const CheckReport& report, bool fsck_codes) {
  if (report.finding_count > 0) return fsck_codes ? kFsckUncorrected : kExitFailed;
  if (report.complete) return kExitDone;
  return fsck_codes ? kFsckOperational : kExitIncomplete;
}

std::string_view Verdict(const CheckReport& report) {
  if (report.finding_count > 0) return "damaged";
  return report.complete ? "clean" : "incomplete";
}

void PrintJson(const Invocation& invocation, const CheckReport& report) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings) {
    findings.push_back({{"kind", finding.kind},
                        {"subject", finding.subject},
                        {"sentence", Printable(finding.sentence)}});
  }
  const nlohmann::ordered_json json = {{"store", invocation.target},
                                       {"verdict", Verdict(report)},
                                       {"nodes", report.nodes},
                                       {"edges", report.edges},
                                       {"files", report.files},
                                       {"runs", report.runs},
                                       {"data_read", report.data_read},
                                       {"data_bytes", report.data_bytes},
                                       {"sidecars", report.sidecars},
                                       {"foreign", report.foreign},
                                       {"finding_count", report.finding_count},
                                       {"findings", std::move(findings)},
                                       {"repaired", 0}};
  std::printf("%s\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void PrintText(const Invocation& invocation, const CheckReport& report) {
  for (const Finding& finding : report.findings) {
    std::printf("%s: %s: %s\n", finding.kind.c_str(), Printable(finding.subject).c_str(),
                Printable(finding.sentence).c_str());
  }
  if (report.finding_count > report.findings.size()) {
    std::printf("… and %s\n",
                Counted(report.finding_count - report.findings.size(), "more", "more").c_str());
  }
  std::printf("%s: %s; %s, %s, %s, %s\n", Printable(invocation.target).c_str(),
              std::string(Verdict(report)).c_str(), Counted(report.nodes, "node", "nodes").c_str(),
              Counted(report.edges, "edge", "edges").c_str(),
              Counted(report.files, "file", "files").c_str(),
              Counted(report.finding_count, "finding", "findings").c_str());
  if (report.sidecars > 0) {
    std::printf("%s in sidecars/; the next mount finishes or takes back what is there\n",
                Counted(report.sidecars, "write waits", "writes wait").c_str());
  }
  for (const std::string& path : report.foreign) {
    std::printf("%s is none of the store's; it is left alone\n", Printable(path).c_str());
  }
  if (invocation.data) {
    std::printf("%s of files in packs and blobs were read\n",
                HumanBytes(report.data_bytes).c_str());
  } else {
    std::printf("bytes of files were not read; add --data to read them\n");
  }
}

}  // namespace

int RunFsck(const Invocation& invocation) {
  const Result<CheckReport> report = Check(invocation);
  if (!report.ok()) {
    std::fprintf(stderr, "mendfs fsck: %s\n", Printable(report.status().message()).c_str());
    return invocation.fsck_codes ? kFsckOperational : ExitCodeOf(report.status());
  }
  invocation.json ? PrintJson(invocation, *report) : PrintText(invocation, *report);
  if (invocation.repair && report->finding_count > 0) {
    std::fputs(
        "mendfs fsck: nothing was repaired: fsck only checks; keep the store as it is, "
        "export what can be read and load it into a new one\n",
        stderr);
  }
  return CodeFor(*report, invocation.fsck_codes);
}

}  // namespace mendfs
