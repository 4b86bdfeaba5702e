#include "meta/commit/intent/multi_step.h"

#include <algorithm>
#include <utility>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/codec/hash.h"
#include "meta/commit/intent/audit_rows.h"
#include "meta/commit/intent/owned_objects.h"
#include "meta/commit/intents.h"

namespace mendfs {
namespace {

// Ids that the intent brings; each further sidecar brings as many again as there are.
constexpr size_t kFirstObjects = 32;

}  // namespace

MultiStepWrite::MultiStepWrite(Store& store, Sidecar sidecar)
    : store_(store), files_(store.disk(), store.path()), sidecar_(std::move(sidecar)) {}

Result<std::unique_ptr<MultiStepWrite>> MultiStepWrite::Begin(Store& store,
                                                              const Options& options) {
  Sidecar sidecar;
  sidecar.operation = options.operation;
  sidecar.kind = options.kind;
  sidecar.branch = options.branch;
  sidecar.note = options.note;
  sidecar.base = store.LastSeq();
  sidecar.begun_ns = store.door().NowNs();
  MENDFS_ASSIGN_OR_RETURN(sidecar.incarnation, IncarnationOf(store.reader(), options.branch));
  MENDFS_RETURN_IF_ERROR(store.intents().Begin(sidecar.operation, sidecar.base));
  std::unique_ptr<MultiStepWrite> write(new MultiStepWrite(store, std::move(sidecar)));
  MENDFS_FAILPOINT(kIntentBeforeSidecar);
  MENDFS_RETURN_IF_ERROR(write->MintMore());
  MENDFS_FAILPOINT(kIntentAfterSidecar);
  return write;
}

Status MultiStepWrite::MintMore() {
  const size_t wanted = std::max(kFirstObjects, 2 * sidecar_.objects.size());
  Sidecar more = sidecar_;
  while (more.objects.size() < wanted) {
    more.objects.push_back({ObjectKind::kSegment, RandomId()});
  }
  MENDFS_RETURN_IF_ERROR(files_.Write(more));
  sidecar_ = std::move(more);
  return Status::Ok();
}

Result<Id128> MultiStepWrite::TakeSegment() {
  if (taken_ == sidecar_.objects.size()) MENDFS_RETURN_IF_ERROR(MintMore());
  return sidecar_.objects[taken_++].id;
}

Status MultiStepWrite::Confirm(IntentPlan plan, const CommitNote& note) {
  MENDFS_FAILPOINT(kIntentBeforeConfirm);
  Sidecar confirmed = sidecar_;
  confirmed.objects.resize(taken_);
  confirmed.note = note;
  confirmed.note.time_ns = store_.door().NowNs();
  confirmed.plan = std::move(plan);
  // Numbers that the plan uses, and rows that it joins, must not be lost to a power cut that the
  // plan survives.
  MENDFS_RETURN_IF_ERROR(store_.Flush());
  const Status written = files_.Write(confirmed);
  if (written.ok()) {
    sidecar_ = std::move(confirmed);
    return Status::Ok();
  }
  // Which of the two a crash would leave is known only while the older one is still there.
  const auto stands = files_.Read(sidecar_.operation);
  if (stands.ok() && !stands->confirmed()) return written;
  if (written.code() == Code::kTooBig) return written;
  return LeaveToRecovery("its sidecar could not be confirmed", written);
}

Result<std::optional<CommitRow>> MultiStepWrite::Publish() {
  if (Status hit = HitFailpoint(Failpoint::kIntentAfterConfirm); !hit.ok()) {
    return LeaveToRecovery("it is written and confirmed, but was not published", hit);
  }
  Change change = sidecar_.plan->change;
  const AuditRow row = MakeAuditRow(sidecar_, AuditOutcome::kPublished, "", store_.door().NowNs());
  Status status = AddAuditRow(store_.reader(), row, change);
  CommitNote note = sidecar_.note;
  note.time_ns = 0;  // now: its commit follows the ones that were closed meanwhile
  std::optional<CommitRow> commit;
  if (HasIntentDefect(IntentDefect::kClearBeforeAudit)) {
    files_.Remove(sidecar_.operation).IgnoreError();
  }
  if (status.ok()) {
    auto published = store_.Publish(change, note);
    status = published.status();
    if (status.ok()) commit = *std::move(published);
  }
  if (!status.ok()) {
    return LeaveToRecovery("it is written and confirmed, but was not published", status);
  }
  status = HitFailpoint(Failpoint::kIntentAfterPublish);
  if (status.ok()) status = store_.Flush();
  if (!status.ok()) return LeaveToRecovery("it is published, but not known to be durable", status);
  Clear();
  return commit;
}

// It is published and durable whatever happens here.
void MultiStepWrite::Clear() {
  over_ = true;
  Status status = HitFailpoint(Failpoint::kIntentAfterFlush);
  if (status.ok()) status = files_.Remove(sidecar_.operation);
  if (!status.ok()) {
    store_.intents().Leave(sidecar_.operation, sidecar_.base, true,
                           "it is published; its sidecar could not be removed: " +
                               status.ToString() + "; the next write to a table removes it");
    LogLine(LogLevel::kWarning, "intent", "a sidecar stays: " + status.ToString(),
            {{"sidecar", files_.PathOf(sidecar_.operation)}});
    return;
  }
  store_.intents().End(sidecar_.operation);
  HitFailpoint(Failpoint::kIntentAfterClear).IgnoreError();
}

Status MultiStepWrite::LeaveToRecovery(std::string_view what, const Status& why) {
  over_ = true;
  const std::string text = std::string(what) + ": " + why.ToString() +
                           "; the next write to a table finishes it, or the next mount; do not "
                           "repeat it before";
  store_.intents().Leave(sidecar_.operation, sidecar_.base, true, text);
  return {Code::kRecoveryNeeded, std::string(IntentKindName(sidecar_.kind)) + " (" +
                                     files_.PathOf(sidecar_.operation) + "): " + text};
}

// Nothing of it was confirmed: objects first, so that as long as one is there its owner is.
void MultiStepWrite::TakeBack() {
  Sidecar made = sidecar_;
  made.objects.resize(std::min(made.objects.size(), taken_));
  Status status = RemoveOwnedObjects(store_, made);
  if (status.ok()) status = files_.Remove(sidecar_.operation);
  if (status.ok()) return store_.intents().End(sidecar_.operation);
  store_.intents().Leave(
      sidecar_.operation, sidecar_.base, false,
      "what it made could not be removed: " + status.ToString() + "; the next mount removes it");
  LogLine(LogLevel::kWarning, "intent", "a sidecar stays: " + status.ToString(),
          {{"sidecar", files_.PathOf(sidecar_.operation)}});
}

MultiStepWrite::~MultiStepWrite() {
  if (!over_) TakeBack();
}

}  // namespace mendfs
