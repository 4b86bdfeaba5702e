#include "fs/view/graph_names.h"

#include <gtest/gtest.h>

namespace mendfs {
namespace {

constexpr std::string_view kFrom = "graph/Person/alice/out/Knows";

TEST(GraphNamesTest, TheFirstEdgeIsCalledAsItsEnd) {
  EXPECT_EQ(*EncodeEndName("bob", 1, 1), "bob");
  EXPECT_EQ(*EncodeEndName("bob", 1, 2), "bob~2");
  EXPECT_EQ(*EncodeEndName("a/b", 1, 3), "a%2Fb~3");
}

TEST(GraphNamesTest, NamesDecodeToWhatMadeThem) {
  for (const char* key : {"bob", "a~b", "a%b", "2", "~2", ".dot", "a/b"}) {
    for (uint32_t n : {1u, 2u, 77u}) {
      Result<std::string> name = EncodeEndName(key, 1, n);
      ASSERT_TRUE(name.ok()) << key;
      Result<EndName> end = DecodeEndName(*name, 1);
      ASSERT_TRUE(end.ok()) << *name << ": " << end.status().message();
      EXPECT_EQ(KeyOfParts(end->node.key), key);
      EXPECT_EQ(end->n, n);
      EXPECT_EQ(end->directory, *EncodeEndName(key, 1, 1));
    }
  }
}

TEST(GraphNamesTest, CompositeKeysKeepTheirPartsApartFromTheNumber) {
  Result<EndName> first = DecodeEndName("2026~7", 2);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->n, 1u);
  Result<EndName> third = DecodeEndName("2026~7~3", 2);
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->n, 3u);
  EXPECT_EQ(third->directory, "2026~7");
}

TEST(GraphNamesTest, ANumberIsTwoOrMoreWithoutZerosInFront) {
  for (const char* name : {"bob~1", "bob~0", "bob~02", "bob~", "bob~x", "bob~2x", "bob~-2",
                           "bob~4294967296", "bob~2~3"}) {
    EXPECT_EQ(DecodeEndName(name, 1).status().code(), Code::kInvalid) << name;
  }
}

TEST(GraphNamesTest, LongKeysAreHashedAndStillNumbered) {
  std::string key(300, 'k');
  Result<std::string> name = EncodeEndName(key, 1, 2);
  ASSERT_TRUE(name.ok());
  EXPECT_LE(name->size(), kFileNameBytesMax);
  Result<EndName> end = DecodeEndName(*name, 1);
  ASSERT_TRUE(end.ok()) << end.status().message();
  EXPECT_TRUE(end->node.hashed.has_value());
  EXPECT_EQ(end->n, 2u);
}

TEST(GraphNamesTest, ANumberThatDoesNotFitIsRefusedNotCut) {
  std::string key(250, 'k');
  EXPECT_TRUE(EncodeEndName(key, 1, 9999).ok());
  EXPECT_EQ(EncodeEndName(key, 1, 10000).status().code(), Code::kOverflow);
}

TEST(GraphNamesTest, LinksResolveAsTheKernelWould) {
  for (const char* target :
       {"../../../bob", "../../../../Person/bob", ".././../..//bob/", "../../../../Person/./bob",
        "/mnt/g/graph/Person/bob", "../../../../../nodes/Person/bob.json",
        "../../../../../graph/Person/bob", "/mnt/g/nodes/Person/bob.json"}) {
    std::optional<LinkTarget> link = ResolveLink(kFrom, target);
    ASSERT_TRUE(link.has_value()) << target;
    EXPECT_EQ(link->type, "Person");
    EXPECT_EQ(link->directory, "bob");
  }
}

TEST(GraphNamesTest, LinksThatLeadNowhereInTheGraphAreNoEdges) {
  for (const char* target :
       {"", "bob", "../../bob", "../../../../../../../../etc/passwd", "/etc/passwd", "/", "..",
        "../../../bob/out", "../../../../../files/Person/bob", "../../../../../nodes/Person/bob"}) {
    EXPECT_FALSE(ResolveLink(kFrom, target).has_value()) << target;
  }
}

}  // namespace
}  // namespace mendfs
