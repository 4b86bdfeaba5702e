// Operations on names: what they stand for, making, linking, removing and renaming them.
//
// Every Found that is answered counts as one lookup of its node until Forget takes it back.
//
// Threads:  safe from any thread
// Errors:   as meta/files.h and meta/tables.h; kCrossDevice between planes; kReadOnly on a
// read-only
//           mount
#pragma once

#include <cstdint>
#include <string_view>

#include "fs/ops/plane/plane.h"
#include "meta/base/ids.h"
#include "meta/base/status.h"

namespace mendfs {

class Operations;
class Handles;

struct NewName {
  InodeNumber parent;
  std::string_view name;
};

struct CreatedFile {
  Found found;
  uint64_t handle = 0;
  bool direct_io = false;
  bool keep_cache = false;
  bool no_flush = false;
};

class Names {
 public:
  Names(Operations& operations, Handles& handles) : operations_(operations), handles_(handles) {}

  // Inode 0: there is no such name in a directory of the tree, and that may be remembered. "." and
  // ".." are the directory and its parent: whoever has only a file handle comes by them.
  Result<Found> Lookup(const Caller& caller, InodeNumber parent, std::string_view name);
  // The kernel drops `count` of the lookups that it was given.
  void Forget(InodeNumber node, uint64_t count);
  Result<Found> Make(const Caller& caller, InodeNumber parent, std::string_view name,
                     const MakeRequest& request);
  Result<CreatedFile> Create(const Caller& caller, InodeNumber parent, std::string_view name,
                             uint32_t mode, const OpenRequest& request);
  Result<Found> Link(const Caller& caller, InodeNumber node, const NewName& target);
  Status Remove(const Caller& caller, InodeNumber parent, std::string_view name, bool directory);
  Status Rename(const Caller& caller, InodeNumber parent, std::string_view name,
                const NewName& target, RenameMode mode);

 private:
  Result<Found> LookupDots(const Caller& caller, const Node& directory, std::string_view name);

  Operations& operations_;
  Handles& handles_;
};

}  // namespace mendfs
