#include "meta/commit/intent/recovery.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/codec/hash.h"
#include "meta/commit/intent/audit_rows.h"
#include "meta/commit/intent/collision.h"
#include "meta/commit/intent/owned_objects.h"
#include "meta/commit/intent/sidecar_files.h"
#include "meta/commit/intents.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

enum class Power { kFinish, kAll };

// Whether a sidecar covers it is what cannot be told: both ways out, in order.
constexpr std::string_view kCannotTell =
    "; nothing was changed. Mount again; if that is refused too, mount with -o ro to read what "
    "there is, and run `mendfs fsck`";
constexpr std::string_view kCovered = "; mount the store again, which takes it back";

Status Refused(const std::string& what, const Status& why) {
  const std::string_view advice =
      why.code() == Code::kUnsupported
          ? std::string_view("; it is kept as it is. Use a newer mendfs; -o ro works meanwhile")
      : why.code() == Code::kCorruption
          ? std::string_view(
                "; it is kept as it is. `mendfs fsck` tells what else is wrong, -o ro "
                "works meanwhile; without the file the store opens for writing, and "
                "what this write made stays unused")
          : kCannotTell;
  return {Code::kRecoveryNeeded, what + why.message() + std::string(advice)};
}

// One sidecar's way to its end.
class Resolution {
 public:
  Resolution(Store& store, Power power, Sidecar sidecar)
      : store_(store),
        files_(store.disk(), store.path()),
        power_(power),
        sidecar_(std::move(sidecar)) {}

  Status Run() {
    MENDFS_FAILPOINT(kRecoverBeforeDecide);
    MENDFS_ASSIGN_OR_RETURN(const auto said,
                            FindAuditRow(store_.reader(), sidecar_.base, sidecar_.operation));
    if (said && said->in_the_store()) return FinishPublished(*said);
    if (said) return RemoveObjectsAndClear();
    if (!sidecar_.confirmed()) {
      return Discard(AuditOutcome::kDiscarded, "it had not been confirmed");
    }
    const auto incarnation = IncarnationOf(store_.reader(), sidecar_.branch);
    if (!incarnation.ok() && incarnation.status().code() != Code::kNotFound) {
      return incarnation.status();
    }
    if (!incarnation.ok() || *incarnation != sidecar_.incarnation) {
      return Discard(AuditOutcome::kBranchGone, "its branch is gone");
    }
    MENDFS_ASSIGN_OR_RETURN(const auto touched, FindTouched());
    if (touched) {
      return Discard(AuditOutcome::kDiscarded, *touched + " was changed since it began");
    }
    return RollForward();
  }

 private:
  Result<std::optional<std::string>> FindTouched() const {
    if (!OwnsItsPlan()) {
      return Refused(Name(),
                     Status(Code::kCorruption, "its plan names objects that are not its own"));
    }
    const ObjectStore objects(store_.disk(), store_.path());
    const auto touch = PlanTouch::Open(objects, *sidecar_.plan);
    if (!touch.ok()) return Refused(Name(), touch.status());
    std::optional<std::string> found;
    Status failed;
    const Status read = store_.intents().EachChangeSince(sidecar_.base, store_.LastSeq(),
                                                         [&](Seq, const Change& change) {
                                                           if (found || !failed.ok()) return;
                                                           auto touched = (*touch)->Find(change);
                                                           if (touched.ok()) {
                                                             found = *std::move(touched);
                                                           } else {
                                                             failed = touched.status();
                                                           }
                                                         });
    if (!failed.ok()) return Refused(Name(), failed);
    if (!read.ok()) return Refused(Name() + "what was changed since: ", read);
    return found;
  }

  bool OwnsItsPlan() const {
    for (const ChangeEntry& entry : sidecar_.plan->change.entries) {
      const auto id = entry.scope == EntryScope::kGlobal ? ParseObjectKey(entry.key) : std::nullopt;
      if (!id) continue;
      const bool owned = std::any_of(sidecar_.objects.begin(), sidecar_.objects.end(),
                                     [&](const OwnedObject& object) { return object.id == *id; });
      if (!owned) return false;
    }
    return true;
  }

