#include "mount-tools/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Invocation Parse(std::vector<std::string> arguments) {
  return ParseCommandLine("/usr/bin/mendfs", std::move(arguments));
}

TEST(CommandLineTest, LoadTakesFilesAndMode) {
  const Invocation load = Parse({"load", "/srv/g", "a.jsonl", "-", "--mode", "append", "--type",
                                 "Person", "--actor", "me", "-m", "first", "--json"});
  ASSERT_EQ(load.action, Action::kStoreVerb) << load.text;
  EXPECT_EQ(load.request.verb, Verb::kLoad);
  EXPECT_EQ(load.verb, "load");
  EXPECT_EQ(load.target, "/srv/g");
  EXPECT_THAT(load.files, ElementsAre("a.jsonl", "-"));
  EXPECT_EQ(load.request.mode, LoadMode::kAppend);
  EXPECT_EQ(load.request.type, "Person");
  EXPECT_EQ(load.request.actor, "me");
  EXPECT_EQ(load.request.message, "first");
  EXPECT_TRUE(load.request.json);
}

TEST(CommandLineTest, LoadHasNoDefaultMode) {
  const Invocation load = Parse({"load", "/srv/g", "a.jsonl"});
  EXPECT_EQ(load.action, Action::kPrint);
  EXPECT_EQ(load.exit_code, kExitUsage);
  EXPECT_THAT(load.text, HasSubstr("--mode"));
  for (const char* word : {"append", "merge", "replace"}) {
    EXPECT_THAT(load.text, HasSubstr(word));
    EXPECT_THAT(Parse({"load", "--help"}).text, HasSubstr(word));
  }
  for (const char* mode : {"upsert", "Merge", ""}) {
    const Invocation other = Parse({"load", "/srv/g", "a.jsonl", "--mode", mode});
    EXPECT_EQ(other.exit_code, kExitUsage) << mode;
    EXPECT_THAT(other.text, HasSubstr("replace")) << mode;
  }
  EXPECT_EQ(Parse({"load", "/srv/g", "a", "--mode", "merge"}).request.mode, LoadMode::kMerge);
  EXPECT_EQ(Parse({"load", "/srv/g", "a", "--mode", "replace"}).request.mode, LoadMode::kReplace);
  EXPECT_EQ(Parse({"load", "/srv/g", "--mode", "merge"}).exit_code, kExitUsage);
}

TEST(CommandLineTest, SnapshotsAreCreatedListedAndDeleted) {
  const Invocation create =
      Parse({"snapshot", "create", "/mnt/g", "v/1", "2h-ago", "-m", "why", "--json"});
  ASSERT_EQ(create.action, Action::kStoreVerb) << create.text;
  EXPECT_EQ(create.request.verb, Verb::kSnapshotCreate);
  EXPECT_EQ(create.verb, "snapshot create");
  EXPECT_EQ(create.target, "/mnt/g");
  EXPECT_EQ(create.request.name, "v/1");
  EXPECT_EQ(create.request.ref, "2h-ago");
  EXPECT_EQ(create.request.message, "why");
  EXPECT_TRUE(create.request.json);
  EXPECT_EQ(Parse({"snapshot", "create", "/mnt/g", "v1"}).request.ref, "");
  EXPECT_EQ(Parse({"snapshot", "list", "/mnt/g"}).request.verb, Verb::kSnapshotList);
  EXPECT_EQ(Parse({"snapshot", "delete", "/mnt/g", "v1"}).request.verb, Verb::kSnapshotDelete);
  EXPECT_EQ(Parse({"snapshot", "create", "/mnt/g"}).exit_code, kExitUsage);
  EXPECT_EQ(Parse({"snapshot", "delete", "/mnt/g"}).exit_code, kExitUsage);
  EXPECT_EQ(Parse({"snapshot"}).exit_code, kExitUsage);
}

TEST(CommandLineTest, DiffAndShowTakeRefs) {
  const Invocation diff = Parse({"diff", "/mnt/g", "a..b", "--stat", "--json"});
  ASSERT_EQ(diff.action, Action::kStoreVerb) << diff.text;
  EXPECT_EQ(diff.request.verb, Verb::kDiff);
  EXPECT_EQ(diff.request.ref, "a..b");
  EXPECT_TRUE(diff.request.stat);
  EXPECT_TRUE(diff.request.json);
  EXPECT_EQ(Parse({"diff", "/mnt/g"}).request.ref, "");
  const Invocation show = Parse({"show", "/mnt/g", "HEAD~2"});
  EXPECT_EQ(show.request.verb, Verb::kShow);
  EXPECT_EQ(show.request.ref, "HEAD~2");
  EXPECT_EQ(Parse({"log", "/mnt/g", "--since", "2h-ago"}).request.since, "2h-ago");
}

