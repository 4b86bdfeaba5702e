#include "meta/base/log.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace mendfs {
namespace {

class LogTest : public testing::Test {
 protected:
  LogTest() : path_(testing::TempDir() + "mendfs_log_" + std::to_string(::getpid())) {}
  ~LogTest() override {
    ConfigureLog({});
    std::filesystem::remove(path_);
  }

  std::string Text() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }

  const std::string path_;
};

TEST_F(LogTest, PlainLineHoldsLevelAreaSentenceAndFields) {
  ConfigureLog({.json = false, .path = path_});
  LogLine(LogLevel::kWarning, "journal", "append failed", {{"seq", "17"}});
  EXPECT_NE(Text().find("Z warning journal: append failed seq=17\n"), std::string::npos) << Text();
}

TEST_F(LogTest, BelowTheLevelIsLeftOut) {
  ConfigureLog({.level = LogLevel::kWarning, .path = path_});
  LogLine(LogLevel::kInfo, "journal", "quiet");
  LogLine(LogLevel::kError, "journal", "loud");
  EXPECT_EQ(Text().find("quiet"), std::string::npos);
  EXPECT_NE(Text().find("loud"), std::string::npos);
}

TEST_F(LogTest, JsonEscapesWhatAHostileNameHolds) {
  ConfigureLog({.json = true, .path = path_});
  LogLine(LogLevel::kInfo, "fs", "saw a \"name\"", {{"name", "a\n\\\xFFz\xC3\xA4%v{}"}});
  const std::string text = Text();
  EXPECT_EQ(text.front(), '{');
  EXPECT_NE(text.find(R"("level":"info","area":"fs","message":"saw a \"name\"",)"
                      "\"fields\":{\"name\":\"a\\u000a\\\\\xEF\xBF\xBDz\xC3\xA4%v{}\"}}\n"),
            std::string::npos)
      << text;
}

TEST_F(LogTest, OneEventStaysOneLine) {
  ConfigureLog({.json = false, .path = path_});
  LogLine(LogLevel::kInfo, "fs", "two\nlines", {{"name", "x\ny"}});
  const std::string text = Text();
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
}

TEST_F(LogTest, UnopenableFileFallsBackAndSaysSo) {
  testing::internal::CaptureStderr();
  ConfigureLog({.path = "/dev/null/no/such/file"});
  LogLine(LogLevel::kInfo, "fs", "still heard");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("cannot open the log file"), std::string::npos) << text;
  EXPECT_NE(text.find("still heard"), std::string::npos) << text;
}

TEST_F(LogTest, ReconfiguringWhileOthersLogLosesNothingElse) {
  ConfigureLog({.path = path_});
  std::thread writer([] {
    for (int line = 0; line < 200; ++line) LogLine(LogLevel::kInfo, "fs", "line");
  });
  for (int round = 0; round < 20; ++round) {
    ConfigureLog({.json = round % 2 == 0, .path = path_});
  }
  writer.join();
  const std::string text = Text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 200);
}

}  // namespace
}  // namespace mendfs
