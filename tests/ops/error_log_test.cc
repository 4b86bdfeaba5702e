#include "fs/ops/plane/error_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

// The errno that is spoken is compared with the name that is shown; the table needs nothing of
// libfuse.
#include "fs/kernel/errno_table.cc"

namespace mendfs {
namespace {

TEST(ErrorLogTest, KeepsTheNewestAndCountsAll) {
  ErrorLog log;
  for (size_t i = 0; i < kErrorLogEntriesMax + 10; ++i) {
    log.Add({.operation = "write", .path = std::to_string(i), .code = Code::kInvalid});
  }
  std::vector<Refusal> recent = log.Recent();
  ASSERT_EQ(recent.size(), kErrorLogEntriesMax);
  EXPECT_EQ(recent.front().path, "73");
  EXPECT_EQ(recent.back().path, "10");
  EXPECT_EQ(log.count(), kErrorLogEntriesMax + 10);
}

TEST(ErrorLogTest, LongSentencesAreCut) {
  ErrorLog log;
  log.Add({.sentence = std::string(1 << 20, 's')});
  EXPECT_EQ(log.Recent()[0].sentence.size(), kErrorSentenceBytesMax);
}

TEST(ErrorLogTest, WhatCallersProbeForIsNoRefusal) {
  EXPECT_FALSE(NeedsSentence({}));
  EXPECT_FALSE(NeedsSentence(Status(Code::kNotFound, "")));
  EXPECT_FALSE(NeedsSentence(Status(Code::kExists, "")));
  EXPECT_FALSE(NeedsSentence(Status(Code::kStale, "")));
  EXPECT_TRUE(NeedsSentence(Status(Code::kInvalid, "")));
  EXPECT_TRUE(NeedsSentence(Status(Code::kIo, "")));
}

TEST(ErrorLogTest, TheNameThatIsShownIsTheErrnoThatIsSpoken) {
  for (int i = 1; i <= static_cast<int>(Code::kInternal); ++i) {
    Code code = static_cast<Code>(i);
    const char* spoken = strerrorname_np(ErrnoOf(code));
    ASSERT_NE(spoken, nullptr) << CodeName(code);
    EXPECT_EQ(ErrnoName(code), spoken) << CodeName(code);
  }
  EXPECT_EQ(ErrnoOf(Code::kOk), 0);
}

TEST(ErrorLogTest, NamesWithControlBytesStayOnTheirLine) {
  const std::string text = RefusalText({.operation = "close",
                                        .path = "nodes/a\nb\x1b[31m.json",
                                        .sentence = "no\rway",
                                        .rejected = ".mend/rejected/a\nb"});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_NE(text.find("nodes/a\\x0ab\\x1b[31m.json"), std::string::npos) << text;
  EXPECT_NE(text.find("no\\x0dway"), std::string::npos) << text;
}

TEST(ErrorLogTest, ATextSaysWhatWhereWhyAndWhereTheBytesAre) {
  std::string text = RefusalText({.time_ns = 0,
                                  .uid = 5,
                                  .pid = 6,
                                  .operation = "close",
                                  .path = "nodes/Person/bob.json",
                                  .code = Code::kInvalid,
                                  .sentence = "age: 200 is above 150",
                                  .rejected = ".mend/rejected/Person/bob.json.1"});
  for (const char* part : {"1970-01-01T00:00:00", "EINVAL close nodes/Person/bob.json", "uid 5",
                           "pid 6", "age: 200 is above 150", ".mend/rejected/Person/bob.json.1"}) {
    EXPECT_NE(text.find(part), text.npos) << part << " in " << text;
  }
}

}  // namespace
}  // namespace mendfs
