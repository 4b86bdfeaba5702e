// Open files and directories.
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "fs/kernel/errno_table.h"
#include "fs/kernel/request.h"

namespace mendfs {
namespace {

// One per serving thread, as large as the largest request it has seen (max_read bounds that).
char* ThreadBuffer(size_t size_bytes) {
  thread_local std::vector<char> buffer;
  if (buffer.size() < size_bytes) buffer.resize(size_bytes);
  return buffer.data();
}

void DoOpen(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  Guarded(request, "open", [&] {
    Handles& handles = FileSystemOf(request).handles();
    auto opened =
        handles.Open(CallerOf(request), InodeNumber{node}, OpenRequest{.flags = info->flags});
    if (!opened.ok()) return ReplyStatus(request, opened.status());
    info->fh = opened->handle;
    info->direct_io = opened->direct_io;
    info->keep_cache = opened->keep_cache;
    info->noflush = opened->no_flush;
    if (fuse_reply_open(request, info) != 0) handles.Release(opened->handle);
  });
}

void DoRead(fuse_req_t request, fuse_ino_t, size_t size_bytes, off_t offset, fuse_file_info* info) {
  Guarded(request, "read", [&] {
    char* buffer = ThreadBuffer(size_bytes);
    auto count = FileSystemOf(request).handles().Read(info->fh, static_cast<uint64_t>(offset),
                                                      size_bytes, buffer);
    if (!count.ok()) return ReplyStatus(request, count.status());
    fuse_reply_buf(request, buffer, *count);
  });
}

void DoWrite(fuse_req_t request, fuse_ino_t, const char* bytes, size_t size_bytes, off_t offset,
             fuse_file_info* info) {
  Guarded(request, "write", [&] {
    Status status = FileSystemOf(request).handles().Write(
        CallerOf(request), info->fh, static_cast<uint64_t>(offset), {bytes, size_bytes});
    if (!status.ok()) return ReplyStatus(request, status);
    fuse_reply_write(request, size_bytes);
  });
}

void DoAllocate(fuse_req_t request, fuse_ino_t, int mode, off_t offset, off_t size_bytes,
                fuse_file_info* info) {
  Guarded(request, "fallocate", [&] {
    constexpr int kKnown = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
    if (offset < 0 || size_bytes <= 0) return ReplyStatus(request, Status(Code::kInvalid, ""));
    if ((mode & ~kKnown) != 0) {
      return ReplyStatus(request, Status(Code::kUnsupported, "fallocate: an unknown mode"));
    }
    SpaceChange change{.mode = SpaceMode::kAllocate,
                       .keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0,
                       .offset = static_cast<uint64_t>(offset),
                       .size_bytes = static_cast<uint64_t>(size_bytes)};
    if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) change.mode = SpaceMode::kPunch;
    if ((mode & FALLOC_FL_ZERO_RANGE) != 0) change.mode = SpaceMode::kZero;
    ReplyStatus(request,
                FileSystemOf(request).handles().ChangeSpace(CallerOf(request), info->fh, change));
  });
}

void DoSeek(fuse_req_t request, fuse_ino_t, off_t offset, int whence, fuse_file_info* info) {
  Guarded(request, "lseek", [&] {
    if (offset < 0 || (whence != SEEK_DATA && whence != SEEK_HOLE)) {
      fuse_reply_err(request, offset < 0 ? ENXIO : EINVAL);
      return;
    }
    auto found = FileSystemOf(request).handles().Find(
        info->fh, static_cast<uint64_t>(offset),
        whence == SEEK_DATA ? BodySought::kData : BodySought::kHole);
    if (!found.ok()) return ReplyStatus(request, found.status());
    if (!*found) {
      fuse_reply_err(request, ENXIO);
      return;
    }
    fuse_reply_lseek(request, static_cast<off_t>(**found));
  });
}

void DoCopyRange(fuse_req_t request, fuse_ino_t, off_t source_offset, fuse_file_info* source,
                 fuse_ino_t, off_t target_offset, fuse_file_info* target, size_t size_bytes, int) {
  Guarded(request, "copy_file_range", [&] {
    auto copied = FileSystemOf(request).handles().Clone(
        CallerOf(request), {.source = source->fh,
                            .source_offset = static_cast<uint64_t>(source_offset),
                            .target = target->fh,
                            .target_offset = static_cast<uint64_t>(target_offset),
                            .size_bytes = size_bytes});
    if (!copied.ok()) return ReplyStatus(request, copied.status());
    fuse_reply_write(request, *copied);
  });
}

void DoFlush(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  Guarded(request, "flush", [&] {
    ReplyStatus(request, FileSystemOf(request).handles().Flush(CallerOf(request), info->fh));
  });
}

void DoSync(fuse_req_t request, fuse_ino_t, int, fuse_file_info* info) {
  Guarded(request, "fsync", [&] {
    ReplyStatus(request, FileSystemOf(request).handles().Sync(CallerOf(request), info->fh));
  });
}

void DoRelease(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  Guarded(request, "release", [&] {
    FileSystemOf(request).handles().Release(info->fh);
    fuse_reply_err(request, 0);
  });
}

void DoOpenDirectory(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  Guarded(request, "opendir", [&] {
    Handles& handles = FileSystemOf(request).handles();
    auto opened = handles.OpenDirectory(CallerOf(request), InodeNumber{node});
    if (!opened.ok()) return ReplyStatus(request, opened.status());
    info->fh = *opened;
    if (fuse_reply_open(request, info) != 0) handles.ReleaseDirectory(*opened);
  });
}

// Packs names into the reply until it is full.
class ReplySink final : public ListingSink {
 public:
  ReplySink(fuse_req_t request, size_t room, bool lookups)
      : request_(request), buffer_(ThreadBuffer(room)), room_(room), lookups_(lookups) {}

