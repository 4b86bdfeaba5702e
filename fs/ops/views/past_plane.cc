#include "fs/ops/views/past_plane.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "fs/ops/views/past_view.h"
#include "fs/ops/views/snapshot_names.h"
#include "meta/codec/hash.h"
#include "meta/refs.h"
#include "meta/snapshots.h"

namespace mendfs {
namespace {

using ViewRef = std::shared_ptr<PastView>;

// Views that are kept at hand besides those of open files; more are made again when they are used.
constexpr size_t kViewsMax = 32;
constexpr size_t kCommitsAtOnce = 256;

Status PastIsFixed() {
  return {Code::kReadOnly, "this is how it was: nothing of the past can be changed"};
}

bool IsSnapshots(const Node& node) {
  return node.place != nullptr && node.place->kind == PlaceKind::kSnapshots;
}

class Views {
 public:
  explicit Views(const PlaneContext& context) : context_(context) {}

  Result<ViewRef> Find(Seq seq, const std::string& snapshot = {}) EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      for (auto view = views_.begin(); view != views_.end(); ++view) {
        if ((*view)->seq() != seq || (*view)->snapshot() != snapshot) continue;
        views_.splice(views_.begin(), views_, view);
        return views_.front();
      }
    }
    MENDFS_ASSIGN_OR_RETURN(ViewRef made, PastView::Open(context_, seq, snapshot));
    ViewRef given_up;  // outlives the lock
    MutexLock lock(mutex_);
    views_.push_front(made);
    if (views_.size() > kViewsMax) {
      given_up = std::move(views_.back());
      views_.pop_back();
    }
    return made;
  }

 private:
  const PlaneContext& context_;
  Mutex mutex_{LockRank::kPlane};
  std::list<ViewRef> views_ GUARDED_BY(mutex_);  // used last first
};

// An open file of the past. It is no inode of the tree to anybody: what stands under its number
// today is another file.
class PastFile final : public FileHandle {
 public:
  PastFile(ViewRef view, std::unique_ptr<FileHandle> inside)
      : view_(std::move(view)), inside_(std::move(inside)) {}

  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override {
    return inside_->Read(offset, size_bytes, target);
  }
  Result<std::optional<uint64_t>> Find(uint64_t offset, BodySought sought) override {
    return inside_->Find(offset, sought);
  }
  void Release() override { inside_->Release(); }

 private:
  const ViewRef view_;
  const std::unique_ptr<FileHandle> inside_;
};

// The names of the directory inside, with the numbers that they have outside.
class PastNames final : public NameSource {
 public:
  PastNames(ViewRef view, std::unique_ptr<NameSource> inside)
      : view_(std::move(view)), inside_(std::move(inside)) {}

  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    MENDFS_ASSIGN_OR_RETURN(auto names, inside_->OpenAt(after));
    return std::unique_ptr<NameStream>(std::make_unique<Stream>(*view_, std::move(names)));
  }

 private:
  class Stream final : public NameStream {
   public:
    Stream(const PastView& view, std::unique_ptr<NameStream> inside)
        : view_(view), inside_(std::move(inside)) {}
    Result<std::optional<ListedName>> Next() override {
      MENDFS_ASSIGN_OR_RETURN(auto name, inside_->Next());
      if (name) name->inode = view_.OutsideInode(name->inode);
      return name;
    }

   private:
    const PastView& view_;
    const std::unique_ptr<NameStream> inside_;
  };

  const ViewRef view_;
  const std::unique_ptr<NameSource> inside_;
};

// The ids of all commits that are kept, newest first. Cookies fall with the seq, so commits that
// are closed meanwhile move nothing.
class CommitNames final : public NameSource {
 public:
  explicit CommitNames(const PlaneContext& context) : context_(context) {}

