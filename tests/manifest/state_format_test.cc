// The bytes of the manifest's own rows: golden, and what is not ours refused.
#include "meta/manifest/state_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mendfs {
namespace {

using ::testing::HasSubstr;

FoldState State() {
  FoldState state;
  state.folded = Seq(0x0102);
  state.totals[kMainBranch] = {{7, 8}, 1, 2, 3, 300};
  return state;
}

TEST(StateFormatTest, GoldenFoldStateAndRow) {
  FoldState before;
  before.folded = Seq(0x0100);
  before.number = 4100;
  before.chain = {1, 2};
  FoldState state = State();
  const FoldRow row = ChainFold(before, state);
  EXPECT_EQ(row.number, 4101u);
  EXPECT_EQ(ToHex(EncodeFoldState(state)),
            "02020100000000000005100000000000009922fbdeae3c5b9a51eeaa22afac101001010000000700000000"
            "0000000800000000000000010203ac02afaccb716615212f");
  EXPECT_EQ(ToHex(EncodeFoldRow(row)),
            "01051000000000000000010000000000000201000000000000138567a8c576793931af775252bfca159922"
            "fbdeae3c5b9a51eeaa22afac1010d8c064bf0037e7e3");
  EXPECT_EQ(ToHex(FoldRowKey(row.number)), "7900000005");
  EXPECT_EQ(*DecodeFoldState(EncodeFoldState(state)), state);
  EXPECT_EQ(*DecodeFoldRow(EncodeFoldRow(row)), row);
}

TEST(StateFormatTest, EveryBitCounts) {
  FoldState state = State();
  const FoldRow row = ChainFold({}, state);
  const std::string texts[] = {EncodeFoldState(state), EncodeFoldRow(row)};
  for (const std::string& text : texts) {
    for (size_t bit = 0; bit < text.size() * 8; ++bit) {
      std::string damaged = text;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_FALSE(
          (&text == texts ? DecodeFoldState(damaged).status() : DecodeFoldRow(damaged).status())
              .ok())
          << bit;
    }
  }
}

TEST(StateFormatTest, AnotherVersionIsRefusedWithWhatToDo) {
  std::string older = EncodeFoldState(State());
  older[0] = 1;
  EXPECT_EQ(DecodeFoldState(older).status().code(), Code::kUnsupported);
  EXPECT_THAT(DecodeFoldState(older).status().message(), HasSubstr("loaded into a new one"));
}

}  // namespace
}  // namespace mendfs
