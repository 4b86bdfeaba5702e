#include "fs/ops/tables/appended_text.h"

#include <algorithm>

#include "meta/tables.h"

namespace mendfs {
namespace {

bool IsBlank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

}  // namespace

void AppendedText::Take(std::string_view bytes) {
  bytes_ += bytes.size();
  lines_ += static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  kept_.append(bytes.substr(0, kKeptBytesMax - std::min(kept_.size(), kKeptBytesMax)));
  is_csv_ ? TakeCsv(bytes) : TakeJson(bytes);
}

// Quotes are doubled inside of quotes, so that their number tells where one stands.
void AppendedText::TakeCsv(std::string_view bytes) {
  for (const char byte : bytes) {
    if (!has_header_) {
      if (header_.size() <= kProbedBytesMax) header_.push_back(byte);
    } else if (!IsBlank(byte)) {
      has_rows_ = true;
    }
    if (byte == '"') in_quotes_ = !in_quotes_;
    at_start_ = byte == '\n' && !in_quotes_;
    if (!at_start_ || has_header_) continue;
    // Lines without any byte are none.
    has_header_ = !std::all_of(header_.begin(), header_.end(), IsBlank);
    if (!has_header_) header_.clear();
  }
}

void AppendedText::TakeJson(std::string_view bytes) {
  if (bytes.empty()) return;
  has_rows_ = has_rows_ || !std::all_of(bytes.begin(), bytes.end(), IsBlank);
  const size_t end = bytes.rfind('\n');
  if (end != bytes.npos) part_.clear();
  part_.append(bytes.substr(end == bytes.npos ? 0 : end + 1), 0,
               kProbedBytesMax + 1 - std::min(part_.size(), kProbedBytesMax + 1));
  at_start_ = part_.empty();
}

bool AppendedText::IsWhole() const {
  if (at_start_) return true;
  return !is_csv_ && part_.size() <= kProbedBytesMax && ProbeBody(part_) == BodyState::kComplete;
}

void AppendedText::BeginBatch() {
  has_rows_ = false;
  part_.clear();
  at_start_ = true;
  lines_ = bytes_ = 0;
  kept_.clear();
}

}  // namespace mendfs
