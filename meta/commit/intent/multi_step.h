// A multi-step write: bytes that take long to make, published by one record, with a sidecar that
// says at every instant what a crash leaves behind and what becomes of it.
//
//   1 intent    the sidecar, synced: what it is, the ids of the objects that it will make
//   2 objects   written and synced under these ids; more ids are minted by writing the sidecar anew
//   3 confirm   the journal flushed, so that what the plan builds on stands; then the sidecar
//               replaced by one with the exact plan
//   4 publish   one record with the plan and the audit row, flushed, closing a commit
//   5 clear     the sidecar removed
//
// Crash before 3: recovery discards the objects that the sidecar owns and the manifest does not
// name. After 3: recovery publishes the plan unless a change since the base touches it; else it
// discards. After 4: the audit row says that it is published; recovery removes the sidecar. See
// recovery.h. A failure while the process lives: before 3 the destructor takes everything back;
// from 3 on the sidecar stays and the next write to a table, or the next open, goes on with it.
//
// The caller holds the tables' gate exclusively from Begin to its destructor's end, so that nobody
// touches what the plan read.
//
// Lifetime: the Store outlives it
// Threads:  one
// Errors:   kBusy with too many sidecars; kTooBig for a plan that no sidecar holds; kRecoveryNeeded
//           when the outcome is now recovery's; kNoSpace, kIo
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/commit/intent/sidecar_files.h"
#include "meta/commit/intent/sidecar_format.h"
#include "meta/store.h"

namespace mendfs {

class MultiStepWrite {
 public:
  struct Options {
    Id128 operation;
    IntentKind kind = IntentKind::kLoad;
    BranchId branch = kMainBranch;
    CommitNote note;  // may be replaced when it is confirmed
  };
  static Result<std::unique_ptr<MultiStepWrite>> Begin(Store& store, const Options& options);
  ~MultiStepWrite();
  MultiStepWrite(const MultiStepWrite&) = delete;
  MultiStepWrite& operator=(const MultiStepWrite&) = delete;

  // The id of an object that is made next; durable in the sidecar when this returns ok.
  Result<Id128> TakeSegment();
  Status Confirm(IntentPlan plan, const CommitNote& note);
  // Once confirmed. Nothing when it is published and its commit could not be closed yet.
  Result<std::optional<CommitRow>> Publish();

 private:
  MultiStepWrite(Store& store, Sidecar sidecar);
  Status MintMore();
  void TakeBack();
  // The sidecar stays; recovery goes on with it.
  Status LeaveToRecovery(std::string_view what, const Status& why);
  void Clear();

  Store& store_;
  SidecarFiles files_;
  Sidecar sidecar_;
  size_t taken_ = 0;  // of its objects
  bool over_ = false;
};

}  // namespace mendfs
