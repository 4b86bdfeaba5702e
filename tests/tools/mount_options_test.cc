#include "mount-tools/mounting/mount_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<MountSettings> Parse(const std::vector<std::string>& texts, const OptionRules& rules = {}) {
  return ParseMountOptions(texts, rules);
}

TEST(MountOptionsTest, DefaultsWithoutOptions) {
  const auto settings = Parse({});
  ASSERT_TRUE(settings.ok());
  EXPECT_FALSE(settings->read_only);
  EXPECT_FALSE(settings->allow_other);
  EXPECT_TRUE(settings->graph);
  EXPECT_EQ(settings->commit_interval_ms, 1000U);
}

TEST(MountOptionsTest, EveryOwnOptionIsUnderstood) {
  const auto settings =
      Parse({"ro,allow_other", "nograph,nonempty,commit=250ms,cache_size=128M,log=/tmp/x"});
  ASSERT_TRUE(settings.ok()) << settings.status().ToString();
  EXPECT_TRUE(settings->read_only);
  EXPECT_TRUE(settings->allow_other);
  EXPECT_TRUE(settings->nonempty);
  EXPECT_FALSE(settings->graph);
  EXPECT_EQ(settings->commit_interval_ms, 250U);
  EXPECT_EQ(settings->cache_bytes, uint64_t{128} << 20);
  EXPECT_EQ(settings->log_path, "/tmp/x");
}

TEST(MountOptionsTest, LaterOptionsWin) {
  const auto settings = Parse({"ro,rw", "commit=5s,commit=2s"});
  ASSERT_TRUE(settings.ok());
  EXPECT_FALSE(settings->read_only);
  EXPECT_EQ(settings->commit_interval_ms, 2000U);
}

TEST(MountOptionsTest, MountsOfRootAreForEverybody) {
  EXPECT_TRUE(Parse({}, {.root = true})->allow_other);
  EXPECT_FALSE(Parse({"noallow_other"}, {.root = true})->allow_other);
}

TEST(MountOptionsTest, WordsOfMountAndFstabMeanNothing) {
  const auto settings = Parse(
      {"rw,defaults,noauto,auto,user,users,nofail,_netdev,relatime,noatime,x-systemd.automount,"
       "x-systemd.device-timeout=5,X-mount.mkdir,comment=abc,,"});
  ASSERT_TRUE(settings.ok()) << settings.status().ToString();
  EXPECT_TRUE(settings->kernel.empty());
}

TEST(MountOptionsTest, AtimeChangesOnlyWhereItIsAskedFor) {
  EXPECT_FALSE(Parse({"defaults"})->relatime);
  EXPECT_TRUE(Parse({"relatime"})->relatime);
  EXPECT_FALSE(Parse({"relatime,noatime"})->relatime);
}

TEST(MountOptionsTest, KernelOptionsAreHandedOn) {
  const auto settings = Parse({"nodev,suid,max_read=131072,auto_unmount"});
  ASSERT_TRUE(settings.ok());
  EXPECT_THAT(settings->kernel, ElementsAre("nodev", "suid", "auto_unmount"));
  EXPECT_EQ(settings->max_read_bytes, 131072U);
}

TEST(MountOptionsTest, UnknownOptionIsNamedWithTheNearest) {
  const auto settings = Parse({"ro,nogrpah"});
  ASSERT_FALSE(settings.ok());
  EXPECT_EQ(settings.status().code(), Code::kInvalid);
  EXPECT_THAT(settings.status().message(), HasSubstr("'nogrpah'"));
  EXPECT_THAT(settings.status().message(), HasSubstr("'nograph'"));
  EXPECT_FALSE(Parse({"frob=1"}).ok());
  EXPECT_FALSE(Parse({"max_read=lots"}).ok());
}

TEST(MountOptionsTest, SloppyIgnoresUnknownOptionsButNoWrongValues) {
  EXPECT_TRUE(Parse({"frob,frob=1"}, {.sloppy = true}).ok());
  EXPECT_FALSE(Parse({"commit=never"}, {.sloppy = true}).ok());
}

TEST(MountOptionsTest, ValuesOutOfRangeAreRefused) {
  for (const char* text : {"commit", "commit=", "commit=1ms", "commit=2h", "commit=-1",
                           "cache_size=1K", "cache_size=2T", "cache_size=big", "log", "log="}) {
    const auto settings = Parse({text});
    ASSERT_FALSE(settings.ok()) << text;
    EXPECT_THAT(settings.status().message(), HasSubstr("want")) << text;
  }
}

}  // namespace
}  // namespace mendfs
