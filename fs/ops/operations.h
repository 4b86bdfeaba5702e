// What names, nodes and handles share: finding the plane of a node, and what every operation does
// before and after it asks that plane.
//
// Threads:  safe from any thread
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fs/ops/node_table.h"
#include "fs/ops/plane/plane.h"
#include "meta/base/ids.h"
#include "meta/base/status.h"

namespace mendfs {

class Operations {
 public:
  Operations(PlaneContext& context, bool read_only) : context_(context), read_only_(read_only) {}

  PlaneContext& context() { return context_; }
  NodeTable& node_table() { return node_table_; }
  std::array<std::unique_ptr<Plane>, kPlaneCount>& planes() { return planes_; }

  // An id that the node table does not know is an inode of the tree.
  Node NodeOf(InodeNumber id) const { return {.id = id, .place = node_table_.Find(id)}; }
  static PlaneKind KindOf(const Node& node) {
    return node.place ? PlaneOf(node.place->kind) : PlaneKind::kFiles;
  }
  Plane& PlaneOfNode(const Node& node) { return *planes_[static_cast<size_t>(KindOf(node))]; }

  // kReadOnly on a read-only mount.
  Status CheckWritable() const;
  // Counts the lookup that this answer gives the kernel.
  void Count(const Found& found);

  // What was asked, for the sentence of a refusal.
  struct Request {
    const Caller& caller;
    std::string_view operation;
    const Node& node;
    std::string_view name = {};  // in the directory `node`
  };
  // Keeps the sentence of a refusal in the ErrorLog and hands the status on.
  Status Refused(const Request& request, const Status& status);
  template <typename T>
  Result<T> Noted(const Request& request, Result<T> result) {
    if (!result.ok()) Refused(request, result.status()).IgnoreError();
    return result;
  }

 private:
  PlaneContext& context_;
  NodeTable node_table_;
  std::array<std::unique_ptr<Plane>, kPlaneCount> planes_;
  const bool read_only_;
};

}  // namespace mendfs