  static uint64_t CookieOf(Seq seq) { return kCookieEnd - seq.value; }

  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    const Seq before = after < kFirstCookie ? kHeadSeq : Seq{kCookieEnd - after};
    return std::unique_ptr<NameStream>(std::make_unique<Stream>(context_, before));
  }

 private:
  static constexpr uint64_t kCookieEnd = uint64_t{1} << 62;

  class Stream final : public NameStream {
   public:
    Stream(const PlaneContext& context, Seq before) : context_(context), before_(before) {}
    Result<std::optional<ListedName>> Next() override {
      if (next_ == page_.size()) {
        MENDFS_ASSIGN_OR_RETURN(page_,
                                context_.store.Log(context_.branch, before_, kCommitsAtOnce));
        next_ = 0;
        if (page_.empty()) return std::optional<ListedName>();
      }
      const CommitRow& commit = page_[next_++];
      before_ = commit.seq;
      const Place root{.kind = PlaceKind::kPastNode,
                       .row = kMountRoot,
                       .other = InodeNumber{commit.seq.value},
                       .key = {},
                       .other_key = {}};
      return std::optional(ListedName{.name = ShortHex(commit.id),
                                      .inode = InodeOf(root),
                                      .mode_type = S_IFDIR,
                                      .cookie = CookieOf(commit.seq)});
    }

   private:
    const PlaneContext& context_;
    Seq before_;
    std::vector<CommitRow> page_;
    size_t next_ = 0;
  };

  const PlaneContext& context_;
};

class PastPlane final : public Plane {
 public:
  explicit PastPlane(PlaneContext& context) : context_(context), views_(context) {}

  Result<Found> Lookup(const Caller& caller, const Node& parent, std::string_view name) override;
  Result<Found> LookupListed(const Caller& caller, const Node& parent,
                             const ListedName& listed) override;
  Result<Found> Make(const Caller& caller, const Node& parent, std::string_view name,
                     const MakeRequest& request) override;
  Result<Created> Create(const Caller&, const Node&, std::string_view, uint32_t,
                         const OpenRequest&) override {
    return PastIsFixed();
  }
  Result<Found> Link(const Caller&, const Node&, const Node&, std::string_view) override {
    return PastIsFixed();
  }
  Status Remove(const Caller&, const Node& parent, std::string_view name, bool) override {
    return IsSnapshots(parent) ? DropSnapshot(context_, name) : PastIsFixed();
  }
  Status Rename(const Caller&, const Node& parent, const RenameCall& request) override {
    const bool both = IsSnapshots(parent) && IsSnapshots(request.new_parent);
    return both ? MoveSnapshot(context_, request) : PastIsFixed();
  }

  Result<Found> GetAttributes(const Caller& caller, const Node& node, FileHandle*) override;
  Result<Found> SetAttributes(const Caller&, const Node&, const AttributeChange&,
                              FileHandle*) override {
    return PastIsFixed();
  }
  Result<std::string> ReadLink(const Caller& caller, const Node& node) override;
  Result<Opened> Open(const Caller& caller, const Node& node, const OpenRequest& request) override;
  Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller& caller,
                                                         const Node& node) override;
  Result<std::string> GetXattr(const Caller& caller, const Node& node,
                               std::string_view name) override;
  Result<std::vector<std::string>> ListXattrs(const Caller& caller, const Node& node) override;
  Status SetXattr(const Caller&, const Node&, std::string_view, std::string_view,
                  XattrMode) override {
    return PastIsFixed();
  }
  Status RemoveXattr(const Caller&, const Node&, std::string_view) override {
    return PastIsFixed();
  }
  std::string Show(const Node& node) override;

 private:
  // A node of the past: its view, the node in there, the plane that answers for it.
  struct Inner {
    ViewRef view;
    Node node;
    Plane& plane() const { return view->PlaneOfInside(node); }
  };
  Result<Inner> Enter(const Node& node) {
    if (node.place->kind != PlaceKind::kPastNode) {
      return Status(Code::kNotFound, Show(node) + " is not of the past");
    }
    MENDFS_ASSIGN_OR_RETURN(ViewRef view,
                            views_.Find(Seq{node.place->other.value}, node.place->key));
    Node inside = view->Inside(*node.place);
    return Inner{std::move(view), std::move(inside)};
  }
  Result<Found> LookupRef(std::string_view ref);
  // The directory of everything at that commit.
  Result<Found> RootOf(Seq seq, int64_t time_ns, const std::string& snapshot);
  Found Fixed(PlaceKind kind) const {
    const uint32_t mode = kind == PlaceKind::kSnapshots ? 0755 : 0555;
    Found found =
        MakeFound(context_, {.kind = kind, .key = {}, .other_key = {}}, S_IFDIR | mode, 0);
    found.freshness = Freshness::kNone;
    return found;
  }

  PlaneContext& context_;
  Views views_;
};

