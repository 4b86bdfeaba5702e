#include "mount-tools/verbs/verb_request.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/tools/tools_test.h"

namespace mendfs {
namespace {

VerbRequest Full() {
  VerbRequest request;
  request.verb = Verb::kLoad;
  request.json = true;
  request.progress = true;
  request.inputs = {{.name = "a \"b\"\n.jsonl", .size_bytes = UINT64_MAX}, {.name = "-"}};
  request.mode = LoadMode::kReplace;
  request.type = "Person";
  request.actor = "uid:7";
  request.message = "ünï";
  request.types = {"A", "B"};
  request.bare = true;
  request.limit = 12;
  request.allow_data_loss = true;
  request.act = true;
  request.confirm = "0123456789abcdef";
  request.name = "a/b";
  request.ref = "HEAD~2";
  request.since = "2h-ago";
  request.stat = true;
  return request;
}

TEST(VerbRequestTest, WhatIsEncodedDecodesToTheSame) {
  const VerbRequest before = Full();
  const Result<VerbRequest> after = DecodeRequest(EncodeRequest(before));
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_EQ(EncodeRequest(*after), EncodeRequest(before));
  EXPECT_EQ(after->verb, Verb::kLoad);
  ASSERT_EQ(after->inputs.size(), 2U);
  EXPECT_EQ(after->inputs[0].name, before.inputs[0].name);
  EXPECT_EQ(after->inputs[0].size_bytes, UINT64_MAX);
  EXPECT_EQ(after->limit, 12U);
  EXPECT_TRUE(after->allow_data_loss && after->act);
  EXPECT_EQ(after->confirm, "0123456789abcdef");
  EXPECT_EQ(after->name, "a/b");
  EXPECT_EQ(after->ref, "HEAD~2");
  EXPECT_EQ(after->since, "2h-ago");
  EXPECT_TRUE(after->stat);
}

TEST(VerbRequestTest, EveryVerbHasAName) {
  for (const Verb verb : {Verb::kStatus, Verb::kLoad, Verb::kExport, Verb::kLog, Verb::kWhy,
                          Verb::kSchemaShow, Verb::kSchemaPlan, Verb::kSchemaApply, Verb::kFlush,
                          Verb::kQuotaList, Verb::kSnapshotCreate, Verb::kSnapshotList,
                          Verb::kSnapshotDelete, Verb::kDiff, Verb::kShow}) {
    const Result<VerbRequest> again = DecodeRequest(EncodeRequest({.verb = verb}));
    ASSERT_TRUE(again.ok()) << VerbName(verb);
    EXPECT_EQ(again->verb, verb);
  }
}

TEST(VerbRequestTest, NamesThatAreNoUtf8Travel) {
  VerbRequest request;
  request.inputs = {{.name = "caf\xe9.jsonl"}};
  EXPECT_TRUE(DecodeRequest(EncodeRequest(request)).ok());
}

TEST(VerbRequestTest, MalformedRequestsAreRefused) {
  for (const char* text :
       {"", "null", "[]", "{}", "{\"version\":1}", "{\"version\":\"1\",\"verb\":\"status\"}",
        "{\"version\":1,\"verb\":\"frob\"}", "{\"version\":1,\"verb\":7}",
        "{\"version\":1,\"verb\":\"status\",\"args\":[]}",
        "{\"version\":1,\"verb\":\"status\",\"args\":{\"json\":1}}",
        "{\"version\":1,\"verb\":\"load\",\"args\":{\"mode\":\"upsert\"}}",
        "{\"version\":1,\"verb\":\"load\",\"args\":{\"inputs\":{}}}",
        "{\"version\":1,\"verb\":\"load\",\"args\":{\"inputs\":[7]}}",
        "{\"version\":1,\"verb\":\"load\",\"args\":{\"inputs\":[{\"size\":-1}]}}",
        "{\"version\":1,\"verb\":\"log\",\"args\":{\"limit\":-1}}",
        "{\"version\":1,\"verb\":\"export\",\"args\":{\"types\":[[]]}}",
        "{\"version\":1,\"verb\":\"status\"} x"}) {
    EXPECT_EQ(DecodeRequest(text).status().code(), Code::kInvalid) << text;
  }
}

TEST(VerbRequestTest, AnotherVersionSaysSo) {
  EXPECT_EQ(DecodeRequest("{\"version\":2,\"verb\":\"status\"}").status().code(),
            Code::kUnsupported);
}

TEST(VerbRequestTest, DeepNestingDoesNotRecurse) {
  EXPECT_FALSE(DecodeRequest(std::string(1 << 20, '[')).ok());
  std::string text = "{\"version\":1,\"verb\":\"status\",\"args\":";
  for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
  EXPECT_FALSE(DecodeRequest(text).ok());
}

TEST(VerbRequestTest, TooManyInputsAreRefused) {
  VerbRequest request;
  request.inputs.resize(kRequestInputsMax + 1);
  EXPECT_FALSE(DecodeRequest(EncodeRequest(request)).ok());
}

TEST(VerbRequestTest, ChangedBytesNeverCrash) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string good = EncodeRequest(Full());
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = good;
    for (unsigned i = random() % 4 + 1; i > 0; --i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const Result<VerbRequest> request = DecodeRequest(bytes);
    if (request.ok()) {
      EXPECT_LE(request->inputs.size(), kRequestInputsMax);
    }
  }
}

}  // namespace
}  // namespace mendfs
