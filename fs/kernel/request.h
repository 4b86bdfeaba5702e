// What every callback of libfuse does: who asks, guarding against exceptions, and replies that hand
// lookups and handles back when the kernel no longer wants them.
//
// Threads:  safe from any thread
#pragma once

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif
#include <fuse_lowlevel.h>

#include <cstdint>
#include <exception>
#include <functional>

#include "fs/kernel/session.h"
#include "fs/ops/file_system.h"

namespace mendfs {

// The user data of the session.
struct Connection {
  FileSystem& file_system;
  MountOptions options;
  std::function<void()> ready;
};

Connection& ConnectionOf(fuse_req_t request);
inline FileSystem& FileSystemOf(fuse_req_t request) {
  return ConnectionOf(request).file_system;
}
Caller CallerOf(fuse_req_t request);

struct stat StatOf(const Attributes& attributes);
double TimeoutOf(const Connection& connection, Freshness freshness);
fuse_entry_param EntryOf(const Connection& connection, const Found& found);

void ReplyStatus(fuse_req_t request, const Status& status);
void ReplyEntry(fuse_req_t request, const Result<Found>& found);
void ReplyAttributes(fuse_req_t request, const Result<Found>& found);

// Logs it and answers EIO: nothing may pass a C callback.
void ReplyException(fuse_req_t request, const char* operation, const std::exception* exception);

// Runs `body`, which replies as the last thing it does.
template <typename Body>
void Guarded(fuse_req_t request, const char* operation, Body body) noexcept {
  try {
    body();
  } catch (const std::exception& exception) {
    ReplyException(request, operation, &exception);
  } catch (...) {
    ReplyException(request, operation, nullptr);
  }
}

// The operations, by topic: each fills its part of the table.
void AddNameOperations(fuse_lowlevel_ops& table);
void AddNodeOperations(fuse_lowlevel_ops& table);
void AddFileOperations(fuse_lowlevel_ops& table);
void AddDirectoryOperations(fuse_lowlevel_ops& table);
void AddConnectionOperations(fuse_lowlevel_ops& table);

}  // namespace mendfs