// ------------------------------------------------------------------------------------- lookups

// What a whole id means does not change; every other ref is a symlink.
Result<Found> PastPlane::LookupRef(std::string_view ref) {
  const std::optional<std::string> name = ParseSnapshotFileName(ref);
  Result<CommitRow> commit = FindCommit(context_.store, context_.branch, name.value_or(""));
  if (!commit.ok()) {
    // Words that are no ref are a name that is not there.
    const Code code = commit.status().code();
    return Status(code == Code::kInvalid ? Code::kNotFound : code,
                  ".mend/at: " + commit.status().message());
  }
  if (!IsCommitId(ref)) {
    Found found = MakeFound(context_,
                            {.kind = PlaceKind::kPastRef,
                             .row = InodeNumber{HashXxh3(ref)},
                             .key = std::string(ref),
                             .other_key = {}},
                            S_IFLNK | 0777, kCommitIdTextBytes);
    found.freshness = Freshness::kNone;
    return found;
  }
  return RootOf(commit->seq, commit->time_ns, {});
}

Result<Found> PastPlane::RootOf(Seq seq, int64_t time_ns, const std::string& snapshot) {
  MENDFS_ASSIGN_OR_RETURN(const ViewRef view, views_.Find(seq, snapshot));
  const Node root = view->Inside(view->Root());
  MENDFS_ASSIGN_OR_RETURN(Found found, view->PlaneOfInside(root).GetAttributes({}, root, nullptr));
  found.place = root.place;
  found.attributes.mtime_ns = time_ns;
  found.attributes.ctime_ns = time_ns;
  found = view->Outside(std::move(found));
  if (!snapshot.empty()) found.freshness = Freshness::kNone;  // the name may go, and mean another
  return found;
}

Result<Found> PastPlane::Make(const Caller& caller, const Node& parent, std::string_view name,
                              const MakeRequest& request) {
  if (!IsSnapshots(parent)) return PastIsFixed();
  MENDFS_ASSIGN_OR_RETURN(const SnapshotRow taken, TakeSnapshot(context_, caller, name, request));
  MENDFS_ASSIGN_OR_RETURN(const CommitRow commit, CommitOfSnapshot(context_.store, taken));
  return RootOf(commit.seq, commit.time_ns, taken.name);
}

Result<Found> PastPlane::Lookup(const Caller& caller, const Node& parent, std::string_view name) {
  if (IsSnapshots(parent)) {
    MENDFS_ASSIGN_OR_RETURN(const SnapshotRow snapshot, LookupSnapshot(context_, name));
    MENDFS_ASSIGN_OR_RETURN(const CommitRow commit, CommitOfSnapshot(context_.store, snapshot));
    return RootOf(commit.seq, commit.time_ns, snapshot.name);
  }
  if (parent.place->kind == PlaceKind::kPastRefs) return LookupRef(name);
  if (parent.place->kind == PlaceKind::kPastRef) return Status(Code::kNotDirectory, Show(parent));
  MENDFS_ASSIGN_OR_RETURN(const Inner inner, Enter(parent));
  MENDFS_ASSIGN_OR_RETURN(Found found, inner.plane().Lookup(caller, inner.node, name));
  if (found.place && PlaneOf(found.place->kind) == PlaneKind::kMend) {
    return Status(Code::kNotFound, Show(parent) + "/.mend: it has no past");
  }
  return inner.view->Outside(std::move(found));
}

Result<Found> PastPlane::LookupListed(const Caller& caller, const Node& parent,
                                      const ListedName& listed) {
  return Lookup(caller, parent, listed.name);
}

// --------------------------------------------------------------------------------------- nodes

Result<Found> PastPlane::GetAttributes(const Caller& caller, const Node& node, FileHandle*) {
  if (node.place->kind == PlaceKind::kPastRefs || IsSnapshots(node)) return Fixed(node.place->kind);
  if (node.place->kind == PlaceKind::kPastRef) return LookupRef(node.place->key);
  MENDFS_ASSIGN_OR_RETURN(const Inner inner, Enter(node));
  MENDFS_ASSIGN_OR_RETURN(Found found, inner.plane().GetAttributes(caller, inner.node, nullptr));
  found.attributes.inode = inner.node.id;
  found.place = inner.node.place;
  return inner.view->Outside(std::move(found));
}

