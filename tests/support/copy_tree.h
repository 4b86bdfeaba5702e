// A second disk that holds what a simulated one holds now.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "meta/disk/sim_disk.h"

namespace mendfs {

// Bytes and names are durable on `target` at once, flushed on `source` or not.
inline void CopyTree(SimDisk& source, const std::string& path, SimDisk& target) {
  ASSERT_TRUE(target.MakeDir(path).ok());
  for (const DirEntry& entry : *source.List(path)) {
    const std::string below = path + "/" + entry.name;
    if (entry.kind == FileKind::kDirectory) {
      CopyTree(source, below, target);
    } else {
      ASSERT_TRUE(ReplaceFile(target, below, *ReadWholeFile(source, below, 1 << 26)).ok());
    }
  }
  ASSERT_TRUE(target.SyncDir(ParentPath(path)).ok());
}

}  // namespace mendfs
