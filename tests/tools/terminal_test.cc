// What a person sees: progress, files in and out, the doctor's words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mount-tools/doctor.h"
#include "mount-tools/terminal_io.h"
#include "mount-tools/verbs/progress.h"
#include "tests/tools/tools_test.h"

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProgressTest, LineTellsStageShareRateAndTimeLeft) {
  EXPECT_EQ(
      RenderProgress({.stage = "read", .done = 25, .total = 100, .rows = 50'000}, 10, 5000, 100),
      "read   [#####...............]  25 %  50,000 rows  5,000 rows/s  ETA 0:30");
}

TEST(ProgressTest, UnknownTotalHasNoBarAndNoTimeLeft) {
  EXPECT_EQ(RenderProgress({.stage = "sort", .done = 7, .rows = 1}, 10, 0, 100), "sort    1 row");
}

TEST(ProgressTest, LineNeverExceedsTheTerminal) {
  const LoadProgress progress{.stage = "check\n", .done = 200, .total = 100, .rows = UINT64_MAX};
  for (size_t columns = 0; columns < 100; ++columns) {
    const std::string line = RenderProgress(progress, 1e12, 1e12, columns);
    EXPECT_LE(line.size(), columns);
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

TEST(ProgressTest, NothingIsShownWhereNobodyLooks) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ProgressLine line(ends[1]);
  EXPECT_FALSE(line.active());
  line.Show({.stage = "read", .done = 1, .total = 2});
  line.Clear();
  close(ends[1]);
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 0);
  close(ends[0]);
}

TEST(TerminalIoTest, InputsAreReadToTheirEnds) {
  const TempDirectory directory;
  const std::string large(700'000, 'x');
  const auto io = TerminalIo::Open(
      {.inputs = {directory.Write("a", large), directory.Write("b", "")}, .output = ""});
  ASSERT_TRUE(io.ok()) << io.status().ToString();
  ASSERT_EQ((*io)->sources().size(), 2U);
  EXPECT_EQ((*io)->sources()[0].size_bytes, large.size());
  std::string all;
  std::string chunk;
  while (*(*io)->Input(0, chunk)) all += chunk;
  EXPECT_EQ(all, large);
  EXPECT_FALSE(*(*io)->Input(1, chunk));
}

TEST(TerminalIoTest, AnInputThatIsNotThereShowsBeforeAnythingHappens) {
  const TempDirectory directory;
  const std::string good = directory.Write("a", "x");
  EXPECT_EQ(TerminalIo::Open({.inputs = {good, directory.path("b")}, .output = ""}).status().code(),
            Code::kNotFound);
  EXPECT_EQ(TerminalIo::Open({.inputs = {directory.path()}, .output = ""}).status().code(),
            Code::kIsDirectory);
}

TEST(TerminalIoTest, OutputFileIsReplacedWholeOrNotAtAll) {
  const TempDirectory directory;
  const std::string path = directory.Write("out", "old");
  {
    const auto io = TerminalIo::Open({.inputs = {}, .output = path});
    ASSERT_TRUE(io.ok());
    ASSERT_TRUE((*io)->Out(std::string(200'000, 'n')).ok());
    EXPECT_EQ(ReadWhole(path), "old");
  }
  EXPECT_EQ(ReadWhole(path), "old");
  const auto io = TerminalIo::Open({.inputs = {}, .output = path});
  ASSERT_TRUE((*io)->Out("new").ok());
  ASSERT_TRUE((*io)->Finish(true).ok());
  EXPECT_EQ(ReadWhole(path), "new");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
}

TEST(TerminalIoTest, FullOutputStaysAFailure) {
  const auto io = TerminalIo::Open({.inputs = {}, .output = "/dev/full"});
  ASSERT_TRUE(io.ok()) << io.status().ToString();
  EXPECT_EQ((*io)->Out(std::string(200'000, 'x')).code(), Code::kNoSpace);
  EXPECT_EQ((*io)->Out("more").code(), Code::kNoSpace);
  EXPECT_EQ((*io)->Finish(true).code(), Code::kNoSpace);
}

TEST(TerminalIoTest, DirectoriesStandForTheirJsonLines) {
  const TempDirectory directory;
  std::filesystem::create_directory(directory.path("d"));
  for (const char* name : {"b.jsonl", "a.jsonl", ".hidden.jsonl", "readme.txt"}) {
    directory.Write(std::string("d/") + name, "");
  }
  const auto expanded = ExpandInputs({"-", directory.path("d"), "missing"});
  ASSERT_TRUE(expanded.ok());
  EXPECT_THAT(*expanded, ElementsAre("-", directory.path("d") + "/a.jsonl",
                                     directory.path("d") + "/b.jsonl", "missing"));
  std::filesystem::create_directory(directory.path("none"));
  EXPECT_EQ(ExpandInputs({directory.path("none")}).status().code(), Code::kInvalid);
}

MountSymptoms Mounted(Probe probe) {
  return {.path = "/mnt/g",
          .store_path = "/srv/g",
          .mount_point = "/mnt/g",
          .probe = probe,
          .holder = "pid 17 on here",
          .process_state = 'S'};
}

TEST(DoctorTest, AHealthyMountNeedsNoAdvice) {
  const Diagnosis diagnosis = Diagnose(Mounted(Probe::kAnswers));
  EXPECT_EQ(diagnosis.word, "ok");
  EXPECT_EQ(diagnosis.advice, "");
}

TEST(DoctorTest, ALockThatMayNotBeSeenIsNoReadOnlyMount) {
  MountSymptoms symptoms = Mounted(Probe::kAnswers);
  symptoms.holder.reset();
  EXPECT_THAT(Diagnose(symptoms).sentence, Not(HasSubstr("read-only")));
  symptoms.read_only = true;
  EXPECT_THAT(Diagnose(symptoms).sentence, HasSubstr("read-only"));
}

TEST(DoctorTest, ADeadDaemonMeansUnmountAndMountAgain) {
  MountSymptoms symptoms = Mounted(Probe::kDead);
  symptoms.holder.reset();
  const Diagnosis diagnosis = Diagnose(symptoms);
  EXPECT_EQ(diagnosis.word, "dead");
  EXPECT_EQ(diagnosis.advice, "mendfs umount /mnt/g && mendfs mount /srv/g /mnt/g");
}

TEST(DoctorTest, AStoppedDaemonIsContinuedNotKilled) {
  MountSymptoms symptoms = Mounted(Probe::kSilent);
  symptoms.process_state = 'T';
  EXPECT_EQ(Diagnose(symptoms).advice, "kill -CONT 17");
  for (const char state : {'S', 'R', 'Z'}) {
    symptoms.process_state = state;
    EXPECT_EQ(Diagnose(symptoms).advice, "mendfs umount --force /mnt/g");
  }
  EXPECT_THAT(Diagnose(symptoms).sentence, HasSubstr("was killed"));
  symptoms.process_state = 'D';
  EXPECT_THAT(Diagnose(symptoms).advice, Not(HasSubstr("kill")));
  symptoms.process_state = 0;
  EXPECT_THAT(Diagnose(symptoms).advice, Not(HasSubstr("kill")));
}

TEST(DoctorTest, WhatIsNotMountedIsSaidSo) {
  EXPECT_EQ(Diagnose({.path = "/mnt/g"}).word, "not-mounted");
  const Diagnosis store = Diagnose({.path = "/srv/g", .store_path = "/srv/g"});
  EXPECT_THAT(store.advice, HasSubstr("mendfs mount /srv/g"));
}

}  // namespace
}  // namespace mendfs