Result<std::string> PastPlane::ReadLink(const Caller& caller, const Node& node) {
  if (node.place->kind == PlaceKind::kPastRef) {
    MENDFS_ASSIGN_OR_RETURN(const CommitRow commit,
                            FindCommit(context_.store, context_.branch,
                                       ParseSnapshotFileName(node.place->key).value_or("")));
    return ShortHex(commit.id);
  }
  MENDFS_ASSIGN_OR_RETURN(const Inner inner, Enter(node));
  return inner.plane().ReadLink(caller, inner.node);
}

Result<Opened> PastPlane::Open(const Caller& caller, const Node& node, const OpenRequest& request) {
  MENDFS_ASSIGN_OR_RETURN(const Inner inner, Enter(node));
  if (request.writes() || (request.flags & O_TRUNC) != 0) return PastIsFixed();
  MENDFS_ASSIGN_OR_RETURN(Opened opened, inner.plane().Open(caller, inner.node, request));
  opened.handle = std::make_unique<PastFile>(inner.view, std::move(opened.handle));
  opened.no_flush = true;
  return opened;
}

Result<std::unique_ptr<DirectoryHandle>> PastPlane::OpenDirectory(const Caller& caller,
                                                                  const Node& node) {
  if (node.place->kind == PlaceKind::kPastRefs) {
    return std::make_unique<DirectoryHandle>(
        DirectoryHandle::Ends{.self = node.id, .parent = kMendRoot},
        std::make_unique<CommitNames>(context_));
  }
  if (IsSnapshots(node)) return OpenSnapshots(context_, node.id);
  MENDFS_ASSIGN_OR_RETURN(const Inner inner, Enter(node));
  MENDFS_ASSIGN_OR_RETURN(auto inside, inner.plane().OpenDirectory(caller, inner.node));
  DirectoryHandle::Ends ends{.self = node.id,
                             .parent = inner.view->OutsideInode(inside->ends().parent)};
  if (inner.node.id == kMountRoot) {
    const bool named = !inner.view->snapshot().empty();
    ends.parent = Fixed(named ? PlaceKind::kSnapshots : PlaceKind::kPastRefs).attributes.inode;
  }
  return std::make_unique<DirectoryHandle>(
      ends, std::make_unique<PastNames>(inner.view, inside->TakeSource()));
}

Result<std::string> PastPlane::GetXattr(const Caller& caller, const Node& node,
                                        std::string_view name) {
  if (node.place->kind != PlaceKind::kPastNode) {
    return Status(Code::kNotFound, "xattr " + std::string(name));
  }
  MENDFS_ASSIGN_OR_RETURN(const Inner inner, Enter(node));
  return inner.plane().GetXattr(caller, inner.node, name);
}

Result<std::vector<std::string>> PastPlane::ListXattrs(const Caller& caller, const Node& node) {
  if (node.place->kind != PlaceKind::kPastNode) return std::vector<std::string>();
  MENDFS_ASSIGN_OR_RETURN(const Inner inner, Enter(node));
  return inner.plane().ListXattrs(caller, inner.node);
}

std::string PastPlane::Show(const Node& node) {
  std::string text = ".mend/at";
  if (IsSnapshots(node)) return ".mend/snapshots";
  if (node.place->kind == PlaceKind::kPastRef) return text + "/" + node.place->key;
  if (node.place->kind == PlaceKind::kPastRefs) return text;
  text += "/change " + std::to_string(node.place->other.value);
  if (!node.place->key.empty()) text = ".mend/snapshots/" + SnapshotFileName(node.place->key);
  const Result<Inner> inner = Enter(node);
  if (!inner.ok()) return text;
  const std::string inside = inner->plane().Show(inner->node);
  return inside.empty() ? text : text + "/" + inside;
}

}  // namespace

std::unique_ptr<Plane> MakePastPlane(PlaneContext& context) {
  return std::make_unique<PastPlane>(context);
}

}  // namespace mendfs
