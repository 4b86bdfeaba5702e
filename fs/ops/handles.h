// Open files and directories, by number.
//
// Lifetime: a handle lives from its Open to its Release; the kernel sends Release when no request
//           uses it any more
// Threads:  safe from any thread
// Errors:   kInvalid for a number that is not open
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fs/ops/handle_table.h"
#include "fs/ops/plane/directory.h"
#include "fs/ops/plane/plane.h"
#include "fs/ops/planes/planes.h"
#include "meta/base/ids.h"
#include "meta/base/status.h"

namespace mendfs {

class Operations;

struct OpenedFile {
  uint64_t handle = 0;
  bool direct_io = false;
  bool keep_cache = false;
  bool no_flush = false;
};

// Takes the names of a listing, with what they stand for where that was asked for.
class ListingSink {
 public:
  virtual ~ListingSink() = default;
  // False: no room; the name is offered again by the next ReadDirectory.
  virtual bool Add(const ListedName& listed, const Found* found) = 0;
};

struct ReadDirectoryRequest {
  uint64_t handle = 0;
  uint64_t after = 0;    // cookie; 0: from the start
  bool lookups = false;  // readdirplus: look every name but "." and ".." up and count it
};

class Handles {
 public:
  explicit Handles(Operations& operations) : operations_(operations) {}

  Result<OpenedFile> Open(const Caller& caller, InodeNumber node, const OpenRequest& request);
  Result<size_t> Read(uint64_t handle, uint64_t offset, size_t size_bytes, char* target);
  Status Write(const Caller& caller, uint64_t handle, uint64_t offset, std::string_view bytes);
  Status ChangeSpace(const Caller& caller, uint64_t handle, const SpaceChange& change);
  // Nothing: no such offset.
  Result<std::optional<uint64_t>> Find(uint64_t handle, uint64_t offset, BodySought sought);
  // Answers how many bytes were copied; kUnsupported where one of them is no file of the tree.
  struct CloneCall {
    uint64_t source = 0;  // handles
    uint64_t source_offset = 0;
    uint64_t target = 0;
    uint64_t target_offset = 0;
    uint64_t size_bytes = 0;
  };
  Result<uint64_t> Clone(const Caller& caller, const CloneCall& call);
  Status Flush(const Caller& caller, uint64_t handle);
  Status Sync(const Caller& caller, uint64_t handle);
  void Release(uint64_t handle);
  Result<uint64_t> OpenDirectory(const Caller& caller, InodeNumber node);
  Status ReadDirectory(const Caller& caller, const ReadDirectoryRequest& request,
                       ListingSink& sink);
  Status SyncDirectory(const Caller& caller);
  void ReleaseDirectory(uint64_t handle);

  std::vector<OpenFileInfo> OpenFiles();
  HandleTable<OpenFile>& files() { return files_; }
  HandleTable<OpenDirectoryRecord>& directories() { return directories_; }

 private:
  Operations& operations_;
  HandleTable<OpenFile> files_;
  HandleTable<OpenDirectoryRecord> directories_;
};

}  // namespace mendfs
