// A fixed piece of work, and running it while something goes wrong once.
//
// Whatever the trouble is: each step leaves the state before it or behind it, also where it fails;
// repeating a step that failed succeeds, after an open where the store was fenced; what is there at
// the end is what the plan says, closed and opened again, and fsck finds nothing.
//
// Errors:   kInternal: a violation
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/crash/history.h"

namespace mendfs {

struct Plan {
  std::string name;
  std::vector<Step> steps;
  std::vector<State> states;  // states[i] is before steps[i]; one more behind the last
};

// `count` steps of the mix, then as many again in a second life that begins with all of
// UpkeepSteps; always the same ones for one seed.
Plan DrawPlan(std::string name, const Mix& mix, size_t count, uint64_t seed);
// The plans that cover what a store does.
const std::vector<Plan>& AllPlans();

class PlanRun {
 public:
  // Of the simulated disk, or of a defective one over it.
  using Defect = std::function<std::unique_ptr<Disk>(SimDisk&)>;
  explicit PlanRun(const Plan& plan, Defect defect = {});

  // Called with the disk before the store is opened, and to end the trouble when it has not come.
  struct Trouble {
    std::function<void(SimDisk&)> begin;
    std::function<void(SimDisk&)> end;
  };
  Status Run(const Trouble& trouble);
  // The same from some state on: what is left of the plan, without trouble.
  Status Finish(SimDisk& disk, size_t from);

  // What the trouble may look at while the work goes on: the states that a crash now may leave.
  size_t oldest() const { return oldest_.load(); }
  size_t newest() const { return newest_.load(); }
  // A world that a crash left: opens it, finds its state, checks it and finishes the plan there.
  Status TryCrash(SimDisk& disk, size_t oldest, size_t newest);
  bool told() const { return told_; }

 private:
  Status OpenSession();
  Result<size_t> Where(size_t first, size_t last);
  Status RunStep(size_t index);
  Status Do(size_t index, std::unique_ptr<Session>& session, Disk& disk) const;
  Status Repeat(size_t index);
  Status CloseAndCompare();

  const Plan& plan_;
  const Defect defect_;
  std::unique_ptr<SimDisk> disk_;
  std::unique_ptr<Disk> defective_;
  std::unique_ptr<Session> session_;
  std::atomic<size_t> oldest_{0};
  std::atomic<size_t> newest_{0};
  bool told_ = false;
};

}  // namespace mendfs