TEST(CommandLineTest, StandardInputIsReadOnce) {
  EXPECT_EQ(Parse({"load", "/srv/g", "-", "-", "--mode", "append"}).exit_code, kExitUsage);
}

TEST(CommandLineTest, ExportTakesTypesOneByOne) {
  const Invocation all = Parse({"export", "/mnt/g", "--type", "A", "--type", "B", "-o", "out"});
  ASSERT_EQ(all.action, Action::kStoreVerb) << all.text;
  EXPECT_THAT(all.request.types, ElementsAre("A", "B"));
  EXPECT_EQ(all.output, "out");
  EXPECT_EQ(Parse({"export", "--type", "A", "--bare", "/mnt/g"}).target, "/mnt/g");
  EXPECT_EQ(Parse({"export", "/mnt/g", "--bare"}).exit_code, kExitUsage);
}

TEST(CommandLineTest, LogTakesANumber) {
  EXPECT_EQ(Parse({"log", "/mnt/g", "-n", "7"}).request.limit, 7U);
  EXPECT_EQ(Parse({"log", "/mnt/g"}).request.limit, std::nullopt);
  EXPECT_EQ(Parse({"log", "/mnt/g", "-n", "x"}).exit_code, kExitUsage);
  const Invocation negative = Parse({"log", "/mnt/g", "-n", "-1"});
  EXPECT_EQ(negative.exit_code, kExitUsage);
  EXPECT_THAT(negative.text, HasSubstr("-n wants a number of commits, 0 or more, not '-1'"));
}

TEST(CommandLineTest, WhatIsMissingIsNamedAsTheHelpNamesIt) {
  EXPECT_THAT(Parse({"status"}).text, HasSubstr(": STORE|MOUNT is required"));
}

TEST(CommandLineTest, UmountTakesForce) {
  EXPECT_FALSE(Parse({"umount", "/mnt/g"}).force);
  EXPECT_TRUE(Parse({"umount", "--force", "/mnt/g"}).force);
}

TEST(CommandLineTest, SchemaHasThreeVerbs) {
  EXPECT_EQ(Parse({"schema", "show", "/mnt/g"}).request.verb, Verb::kSchemaShow);
  const Invocation apply = Parse({"schema", "apply", "/mnt/g", "s.graph"});
  EXPECT_EQ(apply.request.verb, Verb::kSchemaApply);
  EXPECT_THAT(apply.files, ElementsAre("s.graph"));
  EXPECT_EQ(apply.verb, "schema apply");
  const Invocation plan = Parse({"schema", "plan", "/mnt/g", "s.graph", "--allow-data-loss"});
  EXPECT_EQ(plan.request.verb, Verb::kSchemaPlan);
  EXPECT_TRUE(plan.request.allow_data_loss);
  EXPECT_FALSE(apply.request.allow_data_loss || apply.request.act);
  const Invocation act = Parse({"schema", "apply", "/mnt/g", "s.graph", "--act", "--yes"});
  EXPECT_TRUE(act.request.act);
  EXPECT_EQ(Parse({"schema", "apply", "/mnt/g", "s", "--confirm", "7f"}).request.confirm, "7f");
  for (const char* half : {"--act", "--yes"}) {
    const Invocation wrong = Parse({"schema", "apply", "/mnt/g", "s.graph", half});
    EXPECT_EQ(wrong.exit_code, kExitUsage);
    EXPECT_THAT(wrong.text, HasSubstr("--yes"));
  }
  EXPECT_EQ(Parse({"schema"}).exit_code, kExitUsage);
  EXPECT_EQ(Parse({"schema", "apply", "/mnt/g"}).exit_code, kExitUsage);
}

TEST(CommandLineTest, MountOptionsKeepTheirCommas) {
  const Invocation mount =
      Parse({"mount", "/srv/g", "/mnt/g", "-f", "-o", "ro,commit=5s", "-o", "nograph"});
  ASSERT_EQ(mount.action, Action::kMount) << mount.text;
  EXPECT_EQ(mount.target, "/srv/g");
  EXPECT_EQ(mount.directory, "/mnt/g");
  EXPECT_TRUE(mount.mount.foreground);
  EXPECT_THAT(mount.mount.options, ElementsAre("ro,commit=5s", "nograph"));
}

