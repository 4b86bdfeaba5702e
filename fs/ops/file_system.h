// The mount as values: FUSE-shaped operations on node ids, independent of libfuse.
//
//   names()    what names stand for, and changes to names
//   nodes()    attributes, links, xattrs of a node
//   handles()  open files and directories
//
// A node id that the node table does not know is an inode of the tree: a million cached files cost
// no memory here. Refusals that need a sentence are kept in the ErrorLog.
//
// Lifetime: the Store outlives the FileSystem; Shutdown (or destruction) releases what is still
// open Threads:  safe from any thread; no operation waits for another one but on the same draft
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fs/ops/handles.h"
#include "fs/ops/names.h"
#include "fs/ops/nodes.h"
#include "fs/ops/plane/error_log.h"
#include "fs/ops/plane/plane.h"
#include "meta/base/status.h"
#include "meta/store.h"

namespace mendfs {

struct FileSystemOptions {
  BranchId branch = kMainBranch;
  bool read_only = false;
  bool graph = true;      // show graph/
  bool relatime = false;  // in files/, an open for reading may change atime
};

class FileSystem {
 public:
  FileSystem(Store& store, const FileSystemOptions& options);
  ~FileSystem();
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  Names& names();
  Nodes& nodes();
  Handles& handles();
  ErrorLog& errors();
  const Store& store() const;
  const std::string& store_path() const;
  // Work that no request asks for; about once a second from one thread.
  void Tick();
  // Releases every handle, as the end of the mount does. No operation may follow.
  void Shutdown();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace mendfs
