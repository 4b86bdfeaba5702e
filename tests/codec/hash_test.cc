#include "meta/codec/hash.h"

#include <gtest/gtest.h>

#include <set>

namespace mendfs {
namespace {

std::string HexOf(const Sha256Digest& digest) {
  return ToHex(CommitId{digest});
}

TEST(HashTest, Sha256KnownAnswers) {
  EXPECT_EQ(HexOf(Sha256::Of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexOf(Sha256::Of("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(HashTest, Sha256InPiecesEqualsWhole) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.Finish(), Sha256::Of("abc"));
  EXPECT_EQ(hash.Finish(), Sha256::Of(""));
}

TEST(HashTest, Xxh3KnownAnswers) {
  EXPECT_EQ(HashXxh3(""), 0x2D06800538D394C2u);
  EXPECT_EQ(ToHex(HashXxh3Wide("")), "99aa06d3014798d86001c324468d497f");
}

TEST(HashTest, Crc32cKnownAnswers) {
  EXPECT_EQ(HashCrc32c(""), 0u);
  EXPECT_EQ(HashCrc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(HashCrc32c(std::string(32, '\0')), 0x8A9136AAu);
}

TEST(HashTest, WideSumsAreOrderIndependentAndCanBeTakenBack) {
  const Hash128 a = HashXxh3Wide("a");
  const Hash128 b = HashXxh3Wide("b");
  Hash128 forward = a;
  forward += b;
  Hash128 backward = b;
  backward += a;
  EXPECT_EQ(forward, backward);
  forward -= b;
  EXPECT_EQ(forward, a);
}

TEST(HashTest, WideSumsCarryAndBorrow) {
  Hash128 sum{.low = UINT64_MAX, .high = 1};
  sum += Hash128{.low = 1, .high = 0};
  EXPECT_EQ(sum, (Hash128{.low = 0, .high = 2}));
  sum -= Hash128{.low = 1, .high = 0};
  EXPECT_EQ(sum, (Hash128{.low = UINT64_MAX, .high = 1}));
  sum -= Hash128{.low = 0, .high = 2};
  EXPECT_EQ(sum, (Hash128{.low = UINT64_MAX, .high = UINT64_MAX}));
}

TEST(IdTest, HexRoundTrips) {
  const Id128 id = RandomId();
  EXPECT_EQ(ToHex(id).size(), 32u);
  EXPECT_EQ(ParseId(ToHex(id)), id);
}

TEST(IdTest, RandomIdsDiffer) {
  std::set<Id128> ids;
  for (int count = 0; count < 1000; ++count) ids.insert(RandomId());
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(IdTest, OnlyThirtyTwoLowerCaseDigitsParse) {
  const std::string good(32, 'a');
  EXPECT_TRUE(ParseId(good));
  for (const std::string& wrong :
       {std::string(), good.substr(1), good + "a", std::string(32, 'A'), std::string(32, 'g'),
        " " + good.substr(1), "0x" + good.substr(2), std::string(32, '\0')}) {
    EXPECT_FALSE(ParseId(wrong)) << wrong;
  }
}

TEST(IdTest, CommitsShowTheFirstHalf) {
  CommitId id{Sha256::Of("abc")};
  EXPECT_EQ(ToHex(id).size(), 64u);
  EXPECT_EQ(ShortHex(id), "ba7816bf8f01cfea414140de5dae2223");
}

}  // namespace
}  // namespace mendfs
