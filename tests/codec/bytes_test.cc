#include "meta/codec/bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "tests/support/seed.h"

namespace mendfs {
namespace {

using namespace std::string_literals;

const uint64_t kNumbers[] = {0,
                             1,
                             127,
                             128,
                             255,
                             256,
                             16383,
                             16384,
                             UINT32_MAX,
                             uint64_t{1} << 32,
                             1000000007ULL,
                             uint64_t{1} << 63,
                             UINT64_MAX};

TEST(BytesTest, EveryKindReadsBackAsWritten) {
  Id128 id;
  id.bytes.fill(0xA5);
  CommitId commit;
  commit.bytes.fill(0x5A);
  std::string out;
  PutU8(out, 0xFE);
  PutU16(out, 0xFEDC);
  PutU32(out, 0xFEDCBA98);
  PutU64(out, 0xFEDCBA9876543210);
  PutI64(out, -2);
  PutVarint(out, 300);
  PutBytes(out, "a\0b"s);
  PutId(out, id);
  PutCommitId(out, commit);
  PutU32BigEndian(out, 7);
  PutU64BigEndian(out, 8);
  PutKeyBytes(out, "k\0\0y"s);
  out.append("raw");

  ByteReader reader(out);
  EXPECT_EQ(reader.GetU8(), 0xFE);
  EXPECT_EQ(reader.GetU16(), 0xFEDC);
  EXPECT_EQ(reader.GetU32(), 0xFEDCBA98);
  EXPECT_EQ(reader.GetU64(), 0xFEDCBA9876543210);
  EXPECT_EQ(reader.GetI64(), -2);
  EXPECT_EQ(reader.GetVarint(), 300u);
  EXPECT_EQ(reader.GetBytes(), "a\0b"s);
  EXPECT_EQ(reader.GetId(), id);
  EXPECT_EQ(reader.GetCommitId(), commit);
  EXPECT_EQ(reader.GetU32BigEndian(), 7u);
  EXPECT_EQ(reader.GetU64BigEndian(), 8u);
  EXPECT_EQ(reader.GetKeyBytes(), "k\0\0y"s);
  EXPECT_FALSE(reader.AtEnd());
  EXPECT_EQ(reader.GetRaw(3), "raw");
  EXPECT_TRUE(reader.AtEnd());
}

TEST(BytesTest, NumbersAreLittleEndianAndKeysBigEndian) {
  std::string out;
  PutU32(out, 0x01020304);
  PutU32BigEndian(out, 0x01020304);
  EXPECT_EQ(out, "\x04\x03\x02\x01\x01\x02\x03\x04"s);
}

TEST(BytesTest, VarintsRoundTripInTheShortestForm) {
  for (const uint64_t number : kNumbers) {
    std::string out;
    PutVarint(out, number);
    EXPECT_LE(out.size(), 10u);
    ByteReader reader(out);
    EXPECT_EQ(reader.GetVarint(), number);
    EXPECT_TRUE(reader.AtEnd());
  }
}

TEST(BytesTest, HostileVarintsAreRefused) {
  const std::string wrong[] = {
      ""s,                                          // nothing
      "\x80"s,                                      // goes on, but does not
      "\x80\x00"s,                                  // 0 in two bytes
      "\xFF\x80\x00"s,                              // 127 in three
      "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"s,  // 65 bits
      "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x01"s,
      std::string(11, '\x80') + '\x01',
  };
  for (const std::string& bytes : wrong) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.GetVarint(), 0u);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(BytesTest, LengthsBeyondTheEndAreRefused) {
  for (const uint64_t size : {uint64_t{4}, uint64_t{1} << 40, UINT64_MAX}) {
    std::string out;
    PutVarint(out, size);
    out.append("abc");
    ByteReader reader(out);
    EXPECT_EQ(reader.GetBytes(), "");
    EXPECT_FALSE(reader.ok());
  }
  ByteReader reader("abc");
  EXPECT_EQ(reader.GetRaw(std::numeric_limits<size_t>::max()), "");
  EXPECT_FALSE(reader.ok());
}

TEST(BytesTest, AfterAFailureEverythingIsZero) {
  ByteReader reader("abcdefghijklmnop");
  EXPECT_EQ(reader.GetRaw(100), "");
  EXPECT_EQ(reader.GetU8(), 0);
  EXPECT_EQ(reader.GetU64(), 0u);
  EXPECT_EQ(reader.GetVarint(), 0u);
  EXPECT_EQ(reader.GetBytes(), "");
  EXPECT_EQ(reader.GetKeyBytes(), "");
  EXPECT_EQ(reader.GetId(), Id128());
  EXPECT_FALSE(reader.ok());
  EXPECT_FALSE(reader.AtEnd());
}

TEST(BytesTest, TruncatedAnywhereNeverReadsAWholeRecord) {
  std::string out;
  PutU16(out, 513);
  PutVarint(out, 1 << 20);
  PutBytes(out, "hello");
  PutKeyBytes(out, "a\0b"s);
  PutU64BigEndian(out, 9);
  for (size_t size = 0; size < out.size(); ++size) {
    ByteReader reader(std::string_view(out).substr(0, size));
    reader.GetU16();
    reader.GetVarint();
    reader.GetBytes();
    reader.GetKeyBytes();
    reader.GetU64BigEndian();
    EXPECT_FALSE(reader.ok()) << size;
  }
}

TEST(KeyBytesTest, WrongEscapesAreRefused) {
  for (const std::string& bytes :
       {""s, "abc"s, "abc\0"s, "abc\0\x02"s, "\0\0"s, "a\0\xFE\0\x01"s}) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.GetKeyBytes(), "");
    EXPECT_FALSE(reader.ok());
  }
}

