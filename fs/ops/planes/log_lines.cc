#include "fs/ops/planes/log_lines.h"

#include "meta/describe.h"

namespace mendfs {
namespace {

constexpr size_t kLinesPageCommits = 256;

}  // namespace

Result<bool> LogLines::Next(std::string& out) {
  if (next_ == page_.size()) {
    if (ended_) return false;
    MENDFS_ASSIGN_OR_RETURN(page_, store_.Log(branch_, before_, kLinesPageCommits));
    next_ = 0;
    ended_ = page_.size() < kLinesPageCommits;
    if (page_.empty()) return false;
    before_ = page_.back().seq;
  }
  out += CommitJson(page_[next_++]);
  return true;
}

}  // namespace mendfs
