#include "mount-tools/verbs/verb.h"

#include <nlohmann/json.hpp>

#include "meta/codec/hash.h"
#include "meta/describe.h"
#include "meta/refs.h"
#include "meta/tables.h"
#include "mount-tools/verbs/diff_verbs.h"
#include "mount-tools/verbs/quota_verb.h"
#include "mount-tools/verbs/schema_verbs.h"
#include "mount-tools/verbs/snapshot_verbs.h"
#include "mount-tools/verbs/table_verbs.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLogPage = 256;

std::string Line(std::string_view label, std::string_view text) {
  std::string line(label);
  line.resize(12, ' ');
  line += text;
  line += '\n';
  return line;
}

std::string CommitLine(const CommitRow& commit) {
  std::string line = ShortHex(commit.id).substr(0, 16);
  line += "  " + HumanTime(commit.time_ns) + "  " + Printable(commit.note.actor) + "  " +
          Counted(commit.changed_entries, "change", "changes");
  if (commit.note.origin != Origin::kUser)
    line += "  " + std::string(OriginName(commit.note.origin));
  if (!commit.note.message.empty()) line += "  " + Printable(commit.note.message);
  return line;
}

std::string CountsLine(const ContentCounts& counts) {
  return Counted(counts.nodes, "node", "nodes") + ", " + Counted(counts.edges, "edge", "edges") +
         ", " + Counted(counts.files, "file", "files");
}

// As of when thinning looked; most commits since are kept too.
std::string HistoryLine(const HistoryStatus& history) {
  if (history.judged_ns == 0) return "not thinned yet";
  std::string text = Counted(history.commits, "commit", "commits") + " kept, the oldest of " +
                     HumanTime(history.oldest_ns);
  if (history.looked_ns == 0) return text;
  return text + "; " + Counted(history.values, "earlier value", "earlier values") + ", " +
         HumanBytes(history.value_bytes) + ", as of " + HumanTime(history.looked_ns);
}

std::string MountedText(const MountFacts* mount) {
  if (mount == nullptr) return "no";
  const std::string at = Printable(mount->mount_point);
  const std::string shown = mount->read_only ? at + ", read-only" : at;
  if (mount->pid != 0) return shown + ", pid " + std::to_string(mount->pid);
  return mount->is_dead ? shown + ", but its daemon is gone" : shown;
}

namespace {

// Counted by each cycle that gives space back: a store that was just opened does not know yet.
std::string PacksText(const PackSpace& packs) {
  std::string text = "not counted since the store was opened";
  if (packs.as_of > Seq()) {
    text = HumanBytes(packs.held_bytes) + ", " + HumanBytes(packs.live_bytes) + " live, " +
           HumanBytes(packs.garbage_bytes) + " garbage, as of change " +
           std::to_string(packs.as_of.value);
  }
  if (packs.garbage_since_bytes == 0) return text;
  return text + "; about " + HumanBytes(packs.garbage_since_bytes) + " more garbage since";
}

}  // namespace

std::string StatusText(const StoreStatus& status, const std::string& path,
                       const MountFacts* mount) {
  std::string health(HealthName(status.health));
  if (!status.reason.empty()) health += ": " + Printable(status.reason);
  std::string text = Line("store", Printable(path));
  text += Line("uuid", status.identity.uuid);
  text += Line("health", health);
  text += Line("mounted", MountedText(mount));
  std::string content = CountsLine(status.counts);
  if (status.counts_as_of < status.last_seq) {
    content += ", as of change " + std::to_string(status.counts_as_of.value);
  }
  text += Line("content", content);
  text += Line("head", status.head ? CommitLine(*status.head) : "no commit yet");
  text += Line("changes", std::to_string(status.last_seq.value) + " made, " +
                              std::to_string(status.durable_seq.value) + " durable, " +
                              std::to_string(status.folded_seq.value) + " folded");
  text += Line("journal", HumanBytes(status.journal_bytes) + ", working set " +
                              HumanBytes(status.working_set_bytes) + ", " +
                              Counted(status.segments, "segment", "segments"));
  text += Line("history", HistoryLine(status.history));
  if (status.snapshots > 0) {
    text += Line("snapshots", Counted(status.snapshots, "snapshot", "snapshots") +
                                  ", kept at any age, also when the disk is full");
  }
  if (status.sidecars_live + status.sidecars_left > 0) {
    text += Line("sidecars", std::to_string(status.sidecars_live) + " running, " +
                                 std::to_string(status.sidecars_left) + " waiting to be resolved");
  }
  if (status.replayed_records > 0) {
    text += Line("replayed", Counted(status.replayed_records, "record", "records") + " at open");
  }
  text += Line("packs", PacksText(status.packs));
  text += Line("space", HumanBytes(status.space.available_bytes) + " available of " +
                            HumanBytes(status.space.total_bytes));
  return text;
}

