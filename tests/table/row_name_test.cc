#include "meta/row_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "meta/table/schema/row_value.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using Parts = std::vector<std::string>;

std::string Node(const Parts& key) {
  const auto name = EncodeNodeName(key);
  return name.ok() ? *name : "none";
}

TEST(RowNameTest, OnlyWhatMustBeIsEscaped) {
  EXPECT_EQ(Node({"bob"}), "bob.json");
  EXPECT_EQ(Node({"Zoë O'Neil & co.json"}), "Zoë O'Neil & co.json.json");
  EXPECT_EQ(Node({std::string("a/b%c~d\0e\n\x7f", 11)}), "a%2Fb%25c%7Ed%00e%0A%7F.json");
  EXPECT_EQ(Node({".x.y"}), "%2Ex.y.json");
  EXPECT_EQ(Node({".."}), "%2E..json");
  EXPECT_EQ(Node({"a", ".b"}), "a~.b.json");
  EXPECT_EQ(*EncodeNodeName(Parts{"bob"}, RowNameForm::kDirectory), "bob");
  EXPECT_EQ(*EncodeEdgeName(Parts{"a"}, Parts{"b"}, 1), "a~b.json");
  EXPECT_EQ(*EncodeEdgeName(Parts{"a", "b"}, Parts{"c"}, 12), "a~b~c~12.json");
  EXPECT_FALSE(EncodeEdgeName(Parts{"a"}, Parts{"b"}, 0).ok());
  for (const Parts& bad : {Parts{}, Parts{""}, Parts{"a", ""}, Parts{"\xff"}, Parts{"\xc0\x80"}}) {
    EXPECT_FALSE(EncodeNodeName(bad).ok());
  }
}

TEST(RowNameTest, NamesThatNoKeyHasAreRefused) {
  for (const std::string_view bad :
       {"a%2fb.json", "a%41.json", "a%.json", "a%2.json", "a%2E.json", "a~b.json", "~.json",
        "a~.json", "\xff.json", "%80.json", "%h00.json", "bob", ".json", ".bob.json", "a\nb.json",
        "a%zz.json", "%H0123456789abcdef0123456789abcdef.json",
        "%h0123456789ABCDEF0123456789abcdef.json"}) {
    EXPECT_EQ(DecodeNodeName(bad, 1).status().code(), Code::kInvalid) << bad;
  }
  for (const std::string_view bad :
       {"a.json", "a~b~1.json", "a~b~0.json", "a~b~02.json", "a~b~x.json", "a~b~-0.json",
        "a~b~4294967296.json", "a~b~2~3.json", "a~.json"}) {
    EXPECT_EQ(DecodeEdgeName(bad, {.source = 1, .target = 1}).status().code(), Code::kInvalid)
        << bad;
  }
  EXPECT_FALSE(DecodeNodeName(std::string(252, 'a') + ".json", 1).ok());
  EXPECT_FALSE(DecodeNodeName(std::string(251, 'a') + ".json", 1).ok());
  EXPECT_TRUE(DecodeNodeName(std::string(250, 'a') + ".json", 1).ok());
}

TEST(RowNameTest, EdgesAreTakenApartByTheirPartCounts) {
  const auto edge = DecodeEdgeName("a~b~c~2.json", {.source = 2, .target = 1});
  ASSERT_TRUE(edge.ok());
  EXPECT_EQ(edge->source, (Parts{"a", "b"}));
  EXPECT_EQ(edge->target, Parts{"c"});
  EXPECT_EQ(edge->n, 2U);
  const auto four = DecodeEdgeName("a~b~c~2.json", {.source = 2, .target = 2});
  ASSERT_TRUE(four.ok());
  EXPECT_EQ(four->target, (Parts{"c", "2"}));
  EXPECT_EQ(four->n, 1U);
}

