#include "tests/crash/plan.h"

#include <utility>

#include "tests/crash/steps.h"

namespace mendfs {
namespace {

Status Violation(std::string sentence) {
  return {Code::kInternal, std::move(sentence)};
}

}  // namespace

Plan DrawPlan(std::string name, const Mix& mix, size_t count, uint64_t seed) {
  Plan plan;
  plan.name = std::move(name);
  plan.states.push_back({Model(), Model().Describe(), "fresh"});
  std::mt19937_64 random(seed);
  const auto add = [&](Step step) {
    plan.states.push_back({step.after, step.after.Describe(), step.name});
    plan.steps.push_back(std::move(step));
  };
  for (size_t i = 0; i < count; ++i) add(DrawStep(plan.states.back().model, random, mix));
  add(ReopenStep(plan.states.back().model));
  for (Step& step : UpkeepSteps(plan.states.back().model)) add(std::move(step));
  for (size_t i = 0; i < count; ++i) add(DrawStep(plan.states.back().model, random, mix));
  return plan;
}

const std::vector<Plan>& AllPlans() {
  static const std::vector<Plan> plans = {
      DrawPlan("names", {.names = 10, .bytes = 2, .rows = 0}, 14, 1),
      DrawPlan("rows", {.names = 0, .bytes = 0, .rows = 10}, 26, 7),
      DrawPlan("bodies", {.names = 2, .bytes = 10, .rows = 0, .large_one_in = 1}, 12, 3),
      DrawPlan("snapshots", {.names = 3, .bytes = 2, .rows = 3, .snapshots = 8}, 12, 5),
      DrawPlan("bulk", {.names = 0, .bytes = 0, .rows = 4, .bulk = 4}, 7, 4),
  };
  return plans;
}

PlanRun::PlanRun(const Plan& plan, Defect defect)
    : plan_(plan), defect_(std::move(defect)), disk_(FreshStore()) {}

Status PlanRun::OpenSession() {
  session_.reset();
  Disk* disk = disk_.get();
  if (defect_) {
    if (!defective_) defective_ = defect_(*disk_);
    disk = defective_.get();
  }
  MENDFS_ASSIGN_OR_RETURN(session_, Session::Open(*disk, CrashOpenOptions()));
  return Status::Ok();
}

// Which of these states the open store shows.
Result<size_t> PlanRun::Where(size_t first, size_t last) {
  auto text = session_->Describe();
  // A reading call may be what fails; once.
  if (!text.ok()) {
    told_ = true;
    text = session_->Describe();
  }
  MENDFS_RETURN_IF_ERROR(text.status().Annotate("look again"));
  for (size_t i = last + 1; i-- > first;) {
    if (plan_.states[i].text == *text) return i;
  }
  return Violation("shows none of the states " + std::to_string(first) + " to " +
                   std::to_string(last) + " of the plan; the last would be:\n" +
                   plan_.states[last].text + "it shows:\n" + *text);
}

Status PlanRun::Do(size_t index, std::unique_ptr<Session>& session, Disk& disk) const {
  const Step& step = plan_.steps[index];
  if (step.kind != StepKind::kReopen) return step.run(*session);
  session.reset();
  MENDFS_ASSIGN_OR_RETURN(session, Session::Open(disk, CrashOpenOptions()));
  return Status::Ok();
}

Status PlanRun::Repeat(size_t index) {
  const Step& step = plan_.steps[index];
  if (step.kind == StepKind::kReopen) return OpenSession();
  MENDFS_ASSIGN_OR_RETURN(size_t now, Where(index, index + 1));
  if (now == index + 1 && step.kind == StepKind::kChange) return Status::Ok();
  Status again = step.run(*session_);
  if (again.code() == Code::kReadOnly) {
    // Fenced: an open goes on. What had been told as failed may be found then.
    MENDFS_RETURN_IF_ERROR(OpenSession().Annotate("open after the store was fenced"));
    MENDFS_ASSIGN_OR_RETURN(now, Where(index, index + 1));
    if (now == index + 1 && step.kind == StepKind::kChange) return Status::Ok();
    again = step.run(*session_);
  }
  // What was confirmed when it failed is finished by the next write, and then there already.
  if (!again.ok() && step.kind == StepKind::kChange) {
    MENDFS_ASSIGN_OR_RETURN(now, Where(index, index + 1));
    if (now == index + 1) return Status::Ok();
  }
  return again.Annotate("repeat " + step.name);
}

Status PlanRun::RunStep(size_t index) {
  const Step& step = plan_.steps[index];
  newest_.store(index + 1);
  Status done = step.kind == StepKind::kReopen ? OpenSession() : step.run(*session_);
  if (!done.ok()) {
    told_ = true;
    MENDFS_RETURN_IF_ERROR(Repeat(index).Annotate("step " + std::to_string(index) + " (" +
                                                  step.name + ") failed with <" + done.ToString() +
                                                  ">"));
  }
  const bool changes = step.kind == StepKind::kChange || step.kind == StepKind::kNothing;
  if (!changes) oldest_.store(index + 1);
  return Status::Ok();
}

Status PlanRun::CloseAndCompare() {
  const size_t last = plan_.steps.size();
  MENDFS_RETURN_IF_ERROR(Where(last, last).status().Annotate("at the end"));
  session_.reset();
  return Status::Ok();
}

Status PlanRun::Run(const Trouble& trouble) {
  trouble.begin(*disk_);
  if (Status opened = OpenSession(); !opened.ok()) {
    told_ = true;
    MENDFS_RETURN_IF_ERROR(OpenSession().Annotate("open again after <" + opened.ToString() + ">"));
  }
  for (size_t i = 0; i < plan_.steps.size(); ++i) MENDFS_RETURN_IF_ERROR(RunStep(i));
  MENDFS_RETURN_IF_ERROR(CloseAndCompare());
  trouble.end(*disk_);
  const size_t last = plan_.steps.size();
  MENDFS_RETURN_IF_ERROR(OpenSession().Annotate("open what was closed"));
  MENDFS_RETURN_IF_ERROR(Where(last, last).status().Annotate("opened again"));
  session_.reset();
  return CheckClean(*disk_);
}

Status PlanRun::Finish(SimDisk& disk, size_t from) {
  const size_t last = plan_.steps.size();
  {
    MENDFS_ASSIGN_OR_RETURN(auto session, Session::Open(disk, CrashOpenOptions()));
    for (size_t i = from; i < last; ++i) {
      MENDFS_RETURN_IF_ERROR(Do(i, session, disk).Annotate(plan_.steps[i].name));
    }
    MENDFS_ASSIGN_OR_RETURN(const std::string text, session->Describe());
    if (text != plan_.states[last].text) return Violation("the finished plan shows:\n" + text);
  }
  return CheckClean(disk);
}

Status PlanRun::TryCrash(SimDisk& disk, size_t oldest, size_t newest) {
  size_t shown = newest + 1;
  {
    MENDFS_ASSIGN_OR_RETURN(const auto session, Session::Open(disk, CrashOpenOptions()));
    MENDFS_ASSIGN_OR_RETURN(const std::string text, session->Describe());
    for (size_t i = newest + 1; i-- > oldest && shown > newest;) {
      if (plan_.states[i].text == text) shown = i;
    }
    if (shown > newest) {
      return Violation("after a crash none of the states " + std::to_string(oldest) + " to " +
                       std::to_string(newest) + " is there, but:\n" + text);
    }
  }
  MENDFS_RETURN_IF_ERROR(CheckClean(disk));
  return Finish(disk, shown).Annotate("finish from state " + std::to_string(shown));
}

}  // namespace mendfs