std::string StatusJsonOf(const StoreStatus& status, const std::string& path,
                         const MountFacts* mount) {
  Json json = Json::parse(StatusJson(status), nullptr, false);
  json["path"] = path;
  json["mount"] = nullptr;
  if (mount != nullptr) {
    json["mount"] = {
        {"point", mount->mount_point}, {"read_only", mount->read_only}, {"pid", mount->pid}};
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status RunStatus(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  const StoreStatus status = host.store.Describe();
  const std::string& path = host.store.path();
  return io.Out(request.json ? StatusJsonOf(status, path, host.mount)
                             : StatusText(status, path, host.mount));
}

// Of the commit that is meant; 0, before all, for a time at which none was kept yet.
Result<Seq> SinceOf(const VerbRequest& request, const VerbHost& host) {
  if (request.since.empty()) return Seq();
  const Result<CommitRow> commit = FindCommit(host.store, kMainBranch, request.since);
  if (commit.ok()) return commit->seq;
  const bool too_early = commit.status().code() == Code::kNotFound && IsTimeRef(request.since);
  return too_early ? Result<Seq>(Seq()) : Result<Seq>(commit.status());
}

Status RunLog(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  MENDFS_ASSIGN_OR_RETURN(const Seq since, SinceOf(request, host));
  Seq before = kHeadSeq;
  uint64_t left = request.limit.value_or(UINT64_MAX);
  while (left > 0) {
    const size_t page = static_cast<size_t>(std::min<uint64_t>(left, kLogPage));
    MENDFS_ASSIGN_OR_RETURN(const std::vector<CommitRow> commits,
                            host.store.Log(kMainBranch, before, page));
    for (const CommitRow& commit : commits) {
      if (commit.seq <= since) return Status::Ok();
      MENDFS_RETURN_IF_ERROR(
          io.Out((request.json ? CommitJson(commit) : CommitLine(commit)) + "\n"));
    }
    if (commits.size() < page) break;
    if (!(commits.back().seq < before)) {
      return {Code::kCorruption, "the log does not go back in order; nothing further is shown"};
    }
    before = commits.back().seq;
    left -= commits.size();
  }
  return Status::Ok();
}

std::string RefusalJson(const Refusal& refusal) {
  const Json json = {{"time", TimeText(refusal.time_ns)},
                     {"operation", refusal.operation},
                     {"path", refusal.path},
                     {"error", ErrnoName(refusal.code)},
                     {"why", Printable(refusal.sentence)},
                     {"rejected", refusal.rejected},
                     {"uid", refusal.uid},
                     {"pid", refusal.pid}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Status RunWhy(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  const bool kept = host.mount != nullptr && host.mount->refusals;
  std::vector<Refusal> refusals;
  // The kernel itself refuses writes to a mount that came up read-only, and tells nobody.
  const StoreStatus status = host.store.Describe();
  if (status.health != Health::kOk && !request.json) {
    MENDFS_RETURN_IF_ERROR(io.Out("the store is " + std::string(HealthName(status.health)) + ": " +
                                  Printable(status.reason) + "\n"));
  }
  if (kept) refusals = host.mount->refusals();
  if (refusals.empty() && !request.json) {
    return io.Out(kept ? "nothing was refused since this mount began\n"
                       : "nothing to tell: refusals are kept by the daemon of a mount, "
                         "and go with it\n");
  }
  for (const Refusal& refusal : refusals) {
    MENDFS_RETURN_IF_ERROR(io.Out(request.json ? RefusalJson(refusal) : RefusalText(refusal)));
  }
  return Status::Ok();
}

Status RunFlush(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  // What a read-only mount shows was durable, or will be with its writer.
  const bool read_only = host.mount != nullptr && host.mount->read_only;
  if (!read_only) MENDFS_RETURN_IF_ERROR(host.store.Flush());
  const uint64_t seq = host.store.Describe().durable_seq.value;
  if (request.json) return io.Out(Json({{"durable_seq", seq}}).dump() + "\n");
  return io.Out("durable up to change " + std::to_string(seq) + "\n");
}

Status Dispatch(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  switch (request.verb) {
    case Verb::kStatus: return RunStatus(request, host, io);
    case Verb::kLoad: return RunLoad(request, host, io);
    case Verb::kExport: return RunExport(request, host, io);
    case Verb::kLog: return RunLog(request, host, io);
    case Verb::kWhy: return RunWhy(request, host, io);
    case Verb::kSchemaShow: return RunSchemaShow(request, host, io);
    case Verb::kSchemaPlan: return RunSchemaPlan(request, host, io);
    case Verb::kSchemaApply: return RunSchemaApply(request, host, io);
    case Verb::kFlush: return RunFlush(request, host, io);
    case Verb::kQuotaList: return RunQuotaList(request, host, io);
    case Verb::kSnapshotCreate: return RunSnapshotCreate(request, host, io);
    case Verb::kSnapshotList: return RunSnapshotList(request, host, io);
    case Verb::kSnapshotDelete: return RunSnapshotDelete(request, host, io);
    case Verb::kDiff: return RunDiff(request, host, io);
    case Verb::kShow: return RunShow(request, host, io);
  }
  return {Code::kInternal, "a verb without a function"};
}

}  // namespace

int ExitCodeOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk: return kExitDone;
    case Code::kDenied: return kExitDenied;
    case Code::kConditionLost: return kExitConditionLost;
    case Code::kRecoveryNeeded: return kExitRecoveryNeeded;
    default: return kExitFailed;
  }
}

std::string ActorOf(const VerbRequest& request, const VerbHost& host) {
  if (!request.actor.empty()) return request.actor;
  return "uid:" + std::to_string(host.caller_uid);
}

void Complain(VerbIo& io, std::string_view verb, const Status& status) {
  std::string_view sentence = status.message();
  if (sentence.empty()) sentence = CodeName(status.code());
  // Deeper levels begin with the verb's name too.
  if (sentence.starts_with(verb) && sentence.substr(verb.size()).starts_with(": ")) {
    sentence.remove_prefix(verb.size() + 2);
  }
  io.Err("mendfs " + std::string(verb) + ": " + Printable(sentence));
}

// A read-only mount flushes nothing, and says so by doing nothing.
Status CheckMayRun(const VerbRequest& request, const VerbHost& host) {
  const bool read_only = host.mount != nullptr && host.mount->read_only;
  if (!read_only || !VerbWrites(request.verb) || request.verb == Verb::kFlush) return Status::Ok();
  return {Code::kReadOnly, Printable(host.store.path()) + " is mounted read-only at " +
                               Printable(host.mount->mount_point) + "; unmount it first"};
}

int RunVerb(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  if (request.verb == Verb::kLoad && request.inputs.empty()) {
    Complain(io, "load", Status(Code::kInvalid, "there is no input; name a file, or - for stdin"));
    return kExitUsage;
  }
  Status status = CheckMayRun(request, host);
  if (status.ok()) status = Dispatch(request, host, io);
  if (!status.ok()) Complain(io, VerbName(request.verb), status);
  return ExitCodeOf(status);
}

}  // namespace mendfs
