// The yardstick: the least that a FUSE file system can do. Two flat directories of COUNT files with
// fixed content, computed from their numbers; nothing is stored, locked, checked or counted.
//
//   rows/    names are kept for a second, which MendFS may not do with rows; reads reach the daemon
//   cached/  answered as MendFS answers files/: names and pages are kept by the kernel
//
// Mount options and capabilities are those of fs/kernel/session.cc, so that what differs is the
// work behind a request; one thread serves, which is the fastest on few cores. Never linked to the
// product.
//
// Usage:  floor DIR COUNT; ends when the mount is taken away
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr fuse_ino_t kRoot = FUSE_ROOT_ID;
constexpr fuse_ino_t kDirectories[] = {2, 3};
constexpr const char* kDirectoryNames[] = {"rows", "cached"};
constexpr fuse_ino_t kCached = fuse_ino_t{1} << 32;  // set in the numbers of files below cached/
constexpr fuse_ino_t kFirstFile = 16;
constexpr double kLong = 3600;
constexpr double kShort = 1;

uint64_t file_count = 0;
std::string body;

bool IsDirectory(fuse_ino_t node) {
  return node < kFirstFile;
}

std::string FileName(uint64_t index) {
  char name[32];
  snprintf(name, sizeof name, "file-%07llu.json", static_cast<unsigned long long>(index));
  return name;
}

// COUNT for names that no file has.
uint64_t IndexOf(const char* name) {
  if (strncmp(name, "file-", 5) != 0) return file_count;
  const uint64_t index = strtoull(name + 5, nullptr, 10);
  return index < file_count && FileName(index) == name ? index : file_count;
}

struct stat StatOf(fuse_ino_t node) {
  struct stat result = {};
  result.st_ino = node;
  result.st_mode = IsDirectory(node) ? S_IFDIR | 0755 : S_IFREG | 0644;
  result.st_nlink = IsDirectory(node) ? 2 : 1;
  result.st_uid = getuid();
  result.st_gid = getgid();
  result.st_size = IsDirectory(node) ? 4096 : static_cast<off_t>(body.size());
  return result;
}

double TimeoutOf(fuse_ino_t node) {
  return IsDirectory(node) || (node & kCached) != 0 ? kLong : kShort;
}

fuse_entry_param EntryOf(fuse_ino_t node) {
  fuse_entry_param entry = {};
  entry.ino = node;
  entry.attr = StatOf(node);
  entry.attr_timeout = entry.entry_timeout = TimeoutOf(node);
  return entry;
}

fuse_ino_t FileOf(fuse_ino_t directory, uint64_t index) {
  return (directory == kDirectories[1] ? kCached : 0) | (kFirstFile + index);
}

void DoInit(void*, fuse_conn_info* connection) {
  for (unsigned wanted :
       {FUSE_CAP_READDIRPLUS, FUSE_CAP_READDIRPLUS_AUTO, FUSE_CAP_PARALLEL_DIROPS,
        FUSE_CAP_ASYNC_READ, FUSE_CAP_ATOMIC_O_TRUNC, FUSE_CAP_EXPLICIT_INVAL_DATA}) {
    connection->want |= connection->capable & wanted;
  }
  connection->want &= ~(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_AUTO_INVAL_DATA |
                        FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_POSIX_ACL);
  connection->max_write = connection->max_readahead = 1 << 20;
}

void DoLookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (parent == kRoot) {
    for (int i = 0; i < 2; ++i) {
      if (strcmp(name, kDirectoryNames[i]) != 0) continue;
      const fuse_entry_param entry = EntryOf(kDirectories[i]);
      fuse_reply_entry(request, &entry);
      return;
    }
    fuse_reply_err(request, ENOENT);
    return;
  }
  const uint64_t index = IndexOf(name);
  if (index == file_count) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  const fuse_entry_param entry = EntryOf(FileOf(parent, index));
  fuse_reply_entry(request, &entry);
}

void DoGetAttributes(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
  const struct stat attributes = StatOf(node);
  fuse_reply_attr(request, &attributes, TimeoutOf(node));
}

void DoOpen(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
  info->noflush = 1;
  info->keep_cache = (node & kCached) != 0;
  info->direct_io = !info->keep_cache;
  fuse_reply_open(request, info);
}

void DoRead(fuse_req_t request, fuse_ino_t, size_t size, off_t offset, fuse_file_info*) {
  const size_t begin = std::min(static_cast<size_t>(offset), body.size());
  fuse_reply_buf(request, body.data() + begin, std::min(size, body.size() - begin));
}

void DoRelease(fuse_req_t request, fuse_ino_t, fuse_file_info*) {
  fuse_reply_err(request, 0);
}

void List(fuse_req_t request, fuse_ino_t node, size_t room, off_t after, bool lookups) {
  thread_local std::vector<char> buffer;
  if (buffer.size() < room) buffer.resize(room);
  const uint64_t count = node == kRoot ? 2 : file_count;
  size_t used = 0;
  for (uint64_t index = static_cast<uint64_t>(after); index < count; ++index) {
    const fuse_ino_t child = node == kRoot ? kDirectories[index] : FileOf(node, index);
    const std::string name = node == kRoot ? kDirectoryNames[index] : FileName(index);
    const fuse_entry_param entry = EntryOf(child);
    char* const place = buffer.data() + used;
    const off_t cookie = static_cast<off_t>(index) + 1;
    const size_t size =
        lookups ? fuse_add_direntry_plus(request, place, room - used, name.c_str(), &entry, cookie)
                : fuse_add_direntry(request, place, room - used, name.c_str(), &entry.attr, cookie);
    if (size > room - used) break;
    used += size;
  }
  fuse_reply_buf(request, buffer.data(), used);
}

void DoReadDirectory(fuse_req_t request, fuse_ino_t node, size_t room, off_t after,
                     fuse_file_info*) {
  List(request, node, room, after, false);
}

void DoReadDirectoryPlus(fuse_req_t request, fuse_ino_t node, size_t room, off_t after,
                         fuse_file_info*) {
  List(request, node, room, after, true);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: floor DIR COUNT\n");
    return 2;
  }
  file_count = strtoull(argv[2], nullptr, 10);
  body = "{\"name\":\"" + std::string(180, 'x') + "\"}\n";
  fuse_lowlevel_ops table = {};
  table.init = DoInit;
  table.lookup = DoLookup;
  table.getattr = DoGetAttributes;
  table.open = DoOpen;
  table.read = DoRead;
  table.release = DoRelease;
  table.readdir = DoReadDirectory;
  table.readdirplus = DoReadDirectoryPlus;
  const char* words[] = {"floor", "-o", "default_permissions,fsname=floor,subtype=floor"};
  fuse_args arguments = FUSE_ARGS_INIT(3, const_cast<char**>(words));
  fuse_session* session = fuse_session_new(&arguments, &table, sizeof table, nullptr);
  if (session == nullptr || fuse_session_mount(session, argv[1]) != 0) return 1;
  const int result = fuse_session_loop(session);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  return result < 0 ? 1 : 0;
}