TEST(RowNameTest, LongKeysAreHashedTheSameInBothForms) {
  const std::string fits(250, 'k');
  EXPECT_EQ(Node({fits}), fits + ".json");
  const Parts longer{std::string(251, 'k')};
  const std::string file = Node(longer);
  const std::string directory = *EncodeNodeName(longer, RowNameForm::kDirectory);
  EXPECT_EQ(file, directory + ".json");
  EXPECT_TRUE(IsHashedStem(directory));
  EXPECT_EQ(DecodeNodeName(file, 1)->hashed, directory);
  EXPECT_NE(Node({std::string(252, 'k')}), file);
  EXPECT_LE(file.size(), kFileNameBytesMax);
  const auto edge = EncodeEdgeName(longer, Parts{"b"}, 2);
  EXPECT_TRUE(DecodeEdgeName(*edge, {})->hashed.has_value());
  // A key that looks like a hash is escaped and stays a key.
  const std::string looks = "%h0123456789abcdef0123456789abcdef";
  EXPECT_EQ(DecodeNodeName(Node({looks}), 1)->key, Parts{looks});
}

TEST(RowNameTest, ScratchNamesAreNoRowNames) {
  for (const std::string_view scratch : {".bob.json.swp", "4913", "sedAbCdEf", "bob.json~", ".json",
                                         "bob", ".bob.json", "#bob.json#", ""}) {
    EXPECT_FALSE(IsRowName(scratch)) << scratch;
  }
  EXPECT_TRUE(IsRowName("bob.json"));
  EXPECT_TRUE(IsRowName("a%zz.json")) << "a misspelt name is no scratch";
}

std::string RandomText(std::mt19937_64& random, bool any_bytes) {
  static const std::vector<std::string> pieces = {
      "a",    "Z",    ".", "/", "%", "~", "%2F", "%h", "é", "😀", " ", "\n", std::string(1, '\0'),
      "\x7f", "json", "2"};
  std::string text;
  do {
    if (any_bytes && random() % 2 == 0) {
      text.push_back(static_cast<char>(random()));
    } else {
      text += pieces[random() % pieces.size()];
    }
  } while (random() % 4 != 0);
  if (random() % 50 == 0) text += std::string(random() % 300, 'x');
  return text;
}

TEST(RowNameTest, OneKeyHasOneNameAndBack) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::map<std::string, Parts> owners;
  for (int round = 0; round < 30000; ++round) {
    Parts source(1 + random() % 2);
    for (std::string& part : source) part = RandomText(random, false);
    const std::string name = Node(source);
    ASSERT_NE(name, "none");
    EXPECT_TRUE(IsRowName(name));
    EXPECT_LE(name.size(), kFileNameBytesMax);
    const auto owner = owners.emplace(name + "/" + std::to_string(source.size()), source).first;
    EXPECT_EQ(owner->second, source) << name;
    const auto node = DecodeNodeName(name, source.size());
    ASSERT_TRUE(node.ok()) << node.status().ToString();
    if (!node->hashed) {
      EXPECT_EQ(node->key, source);
    }
    EXPECT_EQ(*NodeNameOfKey(EncodeKeyText(source), source.size()), name);

    const Parts target{RandomText(random, false)};
    const auto n = static_cast<uint32_t>(1 + random() % 3);
    const std::string edge_name = *EncodeEdgeName(source, target, n);
    const auto edge = DecodeEdgeName(edge_name, {.source = source.size(), .target = 1});
    ASSERT_TRUE(edge.ok()) << edge.status().ToString();
    if (edge->hashed) continue;
    EXPECT_EQ(edge->source, source);
    EXPECT_EQ(edge->target, target);
    EXPECT_EQ(edge->n, n);
  }
}

TEST(RowNameTest, AnyBytesThatDecodeEncodeToThemselves) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  int decoded = 0;
  for (int round = 0; round < 100000; ++round) {
    const std::string name = RandomText(random, round % 2 == 0) + ".json";
    for (const size_t parts : {1, 2}) {
      const auto node = DecodeNodeName(name, parts);
      if (!node.ok() || node->hashed) continue;
      ++decoded;
      EXPECT_EQ(Node(node->key), name);
    }
    const auto edge = DecodeEdgeName(name, {.source = 1, .target = 1});
    if (edge.ok() && !edge->hashed) {
      EXPECT_EQ(*EncodeEdgeName(edge->source, edge->target, edge->n), name);
    }
  }
  EXPECT_GT(decoded, 1000);
}

}  // namespace
}  // namespace mendfs
