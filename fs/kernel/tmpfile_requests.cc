#include "fs/kernel/tmpfile_requests.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>

#include "meta/base/log.h"

namespace mendfs {

#if FUSE_VERSION < FUSE_MAKE_VERSION(3, 17)

namespace {

// <linux/fuse.h> of an older system does not name it.
constexpr uint32_t kTmpfileRequest = 51;

ssize_t ReadMessage(int fd, void* buffer, size_t size, void*) {
  ssize_t count = read(fd, buffer, size);
  if (count < static_cast<ssize_t>(sizeof(fuse_in_header))) return count;
  fuse_in_header header;
  std::memcpy(&header, buffer, sizeof header);
  if (header.opcode == kTmpfileRequest) {
    header.opcode = FUSE_CREATE;
    std::memcpy(buffer, &header, sizeof header);
  }
  return count;
}

ssize_t WriteMessage(int fd, iovec* parts, int count, void*) {
  return writev(fd, parts, count);
}

ssize_t SpliceMessage(int source, off_t* source_offset, int target, off_t* target_offset,
                      size_t size, unsigned flags, void*) {
  return splice(source, source_offset, target, target_offset, size, flags);
}

}  // namespace

// Messages are not received by splice, which would keep them out of sight.
void TakeTmpfileRequests(fuse_session* session) {
  static const fuse_custom_io io = {.writev = WriteMessage,
                                    .read = ReadMessage,
                                    .splice_receive = nullptr,
                                    .splice_send = SpliceMessage};
  if (fuse_session_custom_io(session, &io, fuse_session_fd(session)) != 0) {
    LogLine(LogLevel::kWarning, "mount",
            "O_TMPFILE is not served: libfuse takes no reader of ours");
  }
}

#else

void TakeTmpfileRequests(fuse_session*) {}

#endif

}  // namespace mendfs
