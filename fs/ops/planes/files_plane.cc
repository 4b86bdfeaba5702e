// files/ and every other inode of the tree: FileReader and FileWriter as a plane. All changes of
// these inodes pass through this mount, so the kernel may cache them for long.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "fs/ops/plane/rejected.h"
#include "fs/ops/planes/planes.h"
#include "fs/ops/planes/quota_xattr.h"

namespace mendfs {
namespace {

class TreeFile final : public FileHandle {
 public:
  // Takes over one Hold of the inode.
  TreeFile(PlaneContext& context, InodeNumber inode, bool append)
      : context_(context), inode_(inode), append_(append) {}
  ~TreeFile() override { Release(); }

  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override {
    return context_.files.Read(context_.head(), inode_, offset, size_bytes, target);
  }
  Status Write(uint64_t offset, std::string_view bytes) override {
    if (append_) return context_.file_writer.Append(inode_, bytes).status();
    return context_.file_writer.Write(inode_, offset, bytes).status();
  }
  Status Truncate(uint64_t size_bytes) override {
    return context_.file_writer.Set(inode_, {.size_bytes = size_bytes}).status();
  }
  Status ChangeSpace(const SpaceChange& change) override {
    return context_.file_writer.ChangeSpace(inode_, change).status();
  }
  Result<std::optional<uint64_t>> Find(uint64_t offset, BodySought sought) override {
    return context_.files.Find(context_.head(), inode_, offset, sought);
  }
  std::optional<InodeNumber> tree_inode() const override { return inode_; }
  void Release() override {
    if (!std::exchange(released_, true) && !context_.is_past()) context_.file_writer.Unhold(inode_);
  }

 private:
  PlaneContext& context_;
  const InodeNumber inode_;
  const bool append_;
  bool released_ = false;
};

// Reads the live directory, not a snapshot: POSIX wants rewinddir(3) to see what changed.
class TreeNames final : public NameSource {
 public:
  TreeNames(PlaneContext& context, InodeNumber directory)
      : context_(context), directory_(directory) {}

  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    MENDFS_ASSIGN_OR_RETURN(auto cursor, context_.files.List(context_.head(), directory_, after));
    return std::unique_ptr<NameStream>(std::make_unique<Stream>(std::move(cursor)));
  }

 private:
  class Stream final : public NameStream {
   public:
    explicit Stream(std::unique_ptr<FileCursor> cursor) : cursor_(std::move(cursor)) {}
    Result<std::optional<ListedName>> Next() override {
      MENDFS_ASSIGN_OR_RETURN(std::optional<FileEntry> entry, cursor_->Next());
      if (!entry) return std::optional<ListedName>();
      return std::optional(ListedName{.name = std::move(entry->name),
                                      .inode = entry->inode,
                                      .mode_type = entry->mode_type,
                                      .cookie = entry->cookie});
    }

   private:
    std::unique_ptr<FileCursor> cursor_;
  };

  PlaneContext& context_;
  const InodeNumber directory_;
};

class FilesPlane final : public Plane {
 public:
  FilesPlane(PlaneContext& context, const FilesOptions& options)
      : context_(context), options_(options) {}

  Result<Found> Lookup(const Caller&, const Node& parent, std::string_view name) override {
    return Below(parent, Answer(context_.files.Lookup(context_.head(), parent.id, name)));
  }
  Result<Found> LookupListed(const Caller&, const Node& parent, const ListedName& listed) override {
    return Below(parent, Answer(context_.files.Get(context_.head(), listed.inode)));
  }
  Result<Found> Make(const Caller& caller, const Node& parent, std::string_view name,
                     const MakeRequest& request) override {
    return Below(parent,
                 Answer(context_.file_writer.Make(parent.id, name, NewInodeOf(caller, request))));
  }
  Result<Created> Create(const Caller& caller, const Node& parent, std::string_view name,
                         uint32_t mode, const OpenRequest& request) override;
  Result<Found> Link(const Caller&, const Node& node, const Node& new_parent,
                     std::string_view new_name) override {
    return Answer(context_.file_writer.Link(node.id, new_parent.id, new_name));
  }
  Status Remove(const Caller&, const Node& parent, std::string_view name, bool directory) override {
    return context_.file_writer.Remove(parent.id, name, directory).status();
  }
  Status Rename(const Caller&, const Node& parent, const RenameCall& request) override {
    return context_.file_writer.Rename(parent.id, request.name, request.new_parent.id,
                                       request.new_name, request.mode);
  }

