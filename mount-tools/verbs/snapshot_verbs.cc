#include "mount-tools/verbs/snapshot_verbs.h"

#include <nlohmann/json.hpp>
#include <string>

#include "meta/codec/hash.h"
#include "meta/snapshots.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

std::string SnapshotLine(const SnapshotRow& snapshot) {
  std::string line = Printable(snapshot.name) + "  " + ShortHex(snapshot.commit).substr(0, 16) +
                     "  " + HumanTime(snapshot.time_ns) + "  " + Printable(snapshot.actor);
  if (!snapshot.message.empty()) line += "  " + Printable(snapshot.message);
  return line;
}

}  // namespace

Status RunSnapshotCreate(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  NewSnapshot wanted{
      .name = request.name, .actor = ActorOf(request, host), .message = request.message};
  if (!request.ref.empty()) wanted.ref = request.ref;
  MENDFS_ASSIGN_OR_RETURN(const SnapshotRow taken, CreateSnapshot(host.store, kMainBranch, wanted));
  if (request.json) return io.Out(SnapshotJson(taken) + "\n");
  return io.Out("snapshot " + Printable(taken.name) + " of commit " +
                ShortHex(taken.commit).substr(0, 16) + "\n");
}

Status RunSnapshotList(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  bool some = false;
  Status unread;
  MENDFS_RETURN_IF_ERROR(
      EachSnapshot(host.store, [&](std::string_view, const Result<SnapshotRow>& row) -> Status {
        if (!row.ok()) {
          unread = row.status();
          return Status::Ok();
        }
        some = true;
        return io.Out((request.json ? SnapshotJson(*row) : SnapshotLine(*row)) + "\n");
      }));
  MENDFS_RETURN_IF_ERROR(unread);
  if (!some && !request.json) return io.Out("there is no snapshot\n");
  return Status::Ok();
}

Status RunSnapshotDelete(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  MENDFS_RETURN_IF_ERROR(DeleteSnapshot(host.store, request.name));
  if (request.json) {
    const nlohmann::ordered_json json = {{"deleted", request.name}};
    return io.Out(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                  "\n");
  }
  return io.Out("deleted snapshot " + Printable(request.name) +
                "; its commit is thinned as others are\n");
}

}  // namespace mendfs
