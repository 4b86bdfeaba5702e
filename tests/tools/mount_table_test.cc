#include "mount-tools/mounting/mount_table.h"

#include <gtest/gtest.h>

namespace mendfs {
namespace {

constexpr std::string_view kTable =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "30 22 0:25 / /mnt/g rw,nosuid,nodev shared:9 master:2 - fuse.mendfs /srv/g rw,user_id=0\n"
    "31 22 0:26 / /mnt/my\\040graph ro,nosuid - fuse.mendfs /srv/with\\040space\\134 ro\n"
    "32 30 0:27 / /mnt/g/files/inner rw - tmpfs tmpfs rw\n";

TEST(MountTableTest, FieldsAreFoundAcrossOptionalOnes) {
  const auto table = ParseMountTable(kTable);
  ASSERT_EQ(table.size(), 4U);
  EXPECT_EQ(table[1].mount_point, "/mnt/g");
  EXPECT_EQ(table[1].type, "fuse.mendfs");
  EXPECT_EQ(table[1].source, "/srv/g");
  EXPECT_FALSE(table[1].read_only);
  EXPECT_TRUE(table[2].read_only);
}

TEST(MountTableTest, EscapesAreUndone) {
  const auto table = ParseMountTable(kTable);
  EXPECT_EQ(table[2].mount_point, "/mnt/my graph");
  EXPECT_EQ(table[2].source, "/srv/with space\\");
}

TEST(MountTableTest, BrokenLinesAreLeftOut) {
  EXPECT_TRUE(ParseMountTable("").empty());
  EXPECT_TRUE(ParseMountTable("\n\n - \n1 2 3\na b c d e f g h -\n- - - - - - -\n").empty());
  EXPECT_EQ(ParseMountTable("garbage\n" + std::string(kTable)).size(), 4U);
}

TEST(MountTableTest, TheInnermostMountShows) {
  const auto table = ParseMountTable(kTable);
  EXPECT_EQ(FindMountOf(table, "/mnt/g")->source, "/srv/g");
  EXPECT_EQ(FindMountOf(table, "/mnt/g/nodes/Person")->source, "/srv/g");
  EXPECT_EQ(FindMountOf(table, "/mnt/gx")->type, "ext4");
  EXPECT_EQ(FindMountOf(table, "/mnt/g/files/inner/x")->type, "tmpfs");
}

TEST(MountTableTest, TheLatestOfTwoMountsOnOnePlaceShows) {
  const auto table =
      ParseMountTable(std::string(kTable) + "40 30 0:30 / /mnt/g rw - ext4 /dev/vdb rw\n");
  EXPECT_EQ(FindMountOf(table, "/mnt/g/x")->type, "ext4");
}

TEST(MountTableTest, MountsOfAStoreAreFoundBySource) {
  const auto table = ParseMountTable(kTable);
  ASSERT_EQ(MountsOfStore(table, "/srv/g").size(), 1U);
  EXPECT_TRUE(MountsOfStore(table, "/srv").empty());
  EXPECT_TRUE(MountsOfStore(table, "tmpfs").empty());
}

TEST(MountTableTest, WithinIsByComponents) {
  EXPECT_TRUE(IsWithin("/a/b", "/a"));
  EXPECT_TRUE(IsWithin("/a", "/a"));
  EXPECT_TRUE(IsWithin("/a", "/"));
  EXPECT_FALSE(IsWithin("/ab", "/a"));
  EXPECT_FALSE(IsWithin("/a", "/a/b"));
}

TEST(MountTableTest, NormalPathFollowsTextOnly) {
  EXPECT_EQ(NormalPath("/a//b/./c/../d/"), "/a/b/d");
  EXPECT_EQ(NormalPath("/../.."), "/");
  EXPECT_EQ(NormalPath("/"), "/");
  EXPECT_TRUE(NormalPath("x").starts_with("/"));
}

TEST(MountTableTest, ThisMachineHasARootMount) {
  const auto table = ReadMountTable();
  ASSERT_TRUE(table.ok());
  EXPECT_NE(FindMountOf(*table, "/proc/self"), nullptr);
}

}  // namespace
}  // namespace mendfs
