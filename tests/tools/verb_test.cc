// Verbs on a real store, opened here and asked through the control socket.
#include "mount-tools/verbs/verb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "meta/disk/posix_disk.h"
#include "mount-tools/control/control_client.h"
#include "mount-tools/control/control_server.h"
#include "tests/tools/tools_test.h"

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kSchema[] =
    "node Person {\n  name: String @key\n  age: I32?\n}\n\nedge Knows: Person -> Person\n";
constexpr char kRows[] =
    "{\"edge\":\"Knows\",\"from\":\"alice\",\"to\":\"bob\"}\n"
    "{\"type\":\"Person\",\"data\":{\"name\":\"alice\",\"age\":3}}\n"
    "{\"type\":\"Person\",\"data\":{\"name\":\"bob\"}}\n";

// Free space of a disk that others use too differs from moment to moment.
std::string WithoutSpace(const std::string& status) {
  return std::regex_replace(status, std::regex("space +.*|\"space\":\\{[^}]*\\}"), "");
}

class VerbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status made =
        Store::Create(*disk_, path_, {.owner_uid = getuid(), .schema_text = kSchema});
    ASSERT_TRUE(made.ok()) << made.ToString();
    auto opened = Store::Open(*disk_, path_, {.commit_interval_ms = 0});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = std::move(opened).value();
  }

  int Run(const VerbRequest& request, RecordingIo& io, const MountFacts* mount = nullptr) {
    return RunVerb(request, {.store = *store_, .caller_uid = 4711, .mount = mount}, io);
  }
  int Load(const std::string& text, RecordingIo& io, bool json = false) {
    VerbRequest request{.verb = Verb::kLoad, .json = json, .progress = true};
    request.inputs = {{.name = "in.jsonl", .size_bytes = text.size()}};
    io.inputs = {text};
    return Run(request, io);
  }
  std::string Output(const VerbRequest& request) {
    RecordingIo io;
    EXPECT_EQ(Run(request, io), kExitDone) << testing::PrintToString(io.errors);
    return io.out;
  }

  TempDirectory directory_;
  const std::string path_ = directory_.path("store");
  const std::unique_ptr<Disk> disk_ = MakePosixDisk();
  std::unique_ptr<Store> store_;
};

TEST_F(VerbTest, LoadThenExportGivesTheRowsBack) {
  RecordingIo io;
  ASSERT_EQ(Load(kRows, io), kExitDone) << testing::PrintToString(io.errors);
  EXPECT_THAT(io.out, HasSubstr("2 nodes and 1 edge"));
  EXPECT_FALSE(io.stages.empty());
  EXPECT_EQ(Output({.verb = Verb::kExport}),
            "{\"type\":\"Person\",\"data\":{\"name\":\"alice\",\"age\":3}}\n"
            "{\"type\":\"Person\",\"data\":{\"name\":\"bob\"}}\n"
            "{\"edge\":\"Knows\",\"from\":\"alice\",\"to\":\"bob\"}\n");
  EXPECT_EQ(Output({.verb = Verb::kExport, .types = {"Person"}, .bare = true}),
            "{\"name\":\"alice\",\"age\":3}\n{\"name\":\"bob\"}\n");
}

