#include "meta/table/schema/row_check_pattern.h"

#include <re2/re2.h>

#include <string>
#include <utility>

#include "meta/table/schema/schema.h"

namespace mendfs {
namespace {

constexpr int64_t kPatternMemoryBytesMax = int64_t{1} << 20;

RE2::Options PatternOptions() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryBytesMax);
  return options;
}

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

struct CheckedPattern::Compiled {
  explicit Compiled(std::string_view pattern) : expression(Piece(pattern), PatternOptions()) {}
  RE2 expression;
};

CheckedPattern::CheckedPattern(std::unique_ptr<Compiled> compiled)
    : compiled_(std::move(compiled)) {}
CheckedPattern::~CheckedPattern() = default;

Result<std::unique_ptr<CheckedPattern>> CheckedPattern::Compile(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kCheckPatternBytesMax) {
    return Status(Code::kInvalid,
                  "@check: a pattern has 1 to " + std::to_string(kCheckPatternBytesMax) + " bytes");
  }
  auto compiled = std::make_unique<Compiled>(pattern);
  if (!compiled->expression.ok()) {
    return Status(Code::kInvalid, "@check: " + compiled->expression.error());
  }
  return std::unique_ptr<CheckedPattern>(new CheckedPattern(std::move(compiled)));
}

bool CheckedPattern::Matches(std::string_view text) const {
  return RE2::PartialMatch(Piece(text), compiled_->expression);
}

}  // namespace mendfs
