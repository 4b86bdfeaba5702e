// The whole mount as a commit left it: planes of its own over a pinned moment, to be read only.
//
// Inside, nodes have the ids that they had; outside, a hash of the moment and that id, so that
// tools never take two versions for one file. PastView goes between the two. What is below a
// snapshot has the snapshot's name in the hash too: the kernel wants one way to each directory.
//
// Lifetime: keeps its moment readable; the mount's context outlives it
// Threads:  safe from any thread
#pragma once

#include <array>
#include <memory>
#include <string>

#include "fs/ops/plane/plane.h"

namespace mendfs {

class PastView {
 public:
  // Below .mend/at where `snapshot` is empty, else below the snapshot of that name.
  // Errors: kStale where the commit is not kept any more
  static Result<std::shared_ptr<PastView>> Open(const PlaneContext& mount, Seq seq,
                                                const std::string& snapshot);

  Seq seq() const { return context_.seq; }
  const std::string& snapshot() const { return snapshot_; }
  // Where `place`, a kPastNode of this view, leads inside.
  Node Inside(const Place& place) const;
  Plane& PlaneOfInside(const Node& inside) { return *planes_[IndexOf(inside)]; }
  // What was found inside, as the mount knows it.
  Found Outside(Found inside) const;
  InodeNumber OutsideInode(InodeNumber inside) const;
  // The directory that everything of this view is below.
  Place Root() const { return RootPlaceOf(context_.seq, snapshot_); }
  static Place RootPlaceOf(Seq seq, const std::string& snapshot);

 private:
  PastView(const PlaneContext& mount, std::unique_ptr<Snapshot> moment, std::string snapshot);
  static size_t IndexOf(const Node& inside);
  static Place PlaceIn(Seq seq, const std::string& snapshot, InodeNumber inside, PlaceRef place);

  const std::unique_ptr<Snapshot> moment_;
  const std::string snapshot_;
  PlaneContext context_;
  std::array<std::unique_ptr<Plane>, kPlaneCount> planes_;
};

}  // namespace mendfs
