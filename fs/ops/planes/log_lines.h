// The log as it is read: too long to be held, so that it is made while it is read.
//
// Threads:  one
// Errors:   as Store::Log
// Cost:     memory for a page of commits
#pragma once

#include <memory>
#include <vector>

#include "fs/ops/plane/stream_handle.h"
#include "meta/store.h"

namespace mendfs {

// Commits that are kept, newest first, one line of JSON each, from the one at `newest` back.
class LogLines final : public LineStream {
 public:
  LogLines(const Store& store, BranchId branch, Seq newest)
      : store_(store), branch_(branch), before_(newest.value + 1) {}
  Result<bool> Next(std::string& out) override;

 private:
  const Store& store_;
  const BranchId branch_;
  Seq before_;
  std::vector<CommitRow> page_;
  size_t next_ = 0;
  bool ended_ = false;
};

}  // namespace mendfs