// Few different bytes, so that prefixes and zeros meet often.
std::string RandomKey(std::mt19937_64& random) {
  constexpr char kBytes[] = {'\0', '\x01', '\x02', 'a', '\xFE', '\xFF'};
  std::string key(random() % 6, '\0');
  for (char& byte : key) byte = kBytes[random() % sizeof(kBytes)];
  return key;
}

TEST(KeyBytesTest, OrderIsKeptAndNoKeyIsAPrefixOfAnother) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; ++round) {
    const std::string a = RandomKey(random);
    const std::string b = RandomKey(random);
    std::string encoded_a;
    std::string encoded_b;
    PutKeyBytes(encoded_a, a);
    PutKeyBytes(encoded_b, b);
    ASSERT_EQ(a < b, encoded_a < encoded_b);
    ASSERT_EQ(a == b, encoded_a == encoded_b);
    if (a != b) {
      ASSERT_FALSE(encoded_a.starts_with(encoded_b));
    }
    ByteReader reader(encoded_a);
    ASSERT_EQ(reader.GetKeyBytes(), a);
    ASSERT_TRUE(reader.AtEnd());
  }
}

TEST(KeyBytesTest, BigEndianOrderIsNumberOrder) {
  for (const uint64_t a : kNumbers) {
    for (const uint64_t b : kNumbers) {
      std::string encoded_a;
      std::string encoded_b;
      PutU64BigEndian(encoded_a, a);
      PutU64BigEndian(encoded_b, b);
      EXPECT_EQ(a < b, encoded_a < encoded_b);
    }
  }
}

TEST(BytesTest, RandomBytesNeverReadBeyondTheEnd) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    ByteReader reader(bytes);
    size_t before = reader.rest().size();
    while (reader.ok() && !reader.AtEnd()) {
      switch (random() % 5) {
        case 0: reader.GetVarint(); break;
        case 1: EXPECT_LE(reader.GetBytes().size(), bytes.size()); break;
        case 2: EXPECT_LE(reader.GetKeyBytes().size(), bytes.size()); break;
        case 3: reader.GetU16(); break;
        default: reader.GetId(); break;
      }
      ASSERT_LE(reader.rest().size(), before);
      before = reader.rest().size();
    }
  }
}

}  // namespace
}  // namespace mendfs