  Status RollForward() {
    const int64_t now = store_.door().NowNs();
    Change change = sidecar_.plan->change;
    MENDFS_RETURN_IF_ERROR(AddAuditRow(
        store_.reader(), MakeAuditRow(sidecar_, AuditOutcome::kRolledForward, "", now), change));
    MENDFS_RETURN_IF_ERROR(store_.Publish(change, sidecar_.note).status());
    MENDFS_FAILPOINT(kIntentAfterPublish);
    MENDFS_RETURN_IF_ERROR(store_.Flush());
    LogLine(LogLevel::kInfo, "intent", "a confirmed write was finished",
            {{"sidecar", files_.PathOf(sidecar_.operation)}});
    return Clear();
  }

  Status FinishPublished(const AuditRow& row) {
    // The newest commit may be older than the record.
    const auto head = store_.Log(sidecar_.branch, kHeadSeq, 1);
    MENDFS_RETURN_IF_ERROR(head.status());
    if (head->empty() || head->front().seq < row.seq) {
      MENDFS_RETURN_IF_ERROR(store_.CloseCommit(sidecar_.branch, sidecar_.note).status());
    }
    MENDFS_RETURN_IF_ERROR(store_.Flush());
    return Clear();
  }

  Status Discard(AuditOutcome outcome, const std::string& why) {
    if (power_ == Power::kFinish) {
      return {Code::kRecoveryNeeded,
              Name() + why + ", so it cannot be finished" + std::string(kCovered)};
    }
    Change change;
    change.room = Room::kFrees;
    MENDFS_RETURN_IF_ERROR(AddAuditRow(
        store_.reader(), MakeAuditRow(sidecar_, outcome, why, store_.door().NowNs()), change));
    if (HasIntentDefect(IntentDefect::kClearBeforeAudit)) {
      MENDFS_RETURN_IF_ERROR(files_.Remove(sidecar_.operation));
    }
    MENDFS_RETURN_IF_ERROR(store_.door().Apply(change).status());
    MENDFS_RETURN_IF_ERROR(store_.Flush());
    LogLine(LogLevel::kWarning, "intent", "a write that was under way is taken back: " + why,
            {{"sidecar", files_.PathOf(sidecar_.operation)}});
    MENDFS_FAILPOINT(kRecoverAfterAudit);
    return RemoveObjectsAndClear();
  }

  Status RemoveObjectsAndClear() {
    MENDFS_RETURN_IF_ERROR(RemoveOwnedObjects(store_, sidecar_));
    MENDFS_FAILPOINT(kRecoverAfterObjects);
    return Clear();
  }

  Status Clear() {
    MENDFS_FAILPOINT(kIntentAfterFlush);
    MENDFS_RETURN_IF_ERROR(files_.Remove(sidecar_.operation));
    store_.intents().End(sidecar_.operation);
    return HitFailpoint(Failpoint::kIntentAfterClear);
  }

  std::string Name() const { return files_.PathOf(sidecar_.operation) + ": "; }

  Store& store_;
  SidecarFiles files_;
  const Power power_;
  const Sidecar sidecar_;
};

struct Waiting {
  Seq base;
  Id128 operation;
  bool confirmed = false;
};

// All of them are readable before one is touched.
Result<std::vector<Waiting>> ReadAll(const SidecarFiles& files,
                                     const std::vector<Id128>& operations) {
  std::vector<Waiting> waiting;
  for (const Id128& operation : operations) {
    const auto sidecar = files.Read(operation);
    if (!sidecar.ok()) return Refused("", sidecar.status());
    waiting.push_back({sidecar->base, operation, sidecar->confirmed()});
  }
  std::sort(waiting.begin(), waiting.end(), [](const Waiting& one, const Waiting& other) {
    return std::pair(one.base, one.operation) < std::pair(other.base, other.operation);
  });
  return waiting;
}

void TellForeign(const Store& store, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    LogLine(LogLevel::kWarning, "intent", "something in sidecars/ is no sidecar; it is left alone",
            {{"path", store.path() + "/sidecars/" + name}});
  }
}

std::string WaitsText(const Status& why) {
  return "it could not be resolved: " + why.ToString();
}

}  // namespace