  bool Add(const ListedName& listed, const Found* found) override {
    size_t size = lookups_ ? Pack(listed, found) : Pack(listed);
    if (size > room_ - used_) return false;
    used_ += size;
    if (found != nullptr) counted_.push_back(found->attributes.inode);
    return true;
  }
  bool empty() const { return used_ == 0; }
  // False when nobody takes it.
  bool Send() { return fuse_reply_buf(request_, buffer_, used_) == 0; }
  const std::vector<InodeNumber>& counted() const { return counted_; }

 private:
  static struct stat StatOfListed(const ListedName& listed) {
    struct stat result = {};
    result.st_ino = listed.inode.value;
    result.st_mode = listed.mode_type;
    return result;
  }
  size_t Pack(const ListedName& listed) {
    struct stat attributes = StatOfListed(listed);
    return fuse_add_direntry(request_, buffer_ + used_, room_ - used_, listed.name.c_str(),
                             &attributes, static_cast<off_t>(listed.cookie));
  }
  size_t Pack(const ListedName& listed, const Found* found) {
    fuse_entry_param entry = {};  // node id 0: a name without a lookup
    if (found != nullptr) {
      entry = EntryOf(ConnectionOf(request_), *found);
    } else {
      entry.attr = StatOfListed(listed);
    }
    return fuse_add_direntry_plus(request_, buffer_ + used_, room_ - used_, listed.name.c_str(),
                                  &entry, static_cast<off_t>(listed.cookie));
  }

  fuse_req_t request_;
  char* buffer_;
  size_t room_;
  size_t used_ = 0;
  bool lookups_;
  std::vector<InodeNumber> counted_;
};

void ReadDirectory(fuse_req_t request, size_t room, off_t after, fuse_file_info* info,
                   bool lookups) {
  FileSystem& file_system = FileSystemOf(request);
  ReplySink sink(request, room, lookups);
  Status status = file_system.handles().ReadDirectory(
      CallerOf(request),
      {.handle = info->fh, .after = static_cast<uint64_t>(after), .lookups = lookups}, sink);
  // What was packed before a failure is handed out; the next request meets the failure again.
  if (!status.ok() && sink.empty()) {
    // ls(1) takes EOVERFLOW for one name that it can do without, and asks again for ever.
    const bool overflow = status.code() == Code::kOverflow;
    return ReplyStatus(request, overflow ? Status(Code::kTooBig, status.message()) : status);
  }
  if (!sink.Send()) {
    for (InodeNumber node : sink.counted()) file_system.names().Forget(node, 1);
  }
}

void DoReadDirectory(fuse_req_t request, fuse_ino_t, size_t room, off_t after,
                     fuse_file_info* info) {
  Guarded(request, "readdir", [&] { ReadDirectory(request, room, after, info, false); });
}

void DoReadDirectoryPlus(fuse_req_t request, fuse_ino_t, size_t room, off_t after,
                         fuse_file_info* info) {
  Guarded(request, "readdirplus", [&] { ReadDirectory(request, room, after, info, true); });
}

void DoReleaseDirectory(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  Guarded(request, "releasedir", [&] {
    FileSystemOf(request).handles().ReleaseDirectory(info->fh);
    fuse_reply_err(request, 0);
  });
}

void DoSyncDirectory(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
  Guarded(request, "fsyncdir", [&] {
    ReplyStatus(request, FileSystemOf(request).handles().SyncDirectory(CallerOf(request)));
  });
}

}  // namespace

void AddFileOperations(fuse_lowlevel_ops& table) {
  table.open = DoOpen;
  table.read = DoRead;
  table.write = DoWrite;
  table.fallocate = DoAllocate;
  table.lseek = DoSeek;
  table.copy_file_range = DoCopyRange;
  table.flush = DoFlush;
  table.fsync = DoSync;
  table.release = DoRelease;
}

void AddDirectoryOperations(fuse_lowlevel_ops& table) {
  table.opendir = DoOpenDirectory;
  table.readdir = DoReadDirectory;
  table.readdirplus = DoReadDirectoryPlus;
  table.releasedir = DoReleaseDirectory;
  table.fsyncdir = DoSyncDirectory;
}

}  // namespace mendfs
