// Logging, behind one door (spdlog). One line is one event: an area, a sentence, and fields.
//
// Threads:  safe from any thread
// Errors:   none; a line that cannot be written is dropped
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace mendfs {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarning, kError };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;  // one JSON object a line
  std::string path;   // empty: standard error
};

// Before the first line; later calls replace the sink.
void ConfigureLog(const LogOptions& options);

using LogField = std::pair<std::string_view, std::string>;

// LogLine(LogLevel::kWarning, "journal", "append failed, record taken back", {{"seq", "17"}});
void LogLine(LogLevel level, std::string_view area, std::string_view sentence,
             std::initializer_list<LogField> fields = {});

}  // namespace mendfs