Status CheckSidecars(Disk& disk, const std::string& store_path) {
  const SidecarFiles files(disk, store_path);
  const auto listing = files.List();
  if (!listing.ok()) return Refused("", listing.status());
  return ReadAll(files, listing->operations).status();
}

Status RecoverAtOpen(Store& store) {
  SidecarFiles files(store.disk(), store.path());
  const auto listing = files.List();
  if (!listing.ok()) return Refused("", listing.status());
  TellForeign(store, listing->foreign);
  MENDFS_ASSIGN_OR_RETURN(const std::vector<Waiting> waiting, ReadAll(files, listing->operations));
  // From here on nothing behind their bases may be taken from the journal.
  for (const Waiting& one : waiting) {
    store.intents().Leave(one.operation, one.base, one.confirmed, "it waits for recovery");
  }
  for (const Id128& operation : listing->unfinished) {
    MENDFS_RETURN_IF_ERROR(files.RemoveUnfinished(operation));
  }
  for (const Waiting& one : waiting) {
    auto sidecar = files.Read(one.operation);
    if (!sidecar.ok()) return Refused("", sidecar.status());
    const Status done = Resolution(store, Power::kAll, *std::move(sidecar)).Run();
    if (done.ok()) continue;
    if (done.code() != Code::kNoSpace) {
      return done.Annotate("recover " + files.PathOf(one.operation));
    }
    store.intents().Leave(one.operation, one.base, one.confirmed, WaitsText(done));
    LogLine(LogLevel::kWarning, "intent", "the disk is full, a sidecar waits: " + done.ToString(),
            {{"sidecar", files.PathOf(one.operation)}});
  }
  return Status::Ok();
}

void NoteSidecars(Store& store) {
  const SidecarFiles files(store.disk(), store.path());
  const auto listing = files.List();
  if (!listing.ok()) {
    store.intents().SetTrouble("whether a write waits for recovery is not known: " +
                               listing.status().message());
    return;
  }
  TellForeign(store, listing->foreign);
  for (const Id128& operation : listing->operations) {
    const auto sidecar = files.Read(operation);
    const std::string why = sidecar.ok()
                                ? "a multi-step write waits; a mount for writing resolves it"
                                : sidecar.status().message();
    store.intents().Leave(operation, sidecar.ok() ? sidecar->base : Seq(), false, why);
  }
}

Status HealSidecars(Store& store) {
  WriterLock gate(store.door().table_gate());
  Intents& intents = store.intents();
  if (!intents.NeedsHeal()) return Status::Ok();  // somebody else did while this one waited
  SidecarFiles files(store.disk(), store.path());
  const auto listing = files.List();
  if (!listing.ok()) {
    const Status refused = Refused("", listing.status());
    intents.SetTrouble(refused.message());
    return refused;
  }
  intents.SetTrouble("");
  std::vector<Id128> left;
  for (const Id128& operation : listing->operations) {
    if (!intents.IsLive(operation)) left.push_back(operation);
  }
  intents.KeepOnly(left);
  MENDFS_ASSIGN_OR_RETURN(const std::vector<Waiting> waiting, ReadAll(files, left));
  for (const Waiting& one : waiting) {
    auto sidecar = files.Read(one.operation);
    if (!sidecar.ok()) return Refused("", sidecar.status());
    MENDFS_ASSIGN_OR_RETURN(const auto said,
                            FindAuditRow(store.reader(), sidecar->base, sidecar->operation));
    if (!one.confirmed || (said && !said->in_the_store())) {
      // Nobody waits for what is only to be taken back.
      intents.Leave(one.operation, one.base, false, "it is taken back by the next mount");
      continue;
    }
    const Status done = Resolution(store, Power::kFinish, *std::move(sidecar)).Run();
    if (done.ok()) continue;
    intents.Leave(one.operation, one.base, true, WaitsText(done));
    if (done.code() == Code::kRecoveryNeeded) return done;
    const bool plain = done.code() == Code::kNoSpace || done.code() == Code::kReadOnly;
    return {plain ? done.code() : Code::kRecoveryNeeded,
            files.PathOf(one.operation) + " is to be finished first: " + done.message() +
                "; try again, or mount the store again"};
  }
  return Status::Ok();
}

}  // namespace mendfs
