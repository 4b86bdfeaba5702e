#include "fs/ops/operations.h"

#include "fs/ops/plane/error_log.h"

namespace mendfs {

Status Operations::CheckWritable() const {
  if (!read_only_) return {};
  return Status(Code::kReadOnly, "this mount is read-only");
}

void Operations::Count(const Found& found) {
  if (found.place) node_table_.Add(found.attributes.inode, found.place);
}

Status Operations::Refused(const Request& request, const Status& status) {
  if (!NeedsSentence(status)) return status;
  std::string path = PlaneOfNode(request.node).Show(request.node);
  if (!request.name.empty()) {
    if (!path.empty() && !path.ends_with('/')) path += '/';
    path += request.name;
  }
  NoteRefusal(context_, request.caller, request.operation, path, status);
  return status;
}

}  // namespace mendfs
