#include "tests/crash/history.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <utility>

#include "meta/manifest/keys.h"
#include "meta/object/object_store.h"
#include "reconcile/check/fsck.h"

namespace mendfs {
namespace {

constexpr size_t kShownLinesMax = 6;

constexpr std::string_view kCallNames[] = {"open",
                                           "read",
                                           "size",
                                           "list",
                                           "stat",
                                           "space",
                                           "open for writing",
                                           "write",
                                           "truncate",
                                           "allocate",
                                           "sync",
                                           "rename",
                                           "remove",
                                           "make directory",
                                           "remove directory",
                                           "sync directory",
                                           "lock"};
static_assert(std::size(kCallNames) == static_cast<size_t>(DiskCall::kCount));

// MENDFS_CRASH_TRACE=1 shows what a history does.
void Trace(uint64_t life, const std::string& step) {
  static const bool wanted = std::getenv("MENDFS_CRASH_TRACE") != nullptr;
  if (wanted)
    std::fprintf(stderr, "life %llu: %s\n", static_cast<unsigned long long>(life), step.c_str());
}

// Lines that one text has and the other has not.
std::string Difference(const std::string& wanted, const std::string& found) {
  const auto lines = [](const std::string& text) {
    std::vector<std::string> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto a = lines(wanted);
  const auto b = lines(found);
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(missing));
  std::set_difference(b.begin(), b.end(), a.begin(), a.end(), std::back_inserter(extra));
  std::string text;
  for (size_t i = 0; i < std::min(missing.size(), kShownLinesMax); ++i) {
    text += "\n    - " + missing[i];
  }
  for (size_t i = 0; i < std::min(extra.size(), kShownLinesMax); ++i) text += "\n    + " + extra[i];
  return text;
}

}  // namespace

CrashFigures& CrashFigures::operator+=(const CrashFigures& other) {
  power_cuts += other.power_cuts;
  deaths += other.deaths;
  recovery_cuts += other.recovery_cuts;
  lives += other.lives;
  checks += other.checks;
  return *this;
}

OpenOptions CrashOpenOptions() {
  OpenOptions options;
  options.commit_interval_ms = 0;
  options.journal_segment_bytes = 16 << 10;
  options.pack_bytes = 300'000;
  options.blob_begin_bytes = 100'000;
  options.working_set_bytes = 8'000;
  options.cache_bytes = 4 << 20;
  return options;
}

std::unique_ptr<SimDisk> FreshStore() {
  static const std::unique_ptr<SimDisk> made = [] {
    auto disk = std::make_unique<SimDisk>();
    const Status created = Store::Create(*disk, kCrashStore, {.schema_text = CrashSchema(0)});
    if (!created.ok()) std::terminate();
    return disk;
  }();
  return made->Fork();
}

Status CheckClean(SimDisk& disk) {
  MENDFS_ASSIGN_OR_RETURN(const CheckReport report,
                          CheckStore(disk, kCrashStore, {.findings_max = 3, .data = true}, {}));
  if (report.findings.empty() && report.complete) return Status::Ok();
  std::string text = "fsck could not look at everything";
  for (const Finding& finding : report.findings) {
    text = "fsck: " + finding.kind + ", " + finding.subject + ": " + finding.sentence;
  }
  return {Code::kInternal, text};
}

CrashHistory::CrashHistory(uint64_t seed, const HistoryOptions& options)
    : seed_(seed), options_(options), random_(seed), disk_(FreshStore()) {
  states_.push_back({Model(), Model().Describe(), "fresh"});
}

CrashHistory::~CrashHistory() = default;

void CrashHistory::Keep(std::string_view call, const std::string& path,
                        const std::function<std::unique_ptr<SimDisk>()>& fork,
                        std::vector<Moment>& moments) {
  // In this order: a flush or a change that comes between makes the claim weaker, never wrong.
  const size_t oldest = oldest_.load();
  moments.push_back({fork(), oldest, newest_.load(), std::string(call) + " " + path});
}

Status CrashHistory::RunStep(Session& session) {
  Step step = DrawStep(states_[last_done_].model, random_, options_.mix);
  const bool changes = step.kind == StepKind::kChange;
  if (changes) {
    std::string text = step.after.Describe();
    states_.push_back({std::move(step.after), std::move(text), step.name});
    newest_.store(states_.size() - 1);
  }
  Trace(life_, step.name);
  const size_t flushed = last_done_;
  MENDFS_RETURN_IF_ERROR(step.run(session).Annotate(step.name));
  if (changes) last_done_ = states_.size() - 1;
  const bool durable = step.kind == StepKind::kFlush || step.kind == StepKind::kCommit;
  if (durable) oldest_.store(flushed);
  return Status::Ok();
}

// What is shown once stays: an open flushes what it replays. Until it has, the disk may still lose
// what the end of the last life left unflushed.
Status CrashHistory::Begin(Session& session) {
  MENDFS_ASSIGN_OR_RETURN(const std::string text, session.Describe());
  MENDFS_ASSIGN_OR_RETURN(const size_t shown,
                          FindState(text, {nullptr, oldest_.load(), newest_.load(), ""}));
  State state = states_[shown];
  states_.push_back(std::move(state));
  last_done_ = states_.size() - 1;
  newest_.store(last_done_);
  oldest_.store(last_done_);
  return Status::Ok();
}

Status CrashHistory::Work(std::vector<Moment>& moments) {
  disk_->Watch([&](DiskCall call, const std::string& path, const auto& fork) {
    Keep(kCallNames[static_cast<size_t>(call)], path, fork, moments);
  });
  std::unique_ptr<Disk> defective;
  if (options_.defect) defective = options_.defect(*disk_);
  Disk& disk = defective ? *defective : *disk_;
  {
    MENDFS_ASSIGN_OR_RETURN(const auto session, Session::Open(disk, options_.open));
    MENDFS_RETURN_IF_ERROR(Begin(*session));
    for (uint64_t i = 0, count = random_() % options_.steps; i < count; ++i) {
      if (options_.before_step) options_.before_step();
      MENDFS_RETURN_IF_ERROR(RunStep(*session));
      if (options_.step_pause_ms > 0 && i % 4 == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(options_.step_pause_ms));
      }
    }
    MENDFS_ASSIGN_OR_RETURN(const std::string text, session->Describe());
    if (text != states_[last_done_].text) {
      return {Code::kInternal,
              "the living store differs:" + Difference(states_[last_done_].text, text)};
    }
  }
  oldest_.store(last_done_);  // it was closed
  disk_->Watch({});
  moments.push_back({disk_->Fork(), last_done_, last_done_, "after closing"});
  return Status::Ok();
}