  Result<Found> GetAttributes(const Caller&, const Node& node, FileHandle*) override {
    return Below(node, Answer(context_.files.Get(context_.head(), node.id)));
  }
  Result<Found> SetAttributes(const Caller&, const Node& node, const AttributeChange& change,
                              FileHandle*) override {
    return Answer(context_.file_writer.Set(node.id, change));
  }
  Result<std::string> ReadLink(const Caller&, const Node& node) override {
    return context_.files.ReadLink(context_.head(), node.id);
  }
  Result<Opened> Open(const Caller&, const Node& node, const OpenRequest& request) override;
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller&, const Node& node) override;
  Result<std::string> GetXattr(const Caller&, const Node& node, std::string_view name) override {
    if (name == kQuotaXattr) return ShowQuota(context_, node.id);
    return context_.files.GetXattr(context_.head(), node.id, name);
  }
  Result<std::vector<std::string>> ListXattrs(const Caller&, const Node& node) override {
    return context_.files.ListXattrs(context_.head(), node.id);
  }
  Status SetXattr(const Caller&, const Node& node, std::string_view name, std::string_view value,
                  XattrMode mode) override;
  Status RemoveXattr(const Caller&, const Node& node, std::string_view name) override {
    if (name == kQuotaXattr) return context_.file_writer.ClearQuota(node.id);
    return context_.file_writer.RemoveXattr(node.id, name);
  }
  std::string Show(const Node& node) override {
    if (node.id == kFilesRoot) return "files";
    return "files: inode " + std::to_string(node.id.value);
  }

 private:
  Result<Found> Answer(Result<Attributes> attributes) const {
    if (!attributes.ok()) return attributes.status();
    // An atime that an open has moved is to be seen without a word to the kernel.
    return Found{.attributes = *std::move(attributes),
                 .place = nullptr,
                 .freshness = options_.relatime ? Freshness::kShort : Freshness::kLong};
  }
  // Rejected bodies go without a request of the kernel.
  Result<Found> Below(const Node& parent, Result<Found> found) const {
    if (!found.ok() || !context_.rejected.Owns(parent.id)) return found;
    found->freshness = Freshness::kNone;
    if (S_ISDIR(found->attributes.mode)) context_.rejected.OwnsChild(found->attributes.inode);
    return found;
  }
  // What a set-group-id directory and a default ACL pass on is the tree's to know.
  static NewInode NewInodeOf(const Caller& caller, const MakeRequest& request) {
    return {.mode = request.mode,
            .umask = caller.umask,
            .uid = caller.uid,
            .gid = caller.gid,
            .device = request.device,
            .link_target = std::string(request.link_target)};
  }
  Result<Created> CreateUnnamed(const Caller& caller, const Node& directory, uint32_t mode,
                                const OpenRequest& request);
  // The inode is held already.
  Opened HeldHandle(InodeNumber inode, const OpenRequest& request) {
    return {.handle = std::make_unique<TreeFile>(context_, inode, (request.flags & O_APPEND) != 0),
            .direct_io = false,
            .keep_cache = true,
            .no_flush = true};
  }
  Opened Handle(InodeNumber inode, const OpenRequest& request) {
    if (!context_.is_past()) context_.file_writer.Hold(inode);
    return HeldHandle(inode, request);
  }
  void NoteRead(InodeNumber inode, int flags);

  PlaneContext& context_;
  const FilesOptions options_;
};

Result<Created> FilesPlane::CreateUnnamed(const Caller& caller, const Node& directory,
                                          uint32_t mode, const OpenRequest& request) {
  MakeRequest make{.mode = S_IFREG | (mode & 07777), .device = 0, .link_target = {}};
  Result<Found> found =
      Answer(context_.file_writer.MakeUnnamed(directory.id, NewInodeOf(caller, make)));
  if (!found.ok()) return found.status();
  Opened opened = HeldHandle(found->attributes.inode, request);
  return Created{.found = *std::move(found), .opened = std::move(opened)};
}