TEST_F(VerbTest, SnapshotsAreTakenListedUsedAsRefsAndDeleted) {
  EXPECT_EQ(Output({.verb = Verb::kSnapshotList}), "there is no snapshot\n");
  EXPECT_EQ(Output({.verb = Verb::kSnapshotList, .json = true}), "");
  VerbRequest create{.verb = Verb::kSnapshotCreate};
  create.name = "before/load";
  create.message = "to be safe";
  EXPECT_THAT(Output(create), HasSubstr("snapshot before/load of commit "));
  RecordingIo again;
  EXPECT_EQ(Run(create, again), kExitFailed);
  EXPECT_THAT(again.errors, ElementsAre(HasSubstr("mendfs snapshot create: ")));
  const Json listed = Json::parse(Output({.verb = Verb::kSnapshotList, .json = true}));
  EXPECT_EQ(listed["name"], "before/load");
  EXPECT_EQ(listed["actor"], "uid:4711");
  EXPECT_EQ(listed["message"], "to be safe");
  EXPECT_THAT(Output({.verb = Verb::kStatus}), HasSubstr("1 snapshot, kept at any age"));

  RecordingIo loaded;
  ASSERT_EQ(Load(kRows, loaded), kExitDone);
  VerbRequest load{.verb = Verb::kLoad, .mode = LoadMode::kMerge};
  load.inputs = {{.name = "in.jsonl"}};
  load.if_commit = "before/load";
  RecordingIo lost;
  lost.inputs = {kRows};
  EXPECT_EQ(Run(load, lost), kExitConditionLost);
  load.if_commit = "HEAD";
  load.from = "before/load";
  RecordingIo changed;
  changed.inputs = {kRows};
  EXPECT_EQ(Run(load, changed), kExitConditionLost);
  load.from = "HEAD";
  RecordingIo good;
  good.inputs = {kRows};
  EXPECT_EQ(Run(load, good), kExitDone) << testing::PrintToString(good.errors);

  VerbRequest drop{.verb = Verb::kSnapshotDelete};
  drop.name = "before/load";
  EXPECT_THAT(Output(drop), HasSubstr("deleted snapshot before/load"));
  RecordingIo gone;
  EXPECT_EQ(Run(drop, gone), kExitFailed);
  EXPECT_THAT(gone.errors, ElementsAre(HasSubstr("there is no snapshot \"before/load\"")));
}

TEST_F(VerbTest, WhatDiffersIsToldByCellAndCounted) {
  RecordingIo loaded;
  ASSERT_EQ(Load(kRows, loaded), kExitDone);
  VerbRequest merge{.verb = Verb::kLoad, .mode = LoadMode::kMerge};
  merge.inputs = {{.name = "in.jsonl"}};
  RecordingIo merged;
  merged.inputs = {
      "{\"type\":\"Person\",\"data\":{\"name\":\"alice\",\"age\":4}}\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"carol\",\"age\":12345678901}}\n"};
  EXPECT_NE(Run(merge, merged), kExitDone);  // an I32 holds no such age
  merged = {};
  merged.inputs = {
      "{\"type\":\"Person\",\"data\":{\"name\":\"alice\",\"age\":4}}\n"
      "{\"type\":\"Person\",\"data\":{\"name\":\"carol\"}}\n"};
  ASSERT_EQ(Run(merge, merged), kExitDone) << testing::PrintToString(merged.errors);
  VerbRequest diff{.verb = Verb::kDiff};
  diff.ref = "HEAD~1..HEAD";
  EXPECT_EQ(Output(diff),
            "M  nodes/Person/alice.json\n     age: 3 -> 4\nA  nodes/Person/carol.json\n");
  diff.ref = "HEAD..HEAD~1";
  EXPECT_EQ(Output(diff),
            "M  nodes/Person/alice.json\n     age: 4 -> 3\nD  nodes/Person/carol.json\n");
  diff.ref = "HEAD~1";
  diff.stat = true;
  EXPECT_EQ(Output(diff), "nodes/Person: 1 added, 1 changed\n");
  diff.ref = "";
  EXPECT_EQ(Output(diff), "nothing differs\n");
  diff.ref = "HEAD~1..HEAD";
  diff.json = true;
  EXPECT_EQ(Json::parse(Output(diff))["counts"]["nodes/Person"]["added"], 1);
  diff.stat = false;
  std::istringstream lines(Output(diff));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line,
            "{\"op\":\"changed\",\"path\":\"nodes/Person/alice.json\",\"type\":\"Person\","
            "\"key\":\"alice\",\"before\":{\"name\":\"alice\",\"age\":3},\"after\":"
            "{\"name\":\"alice\",\"age\":4},\"cells\":{\"age\":{\"before\":3,\"after\":4}}}");
  VerbRequest show{.verb = Verb::kShow};
  EXPECT_THAT(Output(show), HasSubstr("holds    3 nodes, 1 edge, 0 files"));
  show.stat = true;
  EXPECT_THAT(Output(show), HasSubstr("\nnodes/Person: 1 added, 1 changed\n"));
  show.json = true;
  EXPECT_EQ(Json::parse(Output(show))["changes"]["nodes/Person"]["changed"], 1);
  VerbRequest log{.verb = Verb::kLog};
  log.since = "HEAD~1";
  const std::string behind = Output(log);
  EXPECT_EQ(std::count(behind.begin(), behind.end(), '\n'), 1);
  log.since = "2020-01-01";
  const std::string all = Output(log);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 3);
  RecordingIo wrong;
  log.since = "nobody";
  EXPECT_EQ(Run(log, wrong), kExitFailed);
}

