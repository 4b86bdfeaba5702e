// A plane: one top-level area of the mount (files/, nodes/, edges/, graph/, .mend, the root). Each
// answers the operations on its own nodes; FileSystem finds the plane of a node and asks it.
//
// The defaults refuse with kNotPermitted (kNotDirectory for names looked up in no directory), so a
// plane overrides what its places allow and nothing else.
//
// Lifetime: a Node lives as long as its request; handles live from Open to Release
// Threads:  safe from any thread; a handle is used by several requests at once (dup, threads) and
//           guards itself; it is destroyed when no request uses it any more
// Errors:   as Status; the message is what the user reads in `mendfs why`
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/ops/plane/directory.h"
#include "fs/view/place.h"
#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/files.h"
#include "meta/store.h"
#include "meta/tables.h"

namespace mendfs {

class ErrorLog;
class Rejected;

// Who asks.
struct Caller {
  uint32_t uid = 0;
  uint32_t gid = 0;
  int32_t pid = 0;
  uint32_t umask = 0;            // of what the caller makes
  std::vector<uint32_t> groups;  // supplementary; known only where an ACL is set
};

// A node of this request: its id, and its place unless it is an inode of the tree.
struct Node {
  InodeNumber id;
  PlaceRef place;
};

// How long the kernel may keep a name and its attributes without asking again.
enum class Freshness : unsigned char {
  kNone,   // not at all: drafts, scratch names, generated files
  kShort,  // a second, and names of files not at all: what other names' changes change
  kLong,   // for good: what changes only through its own name, and through this mount
};

// What a name stands for. `attributes.inode` is the node id.
struct Found {
  Attributes attributes;
  PlaceRef place;  // none for inodes of the tree
  Freshness freshness = Freshness::kShort;
};

struct MakeRequest {
  uint32_t mode = 0;  // type and permissions, umask applied (files/: as asked, for default ACLs)
  uint64_t device = 0;
  std::string_view link_target;  // symlinks only
};

// An open file. Offsets and sizes in bytes.
class FileHandle {
 public:
  virtual ~FileHandle() = default;
  // Fewer than `size_bytes` only at the end.
  virtual Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) = 0;
  // All or nothing. Handles opened with O_APPEND ignore the offset.
  virtual Status Write(uint64_t offset, std::string_view bytes);
  virtual Status Truncate(uint64_t size_bytes);
  // Where what is open is one fixed version of the node: its attributes.
  virtual std::optional<Attributes> Pinned() const { return std::nullopt; }
  // fallocate(2) and lseek(2) for data and holes. The defaults answer kUnsupported: the file is
  // whole, and its space is nobody's to change.
  virtual Status ChangeSpace(const SpaceChange& change);
  virtual Result<std::optional<uint64_t>> Find(uint64_t offset, BodySought sought);
  // The inode of the tree whose bytes these are; nothing for drafts and what is generated.
  virtual std::optional<InodeNumber> tree_inode() const { return std::nullopt; }
  // One of possibly several close(2) calls; also comes before the first write. May come never.
  virtual Status Flush() { return {}; }
  // The same, told who closes.
  virtual Status FlushBy(const Caller& /*caller*/) { return Flush(); }
  // fsync: brings the bytes into the store; the caller makes the store durable afterwards.
  virtual Status Sync() { return {}; }
  // The last close, exactly once, also when the mount ends. Nobody hears an answer: what is refused
  // goes to the ErrorLog.
  virtual void Release() {}
};

struct OpenRequest {
  int flags = 0;  // open(2): O_ACCMODE, O_TRUNC, O_APPEND, O_EXCL, …
  bool writes() const;
};

struct Opened {
  std::unique_ptr<FileHandle> handle;
  bool direct_io = false;   // no page cache: every read and write reaches the handle
  bool keep_cache = false;  // the page cache is still right
  bool no_flush = false;    // Flush does nothing
};

struct Created {
  Found found;
  Opened opened;
};

struct RenameCall {
  std::string_view name;
  const Node& new_parent;  // in this plane, or an inode of the tree (a scratch file's directory is
                           // its table, so scratch renames come here too)
  std::string_view new_name;
  RenameMode mode = RenameMode::kReplace;
};

