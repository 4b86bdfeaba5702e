// Small text helpers of the command line: what a person types in, and what is shown to one.
//
// Threads:  pure functions
// Errors:   the parsers answer nothing for text that is not what they read
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "meta/base/printable.h"

namespace mendfs {

// The candidate that `word` was most likely meant to be; empty when none is near.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates);

// "1s", "500ms", "2m", "1h"; a bare number counts seconds.
std::optional<uint64_t> ParseDurationMs(std::string_view text);
// "4096", "64K", "64M", "64MiB", "2G", "1T"; powers of 1024.
std::optional<uint64_t> ParseSizeBytes(std::string_view text);
std::optional<uint64_t> ParseWholeNumber(std::string_view text);

// "4.0 KiB", "12.3 GiB", "17 bytes".
std::string HumanBytes(uint64_t size_bytes);
// "2026-11-20T12:30:05Z".
std::string HumanTime(int64_t time_ns);
// "1 node", "2 nodes", "1,234,567 rows".
std::string Counted(uint64_t count, std::string_view singular, std::string_view plural);

}  // namespace mendfs
