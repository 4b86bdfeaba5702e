#include "fs/ops/planes/mend_files.h"

#include <fcntl.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "fs/ops/plane/error_log.h"
#include "meta/audit.h"
#include "meta/describe.h"

namespace mendfs {
namespace {

constexpr size_t kLogPageCommits = 1000;

constexpr std::array<MendFileName, 11> kNames = {{{MendFile::kReadme, "README"},
                                                  {MendFile::kHealth, "health"},
                                                  {MendFile::kStatus, "status.json"},
                                                  {MendFile::kVersion, "version.json"},
                                                  {MendFile::kConfig, "config.json"},
                                                  {MendFile::kMetrics, "metrics"},
                                                  {MendFile::kLog, "log.jsonl"},
                                                  {MendFile::kAudit, "audit.jsonl"},
                                                  {MendFile::kLastError, "last_error"},
                                                  {MendFile::kHandles, "handles.json"},
                                                  {MendFile::kControl, "ctl"}}};

constexpr std::string_view kReadme = R"(This is a MendFS mount: tables, a graph and ordinary files.

  schema.graph                   what the tables look like; write it to change that
  nodes/<Type>/<key>.json        one file per row: cat, cp, jq, vim, rm
  edges/<Type>/<src>~<dst>.json  one file per edge
  graph/<Type>/<key>/            walk: row.json, out/<Edge>/<key>/, in/<Edge>/<key>/
  files/                         an ordinary tree

Closing a row file accepts its bytes or refuses them; `mendfs why` or
`cat .mend/last_error` says what was refused and why, and .mend/rejected keeps the
bytes. Deleting a node deletes its edges. `ln -s ../../../bob
graph/Person/alice/out/Knows/bob` makes an edge, `rm` takes it away.

Here in .mend (never listed above it):
  health  status.json  metrics  version.json  config.json
  log.jsonl      commits, newest first
  audit.jsonl    what became of loads, newest first
  sidecars/      loads that run, or that failed and wait to be finished
  at/<ref>/      everything as it was: a commit (8 digits or more), HEAD~3, 2h-ago,
                 2026-11-20, 2026-11-20T12:30Z, the name of a snapshot
  snapshots/     commits with a name, kept for good: mkdir takes one, rmdir drops it
  tables/        each table as one text: jq, cp, `cat new.jsonl >> tables/Person.jsonl`
  where/         rows that meet conditions: where/Person/city=Paris,age.ge=18/
                 .gt .ge .lt .le .in=A|B .null, then @order=age/@limit=10; rows.jsonl, count
  last_error     refusals, newest first
  handles.json   what is open
  rejected/      refused bodies, each with its reason in <name>.why
  ctl            write `flush` to make everything durable, as fsync does
)";

std::shared_ptr<const std::string> Share(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

void AddMetric(std::string& text, std::string_view name, std::string_view help, uint64_t value,
               std::string_view kind = "gauge") {
  text += "# HELP mendfs_" + std::string(name) + " " + std::string(help) + "\n# TYPE mendfs_" +
          std::string(name) + " " + std::string(kind) + "\nmendfs_" + std::string(name) + " " +
          std::to_string(value) + "\n";
}

std::string_view AccessName(int flags) {
  switch (flags & O_ACCMODE) {
    case O_WRONLY: return "write";
    case O_RDWR: return "read-write";
    default: return "read";
  }
}

}  // namespace

std::span<const MendFileName> MendFileNames() {
  return kNames;
}

MendTexts::MendTexts(PlaneContext& context, MendSources sources)
    : context_(context), sources_(std::move(sources)) {}

Result<std::shared_ptr<const std::string>> MendTexts::Render(MendFile file) {
  switch (file) {
    case MendFile::kReadme: return Share(std::string(kReadme));
    case MendFile::kHealth:
      return Share(std::string(HealthName(context_.store.Describe().health)) + "\n");
    case MendFile::kStatus: return Share(StatusJson(context_.store.Describe()) + "\n");
    case MendFile::kVersion: return Share(VersionJson() + "\n");
    case MendFile::kConfig: return Share(sources_.config_json + "\n");
    case MendFile::kMetrics: return Share(Metrics());
    case MendFile::kLog: return Log();
    case MendFile::kAudit: {
      MENDFS_ASSIGN_OR_RETURN(std::string text, AuditText(context_.store));
      return Share(std::move(text));
    }
    case MendFile::kSidecars: break;
    case MendFile::kLastError: return Share(Refusals());
    case MendFile::kHandles: return Share(OpenFiles());
    case MendFile::kControl: return Share({});
  }
  return Status(Code::kNotFound, ".mend: no such file");
}

std::string MendTexts::Metrics() const {
  StoreStatus status = context_.store.Describe();
  std::string text;
  AddMetric(text, "healthy", "1 when the store's health is ok", status.health == Health::kOk);
  AddMetric(text, "nodes", "node rows", status.counts.nodes);
  AddMetric(text, "edges", "edge rows", status.counts.edges);
  AddMetric(text, "files", "inodes below files/", status.counts.files);
  AddMetric(text, "changes_total", "changes ever acknowledged", status.last_seq.value, "counter");
  AddMetric(text, "changes_durable", "the newest change that is durable", status.durable_seq.value);
  AddMetric(text, "changes_folded", "the newest change in the manifest", status.folded_seq.value);
  AddMetric(text, "working_set_bytes", "changes in memory", status.working_set_bytes);
  AddMetric(text, "journal_bytes", "journal not yet sealed", status.journal_bytes);
  AddMetric(text, "sidecars_live", "multi-step writes that run", status.sidecars_live);
  AddMetric(text, "sidecars_left", "multi-step writes that failed and wait", status.sidecars_left);
  AddMetric(text, "segments", "segments of bulk-loaded rows", status.segments);
  AddMetric(text, "history_commits", "commits kept when history was thinned last",
            status.history.commits);
  AddMetric(text, "history_values", "earlier values kept when they were looked at last",
            status.history.values);
  AddMetric(text, "history_value_bytes", "what these take in the manifest",
            status.history.value_bytes);
  AddMetric(text, "space_total_bytes", "size of the store's disk", status.space.total_bytes);
  AddMetric(text, "space_available_bytes", "free on the store's disk",
            status.space.available_bytes);
  AddMetric(text, "refusals_total", "requests refused with a reason", context_.errors.count(),
            "counter");
  MountCounts counts = sources_.counts();
  AddMetric(text, "open_files", "open files of this mount", counts.files);
  AddMetric(text, "open_directories", "open directories of this mount", counts.directories);
  AddMetric(text, "places", "rows and views that the kernel refers to", counts.places);
  return text;
}

std::string MendTexts::OpenFiles() const {
  std::string text = "[";
  for (const OpenFileInfo& open : sources_.open_files()) {
    nlohmann::ordered_json entry = {
        {"inode", open.inode.value}, {"path", open.path},      {"access", AccessName(open.flags)},
        {"pid", open.caller.pid},    {"uid", open.caller.uid}, {"since", TimeText(open.opened_ns)}};
    if (text.size() > 1) text += ",\n ";
    text += entry.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  return text + "]\n";
}

std::string MendTexts::Refusals() const {
  std::string text;
  for (const Refusal& refusal : context_.errors.Recent()) text += RefusalText(refusal);
  return text;
}

namespace {

Status LogIsLong() {
  return {Code::kOverflow, ".mend/log.jsonl is made while it is read"};
}

}  // namespace

Result<std::shared_ptr<const std::string>> MendTexts::Log() {
  MutexLock lock(mutex_);
  const uint64_t dropped = context_.store.Describe().history.dropped;
  if (dropped != log_dropped_) {
    log_.reset();
    log_is_long_ = false;
  }
  log_dropped_ = dropped;
  if (log_is_long_) return LogIsLong();
  std::string newer;
  Seq before = kHeadSeq;
  Seq head = log_head_;
  for (bool done = false; !done;) {
    MENDFS_ASSIGN_OR_RETURN(std::vector<CommitRow> page,
                            context_.store.Log(context_.branch, before, kLogPageCommits));
    for (const CommitRow& commit : page) {
      if (log_ && commit.seq <= log_head_) {
        done = true;
        break;
      }
      if (head < commit.seq) head = commit.seq;
      newer += CommitJson(commit) + "\n";
      log_is_long_ = newer.size() > kLogTextBytesMax;
      if (log_is_long_) return LogIsLong();
    }
    if (page.size() < kLogPageCommits) break;
    before = page.back().seq;
  }
  if (log_ && newer.empty()) return log_;
  if (log_) newer += *log_;
  log_is_long_ = newer.size() > kLogTextBytesMax;
  if (log_is_long_) {
    log_.reset();
    return LogIsLong();
  }
  log_ = Share(std::move(newer));
  log_head_ = head;
  return log_;
}

}  // namespace mendfs
