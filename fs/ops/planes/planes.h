// The planes of a mount that are not tables, each made from the context they share. Each is one .cc
// file (or a few of the same first name); nobody needs their classes. Those of the tables are in
// fs/ops/rows/row_planes.h.
//
// Lifetime: the context outlives the planes
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/ops/plane/plane.h"

namespace mendfs {

// files/ and every other inode of the tree (scratch files, rejected bodies).
struct FilesOptions {
  bool relatime = false;  // an open for reading may change atime
};
std::unique_ptr<Plane> MakeFilesPlane(PlaneContext& context, const FilesOptions& options = {});
// The mount point and schema.graph.
struct RootOptions {
  bool graph = true;  // show graph/
};
std::unique_ptr<Plane> MakeRootPlane(PlaneContext& context, const RootOptions& options);
// graph/: rows as directories, edges as symlinks.
std::unique_ptr<Plane> MakeGraphPlane(PlaneContext& context);
// .mend/where/: rows that meet conditions.
std::unique_ptr<Plane> MakeWherePlane(PlaneContext& context);
// .mend/. It tells what is open through these, which outlive it.
struct OpenFileInfo {
  InodeNumber inode;
  std::string path;  // for people
  int flags = 0;     // of open(2)
  Caller caller;
  int64_t opened_ns = 0;
};
struct MountCounts {
  size_t files = 0;        // open
  size_t directories = 0;  // open
  size_t places = 0;       // rows and views that the kernel refers to
};
struct MendSources {
  std::function<std::vector<OpenFileInfo>()> open_files;
  std::function<MountCounts()> counts;
  std::string config_json;  // one line
};
std::unique_ptr<Plane> MakeMendPlane(PlaneContext& context, MendSources sources);

}  // namespace mendfs
