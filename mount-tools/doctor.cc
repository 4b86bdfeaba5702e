#include "mount-tools/doctor.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "meta/audit.h"
#include "meta/disk/posix_disk.h"
#include "mount-tools/mounting/mount_table.h"
#include "mount-tools/mounting/store_lock.h"
#include "mount-tools/mounting/target.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

constexpr unsigned kProbeWaitMs = 3000;

// The letter behind the command's name in /proc/PID/stat, which may hold anything itself.
char ProcessState(int pid) {
  if (pid <= 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  const size_t end = line.rfind(')');
  return end == std::string::npos || end + 2 >= line.size() ? '\0' : line[end + 2];
}

// Covered by a sidecar: mounting resolves it. A damaged one: it does not. Not to be told: both.
std::string SidecarClause(const std::string& store_path) {
  const auto disk = MakePosixDisk();
  const auto found = LookAtSidecars(*disk, store_path);
  if (!found.ok()) {
    return ". Whether writes wait in its sidecars/ cannot be told (" + found.status().message() +
           "): mount it first; if that is refused, run `mendfs fsck`";
  }
  if (!found->damaged.empty()) {
    return ". " + Printable(found->damaged.front().path) + " keeps it from being mounted for " +
           "writing (" + found->damaged.front().why + "): mount it with -o ro and " +
           (found->damaged.front().newer ? "use a newer mendfs" : "run `mendfs fsck`");
  }
  if (found->pending == 0) return {};
  return ". " + Counted(found->pending, "multi-step write waits", "multi-step writes wait") +
         " in its sidecars/; the next mount for writing finishes or takes back each";
}

// What a mount says of itself.
void AskHealth(MountSymptoms& symptoms) {
  const auto text = ReadInMount(symptoms.mount_point + "/.mend/status.json", kProbeWaitMs);
  const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
  if (!json.is_object()) return;
  symptoms.health = json.value("health", "");
  symptoms.reason = json.value("reason", "");
}

// What a mount of it would say; read in memory, under the lock of readers.
void LookIntoStore(MountSymptoms& symptoms) {
  const auto reading = ReadLock::Take(symptoms.store_path);
  if (!reading.ok()) return;
  const auto disk = MakePosixDisk();
  OpenOptions options{.access = OpenAccess::kReadOnly, .commit_interval_ms = 0};
  options.last_good = true;
  const auto store = Store::Open(*disk, symptoms.store_path, options);
  if (!store.ok()) {
    symptoms.refused = store.status().code();
    symptoms.health = HealthName(Health::kFailed);
    symptoms.reason = "it cannot be opened: " + store.status().message();
    return;
  }
  const StoreStatus status = (*store)->Describe();
  if (status.reason == status.sidecars_reason) return;  // told already
  symptoms.health = HealthName(status.health);
  symptoms.reason = status.reason;
}

std::string HealthClause(const MountSymptoms& symptoms) {
  if (symptoms.reason.empty()) return {};
  return ". Its health is " + symptoms.health + ": " + Printable(symptoms.reason);
}

Result<MountSymptoms> Look(const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(const std::vector<MountEntry> table, ReadMountTable());
  MountSymptoms symptoms{.path = path};
  if (const MountEntry* mount = FindStoreMount(table, path)) {
    symptoms.store_path = mount->source;
    symptoms.mount_point = mount->mount_point;
    symptoms.read_only = mount->read_only;
  }
  if (symptoms.mount_point.empty() && IsStoreDirectory(path)) {
    symptoms.store_path = RealPath(path);
    const std::vector<MountEntry> mounts = MountsOfStore(table, symptoms.store_path);
    if (!mounts.empty()) {
      symptoms.mount_point = mounts.back().mount_point;
      symptoms.read_only = mounts.back().read_only;
    }
  }
  if (!symptoms.store_path.empty()) symptoms.holder = StoreHolder(symptoms.store_path);
  if (!symptoms.store_path.empty() && !symptoms.holder) {
    symptoms.holder = StoreReader(symptoms.store_path);
  }
  if (symptoms.holder) symptoms.process_state = ProcessState(HolderPid(*symptoms.holder));
  // Under a daemon that lives they may belong to writes that run; .mend/status.json tells.
  if (!symptoms.store_path.empty() && !symptoms.holder) {
    symptoms.sidecars = SidecarClause(symptoms.store_path);
    if (IsStoreDirectory(symptoms.store_path)) LookIntoStore(symptoms);
  }
  if (!symptoms.mount_point.empty()) {
    symptoms.probe = ProbeMount(symptoms.mount_point, kProbeWaitMs);
  }
  if (symptoms.probe == Probe::kAnswers) AskHealth(symptoms);
  return symptoms;
}

std::string MountCommand(const MountSymptoms& symptoms, const std::string& mount_point) {
  return "mendfs mount " + Printable(symptoms.store_path) + " " + Printable(mount_point);
}

// What a mount would refuse is not advised.
std::string AdviceToMount(const MountSymptoms& symptoms, const std::string& mount_point) {
  switch (symptoms.refused) {
    case Code::kOk: return MountCommand(symptoms, mount_point);
    case Code::kUnsupported: return "mendfs version, and a newer mendfs";
    case Code::kDenied: return "sudo mendfs doctor " + Printable(symptoms.path);
    default: return "mendfs fsck " + Printable(symptoms.store_path);
  }
}

Diagnosis OfUnmounted(const MountSymptoms& symptoms) {
  const std::string shown = Printable(symptoms.path);
  if (symptoms.store_path.empty()) {
    return {"not-mounted", shown + " is no part of a mendfs mount, nor a store",
            "mendfs mount STORE " + shown};
  }
  if (symptoms.holder) {
    return {"not-mounted",
            shown + " is a store that is not mounted here, and in use by " + *symptoms.holder,
            "wait for it to end"};
  }
  return {"not-mounted",
          shown + " is a store that is not mounted" + symptoms.sidecars + HealthClause(symptoms),
          AdviceToMount(symptoms, "DIR")};
}

Diagnosis OfAnswering(const MountSymptoms& symptoms) {
  const bool well = symptoms.health.empty() || symptoms.health == HealthName(Health::kOk);
  const std::string at = Printable(symptoms.mount_point);
  return {well ? "ok" : symptoms.health,
          at + " answers; it is a mount of " + Printable(symptoms.store_path) +
              (symptoms.read_only ? ", read-only" : "") +
              (symptoms.holder ? ", served by " + *symptoms.holder : "") +
              (well ? "" : HealthClause(symptoms)),
          well ? "" : "mendfs status " + at};
}

Diagnosis OfDead(const MountSymptoms& symptoms) {
  const std::string at = Printable(symptoms.mount_point);
  std::string sentence = at + " is a mount of " + Printable(symptoms.store_path) +
                         " whose daemon is gone. What had reached it is in the store's journal "
                         "and comes back with the next mount" +
                         symptoms.sidecars + HealthClause(symptoms);
  if (symptoms.holder) {
    return {"dead", sentence + "; the store is still held by " + *symptoms.holder,
            "mendfs umount " + at};
  }
  return {"dead", sentence, "mendfs umount " + at + " && " + AdviceToMount(symptoms, at)};
}

Diagnosis OfSilent(const MountSymptoms& symptoms) {
  const std::string begin = Printable(symptoms.mount_point) + " is a mount of " +
                            Printable(symptoms.store_path) + " that does not answer; ";
  if (!symptoms.holder) {
    return {"silent", begin + "nobody has the store open for writing, so its daemon is not found",
            "mendfs umount --force " + Printable(symptoms.mount_point)};
  }
  const std::string pid = std::to_string(HolderPid(*symptoms.holder));
  switch (symptoms.process_state) {
    case 'T':
    case 't':
      return {"stopped", begin + "its daemon (" + *symptoms.holder + ") was stopped",
              "kill -CONT " + pid};
    case 'D':
      return {"silent", begin + "its daemon (" + *symptoms.holder + ") waits for the disk",
              "dmesg | tail"};
    case 'Z':
    case 'X':
      return {"silent",
              begin + "its daemon (" + *symptoms.holder +
                  ") was killed and cannot end while one of its threads waits in the kernel; what "
                  "had reached it is in the store's journal",
              "mendfs umount --force " + Printable(symptoms.mount_point)};
    case 0:
      return {"silent",
              begin + "its daemon (" + *symptoms.holder +
                  ") is not a process of this "
                  "machine or container",
              "look on the host that is named"};
    default:
      return {"silent",
              begin + "its daemon (" + *symptoms.holder +
                  ") is alive but stuck; ending "
                  "it loses nothing that had reached it",
              "mendfs umount --force " + Printable(symptoms.mount_point)};
  }
}

std::string Json(const MountSymptoms& symptoms, const Diagnosis& diagnosis) {
  const nlohmann::ordered_json json = {{"state", diagnosis.word},
                                       {"sentence", diagnosis.sentence},
                                       {"advice", diagnosis.advice},
                                       {"store", symptoms.store_path},
                                       {"mount_point", symptoms.mount_point},
                                       {"holder", symptoms.holder.value_or("")}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Diagnosis Diagnose(const MountSymptoms& symptoms) {
  if (!symptoms.probe) return OfUnmounted(symptoms);
  switch (*symptoms.probe) {
    case Probe::kAnswers: return OfAnswering(symptoms);
    case Probe::kDead: return OfDead(symptoms);
    case Probe::kSilent: return OfSilent(symptoms);
    case Probe::kFailed: break;
  }
  return {"unknown",
          Printable(symptoms.mount_point) +
              " answers with an error; you may lack the "
              "permission to ask",
          "sudo mendfs doctor " + Printable(symptoms.mount_point)};
}

int RunDoctor(const Invocation& invocation) {
  const Result<MountSymptoms> symptoms = Look(invocation.target);
  if (!symptoms.ok()) {
    std::fprintf(stderr, "mendfs doctor: %s\n", Printable(symptoms.status().message()).c_str());
    return kExitFailed;
  }
  Diagnosis diagnosis = Diagnose(*symptoms);
  diagnosis.sentence = Printable(diagnosis.sentence);
  if (invocation.json) {
    std::printf("%s\n", Json(*symptoms, diagnosis).c_str());
  } else {
    std::printf("%s\n", diagnosis.sentence.c_str());
    if (!diagnosis.advice.empty()) std::printf("try: %s\n", diagnosis.advice.c_str());
  }
  return diagnosis.word == "ok" ? kExitDone : kExitFailed;
}

}  // namespace mendfs