TEST(CommandLineTest, UnknownVerbSuggestsTheNearest) {
  const Invocation wrong = Parse({"staus", "/mnt/g"});
  EXPECT_EQ(wrong.exit_code, kExitUsage);
  EXPECT_THAT(wrong.text, HasSubstr("'status'"));
  EXPECT_EQ(Parse({"frobnicate"}).exit_code, kExitUsage);
  EXPECT_EQ(Parse({}).exit_code, kExitUsage);
}

TEST(CommandLineTest, UnknownOptionIsUsage) {
  const Invocation wrong = Parse({"status", "/mnt/g", "--jsn"});
  EXPECT_EQ(wrong.exit_code, kExitUsage);
  EXPECT_THAT(wrong.text, HasSubstr("mendfs status: "));
  EXPECT_THAT(wrong.text, HasSubstr("--jsn"));
}

TEST(CommandLineTest, EveryVerbHasHelpWithAnExample) {
  for (const char* verb : {"mkfs", "mount", "umount", "status", "why", "log", "load", "export",
                           "schema", "flush", "fsck", "doctor", "version"}) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{verb, "--help"}, std::vector<std::string>{"help", verb}}) {
      const Invocation help = Parse(words);
      EXPECT_EQ(help.exit_code, kExitDone) << verb;
      EXPECT_THAT(help.text, HasSubstr("Example: mendfs " + std::string(verb))) << verb;
    }
    EXPECT_THAT(Parse({"help"}).text, HasSubstr(verb));
  }
}

TEST(CommandLineTest, NamesOfTheProgramChooseTheVerb) {
  const Invocation made = ParseCommandLine("/sbin/mkfs.mendfs", {"/srv/g", "--schema", "x"});
  EXPECT_EQ(made.action, Action::kMkfs);
  EXPECT_EQ(made.target, "/srv/g");
  EXPECT_EQ(made.schema_file, "x");
}

TEST(CommandLineTest, MountHelperTakesWhatMountHandsOver) {
  const Invocation mount =
      ParseCommandLine("/sbin/mount.mendfs",
                       {"/srv/g", "/mnt/g", "-s", "-n", "-v", "-t", "mendfs", "-o", "rw,nofail"});
  ASSERT_EQ(mount.action, Action::kMount) << mount.text;
  EXPECT_TRUE(mount.mount.sloppy);
  EXPECT_TRUE(mount.mount.verbose);
  EXPECT_FALSE(mount.mount.foreground);
  EXPECT_THAT(mount.mount.options, ElementsAre("rw,nofail"));
  EXPECT_TRUE(ParseCommandLine("mount.mendfs", {"/a", "/b", "-f"}).mount.fake);
  EXPECT_EQ(ParseCommandLine("mount.mendfs", {"/a"}).exit_code, kExitUsage);
}

TEST(CommandLineTest, FsckHelperTakesWhatFsckHandsOver) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"-n", "/srv/g"}, {"-f", "-C0", "/srv/g"}, {"-C", "0", "-f", "/srv/g"}, {"/srv/g"}}) {
    const Invocation check = ParseCommandLine("fsck.mendfs", words);
    ASSERT_EQ(check.action, Action::kFsck) << check.text;
    EXPECT_EQ(check.target, "/srv/g");
    EXPECT_TRUE(check.fsck_codes);
    EXPECT_FALSE(check.repair);
  }
  EXPECT_TRUE(ParseCommandLine("fsck.mendfs", {"-a", "/srv/g"}).repair);
  EXPECT_TRUE(ParseCommandLine("fsck.mendfs", {"-p", "/srv/g"}).repair);
  EXPECT_TRUE(ParseCommandLine("fsck.mendfs", {"--data", "-n", "/srv/g"}).data);
  EXPECT_FALSE(ParseCommandLine("fsck.mendfs", {"-f", "/srv/g"}).data);
  EXPECT_TRUE(ParseCommandLine("fsck.mendfs", {"-y", "/srv/g"}).repair);
  EXPECT_EQ(ParseCommandLine("fsck.mendfs", {"-V"}).action, Action::kVersion);
  EXPECT_EQ(ParseCommandLine("fsck.mendfs", {}).exit_code, 16);
  EXPECT_EQ(ParseCommandLine("fsck.mendfs", {"--frob", "/srv/g"}).exit_code, 16);
}

TEST(CommandLineTest, ControlBytesInWordsDoNotReachTheTerminal) {
  EXPECT_EQ(Parse({"\x1b[31mx"}).text.find('\x1b'), std::string::npos);
  EXPECT_EQ(Parse({"status", "/a", "--\x1b[31m"}).text.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace mendfs
