#include "meta/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>

#include "meta/base/printable.h"

namespace mendfs {

namespace {

constexpr const char* kPlainPattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

struct Sink {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

// Not a ranked Mutex: a line may be logged under any lock, kLeaf included. Held only to copy or
// replace the pointer, which is shared so that a line in flight keeps its old sink.
std::mutex sink_mutex;
std::shared_ptr<const Sink> current_sink;
std::atomic<LogLevel> least_level{LogLevel::kInfo};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<const Sink> MakeSink(const LogOptions& options) {
  spdlog::sink_ptr target;
  if (options.path.empty()) {
    target = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    target = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.path);
  }
  auto logger = std::make_shared<spdlog::logger>("mendfs", std::move(target));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      options.json ? kJsonPattern : kPlainPattern, spdlog::pattern_time_type::utc));
  logger->set_level(spdlog::level::debug);
  // A killed daemon must not take its last words along.
  logger->flush_on(spdlog::level::debug);
  logger->set_error_handler([](const std::string&) {});
  return std::make_shared<const Sink>(Sink{std::move(logger), options.json});
}

std::shared_ptr<const Sink> GetSink() {
  std::lock_guard<std::mutex> lock(sink_mutex);
  if (!current_sink) current_sink = MakeSink({});
  return current_sink;
}

// So that one event stays one line of valid UTF-8 whatever a name holds.
void AppendJson(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const auto byte = static_cast<uint8_t>(text[0]);
    if (length == 0) {
      out.append("\xEF\xBF\xBD");
    } else if (byte < 0x20 || byte == 0x7F) {
      out.append("\\u00").push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    } else if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(text[0]);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void AppendJsonPair(std::string& out, std::string_view name, std::string_view value) {
  out.push_back('"');
  AppendJson(out, name);
  out.append("\":\"");
  AppendJson(out, value);
  out.push_back('"');
}

std::string FormatJson(std::string_view area, std::string_view sentence,
                       std::initializer_list<LogField> fields) {
  std::string text;
  AppendJsonPair(text, "area", area);
  text.push_back(',');
  AppendJsonPair(text, "message", sentence);
  if (fields.size() == 0) return text;
  text.append(",\"fields\":{");
  for (const LogField& field : fields) {
    if (&field != fields.begin()) text.push_back(',');
    AppendJsonPair(text, field.first, field.second);
  }
  text.push_back('}');
  return text;
}

std::string FormatPlain(std::string_view area, std::string_view sentence,
                        std::initializer_list<LogField> fields) {
  std::string text(area);
  text.append(": ");
  text.append(Printable(sentence));
  for (const LogField& field : fields) {
    text.push_back(' ');
    text.append(field.first).append("=").append(Printable(field.second));
  }
  return text;
}

}  // namespace

void ConfigureLog(const LogOptions& options) {
  std::shared_ptr<const Sink> sink;
  std::string complaint;
  try {
    sink = MakeSink(options);
  } catch (const std::exception& error) {
    complaint = error.what();
    LogOptions fallback = options;
    fallback.path.clear();
    sink = MakeSink(fallback);
  }
  least_level.store(options.level, std::memory_order_relaxed);
  {
    std::lock_guard<std::mutex> lock(sink_mutex);
    current_sink = std::move(sink);
  }
  if (complaint.empty()) return;
  LogLine(LogLevel::kError, "log", "cannot open the log file; lines go to standard error",
          {{"path", options.path}, {"error", complaint}});
}

void LogLine(LogLevel level, std::string_view area, std::string_view sentence,
             std::initializer_list<LogField> fields) {
  if (level < least_level.load(std::memory_order_relaxed)) return;
  try {
    const std::shared_ptr<const Sink> sink = GetSink();
    const std::string text =
        sink->json ? FormatJson(area, sentence, fields) : FormatPlain(area, sentence, fields);
    sink->logger->log(ToSpdlog(level), spdlog::string_view_t(text.data(), text.size()));
  } catch (...) {
    // No memory or no sink: the line is dropped, the work goes on.
  }
}

}  // namespace mendfs