Result<size_t> CrashHistory::FindState(const std::string& text, const Moment& moment) const {
  for (size_t i = moment.newest + 1; i-- > moment.oldest;) {
    if (states_[i].text == text) return i;
  }
  for (size_t i = 0; i < moment.oldest; ++i) {
    if (states_[i].text != text) continue;
    return Status(Code::kInternal, "lost what was flushed: the state is that of change " +
                                       std::to_string(i) + " (" + states_[i].step + "), flushed " +
                                       "was change " + std::to_string(moment.oldest) + " (" +
                                       states_[moment.oldest].step + ")");
  }
  std::string sentence = "no state of changes " + std::to_string(moment.oldest) + " to " +
                         std::to_string(moment.newest) + "; against the oldest:";
  sentence += Difference(states_[moment.oldest].text, text) + "\n  against the newest (" +
              states_[moment.newest].step + "):";
  return Status(Code::kInternal, sentence + Difference(states_[moment.newest].text, text));
}

// After an open, staging holds the packs that the manifest calls open and nothing else.
Status CrashHistory::CheckResidue(SimDisk& disk, Session& session) {
  MENDFS_ASSIGN_OR_RETURN(const auto staged, disk.List(std::string(kCrashStore) + "/staging"));
  for (const DirEntry& entry : staged) {
    const auto id = ParseObjectStagingName(entry.name);
    if (id && session.store().reader().GetGlobal(OpenPackKey(*id)).ok()) continue;
    return {Code::kInternal, "staging/" + entry.name + " belongs to nobody"};
  }
  return Status::Ok();
}

