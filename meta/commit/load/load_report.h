// What a load refused: every line is counted, the first few are told, with file and line.
//
// Threads:  one
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

// Where a record came from.
struct LineRef {
  uint32_t source = 0;  // index, see LoadReport
  uint64_t line = 0;    // 1 = the first
  friend auto operator<=>(const LineRef&, const LineRef&) = default;
};

struct RefusedLine {
  LineRef where;
  Status status;
  uint64_t column = 0;  // in bytes, 1 = the first; 0: the whole line
};

class LoadReport {
 public:
  explicit LoadReport(size_t refusals_max) : refusals_max_(refusals_max) {}

  uint32_t AddSource(std::string_view name);
  const std::string& SourceName(uint32_t source) const { return sources_[source]; }
  // "people.jsonl line 12", or "line 12" when that is the file of `seen_from`.
  std::string Where(const LineRef& where, const LineRef& seen_from) const;

  void Refuse(const LineRef& where, Status status, uint64_t column = 0);
  // Counted, not told.
  void CountRefused(uint64_t count) { refused_ += count; }
  uint64_t refused() const { return refused_; }
  bool clean() const { return refused_ == 0; }
  // In the order of files and lines.
  std::vector<RefusedLine> Sorted() const;

 private:
  const size_t refusals_max_;
  std::vector<std::string> sources_;
  std::vector<RefusedLine> refusals_;
  uint64_t refused_ = 0;
};

void PutLineRef(std::string& out, const LineRef& where);
class ByteReader;
LineRef GetLineRef(ByteReader& in);

}  // namespace mendfs
