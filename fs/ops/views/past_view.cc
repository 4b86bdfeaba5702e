#include "fs/ops/views/past_view.h"

#include <utility>

#include "fs/ops/planes/planes.h"
#include "fs/ops/rows/row_planes.h"
#include "meta/codec/hash.h"

namespace mendfs {
namespace {

// Those that a commit holds; the others speak of the mount and of now.
constexpr std::array<PlaneKind, 5> kKinds = {PlaneKind::kFiles, PlaneKind::kRoot, PlaneKind::kNodes,
                                             PlaneKind::kEdges, PlaneKind::kGraph};

std::unique_ptr<Plane> MakePlane(PlaneKind kind, PlaneContext& context) {
  switch (kind) {
    case PlaneKind::kFiles: return MakeFilesPlane(context);
    case PlaneKind::kRoot: return MakeRootPlane(context, {});
    case PlaneKind::kNodes: return MakeNodesPlane(context);
    case PlaneKind::kEdges: return MakeEdgesPlane(context);
    default: return MakeGraphPlane(context);
  }
}

}  // namespace

Result<std::shared_ptr<PastView>> PastView::Open(const PlaneContext& mount, Seq seq,
                                                 const std::string& snapshot) {
  MENDFS_ASSIGN_OR_RETURN(auto moment, mount.store.Pin(mount.branch, seq));
  std::shared_ptr<PastView> view(new PastView(mount, std::move(moment), snapshot));
  // What has no time of its own has that of the commit. Where its row has gone meanwhile, the pin
  // holds, and the time of the mount is as good as any.
  MENDFS_ASSIGN_OR_RETURN(const std::vector<CommitRow> commits,
                          mount.store.Log(mount.branch, Seq{seq.value + 1}, 1));
  if (!commits.empty() && commits.front().seq == seq) {
    view->context_.start_ns = commits.front().time_ns;
  }
  return view;
}

PastView::PastView(const PlaneContext& mount, std::unique_ptr<Snapshot> moment,
                   std::string snapshot)
    : moment_(std::move(moment)), snapshot_(std::move(snapshot)), context_(mount) {
  context_.seq = moment_->view().seq;
  for (const PlaneKind kind : kKinds) {
    planes_[static_cast<size_t>(kind)] = MakePlane(kind, context_);
  }
}

size_t PastView::IndexOf(const Node& inside) {
  return static_cast<size_t>(inside.place ? PlaneOf(inside.place->kind) : PlaneKind::kFiles);
}

Place PastView::PlaceIn(Seq seq, const std::string& snapshot, InodeNumber inside, PlaceRef place) {
  // A number for each name; 0 is that of .mend/at.
  const auto number =
      snapshot.empty() ? 0u : static_cast<uint32_t>(HashXxh3(snapshot) | uint64_t{1});
  return {.kind = PlaceKind::kPastNode,
          .row = inside,
          .other = InodeNumber{seq.value},
          .number = number,
          .key = snapshot,
          .other_key = {},
          .inside = std::move(place)};
}

Place PastView::RootPlaceOf(Seq seq, const std::string& snapshot) {
  return PlaceIn(seq, snapshot, kMountRoot, FixedPlace(kMountRoot));
}

Node PastView::Inside(const Place& place) const {
  return {.id = place.row, .place = place.inside};
}

InodeNumber PastView::OutsideInode(InodeNumber inside) const {
  return InodeOf(PlaceIn(context_.seq, snapshot_, inside, nullptr));
}

Found PastView::Outside(Found inside) const {
  Place place = PlaceIn(context_.seq, snapshot_, inside.attributes.inode, std::move(inside.place));
  inside.attributes.inode = InodeOf(place);
  inside.place = std::make_shared<const Place>(std::move(place));
  // Nothing changes here, but the moment may be given up: names are asked for again then.
  inside.freshness = Freshness::kShort;
  return inside;
}

}  // namespace mendfs