Result<size_t> CrashHistory::TryWorld(SimDisk& disk, const Moment& moment, bool deep) {
  std::vector<Moment> recovery;
  if (deep) {
    disk.Watch([&](DiskCall call, const std::string& path, const auto& fork) {
      recovery.push_back({fork(), moment.oldest, moment.newest,
                          std::string(kCallNames[static_cast<size_t>(call)]) + " " + path});
    });
  }
  size_t shown = 0;
  {
    OpenOptions open = options_.open;
    open.commit_interval_ms = 0;
    MENDFS_ASSIGN_OR_RETURN(const auto session, Session::Open(disk, open));
    if (deep) disk.Watch({});
    MENDFS_ASSIGN_OR_RETURN(const std::string text, session->Describe());
    MENDFS_ASSIGN_OR_RETURN(shown, FindState(text, moment));
    MENDFS_RETURN_IF_ERROR(CheckResidue(disk, *session));
  }
  if (options_.check_one_in > 0 && random_() % options_.check_one_in == 0) {
    ++figures_.checks;
    MENDFS_RETURN_IF_ERROR(CheckClean(disk));
  }
  if (deep) MENDFS_RETURN_IF_ERROR(TryRecovery(recovery, moment.call));
  return shown;
}

Status CrashHistory::TryRecovery(std::vector<Moment>& moments, const std::string& end) {
  for (const Moment& moment : moments) {
    const uint64_t cut_seed = random_();
    moment.disk->PowerCut(cut_seed);
    ++figures_.power_cuts;
    ++figures_.recovery_cuts;
    const auto shown = TryWorld(*moment.disk, moment, false);
    if (!shown.ok()) {
      return shown.status().Annotate("power cut before " + end + ", recovery cut before " +
                                     moment.call);
    }
  }
  return Status::Ok();
}

Status CrashHistory::TryMoment(const Moment& moment, bool is_next) {
  const unsigned next_end = static_cast<unsigned>(random_() % (options_.cuts + 1));
  for (unsigned end = 0; end <= options_.cuts; ++end) {
    const bool goes_on = is_next && end == next_end;
    auto world = moment.disk->Fork();
    const bool cut = end > 0;
    if (cut) {
      world->PowerCut(random_());
      ++figures_.power_cuts;
    } else {
      ++figures_.deaths;
    }
    if (goes_on) disk_ = world->Fork();
    const bool deep = random_() % options_.recovery_one_in == 0;
    const auto shown = TryWorld(*world, moment, deep);
    if (!shown.ok()) {
      return shown.status().Annotate((cut ? "power cut before " : "died before ") + moment.call);
    }
  }
  return Status::Ok();
}

Status CrashHistory::Live() {
  ++life_;
  ++figures_.lives;
  const std::string place = "life " + std::to_string(life_);
  std::vector<Moment> moments;
  MENDFS_RETURN_IF_ERROR(Work(moments).Annotate(place));
  const size_t next = random_() % moments.size();
  for (size_t i = 0; i < moments.size(); ++i) {
    MENDFS_RETURN_IF_ERROR(TryMoment(moments[i], i == next)
                               .Annotate(place + ", moment " + std::to_string(i) + " of " +
                                         std::to_string(moments.size())));
    if (i != next) moments[i].disk.reset();
  }
  states_.erase(states_.begin() + static_cast<long>(moments[next].newest) + 1, states_.end());
  states_.erase(states_.begin(), states_.begin() + static_cast<long>(moments[next].oldest));
  oldest_.store(0);
  newest_.store(states_.size() - 1);
  return Status::Ok();
}

}  // namespace mendfs
