#include "fs/view/place.h"

#include <gtest/gtest.h>

#include <set>

namespace mendfs {
namespace {

Place Of(PlaceKind kind, uint64_t row = 0) {
  return {.kind = kind, .row = InodeNumber{row}, .key = {}, .other_key = {}};
}

TEST(PlaceTest, FixedPlacesHaveFixedNumbers) {
  for (InodeNumber inode :
       {kMountRoot, kNodesRoot, kEdgesRoot, kGraphRoot, kSchemaInode, kMendRoot}) {
    PlaceRef place = FixedPlace(inode);
    ASSERT_NE(place, nullptr) << inode.value;
    EXPECT_EQ(InodeOf(*place), inode);
    EXPECT_LT(inode.value, kFirstFreeInode);
  }
  EXPECT_EQ(FixedPlace(kFilesRoot), nullptr);
  EXPECT_EQ(FixedPlace(InodeNumber{4711}), nullptr);
}

TEST(PlaceTest, ARowIsItsNumber) {
  EXPECT_EQ(InodeOf(Of(PlaceKind::kNodeRow, 100)), InodeNumber{100});
}

TEST(PlaceTest, ViewsOfOneRowHaveDifferentNumbersWithTheDerivedBit) {
  std::set<InodeNumber> seen;
  for (PlaceKind kind : {PlaceKind::kGraphNode, PlaceKind::kGraphRow, PlaceKind::kGraphOut,
                         PlaceKind::kGraphIn, PlaceKind::kEdgeRow}) {
    InodeNumber inode = InodeOf(Of(kind, 100));
    EXPECT_NE(inode.value & kDerivedInodeBit, 0u);
    EXPECT_TRUE(seen.insert(inode).second);
  }
}

TEST(PlaceTest, ARenamedRowStaysTheSameDirectory) {
  Place before = Of(PlaceKind::kGraphNode, 100);
  Place after = before;
  after.key = "new name";
  EXPECT_EQ(InodeOf(before), InodeOf(after));
}

TEST(PlaceTest, ParallelEdgesAreDifferentFiles) {
  Place first = Of(PlaceKind::kEdgeRow, 100);
  first.number = 1;
  Place second = first;
  second.number = 2;
  EXPECT_NE(InodeOf(first), InodeOf(second));
}

TEST(PlaceTest, EveryKindHasAPlane) {
  EXPECT_EQ(PlaneOf(PlaceKind::kSchemaFile), PlaneKind::kRoot);
  EXPECT_EQ(PlaneOf(PlaceKind::kNodeRow), PlaneKind::kNodes);
  EXPECT_EQ(PlaneOf(PlaceKind::kEdgeTable), PlaneKind::kEdges);
  EXPECT_EQ(PlaneOf(PlaceKind::kGraphInEnd), PlaneKind::kGraph);
  EXPECT_EQ(PlaneOf(PlaceKind::kMendFile), PlaneKind::kMend);
}

}  // namespace
}  // namespace mendfs
