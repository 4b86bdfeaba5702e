#include "meta/commit/load/load_report.h"

#include <algorithm>
#include <utility>

#include "meta/codec/bytes.h"

namespace mendfs {

uint32_t LoadReport::AddSource(std::string_view name) {
  sources_.emplace_back(name);
  return static_cast<uint32_t>(sources_.size() - 1);
}

std::string LoadReport::Where(const LineRef& where, const LineRef& seen_from) const {
  const std::string line = "line " + std::to_string(where.line);
  return where.source == seen_from.source ? line : sources_[where.source] + " " + line;
}

void LoadReport::Refuse(const LineRef& where, Status status, uint64_t column) {
  ++refused_;
  if (refusals_.size() < refusals_max_) refusals_.push_back({where, std::move(status), column});
}

std::vector<RefusedLine> LoadReport::Sorted() const {
  std::vector<RefusedLine> sorted = refusals_;
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const RefusedLine& one, const RefusedLine& other) { return one.where < other.where; });
  return sorted;
}

void PutLineRef(std::string& out, const LineRef& where) {
  PutVarint(out, where.source);
  PutVarint(out, where.line);
}

LineRef GetLineRef(ByteReader& in) {
  LineRef where;
  where.source = static_cast<uint32_t>(in.GetVarint());
  where.line = in.GetVarint();
  return where;
}

}  // namespace mendfs