// relatime: an atime that is older than the last change, or than a day, becomes now. At most one
// record for each of these, however often the file is opened; reads themselves are never seen here,
// most come from the page cache.
void FilesPlane::NoteRead(InodeNumber inode, int flags) {
  constexpr int64_t kDayNs = 86'400'000'000'000;
  if (!options_.relatime || (flags & O_ACCMODE) == O_WRONLY || (flags & O_NOATIME) != 0) return;
  Result<Attributes> attributes = context_.files.Get(context_.head(), inode);
  if (!attributes.ok()) return;  // the open itself says why
  int64_t now_ns = context_.store.door().NowNs();
  bool old = attributes->atime_ns <= attributes->mtime_ns ||
             attributes->atime_ns <= attributes->ctime_ns ||
             now_ns - attributes->atime_ns >= kDayNs;
  if (!old) return;
  // A store that cannot be written must still be readable.
  context_.file_writer.Set(inode, {.read_ns = now_ns}).status().IgnoreError();
}

Result<Created> FilesPlane::Create(const Caller& caller, const Node& parent, std::string_view name,
                                   uint32_t mode, const OpenRequest& request) {
  if ((request.flags & O_TMPFILE) == O_TMPFILE) {
    return CreateUnnamed(caller, parent, mode, request);
  }
  Result<Found> found = Make(caller, parent, name,
                             {.mode = S_IFREG | (mode & 07777), .device = 0, .link_target = {}});
  bool race = !found.ok() && found.status().code() == Code::kExists;
  if (race && (request.flags & O_EXCL) == 0) {
    // Another client was faster: its file is opened.
    found = Lookup(caller, parent, name);
    if (!found.ok()) return found.status();
    Node node{.id = found->attributes.inode, .place = nullptr};
    MENDFS_ASSIGN_OR_RETURN(Opened opened, Open(caller, node, request));
    return Created{.found = *std::move(found), .opened = std::move(opened)};
  }
  if (!found.ok()) return found.status();
  Opened opened = Handle(found->attributes.inode, request);
  return Created{.found = *std::move(found), .opened = std::move(opened)};
}

Result<Opened> FilesPlane::Open(const Caller&, const Node& node, const OpenRequest& request) {
  Opened opened = Handle(node.id, request);  // held before it is looked at
  if ((request.flags & O_TRUNC) != 0) {
    MENDFS_RETURN_IF_ERROR(opened.handle->Truncate(0));
  }
  NoteRead(node.id, request.flags);
  return opened;
}

Result<std::unique_ptr<DirectoryHandle>> FilesPlane::OpenDirectory(const Caller&,
                                                                   const Node& node) {
  MENDFS_ASSIGN_OR_RETURN(Attributes directory, context_.files.Get(context_.head(), node.id));
  if (!S_ISDIR(directory.mode)) {
    return Status(Code::kNotDirectory, "open directory " + Show(node));
  }
  NoteRead(node.id, O_RDONLY);
  InodeNumber parent = node.id == kFilesRoot ? kMountRoot : directory.parent;
  return std::make_unique<DirectoryHandle>(DirectoryHandle::Ends{.self = node.id, .parent = parent},
                                           std::make_unique<TreeNames>(context_, node.id));
}

Status FilesPlane::SetXattr(const Caller& caller, const Node& node, std::string_view name,
                            std::string_view value, XattrMode mode) {
  // The kernel has checked who may set which. Who sets an ACL without belonging to the file's group
  // loses the set-group-id bit, as with chmod(2); for that one the kernel leaves it to us.
  if (name == kQuotaXattr) {
    MENDFS_ASSIGN_OR_RETURN(uint64_t limit_bytes, ParseQuotaLimit(value));
    return context_.file_writer.SetQuota(node.id, limit_bytes);
  }
  XattrWrite write(mode);
  if (name.starts_with("system.") && caller.uid != 0) {
    MENDFS_ASSIGN_OR_RETURN(Attributes attributes, context_.files.Get(context_.head(), node.id));
    bool member = caller.gid == attributes.gid ||
                  std::find(caller.groups.begin(), caller.groups.end(), attributes.gid) !=
                      caller.groups.end();
    write.drop_set_group_id = !member;
  }
  return context_.file_writer.SetXattr(node.id, name, value, write);
}

}  // namespace

std::unique_ptr<Plane> MakeFilesPlane(PlaneContext& context, const FilesOptions& options) {
  return std::make_unique<FilesPlane>(context, options);
}

}  // namespace mendfs
