#include "meta/table/schema/schema_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "meta/codec/hash.h"
#include "meta/table/schema/schema_parser.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

constexpr std::string_view kText = R"(
interface Named @description("has a name") { name: String }
node Person implements Named @ttl(gone) {
  name: String @key @check("^[a-z]+$")
  age: I32? @range(0..150)
  role: enum(reader, "the owner") @index
  tags: [String]
  face: Vector(3)?
  gone: DateTime? @rename_from(left)
}
open node Place
edge Knows: Person -> Place @card(1..3) @ondelete(restrict) { since: Date @unique }
)";

// What version 1 makes of kText. Written once; today's code must go on reading it.
constexpr std::string_view kGolden =
    "464d5343010000008a9af7273e84d1bd040000000800000001054e616d65640100000000046e616d65010000"
    "000000000000000a6861732061206e616d65020100000006506572736f6e000601000000046e616d65010000"
    "00000000085e5b612d7a5d2b2400000200000003616765036200000000000130033135300000000300000004"
    "726f6c650d0800000000020672656164657209746865206f776e657200000004000000047461677301010000"
    "0000000000000500000004666163650c0203000000000000000600000004676f6e650a12000000000000046c"
    "65667400010001054e616d656400000200000005506c6163650100000000000103000000054b6e6f77730100"
    "00000200000001070000000573696e6365090400000000000000000100000000000000010300000000000000"
    "020000";

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

Schema Sample() {
  Result<Schema> schema = ParseSchema(kText);
  EXPECT_TRUE(schema.ok()) << schema.status().ToString();
  return *schema;
}

TEST(SchemaFormatTest, VersionOneReadsAndWritesItsGoldenBytes) {
  EXPECT_EQ(ToHex(EncodeSchema(Sample())), kGolden);
  const Result<Schema> schema = DecodeSchema(FromHex(kGolden));
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_TRUE(*schema == Sample());
}

TEST(SchemaFormatTest, IdsSurvive) {
  Schema schema = Sample();
  schema.nodes[0].id = TypeId(70);
  schema.edges[0].source = TypeId(70);
  schema.nodes[0].properties[1].id = PropertyId(99);
  schema.next_type_id = TypeId(100);
  schema.next_property_id = PropertyId(100);
  const Result<Schema> decoded = DecodeSchema(EncodeSchema(schema));
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_TRUE(*decoded == schema);
}

TEST(SchemaFormatTest, EveryFlippedBitAndEveryCutIsSeen) {
  const std::string bytes = EncodeSchema(Sample());
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string flipped = bytes;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(DecodeSchema(flipped).ok()) << "bit " << i;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeSchema(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(SchemaFormatTest, ANewerVersionIsRefusedAsSuch) {
  std::string bytes = EncodeSchema(Sample());
  bytes[4] = 2;
  EXPECT_EQ(DecodeSchema(bytes).status().code(), Code::kUnsupported);
}

TEST(SchemaFormatTest, BytesThatContradictThemselvesAreCorruption) {
  Schema schema = Sample();
  schema.nodes[0].key = {77};
  EXPECT_EQ(DecodeSchema(EncodeSchema(schema)).status().code(), Code::kCorruption);
  schema = Sample();
  schema.edges[0].source = TypeId(50);
  EXPECT_EQ(DecodeSchema(EncodeSchema(schema)).status().code(), Code::kCorruption);
  schema = Sample();
  schema.nodes[0].properties[0].id = schema.nodes[0].properties[1].id;
  EXPECT_EQ(DecodeSchema(EncodeSchema(schema)).status().code(), Code::kCorruption);
}

TEST(SchemaFormatTest, RandomBodiesBehindARightChecksumDoNoHarm) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string sample = EncodeSchema(Sample());
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = sample;
    for (uint64_t i = 0; i <= random() % 4; ++i) {
      bytes[16 + random() % (bytes.size() - 16)] = static_cast<char>(random());
    }
    const uint64_t checksum = HashXxh3(std::string_view(bytes).substr(16));
    for (int i = 0; i < 8; ++i) bytes[8 + i] = static_cast<char>(checksum >> (8 * i));
    const Result<Schema> schema = DecodeSchema(bytes);
    if (schema.ok()) {
      EXPECT_TRUE(CheckSchema(*schema).ok());
    }
  }
}

}  // namespace
}  // namespace mendfs