TEST_F(VerbTest, RefusedLinesAreNamedAndNothingChanges) {
  RecordingIo io;
  EXPECT_EQ(Load("{\"type\":\"Person\",\"data\":{\"name\":\"x\"}}\nnot json\n"
                 "{\"type\":\"Person\",\"data\":{\"name\":\"y\",\"age\":\"old\"}}\n",
                 io),
            kExitFailed);
  ASSERT_EQ(io.errors.size(), 3U) << testing::PrintToString(io.errors);
  EXPECT_THAT(io.errors[0], HasSubstr("in.jsonl:2:1: expected"));
  EXPECT_THAT(io.errors[1], HasSubstr("in.jsonl:3:43: "));
  EXPECT_THAT(io.errors[2], HasSubstr("mendfs load: 2 lines were refused"));
  EXPECT_EQ(io.out, "");
  EXPECT_EQ(Output({.verb = Verb::kExport}), "");
}

TEST_F(VerbTest, RefusedLinesAreListedInJsonToo) {
  RecordingIo io;
  EXPECT_EQ(Load("not json\n", io, true), kExitFailed);
  const Json summary = Json::parse(io.out);
  EXPECT_EQ(summary["refused"], 1);
  EXPECT_EQ(summary["errors"][0]["line"], 1);
  EXPECT_EQ(summary["errors"][0]["source"], "in.jsonl");
  EXPECT_TRUE(summary["commit"].is_null());
}

TEST_F(VerbTest, InputThatCannotBeReadLeavesNothingBehind) {
  RecordingIo io;
  io.input_failure = Status(Code::kIo, "in.jsonl: disk on fire");
  EXPECT_EQ(Load(kRows, io), kExitFailed);
  EXPECT_THAT(io.errors, ElementsAre("mendfs load: in.jsonl: disk on fire"));
  EXPECT_EQ(Output({.verb = Verb::kExport}), "");
}

TEST_F(VerbTest, OutputThatIsRefusedEndsAnExport) {
  RecordingIo loaded;
  ASSERT_EQ(Load(kRows, loaded), kExitDone);
  RecordingIo io;
  io.out_failure = Status(Code::kNoSpace, "standard output: full");
  EXPECT_EQ(Run({.verb = Verb::kExport}, io), kExitFailed);
}

TEST_F(VerbTest, UnknownTypeIsNoEmptyExport) {
  RecordingIo io;
  EXPECT_EQ(Run({.verb = Verb::kExport, .types = {"Persn"}}, io), kExitFailed);
  EXPECT_THAT(io.errors.at(0), HasSubstr("Persn"));
}

TEST_F(VerbTest, LogGoesBackInOrderAndStopsAtTheLimit) {
  RecordingIo io;
  ASSERT_EQ(Load(kRows, io), kExitDone);
  const std::string all = Output({.verb = Verb::kLog, .json = true});
  std::vector<Json> commits;
  for (std::istringstream lines(all); !lines.eof();) {
    std::string line;
    if (std::getline(lines, line)) commits.push_back(Json::parse(line));
  }
  ASSERT_EQ(commits.size(), 2U);
  EXPECT_EQ(commits[0]["actor"], "uid:4711");
  EXPECT_EQ(commits[0]["counts"]["nodes"], 2);
  EXPECT_EQ(commits[0]["parents"][0], commits[1]["id"]);
  EXPECT_EQ(Output({.verb = Verb::kLog, .json = true, .limit = 1}),
            all.substr(0, all.find('\n') + 1));
  EXPECT_EQ(Output({.verb = Verb::kLog, .limit = 0}), "");
}

TEST_F(VerbTest, StatusTellsCountsAndTheMount) {
  RecordingIo io;
  ASSERT_EQ(Load(kRows, io), kExitDone);
  const Json status = Json::parse(Output({.verb = Verb::kStatus, .json = true}));
  EXPECT_EQ(status["health"], "ok");
  EXPECT_EQ(status["counts"]["nodes"], 2);
  EXPECT_EQ(status["counts"]["edges"], 1);
  EXPECT_EQ(status["path"], path_);
  EXPECT_TRUE(status["mount"].is_null());
  EXPECT_THAT(Output({.verb = Verb::kStatus}), HasSubstr("2 nodes, 1 edge"));
  const MountFacts mount{.mount_point = "/mnt/g", .pid = 17};
  RecordingIo mounted;
  EXPECT_EQ(Run({.verb = Verb::kStatus}, mounted, &mount), kExitDone);
  EXPECT_THAT(mounted.out, HasSubstr("/mnt/g, pid 17"));
}