// Names in directories. `parent` belongs to this plane.
class PlaneNames {
 public:
  virtual ~PlaneNames() = default;
  virtual Result<Found> Lookup(const Caller& caller, const Node& parent, std::string_view name);
  // The same for a name that a directory handle has just listed: may use what was listed.
  virtual Result<Found> LookupListed(const Caller& caller, const Node& parent,
                                     const ListedName& listed);
  // mknod, mkdir, symlink.
  virtual Result<Found> Make(const Caller& caller, const Node& parent, std::string_view name,
                             const MakeRequest& request);
  // open with O_CREAT of a name that the kernel has not seen; without O_EXCL it may exist. With
  // O_TMPFILE, which only the plane of files/ is asked for, the file has no name.
  virtual Result<Created> Create(const Caller& caller, const Node& parent, std::string_view name,
                                 uint32_t mode, const OpenRequest& request);
  virtual Result<Found> Link(const Caller& caller, const Node& node, const Node& new_parent,
                             std::string_view new_name);
  // `directory`: rmdir, else unlink.
  virtual Status Remove(const Caller& caller, const Node& parent, std::string_view name,
                        bool directory);
  virtual Status Rename(const Caller& caller, const Node& parent, const RenameCall& request);
};

// Nodes themselves. `node` belongs to this plane.
class PlaneNodes {
 public:
  virtual ~PlaneNodes() = default;
  // `handle` is the open file that the caller asked through, or nullptr.
  virtual Result<Found> GetAttributes(const Caller& caller, const Node& node,
                                      FileHandle* handle) = 0;
  virtual Result<Found> SetAttributes(const Caller& caller, const Node& node,
                                      const AttributeChange& change, FileHandle* handle);
  virtual Result<std::string> ReadLink(const Caller& caller, const Node& node);
  virtual Result<Opened> Open(const Caller& caller, const Node& node, const OpenRequest& request);
  virtual Result<std::unique_ptr<DirectoryHandle>> OpenDirectory(const Caller& caller,
                                                                 const Node& node);
  // kNotFound when there is no such attribute.
  virtual Result<std::string> GetXattr(const Caller& caller, const Node& node,
                                       std::string_view name);
  virtual Result<std::vector<std::string>> ListXattrs(const Caller& caller, const Node& node);
  virtual Status SetXattr(const Caller& caller, const Node& node, std::string_view name,
                          std::string_view value, XattrMode mode);
  virtual Status RemoveXattr(const Caller& caller, const Node& node, std::string_view name);
  // For people: "nodes/Person/bob.json".
  virtual std::string Show(const Node& node) = 0;
};

class Plane : public PlaneNames, public PlaneNodes {
 public:
  // About once a second, from one thread: what must happen without a request (detached rows,
  // expired scratch files).
  virtual void Tick(int64_t /*now_ns*/) {}
};

// What all planes of one mount share. Outlives them.
struct PlaneContext {
  Store& store;
  BranchId branch = kMainBranch;
  uint32_t owner_uid = 0;  // of rows and fixed places without their own owner
  uint32_t owner_gid = 0;
  int64_t start_ns = 0;  // times of places that have none
  FileReader files;
  FileWriter& file_writer;
  TableReader tables;
  TableWriter& table_writer;
  ErrorLog& errors;
  Rejected& rejected;
  Seq seq = kHeadSeq;  // of a commit that is pinned: nothing is written then

  // What the planes show.
  View head() const { return {.branch = branch, .seq = seq}; }
  bool is_past() const { return seq != kHeadSeq; }
  // The same, kept readable for as long as the answer lives.
  Result<std::unique_ptr<Snapshot>> Pin() const { return store.Pin(branch, seq); }
};

// Attributes of a directory, file or symlink that is no inode of the tree.
struct PlainAttributes {
  InodeNumber inode;
  uint32_t mode = 0;
  uint64_t size_bytes = 0;
  int64_t time_ns = 0;  // 0: the start of the mount
};
Attributes MakeAttributes(const PlaneContext& context, const PlainAttributes& plain);
// The same, ready to be answered; the inode is that of the place.
Found MakeFound(const PlaneContext& context, Place place, uint32_t mode, uint64_t size_bytes);

// Adds a refusal that no reply carries (Release) or that has rejected bytes.
void NoteRefusal(PlaneContext& context, const Caller& caller, std::string_view operation,
                 std::string_view path, const Status& status, std::string_view rejected = {});
// Keeps a body that was refused below .mend/rejected, and adds the refusal with the place where it
// is; a body without bytes has none.
struct RefusedBody {
  std::string_view operation;
  std::string path;       // as NoteRefusal
  std::string directory;  // below .mend/rejected
  std::string name;
  std::string_view body;
};
void KeepRefused(PlaneContext& context, const Caller& caller, const RefusedBody& refused,
                 const Status& reason);

}  // namespace mendfs
