#include "fs/ops/rows/row_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "fs/ops/plane/draft.h"

namespace mendfs {
namespace {

// Rows change by loads and with the rows they hang on, too, which the kernel does not see.
constexpr Freshness kRowFreshness = Freshness::kShort;

Status Gone(const std::string& what) {
  return Status(Code::kStale, what + ": the row was removed");
}

// The bytes of one commit, from open to release.
class RowReader final : public FileHandle {
 public:
  RowReader(OpenRows& open_rows, OpenRows::Ref row, std::string body, Attributes attributes)
      : open_rows_(open_rows),
        row_(std::move(row)),
        body_(std::move(body)),
        attributes_(std::move(attributes)) {}
  ~RowReader() override { Release(); }

  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override {
    if (offset >= body_.size()) return size_t{0};
    size_t count = std::min<uint64_t>(size_bytes, body_.size() - offset);
    std::memcpy(target, body_.data() + offset, count);
    return count;
  }
  void Release() override {
    if (row_) open_rows_.Close(std::exchange(row_, nullptr));
  }
  std::optional<Attributes> Pinned() const override { return attributes_; }

 private:
  OpenRows& open_rows_;
  OpenRows::Ref row_;
  const std::string body_;
  const Attributes attributes_;
};

}  // namespace

// ---------------------------------------------------------------------------------- the draft

class RowFiles::Target final : public DraftTarget {
 public:
  // `exclusive`: opened with O_EXCL, to be the one who makes the row.
  Target(RowFiles& files, const Caller& caller, OpenRows::Ref row, DraftKind kind)
      : files_(files),
        caller_(caller),
        row_(std::move(row)),
        exclusive_(kind.exclusive),
        replaced_(std::move(kind.replaced)) {}

  Result<std::string> Committed() override;
  DraftShape ShapeOf(std::string_view body) const override;
  Status Check(std::string_view body) override;
  Status Commit(std::string_view body) override;
  Status Reserve(uint64_t size_bytes) override {
    return files_.open_rows_.Reserve(held_bytes_, size_bytes);
  }
  bool AcceptsEmpty() const override { return files_.kind_.traits().empty_is_row; }
  bool IsTouched() const override {
    MutexLock lock(row_->mutex);
    return row_->is_new && row_->attributes.mtime_ns != 0;
  }
  void Finished(bool committed) override;
  uint64_t size_max() const override { return kRowBodyBytesMax; }
  std::string Show() const override { return files_.Show(PlaceNow()); }
  std::string RejectedDirectory() const override { return files_.TableName(TableOf(PlaceNow())); }
  std::string RejectedName() const override {
    Result<std::string> name = files_.kind_.NameOf(PlaceNow());
    return name.ok() ? *name : row_->name;
  }

 private:
  Place PlaceNow() const {
    MutexLock lock(row_->mutex);
    return row_->place;
  }
  Status CommitLocked(std::string_view body) REQUIRES(row_->mutex);
  Status Taken(const Place& place) const {
    return {Code::kExists, "create " + files_.Show(place) +
                               ": it was opened to be made anew (O_EXCL), and another one made it "
                               "first; open it without O_EXCL to replace it"};
  }