TEST_F(VerbTest, WhyShowsRefusalsSafelyAndNewestFirst) {
  EXPECT_THAT(Output({.verb = Verb::kWhy}), HasSubstr("nothing to tell"));
  EXPECT_EQ(Output({.verb = Verb::kWhy, .json = true}), "");
  const MountFacts mount{.mount_point = "/mnt/g", .pid = 17, .refusals = [] {
                           Refusal refusal;
                           refusal.operation = "close";
                           refusal.path = "nodes/Person/\x1b[31m.json";
                           refusal.code = Code::kInvalid;
                           refusal.sentence = "age: not a number";
                           return std::vector<Refusal>{refusal};
                         }};
  RecordingIo io;
  EXPECT_EQ(Run({.verb = Verb::kWhy}, io, &mount), kExitDone);
  EXPECT_THAT(io.out, HasSubstr("EINVAL"));
  EXPECT_THAT(io.out, HasSubstr("age: not a number"));
  EXPECT_EQ(io.out.find('\x1b'), std::string::npos);
  RecordingIo json;
  EXPECT_EQ(Run({.verb = Verb::kWhy, .json = true}, json, &mount), kExitDone);
  EXPECT_EQ(Json::parse(json.out)["error"], "EINVAL");
}

TEST_F(VerbTest, SchemaIsShownAndApplied) {
  EXPECT_THAT(Output({.verb = Verb::kSchemaShow}), HasSubstr("node Person"));
  VerbRequest apply{.verb = Verb::kSchemaApply};
  apply.inputs = {{.name = "s.graph"}};
  RecordingIo io;
  io.inputs = {std::string(kSchema) + "\nnode City { name: String @key }\n"};
  EXPECT_EQ(Run(apply, io), kExitDone) << testing::PrintToString(io.errors);
  EXPECT_THAT(Output({.verb = Verb::kSchemaShow}), HasSubstr("node City"));
  RecordingIo wrong;
  wrong.inputs = {"nod Person {}"};
  EXPECT_EQ(Run(apply, wrong), kExitFailed);
  EXPECT_THAT(wrong.errors.at(0), HasSubstr("mendfs schema apply: s.graph: "));
  RecordingIo large;
  large.chunk_bytes = 1 << 20;
  large.inputs = {std::string((1 << 20) + 1, ' ')};
  EXPECT_EQ(Run(apply, large), kExitFailed);
}

