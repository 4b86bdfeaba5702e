// Lookup, making, removing, renaming.
#include <fcntl.h>
#include <linux/fs.h>

#include "fs/kernel/errno_table.h"
#include "fs/kernel/request.h"

namespace mendfs {
namespace {

void DoLookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Guarded(request, "lookup", [&] {
    ReplyEntry(request,
               FileSystemOf(request).names().Lookup(CallerOf(request), InodeNumber{parent}, name));
  });
}

void DoForget(fuse_req_t request, fuse_ino_t node, uint64_t count) {
  FileSystemOf(request).names().Forget(InodeNumber{node}, count);
  fuse_reply_none(request);
}

void DoForgetMulti(fuse_req_t request, size_t count, fuse_forget_data* forgets) {
  Names& names = FileSystemOf(request).names();
  for (size_t i = 0; i < count; ++i) names.Forget(InodeNumber{forgets[i].ino}, forgets[i].nlookup);
  fuse_reply_none(request);
}

void Make(fuse_req_t request, fuse_ino_t parent, const char* name, const MakeRequest& make) {
  ReplyEntry(request, FileSystemOf(request).names().Make(CallerOf(request), InodeNumber{parent},
                                                         name, make));
}

void DoMakeNode(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
                dev_t device) {
  Guarded(request, "mknod", [&] {
    Make(request, parent, name, {.mode = mode, .device = device, .link_target = {}});
  });
}

void DoMakeDirectory(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  Guarded(request, "mkdir", [&] {
    Make(request, parent, name, {.mode = S_IFDIR | (mode & 07777), .device = 0, .link_target = {}});
  });
}

void DoSymlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  Guarded(request, "symlink", [&] {
    Make(request, parent, name, {.mode = S_IFLNK | 0777, .device = 0, .link_target = target});
  });
}

void DoLink(fuse_req_t request, fuse_ino_t node, fuse_ino_t parent, const char* name) {
  Guarded(request, "link", [&] {
    ReplyEntry(request,
               FileSystemOf(request).names().Link(CallerOf(request), InodeNumber{node},
                                                  {.parent = InodeNumber{parent}, .name = name}));
  });
}

void Remove(fuse_req_t request, fuse_ino_t parent, const char* name, bool directory) {
  ReplyStatus(request, FileSystemOf(request).names().Remove(CallerOf(request), InodeNumber{parent},
                                                            name, directory));
}

void DoUnlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Guarded(request, "unlink", [&] { Remove(request, parent, name, false); });
}

void DoRemoveDirectory(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Guarded(request, "rmdir", [&] { Remove(request, parent, name, true); });
}

void DoRename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
              const char* new_name, unsigned flags) {
  Guarded(request, "rename", [&] {
    RenameMode mode = RenameMode::kReplace;
    if (flags == RENAME_NOREPLACE) {
      mode = RenameMode::kNoReplace;
    } else if (flags == RENAME_EXCHANGE) {
      mode = RenameMode::kExchange;
    } else if (flags != 0) {
      fuse_reply_err(request, EINVAL);
      return;
    }
    ReplyStatus(request, FileSystemOf(request).names().Rename(
                             CallerOf(request), InodeNumber{parent}, name,
                             {.parent = InodeNumber{new_parent}, .name = new_name}, mode));
  });
}

void DoCreate(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
              fuse_file_info* info) {
  Guarded(request, "create", [&] {
    FileSystem& file_system = FileSystemOf(request);
    Result<CreatedFile> created = file_system.names().Create(CallerOf(request), InodeNumber{parent},
                                                             name, mode, {.flags = info->flags});
    if (!created.ok()) return ReplyStatus(request, created.status());
    info->fh = created->handle;
    info->direct_io = created->direct_io;
    info->keep_cache = created->keep_cache;
    info->noflush = created->no_flush;
    fuse_entry_param entry = EntryOf(ConnectionOf(request), created->found);
    if (fuse_reply_create(request, &entry, info) != 0) {
      file_system.handles().Release(created->handle);
      file_system.names().Forget(created->found.attributes.inode, 1);
    }
  });
}

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
void DoTmpfile(fuse_req_t request, fuse_ino_t parent, mode_t mode, fuse_file_info* info) {
  info->flags |= O_TMPFILE;
  DoCreate(request, parent, "", mode, info);
}
#endif

}  // namespace

void AddNameOperations(fuse_lowlevel_ops& table) {
  table.lookup = DoLookup;
  table.forget = DoForget;
  table.forget_multi = DoForgetMulti;
  table.mknod = DoMakeNode;
  table.mkdir = DoMakeDirectory;
  table.symlink = DoSymlink;
  table.link = DoLink;
  table.unlink = DoUnlink;
  table.rmdir = DoRemoveDirectory;
  table.rename = DoRename;
  table.create = DoCreate;
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
  table.tmpfile = DoTmpfile;
#endif
}

}  // namespace mendfs
