// The planes of a mount, each made from the context they share. Each is one .cc file (or a few of
// the same first name); nobody needs their classes.
//
// Lifetime: the context outlives the planes
#pragma once

#include <memory>
#include <string>

#include "fs/ops/plane.h"

namespace mendfs {

class NodeTable;
class Handles;

// files/ and every other inode of the tree (scratch files, rejected bodies).
std::unique_ptr<Plane> MakeFilesPlane(PlaneContext& context);
// The mount point and schema.graph.
struct RootOptions {
  bool graph = true;  // show graph/
};
std::unique_ptr<Plane> MakeRootPlane(PlaneContext& context, const RootOptions& options);
// nodes/, nodes/<Type>/ and its rows.
std::unique_ptr<Plane> MakeNodesPlane(PlaneContext& context);
// edges/, edges/<Type>/ and its rows.
std::unique_ptr<Plane> MakeEdgesPlane(PlaneContext& context);
// graph/: rows as directories, edges as symlinks.
std::unique_ptr<Plane> MakeGraphPlane(PlaneContext& context);
// .mend/. What it renders looks at these, which outlive it.
struct MendSources {
  Handles& handles;
  const NodeTable& node_table;
  std::string config_json;  // one line
};
std::unique_ptr<Plane> MakeMendPlane(PlaneContext& context, MendSources sources);

}  // namespace mendfs