  RowFiles& files_;
  const Caller caller_;
  const OpenRows::Ref row_;
  bool exclusive_;  // guarded by the draft, as below
  const std::optional<DetachedRow> replaced_;
  uint64_t held_bytes_ = 0;  // guarded by the draft, which calls one at a time
};

Result<std::string> RowFiles::Target::Committed() {
  MutexLock lock(row_->mutex);
  if (row_->is_new) return std::string();
  Result<RowFile> live = files_.kind_.Get(row_->place);
  if (live.ok()) return std::move(live->body);
  // Removed while it was open: what was there cannot be built upon.
  if (live.status().code() == Code::kNotFound) return Gone(files_.Show(row_->place));
  return live.status();
}

DraftShape RowFiles::Target::ShapeOf(std::string_view body) const {
  if (body.empty()) return DraftShape::kEmpty;
  // What no further bytes can mend is as complete as it gets.
  return ProbeBody(body) == BodyState::kIncomplete ? DraftShape::kIncomplete
                                                   : DraftShape::kComplete;
}

Status RowFiles::Target::Check(std::string_view body) {
  MutexLock lock(row_->mutex);
  if (row_->unlinked) return {};
  if (exclusive_ && !row_->is_new) return Taken(row_->place);
  return files_.kind_.Check(row_->place, body);
}

Status RowFiles::Target::Commit(std::string_view body) {
  MutexLock lock(row_->mutex);
  return CommitLocked(body);
}

Status RowFiles::Target::CommitLocked(std::string_view body) {
  if (row_->unlinked) return {};
  Place place = row_->place;
  if (exclusive_ && !row_->is_new) return Taken(place);
  if (!row_->is_new) {
    // Under its present key; a row that others took away is not brought back by a late close.
    Result<RowFile> live = files_.kind_.Get(place);
    if (!live.ok()) {
      return live.status().code() == Code::kNotFound ? Gone(files_.Show(place)) : live.status();
    }
    place = std::move(live->place);
  }
  MENDFS_ASSIGN_OR_RETURN(
      Place put,
      files_.kind_.Put(place, body, {.create_only = exclusive_, .attributes = row_->attributes}));
  exclusive_ = false;
  row_->attributes = {};
  row_->size_bytes = body.size();
  if (row_->is_new) {
    row_->is_new = false;
    files_.open_rows_.DropName(row_);
    files_.detached_.Drop(put);
  }
  row_->place = std::move(put);
  return {};
}

void RowFiles::Target::Finished(bool committed) {
  files_.open_rows_.Reserve(held_bytes_, 0).IgnoreError();  // giving back is never refused
  if (!committed && replaced_) files_.PutBack(caller_, *replaced_);
  files_.open_rows_.Close(row_);
}

// ---------------------------------------------------------------------------------- attributes

Attributes RowFiles::Shown(const Place& place, const RowAttributes& own,
                           uint64_t size_bytes) const {
  Attributes attributes =
      MakeAttributes(context_, {.inode = InodeOf(place),
                                .mode = S_IFREG | own.permissions.value_or(kRowPermissions),
                                .size_bytes = size_bytes,
                                .time_ns = own.mtime_ns});
  attributes.uid = own.uid.value_or(attributes.uid);
  attributes.gid = own.gid.value_or(attributes.gid);
  return attributes;
}

Found RowFiles::Answer(const RowFile& row) {
  RowAttributes own = row.attributes;
  if (own.mtime_ns == 0) own.mtime_ns = times_.TimeOf(row.start);
  Found found;
  found.attributes = Shown(row.place, own, row.body.size());
  found.place = std::make_shared<const Place>(row.place);
  // Open: a draft may be about to replace it, or a handle show another version than this one.
  bool open = open_rows_.Find(found.attributes.inode) != nullptr;
  found.freshness = open ? Freshness::kNone : kRowFreshness;
  return found;
}

Found RowFiles::Answer(const OpenRows::Ref& row) {
  MutexLock lock(row->mutex);
  RowAttributes own = row->attributes;
  if (own.mtime_ns == 0) own.mtime_ns = context_.store.door().NowNs();
  Found found;
  found.attributes = Shown(row->place, own, row->is_new ? 0 : row->size_bytes);
  found.attributes.inode = row->node;
  if (row->unlinked) found.attributes.links = 0;
  found.place = std::make_shared<const Place>(row->place);
  found.freshness = Freshness::kNone;
  return found;
}

Result<Found> RowFiles::GetAttributes(const Node& node, const FileHandle* handle) {
  if (std::optional<Attributes> pinned = handle != nullptr ? handle->Pinned() : std::nullopt) {
    return Found{
        .attributes = *std::move(pinned), .place = node.place, .freshness = Freshness::kNone};
  }
  Result<RowFile> live = kind_.Get(*node.place);
  if (live.ok()) return Answer(*live);
  if (live.status().code() != Code::kNotFound) return live.status();
  OpenRows::Ref open = open_rows_.Find(node.id);
  if (open) return Answer(open);
  return Gone(Show(*node.place));
}

Result<Found> RowFiles::SetAttributes(const Node& node, const AttributeChange& change,
                                      FileHandle* handle) {
  if (change.size_bytes) {
    MENDFS_RETURN_IF_ERROR(handle != nullptr ? handle->Truncate(*change.size_bytes)
                                             : Truncate(node, *change.size_bytes));
  }
  RowAttributes given;
  given.permissions = change.permissions;
  given.uid = change.uid;
  given.gid = change.gid;
  // 0 says that a row has no time of its own.
  if (change.mtime_ns) given.mtime_ns = *change.mtime_ns != 0 ? *change.mtime_ns : 1;
  if (given != RowAttributes{}) MENDFS_RETURN_IF_ERROR(SetRowAttributes(node, given));
  return GetAttributes(node, nullptr);
}

// truncate(2) of a path is a whole change in itself: the shortened body is accepted or refused.
Status RowFiles::Truncate(const Node& node, uint64_t size_bytes) {
  Result<RowFile> live = kind_.Get(*node.place);
  if (!live.ok()) {
    // A draft without an accepted body is empty for everybody but its writer.
    bool empty = live.status().code() == Code::kNotFound && open_rows_.Find(node.id) != nullptr;
    if (empty && size_bytes == 0) return {};
    return live.status().code() == Code::kNotFound ? Gone(Show(*node.place)) : live.status();
  }
  if (size_bytes == live->body.size()) return {};
  if (size_bytes > kRowBodyBytesMax) {
    return Status(Code::kTooBig, "truncate " + Show(live->place) + ": a body is at most " +
                                     std::to_string(kRowBodyBytesMax) + " bytes");
  }
  if (size_bytes == 0 && !kind_.traits().empty_is_row) {
    return Status(Code::kInvalid, "truncate " + Show(live->place) +
                                      ": an empty file is no row; write the new body");
  }
  live->body.resize(size_bytes);
  return kind_.Put(live->place, live->body, {}).status();
}

Status RowFiles::SetRowAttributes(const Node& node, const RowAttributes& given) {
  OpenRows::Ref open = open_rows_.Find(node.id);
  if (open) {
    MutexLock lock(open->mutex);
    if (open->is_new || open->unlinked) {
      open->attributes = MergeAttributes(open->attributes, given);
      return {};
    }
    // `cp -p` and `tar x` set the time before they close: it has to outlive the commit.
    if (given.mtime_ns != 0) open->attributes.mtime_ns = given.mtime_ns;
  }
  Result<RowFile> live = kind_.Get(*node.place);
  if (live.ok()) return kind_.SetAttributes(live->place, given);
  return live.status().code() == Code::kNotFound ? Gone(Show(*node.place)) : live.status();
}

RowAttributes RowFiles::AttributesOf(const Attributes& file, bool replaces) const {
  RowAttributes attributes;
  attributes.mtime_ns = file.mtime_ns != 0 ? file.mtime_ns : 1;
  uint32_t permissions = file.mode & 07777;
  if (replaces || permissions != kRowPermissions) attributes.permissions = permissions;
  if (replaces || file.uid != context_.owner_uid) attributes.uid = file.uid;
  if (replaces || file.gid != context_.owner_gid) attributes.gid = file.gid;
  return attributes;
}

// ------------------------------------------------------------------------------------- opening

Result<Opened> RowFiles::Open(const Caller& caller, const Node& node, const OpenRequest& request) {
  Result<RowFile> live = kind_.Get(*node.place);
  if (live.ok()) return OpenLive(caller, *live, request);
  if (live.status().code() != Code::kNotFound) return live.status();
  // Of a new name there is nothing to read yet; who has it open may open it for writing once more.
  OpenRows::Ref open = request.writes() ? open_rows_.Find(node.id) : nullptr;
  if (open && open_rows_.Reopen(open)) {
    return OpenDraft(caller, std::move(open), request, {});
  }
  return Gone(Show(*node.place));
}

Result<Opened> RowFiles::OpenLive(const Caller& caller, const RowFile& row,
                                  const OpenRequest& request) {
  bool writes = request.writes() || (request.flags & O_TRUNC) != 0;
  OpenRows::Ref open = open_rows_.Open(
      {.place = row.place, .node = InodeOf(row.place), .size_bytes = row.body.size()});
  if (writes) return OpenDraft(caller, std::move(open), request, {});
  return Opened{.handle = std::make_unique<RowReader>(open_rows_, std::move(open), row.body,
                                                      Answer(row).attributes),
                .direct_io = true,
                .keep_cache = false,
                .no_flush = true};
}

Result<Opened> RowFiles::OpenDraft(const Caller& caller, OpenRows::Ref row,
                                   const OpenRequest& request, DraftKind kind) {
  bool is_new = kind.is_new;
  return Opened{.handle = std::make_unique<DraftHandle>(
                    context_, caller,
                    std::make_unique<Target>(*this, caller, std::move(row), std::move(kind)),
                    request, is_new),
                .direct_io = true,
                .keep_cache = false,
                .no_flush = false};
}

Result<Created> RowFiles::Create(const Caller& caller, const Place& place, std::string_view name,
                                 uint32_t mode, const OpenRequest& request) {
  // Refused here, a shell hears it; it does not look at close(2), where an empty edge is decided.
  MENDFS_RETURN_IF_ERROR(kind_.Check(place, std::nullopt));
  DraftKind draft{.is_new = true, .exclusive = (request.flags & O_EXCL) != 0};
  TypeId table = TableOf(place);
  const InodeNumber directory = InodeOf(TablePlace(kind_.traits(), table));
  // Somebody else is making it, too: each has a draft of its own, and the same file in the end.
  if (OpenRows::Ref other = open_rows_.FindNew(directory, name)) {
    if (open_rows_.Reopen(other)) {
      draft.is_new = draft.exclusive;
      Found found = Answer(other);
      MENDFS_ASSIGN_OR_RETURN(Opened opened,
                              OpenDraft(caller, std::move(other), request, std::move(draft)));
      return Created{.found = std::move(found), .opened = std::move(opened)};
    }
  }
  Place fresh = place;
  draft.replaced = detached_.Find(place, context_.store.door().NowNs());
  if (kind_.traits().has_number) {
    if (draft.replaced) {
      fresh.row = draft.replaced->row.place.row;
    } else {
      MENDFS_ASSIGN_OR_RETURN(fresh.row, context_.store.door().TakeInodes(1));
    }
  }
  RowAttributes attributes;
  if ((mode & 07777) != kRowPermissions) attributes.permissions = mode & 07777;
  if (caller.uid != context_.owner_uid) attributes.uid = caller.uid;
  if (caller.gid != context_.owner_gid) attributes.gid = caller.gid;
  OpenRows::Ref row = open_rows_.Create({.place = fresh,
                                         .node = InodeOf(fresh),
                                         .directory = directory,
                                         .name = name,
                                         .attributes = attributes});
  // Another one began between the two looks.
  if (!row) return Status(Code::kBusy, std::string(name) + " is being made; try again");
  Found found = Answer(row);
  MENDFS_ASSIGN_OR_RETURN(Opened opened,
                          OpenDraft(caller, std::move(row), request, std::move(draft)));
  return Created{.found = std::move(found), .opened = std::move(opened)};
}

// ----------------------------------------------------------------------------------- removing

Status RowFiles::Remove(const RowFile& row) {
  auto remove = [&]() -> Status {
    MENDFS_RETURN_IF_ERROR(kind_.Remove(row.place));
    RowFile gone = row;
    // Put back it shows the time that it showed.
    if (gone.attributes.mtime_ns == 0) gone.attributes.mtime_ns = times_.TimeOf(row.start);
    detached_.Add(std::move(gone), context_.store.door().NowNs());
    return {};
  };
  OpenRows::Ref open = open_rows_.Find(InodeOf(row.place));
  if (!open) return remove();
  MutexLock lock(open->mutex);
  MENDFS_RETURN_IF_ERROR(remove());
  open->unlinked = true;
  return {};
}

// A row that is there by now is somebody else's, and stays.
void RowFiles::PutBack(const Caller& caller, const DetachedRow& detached) {
  const Place& place = detached.row.place;
  Status status(Code::kTooBig, "more than " + std::to_string(kDetachedBytesMax) +
                                   " bytes were removed with it, so that its own were let go");
  if (detached.is_whole) {
    status = kind_
                 .Put(place, detached.row.body,
                      {.create_only = true, .attributes = detached.row.attributes})
                 .status();
  }
  if (status.ok()) detached_.Drop(place);
  if (status.ok() || status.code() == Code::kExists) return;
  NoteRefusal(context_, caller, "put back", Show(place),
              status.Annotate("put " + Show(place) +
                              " back, which made room for what was refused; `mendfs log` shows "
                              "the commit that still has it"));
}

void RowFiles::Refuse(const Caller& caller, std::string_view operation, const Place& place,
                      std::string_view body, const Status& reason) {
  Result<std::string> name = kind_.NameOf(place);
  KeepRefused(context_, caller,
              {.operation = operation,
               .path = Show(place),
               .directory = TableName(TableOf(place)),
               .name = name.ok() ? *name : place.key,
               .body = body},
              reason);
}

void RowFiles::Unlink(InodeNumber node) {
  OpenRows::Ref open = open_rows_.Find(node);
  if (!open) return;
  MutexLock lock(open->mutex);
  open->unlinked = true;
  open_rows_.DropName(open);
}

void RowFiles::Move(InodeNumber node, const Place& target) {
  OpenRows::Ref open = open_rows_.Find(node);
  if (!open) return;
  MutexLock lock(open->mutex);
  open->place = target;
}

std::string RowFiles::TableName(TypeId table) const {
  Result<std::vector<ListedName>> tables = kind_.Tables();
  if (tables.ok()) {
    for (const ListedName& name : *tables) {
      if (name.cookie == table.value) return name.name;
    }
  }
  return "type-" + std::to_string(table.value);
}

std::string RowFiles::Show(const Place& place) const {
  std::string path(kind_.traits().folder);
  if (place.kind == kind_.traits().tables) return path;
  path += "/" + TableName(TableOf(place));
  if (place.kind == kind_.traits().table) return path;
  Result<std::string> name = kind_.NameOf(place);
  return path + "/" + (name.ok() ? *name : place.key);
}

}  // namespace mendfs
