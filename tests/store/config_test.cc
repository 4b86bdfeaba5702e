#include "meta/commit/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mendfs {
namespace {

using ::testing::HasSubstr;

TEST(ConfigTest, WhatMkfsWritesIsTheDefault) {
  const auto config = ParseConfig(DefaultConfig(), "config.toml");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(*config, StoreConfig());
}

// Without the comment signs every line that has one gives the default again.
TEST(ConfigTest, WhatMkfsWritesTellsTheDefaults) {
  std::string text = DefaultConfig();
  size_t keys = 0;
  for (size_t at = text.find("# history_"); at != std::string::npos;
       at = text.find("# history_", at)) {
    text.erase(at, 2);
    ++keys;
  }
  EXPECT_EQ(keys, 5U);
  const auto config = ParseConfig(text, "config.toml");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(*config, StoreConfig());
}

TEST(ConfigTest, DurationsAreTaken) {
  const auto config = ParseConfig(
      "history_all=\"90s\"\n  history_per_minute = '2h' # two\r\nhistory_per_hour = \"0\"\n"
      "history_per_day = \"36500d\"",
      "config.toml");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->history,
            (RetentionPolicy{90 * kSecondNs, 2 * kHourNs, 0, 36'500 * kDayNs, std::nullopt, 10}));
}

TEST(ConfigTest, TheBoundOfHistoryIsAPartOfTheDiskOrASize) {
  const auto history = [](const std::string& value) {
    const auto config = ParseConfig("history_max = \"" + value + "\"", "config.toml");
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    return config.ok() ? config->history : RetentionPolicy{};
  };
  EXPECT_EQ(history("25%").percent_max, 25U);
  EXPECT_EQ(history("25%").bytes_max, std::nullopt);
  EXPECT_EQ(history("0%").percent_max, 0U);
  EXPECT_EQ(history("100%").percent_max, 100U);
  EXPECT_EQ(history("2G").bytes_max, std::optional<uint64_t>(uint64_t{2} << 30));
  EXPECT_EQ(history("0").bytes_max, std::optional<uint64_t>(0));
  for (const char* value : {"101%", "%", "-1%", "10 %", "10%%", "1.5%", "", "10", "2000T"}) {
    const auto config = ParseConfig("history_max = \"" + std::string(value) + "\"", "c");
    ASSERT_FALSE(config.ok()) << value;
    EXPECT_THAT(config.status().message(), HasSubstr("history_max = \"10%\""));
  }
}

TEST(ConfigTest, WhatIsNotUnderstoodIsRefusedWithTheLine) {
  for (const char* line :
       {"history_all = 10m", "history_all = \"10\"", "history_all = \"10 m\"", "history_all = \"\"",
        "history_all = \"-1m\"", "history_all = \"36501d\"",
        "history_all = \"99999999999999999999s\"", "history_all = \"1m\" 2", "history_all = \"1m",
        "history_all =", "history_all", "history_all = \"1w\"", "history_all = 0"}) {
    const auto config = ParseConfig(std::string("# fine\n\n") + line + "\n", "/s/config.toml");
    ASSERT_FALSE(config.ok()) << line;
    EXPECT_EQ(config.status().code(), Code::kInvalid);
    EXPECT_THAT(config.status().message(), HasSubstr("/s/config.toml line 3: "));
    EXPECT_THAT(config.status().message(), HasSubstr("history_all = \"10m\""));
  }
  EXPECT_THAT(ParseConfig("speed = 11", "c").status().message(), HasSubstr("unknown key"));
  EXPECT_THAT(ParseConfig("history_all = \"1m\"\nhistory_all = \"1m\"", "c").status().message(),
              HasSubstr("twice"));
}

}  // namespace
}  // namespace mendfs