TEST_F(VerbTest, ASchemaThatTakesDataAwayIsShownFirst) {
  const std::string kept(kSchema);
  struct Ran {
    int exit_code;
    std::string out;
    std::vector<std::string> errors;
  };
  const auto run = [&](VerbRequest request, const std::string& text) {
    RecordingIo io;
    request.inputs = {{.name = "s.graph"}};
    io.inputs = {text};
    const int exit_code = Run(request, io);
    return Ran{exit_code, io.out, io.errors};
  };
  EXPECT_EQ(
      run({.verb = Verb::kSchemaApply}, kept + "\nnode City { name: String @key }\n").exit_code,
      kExitDone);
  Ran plan = run({.verb = Verb::kSchemaPlan}, kept);
  EXPECT_EQ(plan.exit_code, kExitFailed);
  EXPECT_THAT(plan.out, HasSubstr("destructive  drop node City: 0 rows go (drop-type)\nplan "));
  EXPECT_THAT(plan.errors.at(0), HasSubstr("--allow-data-loss"));
  plan = run({.verb = Verb::kSchemaPlan, .json = true, .allow_data_loss = true}, kept);
  EXPECT_EQ(plan.exit_code, kExitDone);
  const Json json = Json::parse(plan.out);
  EXPECT_EQ(json["applicable"], true);
  EXPECT_EQ(json["steps"][0]["class"], "destructive");
  EXPECT_EQ(json["steps"][0]["code"], "drop-type");
  EXPECT_EQ(run({.verb = Verb::kSchemaApply}, kept).exit_code, kExitFailed);
  const Ran shown = run({.verb = Verb::kSchemaApply, .allow_data_loss = true}, kept);
  EXPECT_EQ(shown.exit_code, kExitDone);
  EXPECT_THAT(shown.out, HasSubstr("--confirm " + json["plan"].get<std::string>()));
  EXPECT_THAT(Output({.verb = Verb::kSchemaShow}), HasSubstr("node City"));
  VerbRequest confirm{.verb = Verb::kSchemaApply, .allow_data_loss = true, .confirm = "0"};
  EXPECT_EQ(run(confirm, kept).exit_code, kExitConditionLost);
  confirm.confirm = json["plan"];
  const Ran done = run(confirm, kept);
  EXPECT_EQ(done.exit_code, kExitDone) << testing::PrintToString(done.errors);
  EXPECT_THAT(done.out, HasSubstr("schema accepted, commit "));
  EXPECT_EQ(Output({.verb = Verb::kSchemaShow}).find("node City"), std::string::npos);
  EXPECT_EQ(run(confirm, kept).exit_code, kExitConditionLost) << "it is another plan now";
  EXPECT_EQ(run({.verb = Verb::kSchemaApply, .allow_data_loss = true, .act = true}, kept).out,
            "schema unchanged\n");
  EXPECT_EQ(run({.verb = Verb::kSchemaPlan}, kept).out.substr(0, 27),
            "the schema is what it says\n");
}

TEST_F(VerbTest, FlushSaysHowFarItIsDurable) {
  const Json flushed = Json::parse(Output({.verb = Verb::kFlush, .json = true}));
  EXPECT_EQ(flushed["durable_seq"], store_->LastSeq().value);
}

TEST_F(VerbTest, TheDaemonGivesTheSameAnswer) {
  auto server = ControlServer::Start(
      {.store_path = path_,
       .owner_uid = getuid(),
       .handler = [&](const VerbRequest& request, uint32_t uid, VerbIo& io) {
         return RunVerb(request, {.store = *store_, .caller_uid = uid, .mount = nullptr}, io);
       }});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  VerbRequest load{.verb = Verb::kLoad};
  load.inputs = {{.name = "a.jsonl"}};
  RecordingIo loading;
  loading.inputs = {kRows};
  EXPECT_EQ(CallDaemon(path_, load, loading)->value_or(-1), kExitDone);
  for (const Verb verb :
       {Verb::kStatus, Verb::kExport, Verb::kLog, Verb::kWhy, Verb::kSchemaShow}) {
    for (const bool json : {false, true}) {
      RecordingIo here;
      RecordingIo there;
      const VerbRequest request{.verb = verb, .json = json};
      EXPECT_EQ(Run(request, here), CallDaemon(path_, request, there)->value_or(-1));
      EXPECT_EQ(WithoutSpace(here.out), WithoutSpace(there.out)) << VerbName(verb);
      EXPECT_EQ(here.errors, there.errors) << VerbName(verb);
    }
  }
  RecordingIo here;
  RecordingIo there;
  here.inputs = there.inputs = {kRows};
  EXPECT_EQ(Run(load, here), CallDaemon(path_, load, there)->value_or(-1));
  EXPECT_EQ(here.errors, there.errors);
  EXPECT_FALSE(here.errors.empty());
}

TEST(ExitCodeTest, CodesAreAPromise) {
  EXPECT_EQ(ExitCodeOf(Status::Ok()), 0);
  EXPECT_EQ(ExitCodeOf(Status(Code::kInvalid, "")), 1);
  EXPECT_EQ(ExitCodeOf(Status(Code::kDenied, "")), 3);
  EXPECT_EQ(ExitCodeOf(Status(Code::kConditionLost, "")), 4);
  EXPECT_EQ(ExitCodeOf(Status(Code::kRecoveryNeeded, "")), 5);
}

TEST(ExitCodeTest, SentencesHaveOnePrefix) {
  RecordingIo io;
  Complain(io, "load", Status(Code::kIo, "load: disk on fire"));
  Complain(io, "load", Status(Code::kBusy, ""));
  EXPECT_THAT(io.errors, ElementsAre("mendfs load: disk on fire", "mendfs load: busy"));
}

}  // namespace
}  // namespace mendfs
