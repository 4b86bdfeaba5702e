// One thing that a person does to a store: what it does to the model, and how it is done.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/crash/model.h"
#include "tests/crash/session.h"

namespace mendfs {

// How much of what a history is made of; weights, 0: none.
struct Mix {
  unsigned names = 6;          // create, mkdir, symlink, rename, link, unlink, rmdir, chmod, xattr
  unsigned bytes = 6;          // write, append, truncate, punch, reflink
  unsigned rows = 6;           // put, delete, rekey, edges
  unsigned durable = 3;        // flush, commit
  unsigned bulk = 0;           // load, schema
  unsigned upkeep = 1;         // UpkeepSteps
  unsigned snapshots = 0;      // take, delete, rename
  unsigned large_one_in = 20;  // of writes: those that go to packs
};

enum class StepKind { kChange, kNothing, kFlush, kCommit, kReopen };

struct Step {
  std::string name;  // for people
  StepKind kind = StepKind::kNothing;
  Model after;
  std::function<Status(Session&)> run;
};

// What a store does for itself and nobody sees, one step each. What the store learns to do has its
// line in here, so that histories and the matrix of failpoints do it too.
std::vector<Step> UpkeepSteps(const Model& model);

// Closes the store and opens it again; who runs it does that, it has no `run`.
Step ReopenStep(const Model& model);

// Always one that the store has to accept.
Step DrawStep(const Model& model, std::mt19937_64& random, const Mix& mix);

}  // namespace mendfs
