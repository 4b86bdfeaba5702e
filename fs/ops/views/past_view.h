// The whole mount as a commit left it: planes of its own over a pinned moment, to be read only.
//
// Inside, nodes have the ids that they had; outside, a hash of the moment and that id, so that
// tools never take two versions for one file. PastView goes between the two.
//
// Lifetime: keeps its moment readable; the mount's context outlives it
// Threads:  safe from any thread
#pragma once

#include <array>
#include <memory>

#include "fs/ops/plane/plane.h"

namespace mendfs {

class PastView {
 public:
  // Errors: kStale where the commit is not kept any more
  static Result<std::shared_ptr<PastView>> Open(const PlaneContext& mount, Seq seq);

  Seq seq() const { return context_.seq; }
  // Where `place`, a kPastNode of this view, leads inside.
  Node Inside(const Place& place) const;
  Plane& PlaneOfInside(const Node& inside) { return *planes_[IndexOf(inside)]; }
  // What was found inside, as the mount knows it.
  Found Outside(Found inside) const;
  InodeNumber OutsideInode(InodeNumber inside) const;
  // The directory that everything of this view is below.
  Place Root() const;

 private:
  PastView(const PlaneContext& mount, std::unique_ptr<Snapshot> moment);
  static size_t IndexOf(const Node& inside);
  Place PlaceOf(InodeNumber inside, PlaceRef place) const;

  const std::unique_ptr<Snapshot> moment_;
  PlaneContext context_;
  std::array<std::unique_ptr<Plane>, kPlaneCount> planes_;
};

}  // namespace mendfs
