#include "fs/ops/plane/plane.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "fs/ops/plane/error_log.h"
#include "fs/ops/plane/rejected.h"

namespace mendfs {
namespace {

Status Refuse(std::string_view what) {
  return Status(Code::kNotPermitted, std::string(what) + ": not possible in this place");
}

}  // namespace

bool OpenRequest::writes() const {
  return (flags & O_ACCMODE) != O_RDONLY;
}

Status FileHandle::Write(uint64_t, std::string_view) {
  return Status(Code::kNotPermitted, "write: this file is read-only by its nature");
}

Status FileHandle::Truncate(uint64_t) {
  return Status(Code::kNotPermitted, "truncate: this file is read-only by its nature");
}

Status FileHandle::ChangeSpace(const SpaceChange&) {
  return Status(Code::kUnsupported, "fallocate: only files of files/ have space of their own");
}

Result<std::optional<uint64_t>> FileHandle::Find(uint64_t, BodySought) {
  return Status(Code::kUnsupported, "seek: this file has no holes");
}

Result<Found> PlaneNames::Lookup(const Caller&, const Node&, std::string_view name) {
  return Status(Code::kNotDirectory, "look up " + std::string(name) + ": not in a directory");
}

Result<Found> PlaneNames::LookupListed(const Caller& caller, const Node& parent,
                                       const ListedName& listed) {
  return Lookup(caller, parent, listed.name);
}

Result<Found> PlaneNames::Make(const Caller&, const Node&, std::string_view name,
                               const MakeRequest&) {
  return Refuse("make " + std::string(name));
}

Result<Created> PlaneNames::Create(const Caller&, const Node&, std::string_view name, uint32_t,
                                   const OpenRequest&) {
  return Refuse("create " + std::string(name));
}

Result<Found> PlaneNames::Link(const Caller&, const Node&, const Node&, std::string_view name) {
  return Refuse("hard link " + std::string(name));
}

Status PlaneNames::Remove(const Caller&, const Node&, std::string_view name, bool) {
  return Refuse("remove " + std::string(name));
}

Status PlaneNames::Rename(const Caller&, const Node&, const RenameCall& request) {
  return Refuse("rename " + std::string(request.name));
}

// Tools set times and modes after they made something; where these are fixed that is no error as
// long as nothing would be lost: modes and times of derived places are.
Result<Found> PlaneNodes::SetAttributes(const Caller&, const Node&, const AttributeChange&,
                                        FileHandle*) {
  return Refuse("change attributes");
}

Result<std::string> PlaneNodes::ReadLink(const Caller&, const Node&) {
  return Status(Code::kInvalid, "read link: not a symlink");
}

Result<Opened> PlaneNodes::Open(const Caller&, const Node&, const OpenRequest&) {
  return Status(Code::kIsDirectory, "open: not a file");
}

Result<std::unique_ptr<DirectoryHandle>> PlaneNodes::OpenDirectory(const Caller&, const Node&) {
  return Status(Code::kNotDirectory, "open directory: not a directory");
}

Result<std::string> PlaneNodes::GetXattr(const Caller&, const Node&, std::string_view name) {
  return Status(Code::kNotFound, "xattr " + std::string(name));
}

Result<std::vector<std::string>> PlaneNodes::ListXattrs(const Caller&, const Node&) {
  return std::vector<std::string>();
}

Status PlaneNodes::SetXattr(const Caller&, const Node&, std::string_view name, std::string_view,
                            XattrMode) {
  return Status(Code::kUnsupported, "set xattr " + std::string(name) + ": only below files/");
}

Status PlaneNodes::RemoveXattr(const Caller&, const Node&, std::string_view name) {
  return Status(Code::kNotFound, "xattr " + std::string(name));
}

Attributes MakeAttributes(const PlaneContext& context, const PlainAttributes& plain) {
  int64_t time_ns = plain.time_ns != 0 ? plain.time_ns : context.start_ns;
  Attributes attributes;
  attributes.inode = plain.inode;
  attributes.mode = plain.mode;
  attributes.uid = context.owner_uid;
  attributes.gid = context.owner_gid;
  // 1 for directories too: it says that the number of subdirectories is not counted here, so that
  // find(1) does not conclude from a 2 that there are none.
  attributes.links = 1;
  attributes.size_bytes = plain.size_bytes;
  attributes.atime_ns = time_ns;
  attributes.mtime_ns = time_ns;
  attributes.ctime_ns = time_ns;
  attributes.btime_ns = time_ns;
  return attributes;
}

Found MakeFound(const PlaneContext& context, Place place, uint32_t mode, uint64_t size_bytes) {
  Found found;
  found.attributes =
      MakeAttributes(context, {.inode = InodeOf(place), .mode = mode, .size_bytes = size_bytes});
  found.place = std::make_shared<const Place>(std::move(place));
  return found;
}

void NoteRefusal(PlaneContext& context, const Caller& caller, std::string_view operation,
                 std::string_view path, const Status& status, std::string_view rejected) {
  context.errors.Add({.time_ns = context.store.door().NowNs(),
                      .uid = caller.uid,
                      .pid = caller.pid,
                      .operation = std::string(operation),
                      .path = std::string(path),
                      .code = status.code(),
                      .sentence = status.message(),
                      .rejected = std::string(rejected)});
}

void KeepRefused(PlaneContext& context, const Caller& caller, const RefusedBody& refused,
                 const Status& reason) {
  std::string kept_at;
  if (!refused.body.empty()) {
    Result<std::string> kept = context.rejected.Add({.directory = refused.directory,
                                                     .name = refused.name,
                                                     .body = refused.body,
                                                     .reason = reason.message(),
                                                     .uid = caller.uid,
                                                     .gid = caller.gid});
    kept_at = kept.ok() ? *kept : "lost: " + kept.status().message();
  }
  NoteRefusal(context, caller, refused.operation, refused.path, reason, kept_at);
}

}  // namespace mendfs
